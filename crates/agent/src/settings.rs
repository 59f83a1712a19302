use crate::error::Error;
use crate::{Resource, table};
use guest::Record;
use hypervisor::{Name, ShutdownMode, Sight};
use ocf::{Parameter, Request};
use recovery::{Policy, Terms};
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
    /// Its place among the guests that leave a node together: the highest goes first.
    pub migration_priority: u32,
    /// The programs that check its services.
    pub monitor_scripts: Vec<String>,
    /// What its disks are made from.
    pub recipe: Option<PathBuf>,
    /// When checks that fail make it a guest that has failed.
    pub checks: Policy,
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
    /// What the manager wants.
    pub request: &'a Request,
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

    /// [`table::MIGRATION_PRIORITY`].
    pub fn migration_priority(&mut self) -> u32 {
        let priority = self.get(&table::MIGRATION_PRIORITY).unwrap_or_default();
        u32::try_from(priority).unwrap_or(u32::MAX)
    }

    /// [`table::CHECK_TIME`], [`table::CHECK_FAILURES`] and [`table::CHECK_GRACE`].
    pub fn checks(&mut self) -> Policy {
        let default = Terms::default();
        let mut number = |parameter, unset| match self.get(parameter) {
            Some(value) => u32::try_from(value).unwrap_or(unset),
            None => unset,
        };
        let failed = number(&table::CHECK_FAILURES, default.failed);
        let terms = Terms {
            attempts: number(&table::CHECK_TIME, default.attempts),
            failed,
            ceiling: failed,
            grace: Duration::from_secs(number(&table::CHECK_GRACE, 120).into()),
            ..default
        };
        // Whatever is in the ranges of the parameters makes a policy.
        Policy::try_from(terms).unwrap_or_default()
    }
}

/// Reads all parameters, and insists that all of them are right.
pub fn strict<R: Resource>(request: &Request) -> Result<R, R::Error> {
    R::AGENT.check(request).map_err(Error::from)?;
    let mut reader = Reader::new(request);
    let resource = R::read(&mut reader);
    match reader.problems.into_iter().next() {
        Some(problem) => Err(problem),
        None => resource.consistent().map(|()| resource),
    }
}

/// Reads what can be read. What cannot counts as unset and is logged: a guest that runs must be watched, moved
/// and stopped whatever is wrong with its configuration.
pub fn lenient<R: Resource>(request: &Request) -> R {
    let mut reader = Reader::new(request);
    let mut resource = R::read(&mut reader);
    for problem in reader.problems {
        let problem = ocf::reason(&problem);
        ocf::log::warn(format_args!("{problem}; going on as if it were not set"));
    }
    resource.reconcile();
    resource
}
