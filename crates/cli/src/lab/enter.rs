use clap::Args;
use exec::Tool;
use lab::Lab;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};

use crate::error::Error;

/// The name under which the observer is accepted where a node is.
const OBSERVER: &str = "observer";

/// What a shell reports for a program that was killed by a signal is this and the signal's number.
const KILLED: u8 = 128;

/// Run a program on a node, or on the observer
#[derive(Debug, Args)]
pub struct Exec {
    /// n1 to n5, or observer
    node: String,

    /// The program, by its name or by its absolute path on the node
    program: String,

    /// The program's arguments; --lab has to come before the program
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl Exec {
    pub fn run(self, lab: &Lab) -> Result<ExitCode, Error> {
        let tool = tool(lab, &self.node, &self.program)?;
        Ok(code(tool.args(self.arguments).interact()?))
    }
}

/// Open a shell on a node, or on the observer
#[derive(Debug, Args)]
pub struct Enter {
    /// n1 to n5, or observer
    node: String,
}

impl Enter {
    pub fn run(self, lab: &Lab) -> Result<ExitCode, Error> {
        Ok(code(tool(lab, &self.node, "bash")?.interact()?))
    }
}

fn tool(lab: &Lab, node: &str, program: &str) -> Result<Tool, lab::Error> {
    if node == OBSERVER { Ok(lab.observer()?.tool(program)) } else { lab.node(node)?.tool(program) }
}

/// The exit code that a shell would report.
pub fn code(status: ExitStatus) -> ExitCode {
    let killed = || KILLED + u8::try_from(status.signal().unwrap_or_default()).unwrap_or_default();
    status.code().map_or_else(killed, |it| u8::try_from(it).unwrap_or(KILLED)).into()
}
