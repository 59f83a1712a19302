//! The guest's memory, saved by a stop and resumed by the next start: of every stop where `snapshot` is
//! set, and where `migration_state_path` is of one that follows a migration which failed or is not wanted any more.

use crate::Resource;
use crate::error::Error;
use crate::instance::Instance;
use exec::Deadline;
use guest::{Failed, Rescue};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long taking the saved memory may take, and what goes with it; it lies on a share, whose server may be gone.
const SHARE_SLICE: Duration = Duration::from_secs(10);

/// What becomes of the memory of a guest that is stopped.
pub enum Memory {
    /// It is lost.
    Lost,
    /// It is saved for the next start, wherever and whenever that is.
    Snapshot(PathBuf),
    /// It is saved for the start that follows a migration.
    Rescue(Rescue),
}

impl Memory {
    /// What is to become of it.
    pub fn of<R: Resource>(instance: &Instance<'_, R>) -> Self {
        match (rescue(instance), snapshot(instance)) {
            (Some(rescue), _) => Self::Rescue(rescue),
            (None, Some(file)) => Self::Snapshot(file),
            (None, None) => Self::Lost,
        }
    }

    /// The file that it is to be saved to.
    pub fn file(&self) -> Option<PathBuf> {
        match self {
            Self::Lost => None,
            Self::Snapshot(file) => Some(file.clone()),
            Self::Rescue(rescue) => Some(rescue.memory()),
        }
    }

    /// Lets the next start have it, now that it is saved.
    pub fn keep(self, by: Deadline) {
        let Self::Rescue(rescue) = self else { return };
        let handed = by.slice(SHARE_SLICE).bound(move || rescue.hand_over());
        if let Err(error) = handed.unwrap_or_else(|| Err(ErrorKind::TimedOut.into())) {
            ocf::log::error(format_args!("cannot hand the guest's memory over: {error}; it boots"));
        }
    }
}

fn snapshot<R: Resource>(instance: &Instance<'_, R>) -> Option<PathBuf> {
    let directory = instance.settings().snapshot.as_ref()?;
    Some(directory.join(format!("{}.state", instance.identity.name)))
}

fn rescue<R: Resource>(instance: &Instance<'_, R>) -> Option<Rescue> {
    let directory = instance.settings().rescues.as_deref()?;
    let (guest, node) = (&instance.identity, instance.request.node()?);
    match &instance.record {
        Some(record) => Rescue::after(record.failed.as_ref()?, guest, node, directory),
        // Nobody has looked at the guest since it came here.
        None => {
            let (guest, node) = (guest.clone(), node.to_owned());
            on_share(instance, move |directory| Rescue::unawaited(&guest, &node, directory))?
        }
    }
}

/// Does something in the directory for memory, if there is one, and if its server answers in time.
fn on_share<R: Resource, T: Send + 'static>(
    instance: &Instance<'_, R>,
    act: impl FnOnce(&Path) -> T + Send + 'static,
) -> Option<T> {
    let directory = instance.settings().rescues.clone()?;
    instance.by.slice(SHARE_SLICE).bound(move || act(&directory))
}

/// Notes that the guest has left for another node, where nobody has asked for it yet. Where that cannot be noted, a
/// cluster that does not want it there any more restarts it.
pub fn depart<R: Resource>(instance: &Instance<'_, R>, target: &str) {
    let Some(node) = instance.request.node() else { return };
    let (guest, nodes) = (instance.identity.clone(), [node.to_owned(), target.to_owned()]);
    let noted = on_share(instance, move |directory| {
        Rescue::depart(&guest, [&nodes[0], &nodes[1]], directory)
    });
    if let Some(Err(error)) = noted {
        ocf::log::warn(format_args!("cannot note that the guest has left: {error}"));
    }
}

/// Notes that the guest was asked for where it came to.
pub fn arrive<R: Resource>(instance: &Instance<'_, R>) {
    let guest = instance.identity.clone();
    on_share(instance, move |directory| {
        Rescue::arrive(&guest, directory, &|text| ocf::log::warn(text));
    });
}

/// Remembers that the guest's migration has just failed, whether its memory fits its disks still (then `target` is
/// where it was to go to), and where it may still be `leaving` for.
pub fn note_failure<R: Resource>(
    instance: &mut Instance<'_, R>,
    target: Option<&str>,
    leaving: Option<String>,
) {
    let rescued = instance.settings().rescues.is_some();
    let failed = target.filter(|_| rescued).and_then(Failed::now);
    if let Err(error) = instance.note_migration(leaving, failed) {
        ocf::log::warn(format_args!("{error}; a stop will shut the guest down"));
    }
}

/// Takes the saved memory, if there is any, for the one start that may resume it.
pub fn claim<R: Resource>(instance: &Instance<'_, R>) -> Result<Option<PathBuf>, Error> {
    if let Some(directory) = instance.settings().rescues.as_deref() {
        let failed = |source| Error::SavedMemory { path: directory.to_owned(), source };
        let guest = instance.identity.clone();
        let node = instance.request.node().unwrap_or_default().to_owned();
        let claimed = on_share(instance, move |shared| {
            Rescue::claim(&guest, &node, shared, &|text| ocf::log::warn(text))
        });
        let claimed = claimed.unwrap_or_else(|| Err(ErrorKind::TimedOut.into()));
        if let Some(memory) = claimed.map_err(failed)? {
            return Ok(Some(memory));
        }
    }
    let Some(saved) = snapshot(instance) else { return Ok(None) };
    // It gets another name first: whatever becomes of that start, the guest's disks may have moved on, and
    // resuming from it again would destroy them.
    let claimed = saved.with_extension("state.used");
    match std::fs::rename(&saved, &claimed) {
        Ok(()) => Ok(Some(claimed)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Write { path: claimed, source }),
    }
}

/// Removes memory that a guest runs from.
pub fn discard(memory: &Path, by: Deadline) {
    let file = memory.to_owned();
    let removed = by.slice(SHARE_SLICE).bound(move || std::fs::remove_file(file));
    if let Err(error) = removed.unwrap_or_else(|| Err(ErrorKind::TimedOut.into())) {
        ocf::log::warn(format_args!("cannot remove {}: {error}", memory.display()));
    }
}
