use super::session::Session;
use super::{Libvirt, ffi, options};
use crate::error::{Error, Result};
use crate::identity::Name;
use crate::migration::Migration;
use crate::{Deadline, Hypervisor};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use virt::sys;

const WHAT: &str = "migrate the guest";

/// What a migration that is late gets for being aborted, at most.
const ABORT_RESERVE: Duration = Duration::from_secs(5);

/// How long an aborted migration may take to say so.
const ABORTED: Duration = Duration::from_secs(1);

/// How long a guest may stand still at the end unless the caller says otherwise, in milliseconds: a
/// short time first, which an idle guest's migration meets, ...
const SHORT_DOWNTIME: u64 = 50;

/// ... and when that has not sufficed for so long ...
const SHORT_PATIENCE: Duration = Duration::from_secs(5);

/// ... QEMU's own default. The pause that users notice is about as long as the limit, whatever the
/// guest does: libvirt lifts QEMU's bandwidth cap, so QEMU stops the guest as soon as what is left fits
/// into the limit, which for a small guest is right after the first pass.
const QEMU_DOWNTIME: u64 = 300;

/// What is done about a migration that has not ended at some moment.
#[derive(Debug, Clone, Copy)]
enum Step {
    RaiseDowntime,
    Force,
    Abort,
}

/// Migrates peer to peer: the source's daemon talks to the target's, so that nothing depends on this
/// process, which may be killed, being there at the end.
pub fn run(
    libvirt: &Libvirt,
    session: &Session,
    guest: &Name,
    migration: &Migration,
    by: Deadline,
) -> Result<()> {
    let wrong = |_| Error::Option { option: format!("{:?}", migration.options.values) };
    let mut parameters = options::parameters(&migration.options).map_err(wrong)?;
    parameters.uri = migration.stream.clone().or(parameters.uri);
    parameters.bandwidth = migration.bandwidth.or(parameters.bandwidth);
    let flags =
        sys::VIR_MIGRATE_LIVE | sys::VIR_MIGRATE_PEER2PEER | options::flags(&migration.options);
    let steps = steps(migration, options::timeout(&migration.options).map_err(wrong)?, by);

    let limited = limit(session, guest, migration.downtime.unwrap_or(SHORT_DOWNTIME), by);
    if migration.downtime.is_some() {
        limited?;
    }
    let connect = session.open(by)?;
    let (name, destination) = (guest.clone(), migration.destination.clone());
    let (sender, answer) = mpsc::channel();
    let migrate = move || {
        let migrated = connect
            .lookup_domain_by_name(name.as_str())
            .and_then(|domain| domain.migrate_to_uri3(Some(&destination), parameters, flags));
        drop(sender.send(migrated));
    };
    thread::Builder::new().spawn(migrate).map_err(|error| late(&error.to_string()))?;

    for (moment, step) in steps {
        if let Ok(ended) = answer.recv_timeout(moment.remaining()) {
            return ended.map_err(|error| super::refused(WHAT, &error));
        }
        match step {
            // Both only help it along.
            Step::RaiseDowntime => drop(limit(session, guest, QEMU_DOWNTIME, by)),
            Step::Force => drop(force(session, guest, migration, by)),
            Step::Abort => libvirt.abort_job(guest, by)?,
        }
    }
    match answer.recv_timeout(by.slice(ABORTED).remaining()) {
        Ok(ended) => ended.map_err(|error| super::refused(WHAT, &error)),
        Err(_) => Err(late("it had not ended when the time for it was up, and was aborted")),
    }
}

/// What is to be done when, the first first.
fn steps(migration: &Migration, timeout: Option<u64>, by: Deadline) -> Vec<(Deadline, Step)> {
    let end = by.less(ABORT_RESERVE.min(by.remaining() / 4));
    let mut steps = vec![(end, Step::Abort)];
    if let Some(seconds) = timeout {
        steps.push((end.slice(Duration::from_secs(seconds)), Step::Force));
    }
    if migration.downtime.is_none() {
        steps.push((end.slice(SHORT_PATIENCE), Step::RaiseDowntime));
    }
    // At the same moment, the abort comes last.
    steps.sort_by_key(|(moment, step)| (*moment, matches!(step, Step::Abort)));
    steps
}

fn limit(session: &Session, guest: &Name, downtime: u64, by: Deadline) -> Result<()> {
    session.ask_domain("set the longest downtime", guest, by, move |domain| {
        domain.migrate_set_max_downtime(downtime, 0).map(drop)
    })
}

fn late(words: &str) -> Error {
    Error::Refused { what: WHAT, words: words.to_owned() }
}

/// What the `timeout` option of virsh does with a migration that does not end: post-copy if that was
/// asked for, else the guest is paused, so that it dirties no more memory.
fn force(session: &Session, guest: &Name, migration: &Migration, by: Deadline) -> Result<()> {
    if migration.options.flags.contains(&"timeout-postcopy") {
        session.ask_domain("switch to post-copy", guest, by, ffi::start_postcopy)
    } else {
        session.ask_domain("suspend the guest", guest, by, |domain| domain.suspend().map(drop))
    }
}
