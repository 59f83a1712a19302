//! The way of a guest whose migration failed, or was not wanted any more when it had ended: the cluster stops it
//! here and starts it there, and its memory goes along, so that it does not boot.
//!
//! Memory that does not fit its disks any more would destroy them. So it is bound to one stop and one
//! start: it is saved only after a migration that failed on this boot of the node, minutes ago, or that brought the
//! guest minutes ago and nobody has asked whether it came; it is handed over with a ticket that says to whom, written last; and the first start of the guest, wherever
//! it is, takes the ticket away, whether it can use it or not.

use hypervisor::Identity;
use serde::{Deserialize, Serialize};
use std::fmt::Arguments;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// How long a failed migration is remembered, and a saved memory good, in seconds.
const VALIDITY: u64 = 300;

/// A migration that failed and left the guest here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The node that it was to go to.
    target: String,
    /// The boot of this node on which that was (`/proc/sys/kernel/random/boot_id`).
    boot: String,
    /// When, in seconds since 1970.
    time: u64,
}

impl Failed {
    /// One that failed just now. `None` where a boot cannot be told from the next.
    #[must_use]
    pub fn now(target: &str) -> Option<Self> {
        Some(Self { target: target.to_owned(), boot: boot()?, time: now() })
    }

    fn is_fresh(&self) -> bool {
        now().abs_diff(self.time) <= VALIDITY && boot().as_ref() == Some(&self.boot)
    }
}

/// What lies beside a saved memory.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ticket {
    guest: Identity,
    /// The nodes that may resume it: the one that it left, and the one that it was to go to.
    nodes: [String; 2],
    /// When it was saved, in seconds since 1970.
    time: u64,
}

/// A guest whose memory is to be saved by its stop.
#[derive(Debug)]
pub struct Rescue {
    ticket: Ticket,
    path: PathBuf,
}

impl Rescue {
    /// The rescue of a guest whose migration from `node` failed, if that was a short time ago.
    /// `directory` is one that all nodes share.
    #[must_use]
    pub fn after(failed: &Failed, guest: &Identity, node: &str, directory: &Path) -> Option<Self> {
        let nodes = [node.to_owned(), failed.target.clone()];
        let ticket = Ticket { guest: guest.clone(), nodes, time: now() };
        failed.is_fresh().then(|| Self { ticket, path: ticket_path(guest, directory) })
    }

    /// Notes that the guest has left the first of these nodes for the second. Somebody there is about to ask whether
    /// it came, unless the cluster has made up its mind anew: then it is stopped there.
    ///
    /// # Errors
    /// The kernel's.
    pub fn depart(guest: &Identity, nodes: [&str; 2], directory: &Path) -> io::Result<()> {
        let nodes = nodes.map(str::to_owned);
        let note = Ticket { guest: guest.clone(), nodes, time: now() };
        file::replace(&note_path(guest, directory), &serde_json::to_vec(&note)?, 0o600)
    }

    /// The rescue of a guest that has come to `node` a short time ago, as far as the note says that.
    #[must_use]
    pub fn unawaited(guest: &Identity, node: &str, directory: &Path) -> Option<Self> {
        let ticket: Ticket =
            serde_json::from_slice(&fs::read(note_path(guest, directory)).ok()?).ok()?;
        let fits = ticket.is_fresh() && ticket.is_for(guest) && ticket.nodes[1] == node;
        fits.then(|| Self { ticket, path: ticket_path(guest, directory) })
    }

    /// Takes the note back: somebody has asked, or the guest is somewhere else.
    pub fn arrive(guest: &Identity, directory: &Path, note: &dyn Fn(Arguments<'_>)) {
        remove(&note_path(guest, directory), note);
    }

    /// Where its memory goes.
    #[must_use]
    pub fn memory(&self) -> PathBuf {
        memory(&self.path)
    }

    /// Lets the next start resume it, now that its memory is saved.
    ///
    /// # Errors
    /// The kernel's. The guest boots then.
    pub fn hand_over(mut self) -> io::Result<()> {
        self.ticket.time = now();
        file::replace(&self.path, &serde_json::to_vec(&self.ticket)?, 0o600)
    }

    /// The memory that a start on `node` is to resume the guest from, if it was saved for that. Nobody
    /// can claim it again, and memory that is not for this start is thrown away: the guest's disks are
    /// about to change.
    ///
    /// # Errors
    /// When it cannot be told whether there is any: a guest that boots now could be resumed from it later.
    /// That others than root can write to the directory is one, since libvirt starts what it finds in a
    /// saved memory.
    pub fn claim(
        guest: &Identity,
        node: &str,
        directory: &Path,
        note: &dyn Fn(Arguments<'_>),
    ) -> io::Result<Option<PathBuf>> {
        private(directory)?;
        Self::arrive(guest, directory, note);
        let path = ticket_path(guest, directory);
        let (saved, claimed) = (memory(&path), path.with_extension("claimed"));
        // Whoever moves the ticket has it, and has it still after a power failure.
        let ticket = match fs::rename(&path, &claimed) {
            Ok(()) => {
                File::open(directory)?.sync_all()?;
                serde_json::from_slice::<Ticket>(&fs::read(&claimed)?).ok()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        remove(&claimed, note);
        let refusal = match &ticket {
            None if !saved.try_exists()? => return Ok(None),
            None => "it has no ticket",
            Some(ticket) if !ticket.is_for(guest) => "it is another guest's",
            Some(ticket) if !ticket.is_fresh() => "it is too old",
            Some(ticket) if !ticket.nodes.iter().any(|it| it == node) => "it is for other nodes",
            Some(_) => return Ok(Some(saved)),
        };
        note(format_args!("throwing {} away: {refusal}", saved.display()));
        remove(&saved, note);
        Ok(None)
    }
}

impl Ticket {
    fn is_fresh(&self) -> bool {
        now().abs_diff(self.time) <= VALIDITY
    }

    /// A guest that was started from a configuration without a UUID has one in one place and none in
    /// another.
    fn is_for(&self, guest: &Identity) -> bool {
        let same = |(one, other)| one == other;
        self.guest.name == guest.name
            && self.guest.uuid.as_ref().zip(guest.uuid.as_ref()).is_none_or(same)
    }
}

/// Refuses a directory to which others than root can write.
fn private(directory: &Path) -> io::Result<()> {
    let found = fs::metadata(directory)?;
    let owner = found.uid() == 0 || found.uid() == nix::unistd::geteuid().as_raw();
    if owner && found.is_dir() && found.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(io::ErrorKind::PermissionDenied.into())
}

fn ticket_path(guest: &Identity, directory: &Path) -> PathBuf {
    directory.join(guest.name.memory_file()).with_extension("json")
}

/// The note that a guest has left, beside the ticket that it may become.
fn note_path(guest: &Identity, directory: &Path) -> PathBuf {
    ticket_path(guest, directory).with_extension("arriving")
}

fn memory(ticket: &Path) -> PathBuf {
    ticket.with_extension("state")
}

fn remove(path: &Path, note: &dyn Fn(Arguments<'_>)) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            note(format_args!("cannot remove {}: {error}", path.display()));
        }
        _ => {}
    }
}

fn boot() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|it| it.trim().to_owned())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hypervisor::Name;
    use std::os::unix::fs::PermissionsExt;

    fn guest(name: &str) -> Identity {
        Identity { name: Name::from_any(name), uuid: None }
    }

    /// Saves the memory of a guest whose migration from n1 to n2 failed.
    fn save(directory: &Path) -> Rescue {
        let failed = Failed::now("n2").unwrap();
        let rescue = Rescue::after(&failed, &guest("vm1"), "n1", directory).unwrap();
        fs::write(rescue.memory(), "memory").unwrap();
        rescue
    }

    fn claim(directory: &Path, node: &str) -> Option<PathBuf> {
        Rescue::claim(&guest("vm1"), node, directory, &|_| {}).unwrap()
    }

    #[test]
    fn memory_is_for_one_start_on_one_of_two_nodes() {
        for node in ["n1", "n2"] {
            let directory = tempfile::tempdir().unwrap();
            let rescue = save(directory.path());
            let memory = rescue.memory();
            rescue.hand_over().unwrap();
            assert_eq!(claim(directory.path(), node), Some(memory.clone()));
            // It lies there until the guest runs from it, and is nobody's.
            assert_eq!(claim(directory.path(), node), None);
            assert!(!memory.exists());
        }
    }

    #[test]
    fn memory_that_is_for_no_start_is_thrown_away() {
        let directory = tempfile::tempdir().unwrap();
        let spoil: [fn(Rescue); 4] = [
            // The stop was killed before it was done.
            drop,
            |mut it| {
                it.ticket.nodes = ["n3".to_owned(), "n4".to_owned()];
                it.hand_over().unwrap();
            },
            |mut it| {
                it.ticket.guest = guest("vm2");
                it.hand_over().unwrap();
            },
            |it| fs::write(it.path, "{}").unwrap(),
        ];
        for spoil in spoil {
            let rescue = save(directory.path());
            let memory = rescue.memory();
            spoil(rescue);
            assert_eq!(claim(directory.path(), "n2"), None);
            assert!(!memory.exists());
        }
        let (mut rescue, memory) = (save(directory.path()), save(directory.path()).memory());
        rescue.ticket.time -= VALIDITY + 5;
        fs::write(&rescue.path, serde_json::to_vec(&rescue.ticket).unwrap()).unwrap();
        assert_eq!((claim(directory.path(), "n2"), memory.exists()), (None, false));
    }

    #[test]
    fn a_guest_that_came_and_that_nobody_awaits_is_rescued_where_it_came_to() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let unawaited = |guest: &Identity, node| Rescue::unawaited(guest, node, directory);
        assert!(unawaited(&guest("vm1"), "n2").is_none());
        Rescue::depart(&guest("vm1"), ["n1", "n2"], directory).unwrap();
        assert!(unawaited(&guest("vm1"), "n1").is_none());
        assert!(unawaited(&guest("vm2"), "n2").is_none());
        let rescue = unawaited(&guest("vm1"), "n2").unwrap();
        fs::write(rescue.memory(), "memory").unwrap();
        rescue.hand_over().unwrap();
        assert!(claim(directory, "n1").is_some());
        assert!(unawaited(&guest("vm1"), "n2").is_none(), "a start has taken the note back");
        Rescue::depart(&guest("vm1"), ["n1", "n2"], directory).unwrap();
        Rescue::arrive(&guest("vm1"), directory, &|_| {});
        assert!(unawaited(&guest("vm1"), "n2").is_none());
    }

    #[test]
    fn a_start_that_cannot_tell_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let claim = |at: &Path| Rescue::claim(&guest("vm1"), "n2", at, &|_| {});
        assert!(claim(&directory.path().join("not mounted")).is_err());
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(directory.path(), open).unwrap();
        assert!(claim(directory.path()).is_err());
    }

    #[test]
    fn only_a_failure_of_this_boot_and_these_minutes_counts() {
        let fresh = Failed::now("n2").unwrap();
        let old = Failed { time: fresh.time - VALIDITY - 5, ..fresh.clone() };
        let other = Failed { boot: "another".to_owned(), ..fresh.clone() };
        let after = |failed| Rescue::after(failed, &guest("vm1"), "n1", Path::new("/x"));
        assert!(after(&fresh).is_some());
        assert!(after(&old).is_none() && after(&other).is_none());
    }
}
