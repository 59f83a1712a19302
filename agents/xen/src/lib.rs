//! `ocf:hawser:xen`: a guest of Xen as a cluster resource, with xl alone.
//!
//! The agent is two tables (`table`) and a mapping from its parameters (`config`) to what the [`agent`] crate does;
//! `error` says which OCF code each failure is. It is linked to nothing but the C library, so one program
//! is enough: a plain recurring monitor of a guest that is still well asks the hypervisor one question.

mod config;
mod error;
mod migration;
mod sharing;
mod table;

pub use table::AGENT;

use config::Config;
use error::Error;
use ocf::{Answer, Request};
use std::process::ExitCode;

/// The agent as Pacemaker calls it.
#[must_use]
pub fn run() -> ExitCode {
    ocf::main(&AGENT, perform)
}

fn perform(request: &Request) -> Result<Answer, Error> {
    if agent::is_still_healthy::<Config>(request) {
        return Ok(Answer::Success);
    }
    agent::perform::<Config>(request, &hypervisor::open::xl)
}
