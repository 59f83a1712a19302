//! `ocf:hawser:node`: a node's health, judged with hysteresis, as an attribute of the cluster.
//!
//! It is meant for a clone. What the kernel shows of the node is read in `kernel`, and what guests have failed here the
//! agents for guests have left behind; [`recovery::Health`] judges, `state` keeps what it has to remember, and `instance`
//! tells the cluster. Nothing runs between two actions: the resource is the file that `state` keeps.

mod config;
mod error;
mod instance;
mod kernel;
mod state;
mod table;

pub use table::AGENT;

use error::Error;
use instance::Instance;
use ocf::{Answer, Request};
use std::path::Path;
use std::process::ExitCode;

/// The agent as Pacemaker calls it.
#[must_use]
pub fn run() -> ExitCode {
    ocf::main(&AGENT, perform)
}

fn perform(request: &Request) -> Result<Answer, Error> {
    Instance::new(request, Path::new("/")).perform()
}
