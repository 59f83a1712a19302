use crate::error::Error;
use crate::security::Security;
use crate::{migration, overlay, saving, security, table};
use agent::table::{
    MIGRATION_NETWORK_SUFFIX, MIGRATION_STATE_PATH, MONITOR_SCRIPTS, RECIPE, RECOVERY_LADDER,
};
use agent::{
    Amount, Instance, IoAction, Key, OnIoError, Ordering, Reader, Resource, Settings, Utilization,
};
use guest::{Order, Policy};
use hypervisor::libvirt::parse_options;
use hypervisor::{Definition, Disk, Migration, Options, ShutdownMode, Source};
use ocf::{Agent, Parameter, Request};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where libvirt looks for programs that it runs before a guest of QEMU's or Xen's is started.
const HOOKS: [&str; 4] = [
    "/etc/libvirt/hooks/qemu",
    "/etc/libvirt/hooks/qemu.d",
    "/etc/libvirt/hooks/libxl",
    "/etc/libvirt/hooks/libxl.d",
];

/// The agent's parameters, read and understood.
#[derive(Debug)]
pub struct Config {
    pub settings: Settings,
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
    pub save_config: bool,
    pub sync_config: bool,
    pub backingfile: Option<PathBuf>,
    pub stateless: bool,
    pub copyindirs: Vec<String>,
    pub start_resources: bool,
}

type Parameters<'a> = Reader<'a, Error>;

fn utilization(
    parameters: &mut Parameters<'_>,
    set: &Parameter<bool>,
    unset: &Parameter<bool>,
) -> Utilization {
    match (parameters.get(set), parameters.get(unset)) {
        (Some(true), _) => Utilization::Set,
        (_, Some(true)) => Utilization::Unset,
        _ => Utilization::Leave,
    }
}

fn shutdown_modes(parameters: &mut Parameters<'_>) -> Vec<ShutdownMode> {
    let words = parameters.get(&table::SHUTDOWN_MODE).unwrap_or_default();
    let mut modes = Vec::new();
    for word in words.iter().flat_map(|word| word.split(',')).filter(|word| !word.is_empty()) {
        match ShutdownMode::by_name(word) {
            Some(mode) => modes.push(mode),
            None => parameters.problems.push(Error::ShutdownMode { found: word.to_owned() }),
        }
    }
    modes
}

fn hypervisor(parameters: &mut Parameters<'_>) -> String {
    let uri = parameters.text(&table::HYPERVISOR);
    if uri.contains("://") {
        return uri;
    }
    parameters.problems.push(Error::HypervisorUri { found: uri });
    table::DEFAULT_HYPERVISOR.to_owned()
}

fn settings(parameters: &mut Parameters<'_>) -> Settings {
    let config = parameters.get(&table::CONFIG).unwrap_or_default();
    let cpu = utilization(parameters, &table::AUTOSET_CPU, &table::UNSET_CPU);
    let host = utilization(parameters, &table::AUTOSET_HOST_MEMORY, &table::UNSET_HOST_MEMORY);
    let hv = utilization(parameters, &table::AUTOSET_HV_MEMORY, &table::UNSET_HV_MEMORY);
    Settings {
        key: Key { config, uri: hypervisor(parameters), name: None },
        shutdown_modes: shutdown_modes(parameters),
        shutdown_time: None,
        force_stop: parameters.get(&table::FORCE_STOP).unwrap_or_default(),
        snapshot: parameters.get(&table::SNAPSHOT),
        rescues: parameters.get(&MIGRATION_STATE_PATH),
        migration_priority: parameters.migration_priority(),
        services: parameters.services(),
        monitor_scripts: parameters.get(&MONITOR_SCRIPTS).unwrap_or_default(),
        recipe: parameters.get(&RECIPE),
        on_io_error: on_io_error(parameters),
        policy: parameters.policy(),
        ladder: parameters.get(&RECOVERY_LADDER).unwrap_or_default(),
        utilization: vec![
            ("cpu", Amount::Cpus, cpu),
            ("host_memory", Amount::Memory, host),
            ("hv_memory", Amount::Memory, hv),
        ],
    }
}

fn on_io_error(parameters: &mut Parameters<'_>) -> OnIoError {
    let found = parameters.text(&table::IO_ERROR_ACTION);
    let action = IoAction::by_name(&found).unwrap_or_else(|| {
        parameters.problems.push(Error::IoErrorAction { found });
        IoAction::default()
    });
    let time = parameters.get(&table::IO_ERROR_TIME).unwrap_or_default();
    OnIoError { action, time: Duration::from_secs(time) }
}

/// A user's name on another node; empty where there is none.
fn migration_user(parameters: &mut Parameters<'_>) -> String {
    let user = parameters.text(&table::MIGRATION_USER);
    if user.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) {
        return user;
    }
    parameters.problems.push(Error::MigrationUser { found: user });
    String::new()
}

fn migration_policy(parameters: &mut Parameters<'_>) -> Policy {
    let found = parameters.text(&table::MIGRATION_POLICY);
    Policy::by_name(&found).unwrap_or_else(|| {
        parameters.problems.push(Error::MigrationPolicy { found });
        Policy::default()
    })
}

impl Resource for Config {
    const AGENT: &'static Agent = &table::AGENT;

    /// libvirt puts the scope of every guest before virt-guest-shutdown.target, so that whatever comes after it
    /// is stopped before any guest is. That holds only while the target is active. libvirt-guests.service,
    /// when it is stopped, shuts down every guest that runs, ours too; Debian enables it.
    const ORDERING: Ordering = Ordering {
        name: "99-hawser-kvm.conf",
        after: &[
            "libvirtd.service libvirtd.socket",
            "virtqemud.service virtqemud.socket",
            "virtxend.service virtxend.socket",
            "virtlxcd.service virtlxcd.socket",
            "virtproxyd.service virtproxyd.socket",
            "virtnetworkd.service virtnetworkd.socket",
            "virtnodedevd.service virtnodedevd.socket",
            "virtnwfilterd.service virtnwfilterd.socket",
            "virtsecretd.service virtsecretd.socket",
            "virtstoraged.service virtstoraged.socket",
            "virtlockd.service virtlockd.socket",
            "virtlogd.service virtlogd.socket",
            "libvirt-guests.service virt-guest-shutdown.target",
        ],
        wants: &["virt-guest-shutdown.target"],
    };

    type Error = Error;

    fn key(request: &Request) -> Option<Key> {
        let config = table::CONFIG.get(request).ok()??;
        Some(Key { config, uri: table::HYPERVISOR.get(request).ok()??, name: None })
    }

    fn read(reader: &mut Parameters<'_>) -> Self {
        Self {
            settings: settings(reader),
            migration_transport: reader.text(&table::MIGRATION_TRANSPORT),
            migration_user: migration_user(reader),
            migration_downtime: reader.get(&table::MIGRATION_DOWNTIME).unwrap_or_default(),
            migration_speed: reader.get(&table::MIGRATION_SPEED).unwrap_or_default(),
            migration_network_suffix: reader.text(&MIGRATION_NETWORK_SUFFIX),
            migrateuri: reader.text(&table::MIGRATEURI),
            migrateport: reader.get(&table::MIGRATEPORT),
            remoteuri: reader.text(&table::REMOTEURI),
            migrate_options: parse_options(&reader.text(&table::MIGRATE_OPTIONS)),
            migration_policy: migration_policy(reader),
            migration_security: Security::by_name(&reader.text(&table::MIGRATION_SECURITY)),
            save_config: reader.get(&table::SAVE_CONFIG).unwrap_or_default(),
            sync_config: reader.get(&table::SYNC_CONFIG).unwrap_or_default(),
            backingfile: reader.get(&table::BACKINGFILE),
            stateless: reader.get(&table::STATELESS).unwrap_or_default(),
            copyindirs: reader.get(&table::COPYINDIRS).unwrap_or_default(),
            start_resources: reader.get(&table::START_RESOURCES).unwrap_or_default(),
        }
    }

    fn consistent(&self) -> Result<(), Error> {
        let Settings { force_stop, snapshot, rescues, on_io_error, .. } = &self.settings;
        if on_io_error.action == IoAction::Resume && on_io_error.time.is_zero() {
            return Err(Error::NoTimeToResume);
        }
        if *force_stop && snapshot.is_some() {
            return Err(Error::ForcedSnapshot);
        }
        if self.stateless && self.backingfile.is_none() {
            return Err(Error::StatelessWithoutBacking);
        }
        if self.stateless && (snapshot.is_some() || rescues.is_some()) {
            return Err(Error::StatelessSnapshot);
        }
        Ok(())
    }

    /// What a stateless guest remembers does not fit its new disk.
    fn reconcile(&mut self) {
        self.settings.rescues.take_if(|_| self.stateless);
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    fn definition(&self, text: &str) -> hypervisor::Result<Definition> {
        Definition::from_xml(text)
    }

    fn order(instance: &Instance<'_, Self>, node: &str) -> Result<Order<'static>, Error> {
        migration::order(instance, node)
    }

    fn validate(&self) -> Result<(), Error> {
        security::secure(self).map(drop)
    }

    fn foundations(&self, definition: &Definition) -> Vec<Disk> {
        let is_made = |disk: &Disk| {
            let in_pool = matches!(disk.source, Source::Volume { .. });
            (in_pool && self.start_resources)
                || disk.path().is_some_and(|it| overlay::makes(self, it))
        };
        let given = definition.disks().iter().filter(|disk| !is_made(disk)).cloned();
        given.chain(overlay::backing(self)).collect()
    }

    /// libvirt runs them before it touches a disk (libvirt, "Hooks for specific system management").
    fn is_hooked(&self) -> bool {
        HOOKS.iter().any(|hook| Path::new(hook).exists())
    }

    fn prepare(instance: &Instance<'_, Self>, definition: &Definition) -> Result<(), Error> {
        if instance.config.start_resources {
            let started = instance.hypervisor.start_resources(definition, instance.by);
            let guest = || instance.identity.name.clone();
            started
                .map_err(|source| guest::Error::Hypervisor { guest: guest(), source })
                .map_err(agent::Error::from)?;
        }
        overlay::prepare(&instance.config, instance.by)
    }

    fn prepare_target(instance: &Instance<'_, Self>, migration: &Migration) {
        if instance.config.start_resources {
            migration::start_resources_there(instance, migration);
        }
    }

    fn keep(instance: &Instance<'_, Self>) {
        saving::save_config(instance);
    }
}
