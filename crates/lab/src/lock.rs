use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use exec::Deadline;

/// How often a lock that another process has is tried again.
const POLL: Duration = Duration::from_millis(10);

/// Locks a directory against other processes that do the same. The kernel unlocks it when this one ends.
///
/// # Errors
/// The kernel's; when another process has it still at the deadline, `EWOULDBLOCK`.
pub fn lock(directory: &Path, deadline: Deadline) -> io::Result<Flock<File>> {
    let mut directory = File::open(directory)?;
    loop {
        match Flock::lock(directory, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => return Ok(locked),
            Err((back, Errno::EWOULDBLOCK)) if deadline.pause(POLL) => directory = back,
            Err((_, error)) => return Err(error.into()),
        }
    }
}
