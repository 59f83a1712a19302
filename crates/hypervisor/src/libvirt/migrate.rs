use super::session::Session;
use super::{Libvirt, ffi, options};
use crate::error::{Error, Result};
use crate::identity::Name;
use crate::migration::Migration;
use crate::{Deadline, Hypervisor};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use virt::sys;

const WHAT: &str = "migrate the guest";

/// What a migration that is late gets for being aborted, at most.
const ABORT_RESERVE: Duration = Duration::from_secs(5);

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

    let patience = by.less(ABORT_RESERVE.min(by.remaining() / 4));

    if let Some(downtime) = migration.downtime {
        session.ask_domain("set the longest downtime", guest, by, move |domain| {
            domain.migrate_set_max_downtime(downtime, 0).map(drop)
        })?;
    }

    let connect = session.open(by)?;
    let (name, destination) = (guest.clone(), migration.destination.clone());
    let (sender, answer) = mpsc::channel();
    thread::spawn(move || {
        let migrated = connect
            .lookup_domain_by_name(name.as_str())
            .and_then(|domain| domain.migrate_to_uri3(Some(&destination), parameters, flags));
        sender.send(migrated)
    });

    let mut result = Err(RecvTimeoutError::Timeout);
    if let Some(seconds) = options::timeout(&migration.options).map_err(wrong)? {
        let converging = patience.slice(Duration::from_secs(seconds));
        result = answer.recv_timeout(converging.remaining());
        if result.is_err() {
            force(session, guest, migration, by)?;
        }
    }
    if result.is_err() {
        result = answer.recv_timeout(patience.remaining());
    }
    if result.is_err() {
        libvirt.abort_job(guest, by)?;
        result = answer.recv_timeout(by.remaining().min(Duration::from_secs(1)));
    }
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(super::refused(WHAT, &error)),
        Err(_) => Err(Error::Refused {
            what: WHAT,
            words: "it had not ended when the time for it was up, and was aborted".to_owned(),
        }),
    }
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
