use crate::agent::Agent;
use crate::parameter::Description;
use std::fmt::{self, Write};

/// The agent's description for a person.
pub fn usage(agent: &Agent) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, agent);
    text
}

fn write(text: &mut String, agent: &Agent) -> fmt::Result {
    writeln!(text, "Usage: {} ACTION\n\n{}\n\nActions:", agent.name, agent.shortdesc)?;
    for action in agent.actions {
        write!(text, "  {:14}timeout {} s", action.verb.name(), action.timeout.as_secs())?;
        if let Some(interval) = action.interval {
            write!(text, ", every {} s", interval.as_secs())?;
        }
        if let Some(depth) = action.depth {
            write!(text, ", OCF_CHECK_LEVEL {depth}")?;
        }
        writeln!(text)?;
    }
    if !agent.parameters.is_empty() {
        writeln!(text, "\nParameters, each in the environment variable OCF_RESKEY_<name>:")?;
    }
    for parameter in agent.parameters {
        write_parameter(text, parameter.description())?;
    }
    Ok(())
}

fn write_parameter(text: &mut String, parameter: &Description) -> fmt::Result {
    write!(text, "  {}: {}", parameter.name, parameter.short)?;
    write!(text, " ({}", parameter.kind)?;
    if parameter.required {
        write!(text, ", required")?;
    }
    if let Some(default) = parameter.default {
        write!(text, ", default {default:?}")?;
    }
    writeln!(text, ")")
}
