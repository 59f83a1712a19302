//! Whether a guest's memory would get to another host, as far as that can be told without sending any.

use crate::error::{Error, Result};
use crate::migration::Migration;
use crate::{Deadline, Hypervisor};
use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// Where libvirt is told its migration ports. The nodes of a cluster are taken to be told the same.
const CONFIGURATION: &str = "/etc/libvirt/qemu.conf";

/// The ports that it takes unless it is told others.
const PORTS: RangeInclusive<u16> = 49152..=49215;

/// How far from the first port it can be knocked at one: libvirt takes the lowest that is free.
const APART: u16 = 7;

/// How long finding out the host's address may take.
const RESOLVE_SLICE: Duration = Duration::from_secs(2);

/// How long a host that is there takes to answer, at most. The kernel knocks twice in that time, 1 s apart.
const KNOCK_SLICE: Duration = Duration::from_millis(1500);

/// Refuses a target whose migration ports swallow what is sent there. libvirt would connect for two
/// minutes, and neither let the guest go nor be aborted meanwhile. Whatever else is wrong with the way
/// (a name that is not resolved, a port that is closed) libvirt says at once, and of the port that is
/// really used; so it is left to it.
///
/// A port where somebody may listen must not be knocked at: QEMU takes the first connection for its
/// guest's memory, and the guest that is coming in there would be lost. So a port that was given is not,
/// and of the others the last one and, if that is silent, since a firewall may let only the first ones
/// through, one near the beginning.
pub fn reach(target: &dyn Hypervisor, migration: &Migration, by: Deadline) -> Result<()> {
    // Through the daemons' own connection the memory needs no other.
    if migration.options.is_tunnelled() {
        return Ok(());
    }
    let configuration = Configuration::read(&fs::read_to_string(CONFIGURATION).unwrap_or_default());
    let given = migration.stream.as_deref().or(migration.options.value("migrateuri"));
    let host = match given {
        Some(uri) => portless(uri),
        None if configuration.names_host => None,
        None => Some(target.host_name(by)?),
    };
    let Some(host) = host else { return Ok(()) };
    let ports = configuration.ports;
    let doors = [*ports.end(), ports.start().saturating_add(APART).min(*ports.end())];
    let name = host.clone();
    let resolve = move || doors.map(|port| (name.as_str(), port).to_socket_addrs());
    let Some([Ok(last), Ok(first)]) = by.slice(RESOLVE_SLICE).bound(resolve) else { return Ok(()) };
    // Without the time to wait for an answer there is nothing to be told.
    if by.remaining() < 2 * KNOCK_SLICE || answers(last) || answers(first) {
        return Ok(());
    }
    Err(Error::NotAdmitted {
        item: format!("the way to {host}, TCP ports {} to {}", ports.start(), ports.end()),
        words:
            "nothing answers there, not even that the port is closed; a firewall drops the packets"
                .to_owned(),
    })
}

/// Whether something answers at one of the doors, be it a refusal. All are knocked at at once.
fn answers(doors: impl Iterator<Item = SocketAddr>) -> bool {
    let (sender, answers) = channel();
    for door in doors {
        let sender = sender.clone();
        let knock = move || {
            let knocked = TcpStream::connect_timeout(&door, KNOCK_SLICE);
            let answered = knocked.err().is_none_or(|error| error.kind() != ErrorKind::TimedOut);
            // Nobody is there any more when another has answered.
            let _ = sender.send(answered);
        };
        if thread::Builder::new().spawn(knock).is_err() {
            return true;
        }
    }
    drop(sender);
    answers.iter().any(|answered| answered)
}

/// What qemu.conf says of migrations.
#[derive(Debug, PartialEq, Eq)]
struct Configuration {
    ports: RangeInclusive<u16>,
    /// Whether hosts have a name of their own for migrations; the target's is not known here.
    names_host: bool,
}

impl Configuration {
    fn read(text: &str) -> Self {
        let setting = |name: &str| {
            let lines = text.lines().filter_map(|line| line.split_once('='));
            lines.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim()).next_back()
        };
        let port = |name| setting(name).and_then(|it| it.trim_matches('"').parse().ok());
        let first = port("migration_port_min").unwrap_or(*PORTS.start());
        let last = port("migration_port_max").unwrap_or(*PORTS.end());
        Self { ports: first..=last, names_host: setting("migration_host").is_some() }
    }
}

/// The host of a `tcp://host` URI, or of the bare `tcp:host` that old libvirts had, that gives no port.
/// Of another transport, such as rdma or unix, nothing is known here.
fn portless(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix("tcp:")?;
    let authority = rest.trim_start_matches('/').split(['/', '?']).next()?;
    let bare = authority.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    if bare.is_none() && authority.contains(':') {
        return None;
    }
    Some(bare.unwrap_or(authority).to_owned()).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_without_a_port_is_knocked_at() {
        for (uri, expected) in [
            ("tcp://n2-mig", Some("n2-mig")),
            ("tcp:n2", Some("n2")),
            ("tcp://[fd00::2]", Some("fd00::2")),
            ("tcp://n2/?x=y:1", Some("n2")),
            ("tcp://n2-mig:49160", None),
            ("tcp://[fd00::2]:49160", None),
            ("tcp://", None),
            ("rdma://n2", None),
            ("unix:///run/x", None),
        ] {
            assert_eq!(portless(uri).as_deref(), expected, "{uri}");
        }
    }

    #[test]
    fn the_ports_are_those_that_libvirt_is_told() {
        let read = |text| {
            let Configuration { ports, names_host } = Configuration::read(text);
            (*ports.start(), *ports.end(), names_host)
        };
        assert_eq!(
            read("#migration_port_min = 1\n# migration_host = \"x\"\n"),
            (49152, 49215, false)
        );
        assert_eq!(
            read("migration_port_min=50000\nmigration_port_max = 50099\n"),
            (50000, 50099, false)
        );
        assert_eq!(read(" migration_host = \"n1-mig\"\n"), (49152, 49215, true));
    }

    #[test]
    fn a_door_that_is_closed_answers() {
        let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        assert!(answers([closed].into_iter()));
    }
}
