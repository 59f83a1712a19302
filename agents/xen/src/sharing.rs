//! Sharing the node's memory out among its guests, by one action at a time.

use file::Flock;
use hypervisor::{Deadline, xl};
use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

/// How long it may take, with waiting for others that do it.
const SLICE: Duration = Duration::from_secs(30);

/// How long who has memory to give away waits for another one who does.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the actions of a node lock that change what its guests have of its memory.
const LOCK: &str = "hawser-memory";

/// How this node's memory is shared out among its guests.
#[derive(Debug)]
pub struct Sharing {
    /// What the first domain keeps, in MiB.
    reserved: u64,
    /// The lock, from when memory is wanted for a guest until the guest has it, or will not: what others let go of for
    /// it is not to be given to anybody else.
    turn: RefCell<Option<Flock<File>>>,
}

impl Sharing {
    pub fn new(reserved: u64) -> Self {
        Self { reserved, turn: RefCell::default() }
    }

    /// Makes room for a guest that needs `wanted` MiB, and keeps it for that guest until [`Sharing::give`].
    pub fn take(&self, directory: &Path, wanted: u64, by: Deadline) {
        let by = by.slice(SLICE);
        match lock(&directory.join(LOCK), by) {
            Ok(turn) => {
                self.share(wanted, by);
                self.turn.replace(Some(turn));
            }
            Err(error) => warn(&format!("cannot lock {LOCK} in {}: {error}", directory.display())),
        }
    }

    /// Lets the guests have what is free and theirs.
    pub fn give(&self, directory: &Path, by: Deadline) {
        let held = self.turn.take();
        match held.map_or_else(|| lock(&directory.join(LOCK), by.slice(PATIENCE)), Ok) {
            Ok(_turn) => self.share(0, by),
            // Whoever makes room for a guest now gives away what is left.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => warn(&format!("cannot lock {LOCK} in {}: {error}", directory.display())),
        }
    }

    fn share(&self, wanted: u64, by: Deadline) {
        if let Err(error) = xl::share(self.reserved, wanted, by.slice(SLICE)) {
            warn(&error.to_string());
        }
    }
}

/// No guest's life depends on it.
fn warn(reason: &str) {
    ocf::log::warn(format_args!("{reason}; the guests keep the memory that they have"));
}

fn lock(path: &Path, patience: Deadline) -> io::Result<Flock<File>> {
    fs::create_dir_all(path)?;
    file::lock(path, patience)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_room_for_is_kept_until_it_is_given_away() {
        let directory = tempfile::tempdir().unwrap();
        let is_free =
            || lock(&directory.path().join(LOCK), Deadline::after(Duration::ZERO)).is_ok();
        let (sharing, by) = (Sharing::new(512), Deadline::after(Duration::from_secs(20)));
        sharing.take(directory.path(), 96, by);
        assert!(!is_free());
        sharing.give(directory.path(), by);
        assert!(is_free());
    }
}
