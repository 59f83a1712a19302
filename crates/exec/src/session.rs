use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpid, getppid, setsid};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Whose session a program runs in, and who ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// Its own.
    Own,
    /// That of this process, so that whoever kills the group kills both.
    Ours,
    /// The same, and when this process is killed alone, so is the program.
    OursUntilWeEnd,
}

impl Session {
    /// Has a program run in it.
    pub fn prepare(self, command: &mut Command) {
        match self {
            Self::Own => before_exec(command, || setsid().map(drop)),
            Self::Ours => {}
            Self::OursUntilWeEnd => before_exec(command, end_with(getpid())),
        }
    }

    /// Kills a program that runs in it, and with its own session what it started.
    pub fn kill(self, pid: Pid) {
        // A session's leader leads its group too. It fails only when nobody is left.
        let _ = match self {
            Self::Own => killpg(pid, Signal::SIGKILL),
            Self::Ours | Self::OursUntilWeEnd => kill(pid, Signal::SIGKILL),
        };
    }
}

/// Has the kernel end the calling process when `parent` ends, which must not have happened yet.
fn end_with(parent: Pid) -> impl Fn() -> nix::Result<()> {
    move || {
        set_pdeathsig(Signal::SIGKILL)?;
        if getppid() == parent { Ok(()) } else { Err(Errno::ESRCH) }
    }
}

#[allow(unsafe_code, reason = "std offers no safe way to make a call between fork and exec")]
fn before_exec(command: &mut Command, call: impl Fn() -> nix::Result<()> + Send + Sync + 'static) {
    // SAFETY: between fork and exec only setsid(2), or prctl(2) and getppid(2), are called, which are async-signal-safe
    // and touch no memory of this process.
    unsafe {
        command.pre_exec(move || call().map_err(io::Error::from));
    }
}
