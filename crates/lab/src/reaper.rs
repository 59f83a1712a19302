//! What the first process of a process namespace owes the others: it adopts orphans, so it reaps them.

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::Error;

/// Reaps children until this one has ended.
pub fn reap_until(child: Pid) -> Result<(), Error> {
    loop {
        match waitpid(None, None) {
            Ok(status) if status.pid() == Some(child) => return Ok(()),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(Error::kernel("wait for a child")(error)),
        }
    }
}

/// Reaps the children that have ended by now, without waiting.
pub fn reap_ended(mut seen: impl FnMut(Pid, WaitStatus)) {
    while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        match status.pid() {
            Some(pid) => seen(pid, status),
            None => return,
        }
    }
}
