use crate::Failed;
use hypervisor::{Identity, Stamp, Trace};
use recovery::{Filter, Rung, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// What was last seen of a guest on this node. It lives in `/run`, so it is gone after a boot, as the
/// guest is.
///
/// It is written before a guest is started and removed when the guest is proven to be gone. So it
/// tells a stop which guest is meant when the configuration is not there to be read, and a plain
/// monitor what has to be unchanged for the guest to be healthy still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which guest.
    pub guest: Identity,
    /// The configuration file that it was started from.
    pub config: PathBuf,
    /// The hypervisor that it was started on.
    pub uri: String,
    /// The daemon that was asked to start it, until that has answered. While it hangs it may still
    /// do what it was asked.
    #[serde(default)]
    pub asked: Option<Trace>,
    /// The destination of a migration, from before it begins until it was seen to end. A daemon that hangs, or
    /// goes on when the agent was killed, may still take the guest there.
    #[serde(default)]
    pub leaving: Option<String>,
    /// The copy of it that was there when it was last found healthy, and the stamp of that.
    #[serde(default)]
    pub healthy: Option<(Trace, Stamp)>,
    /// The migration of it that has just failed, if one has.
    #[serde(default)]
    pub failed: Option<Failed>,
    /// The CPUs and MiB of memory that the cluster was last told of.
    #[serde(default)]
    pub utilization: Option<(u32, u64)>,
    /// Since when it stands still because a disk gave an error.
    #[serde(default)]
    pub stalled: Option<Timestamp>,
    /// What was decided to be done about its failure, and when, until that is done: a stop removes the record.
    #[serde(default)]
    pub decided: Option<(Timestamp, Rung)>,
    /// What its checks have found, by their level: each is judged by itself.
    #[serde(default)]
    pub checks: BTreeMap<u32, Filter>,
    /// What a level begins with.
    #[serde(default)]
    pub fresh: Filter,
}

impl Record {
    /// The record of a guest of which nothing is there yet.
    #[must_use]
    pub fn new(guest: Identity, config: PathBuf, uri: String) -> Self {
        Self {
            guest,
            config,
            uri,
            asked: None,
            leaving: None,
            healthy: None,
            failed: None,
            utilization: None,
            stalled: None,
            decided: None,
            checks: BTreeMap::new(),
            fresh: Filter::default(),
        }
    }

    /// Reads a record. One that is not there, or cannot be read, is none: the guest is then looked
    /// for by its configuration.
    #[must_use]
    pub fn load(path: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// Writes the record, if it is not there already.
    ///
    /// # Errors
    /// The kernel's.
    pub fn store(&self, path: &Path) -> io::Result<()> {
        if Self::load(path).as_ref() == Some(self) {
            return Ok(());
        }
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let json = serde_json::to_vec(self).map_err(io::Error::from)?;
        file::replace(path, &json, 0o600)
    }

    /// Removes the record.
    ///
    /// # Errors
    /// The kernel's, but not that there is none.
    pub fn remove(path: &Path) -> io::Result<()> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
