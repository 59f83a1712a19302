//! `ocf:hawser:kvm`: a libvirt guest as a cluster resource.
//!
//! Two programs share this library. [`front`] is what Pacemaker calls: it is not linked to libvirt,
//! whose relocation alone costs 10 ms, and answers meta-data and the plain recurring monitor by
//! itself. Only good news may be that fast: everything else, and every doubt, it hands to [`full`].
//! When that program cannot do its work (it is missing, libvirt.so is, it dies), the front does the
//! action itself with what the node shows of the guest: enough for a true monitor and for a stop.
//!
//! The agent is two tables (`table`) and a mapping from its parameters (`config`) to what the
//! [`guest`] crate can do; `error` says which OCF code each failure is.

mod address;
mod config;
mod error;
mod front;
mod instance;
mod lifecycle;
mod memory;
mod migration;
mod monitor;
mod ordering;
mod overlay;
mod parameters;
mod saving;
mod security;
mod table;
mod utilization;

pub use table::AGENT;

use error::Error;
use hypervisor::Hypervisor;
use instance::Instance;
use ocf::{Answer, Request, Verb};
use std::process::ExitCode;

/// The agent as Pacemaker calls it.
#[must_use]
pub fn front() -> ExitCode {
    ocf::main(&AGENT, front::perform)
}

/// The agent with libvirt.
#[must_use]
pub fn full() -> ExitCode {
    ocf::main(&AGENT, |request| perform(request, &hypervisor::open))
}

/// Does an action with the hypervisor that `open` gives for a connection URI.
fn perform(request: &Request, open: &dyn Fn(&str) -> Box<dyn Hypervisor>) -> Result<Answer, Error> {
    match request.verb() {
        Verb::Start => lifecycle::start(request, open),
        Verb::Stop => lifecycle::stop(Instance::lenient(request, open)),
        Verb::Monitor | Verb::Status => monitor::monitor(&Instance::lenient(request, open)),
        Verb::MigrateTo => migration::migrate_to(&mut Instance::lenient(request, open)),
        Verb::MigrateFrom => migration::migrate_from(&Instance::lenient(request, open)),
        Verb::ReloadAgent => Ok(parameters::reload(&Instance::lenient(request, open))),
        Verb::ValidateAll => parameters::validate(request, open),
        // Nothing a guest has to hear, and for the rest dispatch sees to it that they do not get here.
        Verb::Notify | Verb::MetaData | Verb::Usage | Verb::Promote | Verb::Demote => {
            Ok(Answer::Success)
        }
    }
}
