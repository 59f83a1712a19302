use crate::error::Error;
use crate::table;
use guest::{Policy, Record};
use hypervisor::{Name, ShutdownMode, Sight};
use ocf::{Parameter, Request};
use std::path::PathBuf;
use std::time::Duration;

/// What names a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The file that defines it.
    pub config: PathBuf,
    /// The hypervisor's connection URI.
    pub uri: String,
    /// Its name, where that is not for the file to say.
    pub name: Option<Name>,
}

impl Key {
    /// Whether that record is of the guest.
    #[must_use]
    pub fn is_of(&self, record: &Record) -> bool {
        self.config == record.config && self.uri == record.uri && self.has_name(record)
    }

    /// Whether the guest of that record could have this name.
    pub(crate) fn has_name(&self, record: &Record) -> bool {
        self.name.as_ref().is_none_or(|name| *name == record.guest.name)
    }
}

/// What every agent for a guest is told.
#[derive(Debug)]
pub struct Settings {
    /// Which guest it is.
    pub key: Key,
    /// The ways in which it is asked to shut down; empty is the hypervisor's choice.
    pub shutdown_modes: Vec<ShutdownMode>,
    /// How long it may take to shut down, if that is given.
    pub shutdown_time: Option<Duration>,
    /// Whether it is ended at once instead.
    pub force_stop: bool,
    /// Where every stop saves its memory.
    pub snapshot: Option<PathBuf>,
    /// Where its memory goes after a failed migration.
    pub rescues: Option<PathBuf>,
    /// The programs that check its services.
    pub monitor_scripts: Vec<String>,
    /// The utilization attributes, and what is to become of each.
    pub utilization: Vec<(&'static str, Amount, Utilization)>,
}

/// What a utilization attribute counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Virtual CPUs.
    Cpus,
    /// Memory in MiB.
    Memory,
}

impl Amount {
    /// How much of it a guest has.
    pub(crate) fn of(self, sight: &Sight) -> u64 {
        match self {
            Self::Cpus => u64::from(sight.cpus),
            Self::Memory => sight.memory,
        }
    }
}

/// What is to become of a utilization attribute.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Utilization {
    /// It is set.
    Set,
    /// It is removed.
    Unset,
    /// It stays as it is.
    #[default]
    Leave,
}

/// Reads parameters and collects what is wrong with them.
pub struct Reader<'a, E> {
    request: &'a Request,
    /// What was wrong so far.
    pub problems: Vec<E>,
}

impl<'a, E: From<Error>> Reader<'a, E> {
    /// A reader of what came with a request.
    #[must_use]
    pub fn new(request: &'a Request) -> Self {
        Self { request, problems: Vec::new() }
    }

    /// The value of a parameter; `None` too for one that is wrong.
    pub fn get<T>(&mut self, parameter: &Parameter<T>) -> Option<T> {
        parameter.get(self.request).unwrap_or_else(|error| {
            self.problems.push(Error::from(error).into());
            None
        })
    }

    /// A text; empty where there is none.
    pub fn text(&mut self, parameter: &Parameter<String>) -> String {
        self.get(parameter).unwrap_or_default()
    }

    /// [`table::MIGRATION_POLICY`].
    pub fn migration_policy(&mut self) -> Policy {
        let found = self.text(&table::MIGRATION_POLICY);
        Policy::by_name(&found).unwrap_or_else(|| {
            self.problems.push(Error::MigrationPolicy { found }.into());
            Policy::default()
        })
    }

    /// [`table::MIGRATION_PRIORITY`].
    pub fn migration_priority(&mut self) -> u32 {
        let priority = self.get(&table::MIGRATION_PRIORITY).unwrap_or_default();
        u32::try_from(priority).unwrap_or(u32::MAX)
    }

    /// A user's name on another node; empty where there is none.
    pub fn migration_user(&mut self, parameter: &Parameter<String>) -> String {
        let user = self.text(parameter);
        if user.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) {
            return user;
        }
        self.problems.push(Error::MigrationUser { found: user }.into());
        String::new()
    }
}
