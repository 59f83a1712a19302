//! `ocf:hawser:kvm`: a libvirt guest as a cluster resource.
//!
//! Two programs share this library. [`front`] is what Pacemaker calls: it is not linked to libvirt,
//! whose relocation alone costs 10 ms, and answers meta-data and the plain recurring monitor by
//! itself. Only good news may be that fast: everything else, and every doubt, it hands to [`full`].
//! When that program cannot do its work (it is missing, libvirt.so is, it dies), the front does the
//! action itself with what the node shows of the guest: enough for a true monitor and for a stop.
//!
//! The agent is two tables (`table`) and a mapping from its parameters (`config`) to what the
//! [`agent`] crate does; `error` says which OCF code each failure is.

mod address;
mod config;
mod error;
mod front;
mod migration;
mod overlay;
mod saving;
mod security;
mod table;

pub use table::AGENT;

use config::Config;
use std::process::ExitCode;

/// The agent as Pacemaker calls it.
#[must_use]
pub fn front() -> ExitCode {
    ocf::main(&AGENT, front::perform)
}

/// The agent with libvirt.
#[must_use]
pub fn full() -> ExitCode {
    ocf::main(&AGENT, |request| agent::perform::<Config>(request, &hypervisor::open::libvirt))
}
