use crate::deadline::Deadline;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::process::ExitStatus;
use std::time::Duration;

/// A running program that was started with [`crate::Tool::spawn`].
#[derive(Debug)]
pub struct Child {
    pub(crate) inner: std::process::Child,
}

impl Child {
    /// The program's process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.inner.id()
    }

    /// How the program ended, or `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.inner.try_wait().ok().flatten()
    }

    /// Waits until the program has ended, or the deadline has passed.
    pub fn wait(&mut self, deadline: Deadline) -> Option<ExitStatus> {
        loop {
            let ended = self.ended();
            if ended.is_some() || !deadline.pause(Duration::from_millis(2)) {
                return ended;
            }
        }
    }

    /// Waits until the program has ended, however long that takes: for a thread that nobody waits for. `None` when
    /// the system cannot tell how it ended.
    #[must_use]
    pub fn end(mut self) -> Option<ExitStatus> {
        self.inner.wait().ok()
    }

    /// Sends SIGTERM to the program.
    pub fn terminate(&self) {
        // It fails only when the program is gone, which is what was asked for.
        let _ = kill(pid_of(&self.inner), Signal::SIGTERM);
    }

    /// Kills the program and its process group with SIGKILL and reaps it.
    pub fn kill(&mut self) {
        let _ = killpg(pid_of(&self.inner), Signal::SIGKILL);
        let _ = self.inner.wait();
    }
}

pub(crate) fn pid_of(child: &std::process::Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}
