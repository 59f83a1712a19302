use super::session::Session;
use super::{options, refused};
use crate::Deadline;
use crate::error::{Error, Result};
use crate::identity::Name;
use crate::migration::{Migration, Part, Progress, Transfer};
use std::time::Duration;
use virt::domain::{Domain, JobStats, MigrateParameters};
use virt::error::Error as VirtError;
use virt::sys;

const WHAT: &str = "migrate the guest";

/// The highest speed that libvirt takes, in MiB/s (`QEMU_DOMAIN_MIG_BANDWIDTH_MAX`).
pub const UNLIMITED: u64 = 8_796_093_022_207;

/// Migrates peer to peer: the source's daemon talks to the target's, so that nothing depends on this
/// process, which may be killed, being there at the end.
///
/// The call has a connection of its own. On one that others share some of their calls, and with them an
/// order to abort, were seen to be answered only when the migration had ended.
pub fn begin(
    session: &Session,
    guest: &Name,
    migration: &Migration,
    by: Deadline,
) -> Result<Transfer> {
    let (parameters, flags) = (parameters(session, migration)?, flags(session, migration));
    let (name, migration) = (guest.clone(), migration.clone());
    let session = Session::new(session.uri());
    let connect = session.open(by)?;
    let migrate = move || {
        // It is closed when the migration has ended.
        let _session = session;
        let destination = Some(migration.destination.as_str());
        connect
            .lookup_domain_by_name(name.as_str())
            .and_then(|domain| domain.migrate_to_uri3(destination, parameters, flags))
            .map_err(|error| explained(&error, &migration))
    };
    Transfer::begin(migrate)
        .map_err(|error| Error::Refused { what: WHAT, words: error.to_string() })
}

/// libvirt's refusal with what it leaves out: whose certificates QEMU means, and what is to be done about
/// disks that are not on the target.
fn explained(error: &VirtError, migration: &Migration) -> Error {
    let (words, options) = (error.message().to_owned(), &migration.options);
    let of_tls = ["TLS", "certificate", "credentials"];
    if options.has("tls") && of_tls.iter().any(|it| words.contains(it)) {
        let named = options.value("tls-destination").or(migration.stream.as_deref());
        let target = named.unwrap_or(&migration.destination).to_owned();
        Error::Certificate { words, target }
    } else if options.copies_storage() && words.contains("no storage pool with matching target") {
        Error::NoImage { words }
    } else {
        refused(WHAT, error)
    }
}

fn parameters(session: &Session, migration: &Migration) -> Result<MigrateParameters> {
    let mut parameters = options::parameters(&migration.options)
        .map_err(|error| Error::Option { option: error.to_string() })?;
    // Through a tunnel there is no other address, and libvirt refuses one.
    let stream = migration.stream.clone().filter(|_| !migration.options.is_tunnelled());
    parameters.uri = stream.or(parameters.uri);
    parameters.bandwidth = migration.bandwidth.or(parameters.bandwidth);
    // Without one QEMU's driver takes what an earlier migration was limited to. Others refuse it.
    if session.is_qemu() {
        parameters.bandwidth.get_or_insert(UNLIMITED);
    }
    if let Some(streams) = migration.streams.and_then(|it| i32::try_from(it).ok()) {
        parameters.parallel_connections.get_or_insert(streams);
    }
    parameters.dest_xml = migration.options.document("xml")?;
    parameters.persist_xml = migration.options.document("persistent-xml")?;
    Ok(parameters)
}

fn flags(session: &Session, migration: &Migration) -> u32 {
    let asked =
        sys::VIR_MIGRATE_LIVE | sys::VIR_MIGRATE_PEER2PEER | options::flags(&migration.options);
    // Other drivers have none of what helps a migration along, and refuse flags that they do not know.
    if !session.is_qemu() {
        return asked;
    }
    let helps = [
        (migration.throttle, sys::VIR_MIGRATE_AUTO_CONVERGE),
        (migration.postcopy, sys::VIR_MIGRATE_POSTCOPY),
        (migration.resume, sys::VIR_MIGRATE_POSTCOPY_RESUME),
        (migration.streams.is_some(), sys::VIR_MIGRATE_PARALLEL),
    ];
    helps.iter().filter(|(wanted, _)| *wanted).fold(asked, |flags, (_, flag)| flags | flag)
}

/// What libvirt tells of the migration with which the domain leaves.
pub fn progress(domain: &Domain) -> std::result::Result<Option<Progress>, VirtError> {
    found(domain, 0, sys::VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT)
}

/// What libvirt tells of the one with which it came, which it keeps for others that ask.
pub fn arrival(domain: &Domain) -> std::result::Result<Option<Progress>, VirtError> {
    let flags = sys::VIR_DOMAIN_JOB_STATS_COMPLETED | sys::VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED;
    found(domain, flags, sys::VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN)
}

fn found(
    domain: &Domain,
    flags: u32,
    operation: u32,
) -> std::result::Result<Option<Progress>, VirtError> {
    let stats = domain.job_stats(flags)?;
    let is_one = stats.operation.and_then(|it| u32::try_from(it).ok()) == Some(operation);
    Ok((is_one && stats.r#type != sys::VIR_DOMAIN_JOB_NONE as i32).then(|| read(&stats)))
}

fn read(stats: &JobStats) -> Progress {
    let part =
        |total: Option<u64>, sent: Option<u64>, remaining: Option<u64>, rate: Option<u64>| Part {
            total: total.unwrap_or_default(),
            sent: sent.unwrap_or_default(),
            remaining: remaining.unwrap_or_default(),
            rate: rate.unwrap_or_default(),
        };
    let millis = |it: u64| Duration::from_millis(it);
    // In pages per second.
    let dirtied = stats.mem_dirty_rate.unwrap_or_default();
    Progress {
        memory: part(stats.mem_total, stats.mem_processed, stats.mem_remaining, stats.mem_bps),
        storage: part(stats.disk_total, stats.disk_processed, stats.disk_remaining, stats.disk_bps),
        pass: stats.mem_iteration.unwrap_or_default(),
        dirty_rate: dirtied.saturating_mul(stats.mem_page_size.unwrap_or_default()),
        throttle: stats.auto_converge_throttle.and_then(|it| u8::try_from(it).ok()).unwrap_or(0),
        downtime: stats.downtime.map(millis),
        elapsed: stats.time_elapsed.map(millis).unwrap_or_default(),
    }
}
