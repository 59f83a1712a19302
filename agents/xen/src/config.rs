use crate::error::Error;
use crate::sharing::Sharing;
use crate::{migration, table};
use agent::table::{
    MIGRATION_NETWORK_SUFFIX, MIGRATION_STATE_PATH, MONITOR_SCRIPTS, RECIPE, RECOVERY_LADDER,
};
use agent::{Amount, Instance, Key, OnIoError, Ordering, Reader, Resource, Settings, Utilization};
use guest::Order;
use hypervisor::xl::{self, DEFAULT_TRANSPORT};
use hypervisor::{Definition, Name, ShutdownMode};
use ocf::{Agent, Request};
use std::time::Duration;

/// This node's toolstack.
const HERE: &str = "xl:///";

/// The agent's parameters, read and understood.
#[derive(Debug)]
pub struct Config {
    pub settings: Settings,
    /// The guest's name, where nothing else says one.
    pub resource: Name,
    pub migration_transport: String,
    pub migration_network_suffix: String,
    pub node_ip_attribute: String,
    /// How the node's memory is shared out among its guests, if it is.
    pub sharing: Option<Sharing>,
}

type Parameters<'a> = Reader<'a, Error>;

/// The guest's name, where the file is not to say it.
fn name(parameters: &mut Parameters<'_>) -> Option<Name> {
    let given = Some(parameters.text(&table::NAME)).filter(|name| !name.is_empty())?;
    match Name::try_from(given) {
        Ok(name) => Some(name),
        Err(source) => {
            parameters.problems.push(Error::Name { source });
            None
        }
    }
}

/// How to get to another node, once that is something that can be handed to xl.
fn transport(parameters: &mut Parameters<'_>) -> String {
    let given = parameters.text(&table::MIGRATION_TRANSPORT);
    match xl::check(&address("n", &given)) {
        Ok(()) => given,
        Err(source) => {
            parameters.problems.push(Error::Transport { source });
            DEFAULT_TRANSPORT.to_owned()
        }
    }
}

fn address(host: &str, transport: &str) -> String {
    match transport {
        DEFAULT_TRANSPORT => format!("xl://{host}/"),
        other => format!("xl://{host}/?transport={other}"),
    }
}

fn sharing(parameters: &mut Parameters<'_>) -> Option<Sharing> {
    let reserved = parameters.get(&table::RESERVED_DOM0_MEMORY).unwrap_or_default();
    parameters.get(&table::ALLOW_MEM_MANAGEMENT)?.then(|| Sharing::new(reserved))
}

fn settings(parameters: &mut Parameters<'_>) -> Settings {
    let acpi = parameters.get(&table::SHUTDOWN_ACPI).unwrap_or_default();
    let time = parameters.get(&table::SHUTDOWN_TIMEOUT);
    let mut attribute = |set| match parameters.get(set) {
        Some(true) => Utilization::Set,
        _ => Utilization::Leave,
    };
    let utilization = vec![
        ("cpu", Amount::Cpus, attribute(&table::AUTOSET_CPU)),
        ("hv_memory", Amount::Memory, attribute(&table::AUTOSET_HV_MEMORY)),
    ];
    // A guest that does not hear the one may hear the other.
    let mut modes = vec![ShutdownMode::Any, ShutdownMode::Acpi];
    if acpi {
        modes.reverse();
    }
    Settings {
        key: Key {
            config: parameters.get(&table::XMFILE).unwrap_or_default(),
            uri: HERE.to_owned(),
            name: name(parameters),
        },
        shutdown_modes: modes,
        shutdown_time: time.filter(|time| *time > 0).map(Duration::from_secs),
        force_stop: time == Some(0),
        snapshot: None,
        rescues: parameters.get(&MIGRATION_STATE_PATH),
        migration_priority: parameters.migration_priority(),
        services: parameters.services(),
        monitor_scripts: parameters.get(&MONITOR_SCRIPTS).unwrap_or_default(),
        recipe: parameters.get(&RECIPE),
        on_io_error: OnIoError::default(),
        policy: parameters.policy(),
        ladder: parameters.get(&RECOVERY_LADDER).unwrap_or_default(),
        utilization,
    }
}

impl Config {
    /// The address of another node's toolstack.
    pub fn address(&self, host: &str) -> String {
        address(host, &self.migration_transport)
    }
}

impl Resource for Config {
    const AGENT: &'static Agent = &table::AGENT;

    /// xendomains, when it is stopped, saves or shuts down every guest that runs, ours too.
    const ORDERING: Ordering = Ordering {
        name: "99-hawser-xen.conf",
        after: &[
            "xen.service xendomains.service",
            "xenstored.service xenconsoled.service xen-init-dom0.service",
            "xen-qemu-dom0-disk-backend.service xendriverdomain.service",
        ],
        wants: &[],
    };

    type Error = Error;

    fn key(request: &Request) -> Option<Key> {
        let config = table::XMFILE.get(request).ok()??;
        let name = match table::NAME.get(request).ok()?.filter(|name| !name.is_empty()) {
            Some(name) => Some(Name::try_from(name).ok()?),
            None => None,
        };
        Some(Key { config, uri: HERE.to_owned(), name })
    }

    fn read(reader: &mut Parameters<'_>) -> Self {
        Self {
            settings: settings(reader),
            resource: agent::resource_name(reader.request),
            migration_transport: transport(reader),
            migration_network_suffix: reader.text(&MIGRATION_NETWORK_SUFFIX),
            node_ip_attribute: reader.text(&table::NODE_IP_ATTRIBUTE),
            sharing: sharing(reader),
        }
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    fn definition(&self, text: &str) -> hypervisor::Result<Definition> {
        let key = &self.settings.key;
        Definition::from_xl(text, &key.config, key.name.as_ref(), &self.resource)
    }

    fn order(instance: &Instance<'_, Self>, node: &str) -> Result<Order<'static>, Error> {
        Ok(migration::order(instance, node))
    }

    /// What is not there is named, and may be on another node. What cannot be told xl will say.
    fn prepare(instance: &Instance<'_, Self>, definition: &Definition) -> Result<(), Error> {
        if let Some(sharing) = &instance.config.sharing {
            let wanted = definition.xl().map_or(0, |config| config.footprint);
            sharing.take(&instance.request.state_directory(), wanted, instance.by);
        }
        match instance.hypervisor.admit(definition, instance.by) {
            Err(source @ hypervisor::Error::NotAdmitted { .. }) => {
                Err(Error::NotAdmitted { source })
            }
            _ => Ok(()),
        }
    }

    fn changed(instance: &Instance<'_, Self>) {
        if let Some(sharing) = &instance.config.sharing {
            sharing.give(&instance.request.state_directory(), instance.by);
        }
    }
}
