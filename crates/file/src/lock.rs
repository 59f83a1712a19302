use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use exec::Deadline;

/// How often a lock that another process has is tried again.
const POLL: Duration = Duration::from_millis(10);

/// Locks a file or a directory against other processes that do the same. The kernel unlocks it when this one ends.
///
/// # Errors
/// The kernel's; when another process has it still at the deadline, `EWOULDBLOCK`.
pub fn lock(path: &Path, deadline: Deadline) -> io::Result<Flock<File>> {
    // NFS locks only what is open for writing (flock(2)), which a directory cannot be.
    let writable = File::options().read(true).write(true).open(path);
    let mut file = writable.or_else(|_| File::open(path))?;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => return Ok(locked),
            Err((back, Errno::EWOULDBLOCK)) if deadline.pause(POLL) => file = back,
            Err((_, error)) => return Err(error.into()),
        }
    }
}
