//! migrate_to and migrate_from.

use crate::address::Target;
use crate::error::Error;
use crate::instance::Instance;
use crate::{monitor, ordering};
use hypervisor::Migration;
use ocf::Answer;

pub fn migrate_to(instance: &Instance) -> Result<Answer, Error> {
    let target = instance.request.migrate_target().ok_or(Error::NoTarget)?;
    let migration = plan(instance, target)?;
    let name = &instance.identity.name;
    instance.save_config();
    if instance.config.start_resources {
        start_resources_there(instance, &migration)?;
    }
    ocf::log::info(format_args!("migrating guest {name} to {}", migration.destination));
    instance.guest().migrate_to(&migration)?;
    ocf::log::info(format_args!("guest {name} migrated to {target}"));
    instance.forget();
    Ok(Answer::Success)
}

fn plan(instance: &Instance, node: &str) -> Result<Migration, Error> {
    let config = &instance.config;
    let options = match &config.migrate_options {
        Ok(options) => options.clone(),
        // Here this concerns one migration and not the guest's whole life: code 1 and not 6.
        Err(error) => return Err(Error::UnsafeMigration { source: error.clone() }),
    };
    let inline = options.values.iter().find(|(name, _)| *name == "migrateuri");
    let inline = inline.map_or("", |(_, uri)| uri);
    let migrateuri = if config.migrateuri.is_empty() { inline } else { config.migrateuri.as_str() };
    let target =
        Target { node, suffix: &config.migration_network_suffix, user: &config.migration_user };
    let limit = |value: u64| Some(value).filter(|value| *value > 0);
    Ok(Migration {
        destination: target.daemon(
            &instance.uri,
            &config.migration_transport,
            &config.remoteuri,
        )?,
        stream: target.stream(&instance.uri, config.migrateport, migrateuri),
        bandwidth: limit(config.migration_speed),
        downtime: limit(config.migration_downtime),
        options,
    })
}

fn start_resources_there(instance: &Instance, migration: &Migration) -> Result<(), Error> {
    let definition = instance.definition()?;
    instance
        .hypervisor
        .remote(&migration.destination, instance.by)
        .and_then(|there| there.start_resources(&definition, instance.by))
        .map_err(|source| {
            guest::Error::Hypervisor { guest: instance.identity.name.clone(), source }.into()
        })
}

pub fn migrate_from(instance: &Instance) -> Result<Answer, Error> {
    ordering::arrange(instance.by);
    instance.guest().migrate_from()?;
    let (seen, stamp) = instance.observe()?;
    instance.remember(&seen, stamp);
    instance.save_config();
    monitor::scripts_succeed(instance)?;
    let source = instance.request.migrate_source().unwrap_or("an unknown node");
    ocf::log::info(format_args!("guest {} arrived from {source}", instance.identity.name));
    Ok(Answer::Success)
}
