use crate::error::{Error, Result};
use crate::{
    Abilities, Deadline, Definition, Hypervisor, Identity, Migration, Name, Progress, ShutdownMode,
    Sight, Transfer,
};
use std::path::Path;
use std::time::Duration;

/// A hypervisor that nobody can talk to, for when the program that could is not to be had. What can
/// be done about a guest is then up to its [`crate::Witness`].
pub struct Absent {
    uri: String,
    words: String,
}

impl Absent {
    /// The hypervisor at `uri`, and why it cannot be talked to.
    #[must_use]
    pub fn new(uri: &str, words: &str) -> Self {
        Self { uri: uri.to_owned(), words: words.to_owned() }
    }

    fn silent<T>(&self) -> Result<T> {
        Err(Error::Unreachable { uri: self.uri.clone(), words: self.words.clone() })
    }
}

impl Hypervisor for Absent {
    fn abilities(&self) -> Abilities {
        Abilities::ALL
    }

    fn look(&self, _guest: &Identity, _by: Deadline) -> Result<Sight> {
        self.silent()
    }

    fn create(&self, _definition: &Definition, _by: Deadline) -> Result<()> {
        self.silent()
    }

    fn resume(&self, _guest: &Name, _by: Deadline) -> Result<()> {
        self.silent()
    }

    fn shut_down(&self, _guest: &Name, _mode: ShutdownMode, _by: Deadline) -> Result<()> {
        self.silent()
    }

    fn destroy(&self, _guest: &Identity, _by: Deadline) -> Result<()> {
        self.silent()
    }

    fn save(&self, _guest: &Name, _file: &Path, _by: Deadline) -> Result<()> {
        self.silent()
    }

    fn restore(&self, _file: &Path, _by: Deadline) -> Result<()> {
        self.silent()
    }

    fn definition(&self, _guest: &Name, _by: Deadline) -> Result<String> {
        self.silent()
    }

    fn ping_agent(&self, _guest: &Name, _by: Deadline) -> Result<()> {
        self.silent()
    }

    fn is_frozen(&self, _guest: &Name, _by: Deadline) -> Result<bool> {
        self.silent()
    }

    fn live_definition(&self, _guest: &Name, _by: Deadline) -> Result<Definition> {
        self.silent()
    }

    fn admit(&self, _definition: &Definition, _by: Deadline) -> Result<()> {
        self.silent()
    }

    fn volume(&self, _pool: &str, _volume: &str, _by: Deadline) -> Result<String> {
        self.silent()
    }

    fn reach(
        &self,
        _definition: &Definition,
        _target: &dyn Hypervisor,
        _migration: &Migration,
        _by: Deadline,
    ) -> Result<()> {
        self.silent()
    }

    fn host_name(&self, _by: Deadline) -> Result<String> {
        self.silent()
    }

    fn migrate(&self, _guest: &Name, _migration: &Migration, _by: Deadline) -> Result<Transfer> {
        self.silent()
    }

    fn progress(&self, _guest: &Name, _by: Deadline) -> Result<Option<Progress>> {
        self.silent()
    }

    fn arrival(&self, _guest: &Name, _by: Deadline) -> Result<Option<Progress>> {
        self.silent()
    }

    fn limit_downtime(&self, _guest: &Name, _downtime: Duration, _by: Deadline) -> Result<()> {
        self.silent()
    }

    fn limit_bandwidth(&self, _guest: &Name, _speed: Option<u64>, _by: Deadline) -> Result<()> {
        self.silent()
    }

    fn start_postcopy(&self, _guest: &Name, _by: Deadline) -> Result<()> {
        self.silent()
    }

    fn abort_job(&self, _guest: &Name, _by: Deadline) -> Result<()> {
        self.silent()
    }

    fn start_resources(&self, _definition: &Definition, _by: Deadline) -> Result<()> {
        self.silent()
    }

    fn remote(&self, _uri: &str, _by: Deadline) -> Result<Box<dyn Hypervisor>> {
        self.silent()
    }
}
