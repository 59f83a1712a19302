use crate::error::Error;
use crate::security::Security;
use crate::table;
use guest::Policy;
use hypervisor::libvirt::parse_options;
use hypervisor::{Options, ShutdownMode};
use ocf::{Parameter, Request};
use std::path::PathBuf;

/// The agent's parameters, read and understood.
#[derive(Debug)]
pub struct Config {
    pub config: PathBuf,
    pub hypervisor: String,
    pub force_stop: bool,
    pub shutdown_modes: Vec<ShutdownMode>,
    pub snapshot: Option<PathBuf>,
    pub migration_transport: String,
    pub migration_user: String,
    pub migration_downtime: u64,
    pub migration_speed: u64,
    pub migration_network_suffix: String,
    pub migrateuri: String,
    pub migrateport: Option<u64>,
    pub remoteuri: String,
    /// Parsed, or why it cannot be. That must stop a migration, for it may be what secures it; it is no
    /// reason not to start the guest.
    pub migrate_options: Result<Options, hypervisor::Error>,
    pub migration_policy: Policy,
    /// What was given, or why that is no answer: a migration must not be less secure than was asked for.
    pub migration_security: Result<Security, String>,
    pub migration_state_path: Option<PathBuf>,
    pub migration_priority: u32,
    pub monitor_scripts: Vec<String>,
    pub cpu: Utilization,
    pub host_memory: Utilization,
    pub hv_memory: Utilization,
    pub save_config: bool,
    pub sync_config: bool,
    pub backingfile: Option<PathBuf>,
    pub stateless: bool,
    pub copyindirs: Vec<String>,
    pub start_resources: bool,
}

/// What is to become of a utilization attribute.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Utilization {
    Set,
    Unset,
    #[default]
    Leave,
}

/// Reads parameters and collects what is wrong with them.
struct Reader<'a> {
    request: &'a Request,
    problems: Vec<Error>,
}

impl Reader<'_> {
    fn get<T>(&mut self, parameter: &Parameter<T>) -> Option<T> {
        parameter.get(self.request).unwrap_or_else(|error| {
            self.problems.push(error.into());
            None
        })
    }

    fn text(&mut self, parameter: &Parameter<String>) -> String {
        self.get(parameter).unwrap_or_default()
    }

    fn utilization(&mut self, set: &Parameter<bool>, unset: &Parameter<bool>) -> Utilization {
        match (self.get(set), self.get(unset)) {
            (Some(true), _) => Utilization::Set,
            (_, Some(true)) => Utilization::Unset,
            _ => Utilization::Leave,
        }
    }

    fn shutdown_modes(&mut self) -> Vec<ShutdownMode> {
        let words = self.get(&table::SHUTDOWN_MODE).unwrap_or_default();
        let mut modes = Vec::new();
        for word in words.iter().flat_map(|word| word.split(',')).filter(|word| !word.is_empty()) {
            match ShutdownMode::by_name(word) {
                Some(mode) => modes.push(mode),
                None => self.problems.push(Error::ShutdownMode { found: word.to_owned() }),
            }
        }
        modes
    }

    fn migration_policy(&mut self) -> Policy {
        let found = self.text(&table::MIGRATION_POLICY);
        Policy::by_name(&found).unwrap_or_else(|| {
            self.problems.push(Error::MigrationPolicy { found });
            Policy::default()
        })
    }

    fn migration_priority(&mut self) -> u32 {
        let priority = self.get(&table::MIGRATION_PRIORITY).unwrap_or_default();
        u32::try_from(priority).unwrap_or(u32::MAX)
    }

    fn hypervisor(&mut self) -> String {
        let uri = self.text(&table::HYPERVISOR);
        if uri.contains("://") {
            return uri;
        }
        self.problems.push(Error::HypervisorUri { found: uri });
        table::DEFAULT_HYPERVISOR.to_owned()
    }

    fn migration_user(&mut self) -> String {
        let user = self.text(&table::MIGRATION_USER);
        if user.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) {
            return user;
        }
        self.problems.push(Error::MigrationUser { found: user });
        String::new()
    }
}

impl Config {
    /// Reads everything and insists that all of it is right.
    pub fn strict(request: &Request) -> Result<Self, Error> {
        table::AGENT.check(request)?;
        let (config, problems) = Self::read(request);
        match problems.into_iter().next() {
            Some(problem) => Err(problem),
            None => config.consistent(),
        }
    }

    /// Reads what can be read. What cannot counts as unset and is logged: a guest that runs must be
    /// watched, moved and stopped whatever is wrong with its configuration.
    pub fn lenient(request: &Request) -> Self {
        let (config, problems) = Self::read(request);
        for problem in problems {
            ocf::log::warn(format_args!("{problem}; going on as if it were not set"));
        }
        config
    }

    fn read(request: &Request) -> (Self, Vec<Error>) {
        let mut reader = Reader { request, problems: Vec::new() };
        let config = Self {
            config: reader.get(&table::CONFIG).unwrap_or_default(),
            hypervisor: reader.hypervisor(),
            force_stop: reader.get(&table::FORCE_STOP).unwrap_or_default(),
            shutdown_modes: reader.shutdown_modes(),
            snapshot: reader.get(&table::SNAPSHOT),
            migration_transport: reader.text(&table::MIGRATION_TRANSPORT),
            migration_user: reader.migration_user(),
            migration_downtime: reader.get(&table::MIGRATION_DOWNTIME).unwrap_or_default(),
            migration_speed: reader.get(&table::MIGRATION_SPEED).unwrap_or_default(),
            migration_network_suffix: reader.text(&table::MIGRATION_NETWORK_SUFFIX),
            migrateuri: reader.text(&table::MIGRATEURI),
            migrateport: reader.get(&table::MIGRATEPORT),
            remoteuri: reader.text(&table::REMOTEURI),
            migrate_options: parse_options(&reader.text(&table::MIGRATE_OPTIONS)),
            migration_policy: reader.migration_policy(),
            migration_security: Security::by_name(&reader.text(&table::MIGRATION_SECURITY)),
            migration_state_path: reader.get(&table::MIGRATION_STATE_PATH),
            migration_priority: reader.migration_priority(),
            monitor_scripts: reader.get(&table::MONITOR_SCRIPTS).unwrap_or_default(),
            cpu: reader.utilization(&table::AUTOSET_CPU, &table::UNSET_CPU),
            host_memory: reader.utilization(&table::AUTOSET_HOST_MEMORY, &table::UNSET_HOST_MEMORY),
            hv_memory: reader.utilization(&table::AUTOSET_HV_MEMORY, &table::UNSET_HV_MEMORY),
            save_config: reader.get(&table::SAVE_CONFIG).unwrap_or_default(),
            sync_config: reader.get(&table::SYNC_CONFIG).unwrap_or_default(),
            backingfile: reader.get(&table::BACKINGFILE),
            stateless: reader.get(&table::STATELESS).unwrap_or_default(),
            copyindirs: reader.get(&table::COPYINDIRS).unwrap_or_default(),
            start_resources: reader.get(&table::START_RESOURCES).unwrap_or_default(),
        };
        (config, reader.problems)
    }

    /// Refuses what is right by itself and wrong together.
    fn consistent(self) -> Result<Self, Error> {
        if self.force_stop && self.snapshot.is_some() {
            return Err(Error::ForcedSnapshot);
        }
        if self.stateless && self.backingfile.is_none() {
            return Err(Error::StatelessWithoutBacking);
        }
        if self.stateless && (self.snapshot.is_some() || self.migration_state_path.is_some()) {
            return Err(Error::StatelessSnapshot);
        }
        Ok(self)
    }
}
