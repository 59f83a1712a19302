//! What is wanted of a migration, and what it needs on the target.

use crate::address::Target;
use crate::config::Config;
use crate::error::Error;
use crate::security;
use agent::Instance;
use guest::{Force, Order};
use hypervisor::{Migration, Options};
use std::time::Duration;

/// How long starting the guest's pools and networks on the target may take.
const RESOURCES_SLICE: Duration = Duration::from_secs(10);

/// What is wanted of the migration, by the parameters.
pub fn order(instance: &Instance<'_, Config>, node: &str) -> Result<Order<'static>, Error> {
    let config = &instance.config;
    let secured = security::secure(config)
        .map_err(|error| Error::UnsafeMigration { source: Box::new(error) })?;
    let options = secured.options;
    let inline = options.value("migrateuri").unwrap_or_default();
    let migrateuri = if config.migrateuri.is_empty() { inline } else { config.migrateuri.as_str() };
    let target =
        Target { node, suffix: &config.migration_network_suffix, user: &config.migration_user };
    let force = force(&options);
    let stream = target.stream(&instance.uri, config.migrateport, migrateuri);
    let limit = |value: u64| Some(value).filter(|value| *value > 0);
    Ok(Order {
        migration: Migration {
            destination: target.daemon(&instance.uri, &secured.transport, &config.remoteuri)?,
            stream,
            bandwidth: limit(config.migration_speed),
            options,
            ..Migration::default()
        },
        policy: config.migration_policy,
        downtime: limit(config.migration_downtime).map(Duration::from_millis),
        force,
        link: None,
    })
}

/// What virsh does at its `--timeout`: post-copy if that is asked for, else the guest is paused.
fn force(options: &Options) -> Option<Force> {
    if options.has("postcopy-after-precopy") {
        return Some(Force::PostcopyAfterFirstPass);
    }
    let after = Duration::from_secs(options.value("timeout")?.parse().ok()?);
    let postcopy = options.has("timeout-postcopy");
    Some(if postcopy { Force::Postcopy(after) } else { Force::Pause(after) })
}

/// What cannot be started there is named by the migration itself, if the guest needs it.
pub fn start_resources_there(instance: &Instance<'_, Config>, migration: &Migration) {
    let (by, host) = (instance.by.slice(RESOURCES_SLICE), &instance.hypervisor);
    let started = host.live_definition(&instance.identity.name, by).and_then(|definition| {
        host.remote(&migration.destination, by)?.start_resources(&definition, by)
    });
    if let Err(error) = started {
        ocf::log::warn(format_args!("{error}; going on without"));
    }
}
