use hypervisor::Deadline;
use nix::fcntl::{Flock, FlockArg};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Part of the time for its migration that a guest does not wait for others; then it goes all the same, and
/// they share the link. All guests of a node run out of patience together, and those that go together must
/// all be done in what is left; so it is little.
const IMPATIENCE: u32 = 4;

const POLL: Duration = Duration::from_millis(50);

/// The link over which a node's guests leave. They go one after the other: two that share it both take as
/// long as both in turn, and dirty their memory meanwhile.
///
/// It is a directory on the node. Each guest that waits has a file in it, named by its rank, that its
/// process keeps locked; so one whose process has died stands in nobody's way.
#[derive(Debug, Clone)]
pub struct Link {
    directory: PathBuf,
}

/// Who goes first: the higher priority; of the same priority the smaller guest, since then fewer wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rank {
    /// As the cluster's administrator has set it.
    pub priority: u32,
    /// The guest's memory in MiB.
    pub size: u64,
}

impl Rank {
    /// A file name; names sort as ranks do.
    fn file_name(self) -> String {
        let priority = u32::MAX - self.priority;
        format!("{priority:010}-{:020}-{:010}", self.size, std::process::id())
    }
}

/// The link, held until this is let go of.
#[derive(Debug)]
pub struct Turn {
    _link: Option<Flock<File>>,
    _ticket: Option<Ticket>,
}

/// A guest's file among those that wait.
#[derive(Debug)]
struct Ticket {
    path: PathBuf,
    _lock: Flock<File>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // One that stays is taken for that of a process that died.
        let _ = fs::remove_file(&self.path);
    }
}

impl Link {
    /// The link whose files are in that directory. It is made when it is first used.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Waits for the link, for three quarters of the time that is left at most. A link that cannot be shared in
    /// order is used all the same.
    #[must_use]
    pub(super) fn turn(&self, rank: Rank, by: Deadline) -> Turn {
        let patience = by.less(by.remaining() / IMPATIENCE);
        let ticket = self.queue(&rank.file_name()).ok();
        while let Some(ticket) = &ticket {
            if self.is_first(&ticket.path)
                && let Some(link) = locked(&self.directory.join("link"))
            {
                return Turn { _link: Some(link), _ticket: None };
            }
            if !patience.pause(POLL) {
                break;
            }
        }
        Turn { _link: None, _ticket: ticket }
    }

    /// Puts a file among those that wait. It is locked before it has its name, so that nobody takes it
    /// for one that was left.
    fn queue(&self, name: &str) -> io::Result<Ticket> {
        let waiting = self.directory.join("waiting");
        fs::create_dir_all(&waiting)?;
        let (new, path) = (self.directory.join(format!("{name}.new")), waiting.join(name));
        let lock = locked(&new).ok_or(io::ErrorKind::WouldBlock)?;
        fs::rename(&new, &path)?;
        Ok(Ticket { path, _lock: lock })
    }

    /// Whether nobody who is alive waits in front of that one.
    fn is_first(&self, own: &Path) -> bool {
        let Ok(waiting) = fs::read_dir(self.directory.join("waiting")) else { return true };
        let own = own.file_name().map(OsString::from);
        let names = waiting.filter_map(|it| it.ok().map(|it| it.file_name()));
        names.filter(|name| Some(name) < own.as_ref()).all(|name| {
            let path = self.directory.join("waiting").join(name);
            match File::open(&path).map(|file| Flock::lock(file, FlockArg::LockExclusiveNonblock)) {
                Ok(Err(_)) => false,
                Ok(Ok(_)) => {
                    let _ = fs::remove_file(&path);
                    true
                }
                Err(_) => true,
            }
        })
    }
}

fn locked(path: &Path) -> Option<Flock<File>> {
    let file = File::options().create(true).truncate(false).write(true).open(path).ok()?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::thread;

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(30))
    }

    #[test]
    fn names_sort_as_ranks_do() {
        let rank = |priority, size| Rank { priority, size }.file_name();
        let sorted = [rank(u32::MAX, 9), rank(10, 5), rank(9, 1), rank(0, 512), rank(0, u64::MAX)];
        assert!(sorted.is_sorted(), "{sorted:?}");
    }

    #[test]
    fn the_link_goes_to_the_highest_rank_that_waits() {
        let directory = tempfile::tempdir().unwrap();
        let link = Link::new(directory.path());
        let held = link.turn(Rank { priority: 0, size: 1 }, soon());
        let (sender, order) = channel();
        thread::scope(|scope| {
            for size in [300, 100, 200] {
                let (link, sender) = (link.clone(), sender.clone());
                scope.spawn(move || {
                    let turn = link.turn(Rank { priority: 0, size }, soon());
                    sender.send(size).unwrap();
                    drop(turn);
                });
            }
            let waiting = || fs::read_dir(directory.path().join("waiting")).unwrap().count();
            while waiting() < 3 {
                assert!(soon().pause(Duration::from_millis(5)));
            }
            drop(held);
        });
        assert_eq!(order.try_iter().collect::<Vec<_>>(), [100, 200, 300]);
    }

    #[test]
    fn nobody_waits_for_the_dead_or_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let link = Link::new(directory.path());
        fs::create_dir(directory.path().join("waiting")).unwrap();
        fs::write(directory.path().join("waiting/0000000000-0-1"), "").unwrap();
        let held = link.turn(Rank { priority: 0, size: 1 }, soon());
        assert!(held._link.is_some());
        assert_eq!(fs::read_dir(directory.path().join("waiting")).unwrap().count(), 0);
        let by = Deadline::after(Duration::from_millis(200));
        assert!(link.turn(Rank { priority: 0, size: 1 }, by)._link.is_none());
        assert!(!by.expired());
    }
}
