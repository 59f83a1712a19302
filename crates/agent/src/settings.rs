use crate::error::Error;
use crate::io_error::OnIoError;
use crate::service::Service;
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
    /// Its services that are to answer over the network.
    pub services: Vec<Service>,
    /// The programs that check its services.
    pub monitor_scripts: Vec<String>,
    /// What its disks are made from.
    pub recipe: Option<PathBuf>,
    /// What is done when a disk gives an error.
    pub on_io_error: OnIoError,
    /// When checks that fail make it a guest that has failed, and how often what is done about it.
    pub policy: Policy,
    /// Whether the ladder decides that, and not Pacemaker alone.
    pub ladder: bool,
    /// The utilization attributes, and what is to become of each.
    pub utilization: Vec<(&'static str, Amount, Utilization)>,
}

impl Settings {
    /// Whether anything is known of its services, without which it is not ready.
    pub(crate) fn has_services(&self) -> bool {
        !self.services.is_empty() || !self.monitor_scripts.is_empty()
    }
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

    /// [`table::CHECK_SERVICES`].
    pub fn services(&mut self) -> Vec<Service> {
        let mut services = Vec::new();
        for found in self.get(&table::CHECK_SERVICES).unwrap_or_default() {
            match found.parse() {
                Ok(service) => services.push(service),
                Err(()) => self.problems.push(Error::NoService { found }.into()),
            }
        }
        services
    }

    /// [`table::CHECK_TIME`], [`table::CHECK_FAILURES`], [`table::CHECK_GRACE`], [`table::RECOVERY_RESTARTS`],
    /// [`table::RECOVERY_RELOCATIONS`] and [`table::RECOVERY_REINSTALLS`].
    pub fn policy(&mut self) -> Policy {
        let default = Terms::default();
        let mut number = |parameter, unset| match self.get(parameter) {
            Some(value) => u32::try_from(value).unwrap_or(unset),
            None => unset,
        };
        let failed = number(&table::CHECK_FAILURES, default.failed);
        let grace = Duration::from_secs(number(&table::CHECK_GRACE, 120).into());
        let wanted = number(&table::RECOVERY_REINSTALLS, default.reinstalls);
        let terms = Terms {
            attempts: number(&table::CHECK_TIME, default.attempts),
            failed,
            ceiling: failed,
            grace,
            // A start has made the disks, and heard of the guest, before it is over.
            install_grace: grace,
            restarts: number(&table::RECOVERY_RESTARTS, default.restarts),
            relocations: number(&table::RECOVERY_RELOCATIONS, default.relocations),
            ..default
        };
        let terms = Terms { reinstalls: self.reinstalls(wanted), ..terms };
        // Whatever is in the ranges of the parameters makes a policy.
        Policy::try_from(terms).unwrap_or_default()
    }

    /// How many reinstallations there can be of those that are wanted.
    fn reinstalls(&mut self, wanted: u32) -> u32 {
        let has_recipe = self.get(&table::RECIPE).is_some();
        if wanted > 0 && !has_recipe {
            self.problems.push(Error::NoRecipe.into());
        }
        if has_recipe { wanted } else { 0 }
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
