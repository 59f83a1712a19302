use clap::Args;
use exec::Tool;
use lab::Lab;
use std::process::ExitCode;

use crate::error::Error;
use crate::lab::enter::code;

/// A node to be switched.
#[derive(Debug, Args)]
pub struct Node {
    /// n1 to n5
    pub node: String,
}

/// Show a node's system log, also of a node that is off
#[derive(Debug, Args)]
pub struct Logs {
    /// n1 to n5
    node: String,

    /// Go on as the log grows
    #[arg(long, short)]
    follow: bool,
}

impl Logs {
    pub fn run(self, lab: &Lab) -> Result<ExitCode, Error> {
        let log = lab.node(&self.node)?.file("var/log/syslog");
        let follow = self.follow.then_some("--follow");
        let tail = Tool::new("tail").args(["--lines", "+1"]).args(follow).arg(log);
        Ok(code(tail.interact()?))
    }
}
