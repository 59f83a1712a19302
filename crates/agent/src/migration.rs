//! migrate_to and migrate_from.

use crate::error::Error;
use crate::instance::Instance;
use crate::{Resource, checks, memory};
use guest::{Ending, Entry, History, Journey, Link, Order};
use hypervisor::Deadline;
use ocf::Answer;
use std::time::{Duration, SystemTime};

/// How long writing the history down may take.
const HISTORY_SLICE: Duration = Duration::from_millis(300);

pub fn migrate_to<R: Resource>(instance: &mut Instance<'_, R>) -> Result<Answer, R::Error> {
    let target = instance.request.migrate_target().ok_or(Error::NoTarget)?.to_owned();
    let link = Link::new(instance.request.state_directory().join("hawser-migrations"));
    let order = R::order(instance, &target)?;
    let order = Order { link: Some((&link, instance.settings().migration_priority)), ..order };
    R::keep(instance);
    R::prepare_target(instance, &order.migration);
    let name = instance.identity.name.clone();
    ocf::log::info(format_args!("migrating guest {name} to {}", order.migration.destination));
    let (time, mut journey) = (SystemTime::now(), Journey::default());
    let destination = &order.migration.destination;
    if let Err(error) = instance.note_migration(Some(destination.clone()), None) {
        ocf::log::warn(format_args!("{error}; a stop will not know of this migration"));
    }
    let result = instance.guest().migrate_to(&order, &mut journey);
    let (ending, reason) = match &result {
        Ok(()) => (Ending::Migrated, None),
        Err(error) if journey.stayed => (Ending::Stayed, Some(ocf::reason(error))),
        Err(error) => (Ending::Unknown, Some(ocf::reason(error))),
    };
    let nodes = (instance.request.node().unwrap_or_default(), &*target);
    keep(instance, &Entry::new(name.as_str(), nodes, time, &journey).ended(ending, reason));
    let shared = !order.migration.options.copies_storage();
    if ending == Ending::Migrated {
        if shared {
            memory::depart(instance, &target);
        }
        instance.forget();
        R::changed(instance);
    } else {
        // If a copy may have run on the target, or its disks are others, the memory here does not fit.
        let alone = ending == Ending::Stayed && shared;
        let leaving = journey.pending.then(|| destination.clone());
        memory::note_failure(instance, Some(&*target).filter(|_| alone), leaving);
    }
    Ok(result.map(|()| Answer::Success).map_err(Error::from)?)
}

/// Keeps how a migration went: in the history, and in the log with a field for each figure.
fn keep<R>(instance: &Instance<'_, R>, entry: &Entry) {
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

pub fn migrate_from<R: Resource>(instance: &Instance<'_, R>) -> Result<Answer, Error> {
    R::ORDERING.arrange(instance.by);
    instance.guest().migrate_from()?;
    let (seen, stamp) = instance.observe()?;
    instance.remember(&seen, stamp);
    memory::arrive(instance);
    R::keep(instance);
    R::changed(instance);
    checks::services_are_up(instance)?;
    let source = instance.request.migrate_source().unwrap_or("an unknown node");
    ocf::log::info(format_args!("guest {} arrived from {source}", instance.identity.name));
    Ok(Answer::Success)
}
