//! What is done without libvirt.

use crate::config::Config;
use crate::error::Error;
use exec::{Deadline, Tool};
use hypervisor::Absent;
use ocf::{Answer, Code, Request};
use std::path::PathBuf;
use std::time::Duration;

/// The full agent's place, fixed when the suite is built: root runs it, so no variable may change it.
const FULL: &str = match option_env!("HAWSER_LIBEXEC") {
    Some(path) => path,
    None => "/usr/libexec/hawser/kvm",
};

/// What is kept of the time between our deadline and the manager's for answering without the full
/// agent, when that one is late.
const FALLBACK: Duration = Duration::from_millis(500);

/// Where libvirt's library says more than it returns, such as which name a certificate lacks: warnings and
/// errors go to the system log. By itself it writes to stderr, which is for the reason.
const LIBRARY_LOG: &str = "3:syslog:libvirt";

pub fn perform(request: &Request) -> Result<Answer, Error> {
    if agent::is_still_healthy::<Config>(request) {
        return Ok(Answer::Success);
    }
    relay(request).or_else(|why| {
        ocf::log::warn(format_args!("answering without libvirt: {why}"));
        let words = why.to_string();
        agent::perform::<Config>(request, &|uri| Box::new(Absent::new(uri, &words)))
    })
}

/// Lets the full agent do the action. It runs as a child, so that an agent that cannot even be loaded, or
/// dies of a signal, still leaves somebody to answer; and in our process group, so that a manager
/// that kills us kills both.
fn relay(request: &Request) -> Result<Answer, exec::Error> {
    let program = full_path();
    let limit = Deadline::at(request.deadline() + FALLBACK);
    let output = Tool::new(&program)
        .arg(request.verb().name())
        .inherit_environment()
        .env("LIBVIRT_LOG_OUTPUTS", LIBRARY_LOG)
        .same_session()
        .output(limit)?;
    let code = output.status.code().and_then(Code::from_number);
    let reason = output.error_text();
    match code {
        Some(code) => Ok(Answer::Relayed { code, reason }),
        None => Err(exec::Error::Failed {
            program: program.to_string_lossy().into_owned(),
            status: output.status,
            stderr: reason,
        }),
    }
}

/// The full agent: beside this program in a build directory, else where it is installed.
fn full_path() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|path| exec::find(path.with_file_name("kvm-full")).ok())
        .unwrap_or_else(|| PathBuf::from(FULL))
}
