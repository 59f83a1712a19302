use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// Ways in which a guest cannot be measured or told something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such network namespace.
    #[error("no network namespace {}: is the node running?", path.display())]
    NoNamespace {
        /// The namespace's file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The network namespace cannot be entered.
    #[error("cannot enter the network namespace: this needs root")]
    Enter {
        /// What the kernel said.
        source: nix::Error,
    },
    /// No socket could be made.
    #[error("cannot make a socket to probe {address}")]
    Socket {
        /// The guest.
        address: Ipv4Addr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The guest's control port did not answer.
    #[error(
        "guest {address} does not answer on its control port: is it running and reachable from here?"
    )]
    Control {
        /// The guest.
        address: Ipv4Addr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The guest did not do what it was told.
    #[error("guest {address} refused {command:?}: {reason}")]
    Refused {
        /// The guest.
        address: Ipv4Addr,
        /// What it was told.
        command: String,
        /// What it answered.
        reason: String,
    },
    /// The guest answered with no status.
    #[error("guest {address} sent no status")]
    Status {
        /// The guest.
        address: Ipv4Addr,
        /// What is wrong with it.
        source: lab_guest::BadStatus,
    },
}
