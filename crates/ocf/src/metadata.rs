use crate::action::Action;
use crate::agent::Agent;
use crate::parameter::Description;
use quick_xml::escape::escape;
use std::fmt::{self, Write};
use std::time::Duration;

/// The document type declares what OCF 1.1 added to the DTD of OCF 1.0, against which ocf-tester
/// still checks: the attributes of a parameter, and `reload-agent`.
const PROLOGUE: &str = r#"<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd" [
<!ATTLIST parameter reloadable (1|0) "0" unique-group CDATA #IMPLIED>
<!ATTLIST action name NMTOKEN #REQUIRED>
]>
"#;

/// The agent's description in XML, by the OCF resource agent API 1.1.
pub fn metadata(agent: &Agent) -> String {
    let mut xml = String::with_capacity(16 * 1024);
    // Writing to a String cannot fail.
    let _ = write(&mut xml, agent);
    xml
}

fn write(xml: &mut String, agent: &Agent) -> fmt::Result {
    xml.push_str(PROLOGUE);
    let (name, version) = (escape(agent.name), escape(agent.version));
    writeln!(xml, r#"<resource-agent name="{name}" version="{version}">"#)?;
    writeln!(xml, "  <version>1.1</version>")?;
    writeln!(xml, r#"  <longdesc lang="en">{}</longdesc>"#, escape(agent.longdesc))?;
    writeln!(xml, r#"  <shortdesc lang="en">{}</shortdesc>"#, escape(agent.shortdesc))?;
    writeln!(xml, "  <parameters>")?;
    for parameter in agent.parameters {
        write_parameter(xml, parameter.description())?;
    }
    writeln!(xml, "  </parameters>\n  <actions>")?;
    for action in agent.actions {
        write_action(xml, action)?;
    }
    writeln!(xml, "  </actions>\n</resource-agent>")
}

fn write_parameter(xml: &mut String, parameter: &Description) -> fmt::Result {
    let name = escape(parameter.name);
    write!(xml, r#"    <parameter name="{name}""#)?;
    if parameter.required {
        write!(xml, r#" required="1""#)?;
    }
    if parameter.unique {
        // OCF 1.0 knows `unique`, OCF 1.1 its group; a tool heeds the one that it knows.
        write!(xml, r#" unique="1" unique-group="{name}""#)?;
    }
    if parameter.reloadable {
        write!(xml, r#" reloadable="1""#)?;
    }
    writeln!(xml, ">")?;
    writeln!(xml, r#"      <longdesc lang="en">{}</longdesc>"#, escape(parameter.long))?;
    writeln!(xml, r#"      <shortdesc lang="en">{}</shortdesc>"#, escape(parameter.short))?;
    write!(xml, r#"      <content type="{}""#, parameter.kind.content_type())?;
    if let Some(default) = parameter.default {
        write!(xml, r#" default="{}""#, escape(default))?;
    }
    writeln!(xml, "/>\n    </parameter>")
}

fn write_action(xml: &mut String, action: &Action) -> fmt::Result {
    let (name, timeout) = (action.verb.name(), seconds(action.timeout));
    write!(xml, r#"    <action name="{name}" timeout="{timeout}""#)?;
    if let Some(interval) = action.interval {
        write!(xml, r#" interval="{}""#, seconds(interval))?;
    }
    if let Some(depth) = action.depth {
        write!(xml, r#" depth="{depth}""#)?;
    }
    writeln!(xml, "/>")
}

/// A time as meta-data has it, with its unit: a number alone means seconds to one tool and
/// milliseconds to another.
fn seconds(time: Duration) -> String {
    format!("{}s", time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::SAMPLE;
    use crate::{Action, Parameter, Verb};
    use exec::{Deadline, Tool};

    /// What ocf-tester and the OCF 1.0 schema know.
    static PLAIN: Agent = Agent {
        parameters: &[&Parameter::string("label", "Label", "Any text.").default("<&\">")],
        actions: &[Action::new(Verb::Start, 90), Action::new(Verb::ReloadAgent, 30)],
        ..SAMPLE
    };

    fn xmllint(agent: &Agent, arguments: &[&str]) {
        Tool::new("xmllint")
            .arg("--noout")
            .args(arguments)
            .arg("-")
            .directory("/usr/share/resource-agents")
            .input(metadata(agent))
            .run(Deadline::after(Duration::from_secs(20)))
            .unwrap();
    }

    #[test]
    fn the_dtd_of_ocf_tester_accepts_it() {
        xmllint(&SAMPLE, &["--valid"]);
        xmllint(&PLAIN, &["--valid"]);
    }

    #[test]
    fn the_schema_of_pcs_accepts_it() {
        xmllint(&SAMPLE, &["--relaxng", "/usr/share/pcs/data/ocf-1.1.rng"]);
    }

    /// That schema predates `reloadable` and `unique-group`, so it is asked about the rest.
    #[test]
    fn the_schema_of_resource_agents_accepts_what_it_can_know() {
        xmllint(&PLAIN, &["--relaxng", "metadata.rng"]);
    }

    #[test]
    fn rows_become_elements() {
        let xml = metadata(&SAMPLE);
        for expected in [
            r#"<parameter name="config" required="1" unique="1" unique-group="config">"#,
            r#"<parameter name="speed" reloadable="1">"#,
            r#"<content type="integer" default="0"/>"#,
            r#"<content type="string" default="a &quot;b&quot; &lt;c&gt;"/>"#,
            r#"<action name="monitor" timeout="60s" interval="60s" depth="10"/>"#,
            r#"<action name="reload-agent" timeout="30s"/>"#,
        ] {
            assert!(xml.contains(expected), "{expected} is not in\n{xml}");
        }
    }
}
