use super::session::Session;
use super::{options, refused};
use crate::error::{Error, Result};
use crate::identity::Name;
use crate::migration::{Migration, Part, Progress, Transfer};
use crate::{Deadline, Hypervisor};
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;
use virt::domain::{Domain, JobStats, MigrateParameters};
use virt::error::Error as VirtError;
use virt::sys;

const WHAT: &str = "migrate the guest";

/// The last of the ports that libvirt takes for the memory of guests that come in
/// (`migration_port_max` in qemu.conf). It takes the lowest that is free, so nobody listens at this one.
const LAST_PORT: u16 = 49215;

/// How long a host that is there takes to answer, at most.
const KNOCK_SLICE: Duration = Duration::from_secs(2);

/// Migrates peer to peer: the source's daemon talks to the target's, so that nothing depends on this
/// process, which may be killed, being there at the end.
pub fn begin(
    session: &Session,
    guest: &Name,
    migration: &Migration,
    by: Deadline,
) -> Result<Transfer> {
    let (parameters, flags) = (parameters(migration)?, flags(session, migration));
    let connect = session.open(by)?;
    let (name, destination) = (guest.clone(), migration.destination.clone());
    let migrate = move || {
        connect
            .lookup_domain_by_name(name.as_str())
            .and_then(|domain| domain.migrate_to_uri3(Some(&destination), parameters, flags))
            .map_err(|error| refused(WHAT, &error))
    };
    Transfer::begin(migrate)
        .map_err(|error| Error::Refused { what: WHAT, words: error.to_string() })
}

fn parameters(migration: &Migration) -> Result<MigrateParameters> {
    let mut parameters = options::parameters(&migration.options)
        .map_err(|_| Error::Option { option: format!("{:?}", migration.options.values) })?;
    parameters.uri = migration.stream.clone().or(parameters.uri);
    parameters.bandwidth = migration.bandwidth.or(parameters.bandwidth);
    if let Some(streams) = migration.streams.and_then(|it| i32::try_from(it).ok()) {
        parameters.parallel_connections.get_or_insert(streams);
    }
    let file = |name| migration.options.value(name).map(options::document).transpose();
    (parameters.dest_xml, parameters.persist_xml) = (file("xml")?, file("persistent-xml")?);
    Ok(parameters)
}

fn flags(session: &Session, migration: &Migration) -> u32 {
    let asked =
        sys::VIR_MIGRATE_LIVE | sys::VIR_MIGRATE_PEER2PEER | options::flags(&migration.options);
    // Other drivers have none of what helps a migration along, and refuse flags that they do not know.
    if !session.uri().starts_with("qemu") {
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

/// What libvirt tells of the migration that goes on, or of the one with which the domain came here.
pub fn progress(domain: &Domain) -> std::result::Result<Option<Progress>, VirtError> {
    let now = domain.job_stats(0)?;
    if migrates(&now) {
        return Ok(Some(read(&now)));
    }
    let done = domain.job_stats(sys::VIR_DOMAIN_JOB_STATS_COMPLETED)?;
    Ok(migrates(&done).then(|| read(&done)))
}

fn migrates(stats: &JobStats) -> bool {
    let operation = stats.operation.and_then(|it| u32::try_from(it).ok());
    let migration = matches!(
        operation,
        Some(
            sys::VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT
                | sys::VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN
        )
    );
    migration && stats.r#type != sys::VIR_DOMAIN_JOB_NONE as i32
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

/// Knocks at the target's migration ports. A host that is there says at once that nobody listens; one
/// behind a filter that drops the packets says nothing, and QEMU would wait for minutes.
///
/// A port where somebody may listen must not be knocked at: QEMU takes the first connection for its
/// guest's memory, and the guest that is coming in there would be lost. So of a port that was given
/// only the host's name is looked up.
pub fn reach(target: &dyn Hypervisor, migration: &Migration, by: Deadline) -> Result<()> {
    // Through the daemons' own connection the memory needs no other.
    if migration.options.has("tunnelled") {
        return Ok(());
    }
    let given = migration.stream.as_deref().or(migration.options.value("migrateuri"));
    let (host, port) = match given.map(address) {
        Some(Some(there)) => there,
        // A transport that this knows nothing of, such as rdma or unix.
        Some(None) => return Ok(()),
        None => (target.host_name(by)?, None),
    };
    let item = format!("the way to {host}, port {}", port.unwrap_or(LAST_PORT));
    let slice = by.slice(KNOCK_SLICE);
    let words = match slice.bound(move || knock(&host, port, slice)) {
        Some(Ok(())) => return Ok(()),
        Some(Err(error)) => error.to_string(),
        None => "its name is not resolved in time".to_owned(),
    };
    Err(Error::NotAdmitted { item, words })
}

/// Host and port of a `tcp://host[:port]` URI or of the bare `tcp:host` that old libvirts had.
fn address(uri: &str) -> Option<(String, Option<u16>)> {
    let rest = uri.strip_prefix("tcp:")?;
    let authority = rest.trim_start_matches('/').split('/').next()?;
    let bare = |host: &str| host.trim_matches(['[', ']']).to_owned();
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && !port.ends_with(']') => {
            Some((bare(host), Some(port.parse().ok()?)))
        }
        _ => Some((bare(authority), None)),
    }
}

fn knock(host: &str, given: Option<u16>, by: Deadline) -> io::Result<()> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in (host, given.unwrap_or(LAST_PORT)).to_socket_addrs()? {
        if given.is_some() {
            return Ok(());
        }
        // No time at all is an error of its own.
        let time = by.remaining().max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&address, time) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_stream_is_found() {
        for (uri, expected) in [
            ("tcp://n2-mig", Some(("n2-mig", None))),
            ("tcp://n2-mig:49160", Some(("n2-mig", Some(49160)))),
            ("tcp:n2", Some(("n2", None))),
            ("tcp://[fd00::2]:49160", Some(("fd00::2", Some(49160)))),
            ("tcp://[fd00::2]", Some(("fd00::2", None))),
            ("tcp://n2:x", None),
            ("rdma://n2", None),
            ("unix:///run/x", None),
        ] {
            let expected = expected.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(address(uri), expected, "{uri}");
        }
    }
}
