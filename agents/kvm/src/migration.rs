//! migrate_to and migrate_from.

use crate::address::Target;
use crate::error::Error;
use crate::instance::Instance;
use crate::{memory, monitor, ordering, security};
use guest::{Ending, Entry, Force, History, Journey, Link, Order, Rank};
use hypervisor::{Deadline, Migration, Options};
use ocf::Answer;
use std::time::{Duration, SystemTime};

/// How long writing the history down may take.
const HISTORY_SLICE: Duration = Duration::from_millis(300);

/// How long starting the guest's pools and networks on the target may take.
const RESOURCES_SLICE: Duration = Duration::from_secs(10);

pub fn migrate_to(instance: &mut Instance) -> Result<Answer, Error> {
    let target = instance.request.migrate_target().ok_or(Error::NoTarget)?.to_owned();
    let link = Link::new(instance.request.state_directory().join("hawser-migrations"));
    let order = order(instance, &target, &link)?;
    instance.save_config();
    if instance.config.start_resources {
        start_resources_there(instance, &order.migration);
    }
    let name = instance.identity.name.clone();
    ocf::log::info(format_args!("migrating guest {name} to {}", order.migration.destination));
    let (time, mut journey) = (SystemTime::now(), Journey::default());
    let result = instance.guest().migrate_to(&order, &mut journey);
    let (ending, reason) = match &result {
        Ok(()) => (Ending::Migrated, None),
        Err(error) if journey.stayed => (Ending::Stayed, Some(ocf::reason(error))),
        Err(error) => (Ending::Unknown, Some(ocf::reason(error))),
    };
    let nodes = (instance.request.node().unwrap_or_default(), &*target);
    keep(instance, &Entry::new(name.as_str(), nodes, time, &journey).ended(ending, reason));
    if ending == Ending::Migrated {
        instance.forget();
    } else {
        // If a copy may have run on the target, or its disks are others, the memory here does not fit.
        let alone = ending == Ending::Stayed && !order.migration.options.copies_storage();
        memory::note_failure(instance, Some(&*target).filter(|_| alone));
    }
    Ok(result.map(|()| Answer::Success)?)
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
        link: Some((link, Rank { priority: config.migration_priority, size })),
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
    let history =
        History::new(instance.request.library_directory().join("migrations/history.jsonl"));
    let added = entry.clone();
    // The action's own deadline may have passed; that of the manager has a reserve for this.
    match Deadline::after(HISTORY_SLICE).bound(move || history.add(&added)) {
        Some(Ok(())) => {}
        Some(Err(error)) => {
            ocf::log::warn(format_args!("cannot keep how the migration went: {error}"));
        }
        None => ocf::log::warn("cannot keep how the migration went: the disk is too slow"),
    }
    ocf::log::event(entry, &entry.fields());
}

/// What cannot be started there is named by the migration itself, if the guest needs it.
fn start_resources_there(instance: &Instance, migration: &Migration) {
    let (by, host) = (instance.by.slice(RESOURCES_SLICE), &instance.hypervisor);
    let started = host.live_definition(&instance.identity.name, by).and_then(|definition| {
        host.remote(&migration.destination, by)?.start_resources(&definition, by)
    });
    if let Err(error) = started {
        ocf::log::warn(format_args!("{error}; going on without"));
    }
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
