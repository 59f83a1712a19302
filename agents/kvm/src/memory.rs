//! The guest's memory, saved by a stop and resumed by the next start.

use crate::error::Error;
use crate::instance::Instance;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where a stop saves the guest's memory, if it is to.
pub fn file(instance: &Instance) -> Option<PathBuf> {
    let directory = instance.config.snapshot.as_ref()?;
    Some(directory.join(format!("{}.state", instance.identity.name)))
}

/// Takes the saved memory, if there is any, for the one start that may resume it. It gets another name
/// first: whatever becomes of that start, the guest's disks may have moved on, and resuming from it
/// again would destroy them.
pub fn claim(instance: &Instance) -> Result<Option<PathBuf>, Error> {
    let Some(saved) = file(instance) else { return Ok(None) };
    let claimed = saved.with_extension("state.used");
    match std::fs::rename(&saved, &claimed) {
        Ok(()) => Ok(Some(claimed)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Write { path: claimed, source }),
    }
}

/// Removes memory that a guest runs from.
pub fn discard(memory: &Path) {
    if let Err(error) = std::fs::remove_file(memory) {
        ocf::log::warn(format_args!("cannot remove {}: {error}", memory.display()));
    }
}
