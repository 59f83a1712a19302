//! migrate_to and migrate_from.

use crate::address::Target;
use crate::error::Error;
use crate::instance::Instance;
use crate::{memory, monitor, ordering, security};
use guest::{Ending, Entry, Force, History, Journey, Link, Order, Rank};
use hypervisor::{Migration, Options};
use ocf::Answer;
use std::time::{Duration, SystemTime};

/// How long writing the history down may take.
const HISTORY_SLICE: Duration = Duration::from_secs(1);

pub fn migrate_to(instance: &mut Instance) -> Result<Answer, Error> {
    let target = instance.request.migrate_target().ok_or(Error::NoTarget)?.to_owned();
    let result = leave(instance, &target);
    match &result {
        Ok(()) => instance.forget(),
        Err(error) => memory::note_failure(instance, &target, error),
    }
    result.map(|()| Answer::Success)
}

fn leave(instance: &Instance, target: &str) -> Result<(), Error> {
    let link = Link::new(instance.request.state_directory().join("hawser-migrations"));
    let order = order(instance, target, &link)?;
    let name = &instance.identity.name;
    instance.save_config();
    if instance.config.start_resources {
        start_resources_there(instance, &order.migration)?;
    }
    ocf::log::info(format_args!("migrating guest {name} to {}", order.migration.destination));
    let (time, mut journey) = (SystemTime::now(), Journey::default());
    let result = instance.guest().migrate_to(&order, &mut journey);
    let nodes = (instance.request.node().unwrap_or_default(), target);
    let (ending, reason) = match &result {
        Ok(()) => (Ending::Migrated, None),
        Err(error) if error.leaves_the_guest() => (Ending::Stayed, Some(ocf::reason(error))),
        Err(error) => (Ending::Unknown, Some(ocf::reason(error))),
    };
    keep(instance, &Entry::new(name.as_str(), nodes, time, &journey).ended(ending, reason));
    Ok(result?)
}

/// What is wanted of the migration, by the parameters.
fn order<'a>(instance: &Instance, node: &str, link: &'a Link) -> Result<Order<'a>, Error> {
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
    let size = instance.observe()?.0.sight.map_or(0, |sight| sight.memory);
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
        link: Some((link, Rank { priority: instance.request.priority(), size })),
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

/// Keeps how a migration went: in the history, and in the log with a field for each figure.
fn keep(instance: &Instance, entry: &Entry) {
    let history = History::new(instance.request.library_directory().join("migrations/history.jsonl"));
    let by = instance.by.slice(HISTORY_SLICE);
    let (kept, added) = (history.clone(), entry.clone());
    if let Some(Err(error)) = by.bound(move || kept.add(&added)) {
        ocf::log::warn(format_args!("cannot keep how the migration went: {error}"));
    }
    ocf::log::event(entry, &entry.fields());
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
