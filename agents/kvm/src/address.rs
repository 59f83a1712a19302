//! Where a guest migrates to: the URIs that VirtualDomain's parameters describe.

use crate::error::Error;
use std::fmt;

/// A libvirt connection URI, as far as a migration changes it:
/// `driver[+transport]://[user@][host][:port]/path`.
struct Uri<'a> {
    driver: &'a str,
    transport: Option<&'a str>,
    port: Option<&'a str>,
    path: &'a str,
}

impl<'a> Uri<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (driver, transport) = match scheme.split_once('+') {
            Some((driver, transport)) => (driver, Some(transport)),
            None => (scheme, None),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let port = authority.rsplit_once(':').map(|(_, port)| port);
        Some(Self { driver, transport, port: port.filter(|it| !it.ends_with(']')), path })
    }
}

/// Who and where the target is.
pub struct Target<'a> {
    /// The cluster's name of the target node.
    pub node: &'a str,
    /// What is appended to it on the migration network.
    pub suffix: &'a str,
    /// The user at the target's daemon.
    pub user: &'a str,
}

impl Target<'_> {
    /// The target's name on the migration network.
    fn host(&self) -> String {
        agent::on_network(self.node, self.suffix)
    }

    /// The URI of the target's daemon: the one of the source's, with another host.
    pub fn daemon(&self, hypervisor: &str, transport: &str, given: &str) -> Result<String, Error> {
        if !given.is_empty() {
            return Ok(given.replace("%n", self.node));
        }
        let uri = Uri::parse(hypervisor)
            .ok_or_else(|| Error::HypervisorUri { found: hypervisor.to_owned() })?;
        let transport = if transport.is_empty() { uri.transport } else { Some(transport) };
        // A socket on this node is no way to another one.
        let transport = transport.filter(|it| *it != "unix");
        // Nobody is there to answer a question, such as whether a host's key is the right one.
        let quiet = transport.filter(|it| *it == "ssh").map(|_| "no_tty=1");
        Ok(format!(
            "{}{}://{}{}{}{}{}",
            uri.driver,
            Optional("+", transport),
            if self.user.is_empty() { String::new() } else { format!("{}@", self.user) },
            self.host(),
            Optional(":", uri.port),
            uri.path,
            Optional(if uri.path.contains('?') { "&" } else { "?" }, quiet)
        ))
    }

    /// The URI for the guest's memory; `None` leaves it to the target's daemon.
    pub fn stream(&self, hypervisor: &str, port: Option<u64>, given: &str) -> Option<String> {
        if !given.is_empty() {
            return Some(given.replace("%n", &self.host()));
        }
        if self.suffix.is_empty() {
            return None;
        }
        let port = port.map(|port| port.to_string());
        match Uri::parse(hypervisor)?.driver {
            "qemu" => Some(format!("tcp://{}{}", self.host(), Optional(":", port.as_deref()))),
            "xen" => Some(self.host()),
            _ => None,
        }
    }
}

/// A part of a URI with the mark that precedes it, or nothing.
struct Optional<'a>(&'static str, Option<&'a str>);

impl fmt::Display for Optional<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(part) => write!(f, "{}{part}", self.0),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Target = Target { node: "n2.example.com", suffix: "", user: "" };
    const MIG: Target = Target { node: "n2.example.com", suffix: "-mig", user: "vm_adm" };

    #[test]
    fn the_daemon_s_uri_is_ours_with_another_host() {
        for (target, hypervisor, transport, expected) in [
            (PLAIN, "qemu:///system", "", "qemu://n2.example.com/system"),
            (PLAIN, "qemu:///system", "tcp", "qemu+tcp://n2.example.com/system"),
            (PLAIN, "qemu+unix:///system", "", "qemu://n2.example.com/system"),
            (PLAIN, "qemu+unix:///system", "ssh", "qemu+ssh://n2.example.com/system?no_tty=1"),
            (
                PLAIN,
                "qemu+tls://here:16999/system?pkipath=/x",
                "",
                "qemu+tls://n2.example.com:16999/system?pkipath=/x",
            ),
            (PLAIN, "test://here", "", "test://n2.example.com"),
            (MIG, "qemu:///system", "ssh", "qemu+ssh://vm_adm@n2-mig.example.com/system?no_tty=1"),
            (MIG, "xen:///system", "tcp", "xen+tcp://vm_adm@n2-mig.example.com/system"),
        ] {
            assert_eq!(target.daemon(hypervisor, transport, "").unwrap(), expected);
        }
        assert_eq!(
            MIG.daemon("x", "", "qemu+ssh://%n/system").unwrap(),
            "qemu+ssh://n2.example.com/system"
        );
        assert!(MIG.daemon("not a uri", "", "").is_err());
    }

    #[test]
    fn the_stream_goes_over_the_migration_network() {
        assert_eq!(PLAIN.stream("qemu:///system", Some(49152), ""), None);
        assert_eq!(MIG.stream("qemu:///system", None, "").unwrap(), "tcp://n2-mig.example.com");
        assert_eq!(
            MIG.stream("qemu:///system", Some(49152), "").unwrap(),
            "tcp://n2-mig.example.com:49152"
        );
        assert_eq!(MIG.stream("xen:///system", None, "").unwrap(), "n2-mig.example.com");
        assert_eq!(
            MIG.stream("qemu:///system", None, "rdma://%n").unwrap(),
            "rdma://n2-mig.example.com"
        );
    }
}
