//! What every agent for a guest does: one action on one resource.
//!
//! It stands between [`ocf`], which knows no guests, and [`guest`], which knows no OCF: it reads the record of the
//! resource, maps the action to what is done with its guest, and the outcome to an answer. An agent is then
//! its tables, and a [`Resource`]: what its parameters mean, and what only its hypervisor has.

mod address;
mod checks;
mod disks;
mod error;
mod instance;
mod io_error;
mod ladder;
mod lifecycle;
mod memory;
mod migration;
mod monitor;
mod ordering;
mod parameters;
mod provision;
mod service;
mod settings;
pub mod table;
mod utilization;

pub use address::on_network;
pub use error::Error;
pub use instance::{Instance, resource_name};
pub use io_error::{IoAction, OnIoError};
pub use monitor::is_still_healthy;
pub use ordering::Ordering;
pub use service::{Service, Silence};
pub use settings::{Amount, Key, Reader, Settings, Utilization};

use guest::Order;
use hypervisor::{Definition, Disk, Hypervisor, Migration};
use ocf::{Agent, Answer, Failure, Request, Verb};

/// The hypervisor at a connection URI.
pub type Open<'a> = &'a dyn Fn(&str) -> Box<dyn Hypervisor>;

/// A resource as its parameters describe it, and what is special about its kind.
pub trait Resource: Sized {
    /// The agent's tables.
    const AGENT: &'static Agent;

    /// When systemd may take down what its guests need.
    const ORDERING: Ordering;

    /// Every way in which an action can fail.
    type Error: Failure + From<Error>;

    /// What names the guest, as far as that is right.
    fn key(request: &Request) -> Option<Key>;

    /// Reads all parameters. What is wrong is noted by the reader, and counts as unset.
    fn read(reader: &mut Reader<'_, Self::Error>) -> Self;

    /// Refuses what is right by itself and wrong together.
    ///
    /// # Errors
    /// What excludes what.
    fn consistent(&self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Makes the best of what is wrong together, for a guest that may run.
    fn reconcile(&mut self) {}

    /// What every agent is told.
    fn settings(&self) -> &Settings;

    /// The same, to be changed.
    fn settings_mut(&mut self) -> &mut Settings;

    /// Reads the file that defines the guest.
    ///
    /// # Errors
    /// What is wrong with it.
    fn definition(&self, text: &str) -> hypervisor::Result<Definition>;

    /// What is wanted of a migration to that node, but for its place among others.
    ///
    /// # Errors
    /// When the parameters do not say.
    fn order(instance: &Instance<'_, Self>, node: &str) -> Result<Order<'static>, Self::Error>;

    /// Checks what is of no concern but to `validate-all`.
    ///
    /// # Errors
    /// What is wrong on every node.
    fn validate(&self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// The disks that must be in reach before [`Resource::prepare`]: all but those that it makes, and those that it
    /// makes them of.
    fn foundations(&self, definition: &Definition) -> Vec<Disk> {
        definition.disks().to_vec()
    }

    /// Whether a program of the administrator's may make disks when the hypervisor is told to start the guest. Then one
    /// that is not there yet is in nobody's way.
    fn is_hooked(&self) -> bool {
        false
    }

    /// Makes what the guest needs before it can be started.
    ///
    /// # Errors
    /// What this node lacks.
    fn prepare(
        _instance: &Instance<'_, Self>,
        _definition: &Definition,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Makes what the guest needs on the target of a migration, as far as it can be made.
    fn prepare_target(_instance: &Instance<'_, Self>, _migration: &Migration) {}

    /// Keeps what is to follow the guest while it runs.
    fn keep(_instance: &Instance<'_, Self>) {}

    /// Does what is to be done when this node has a guest more or less than before, or does not get the one that it
    /// prepared for.
    fn changed(_instance: &Instance<'_, Self>) {}
}

/// Does an action.
///
/// # Errors
/// Why it could not be done, with the OCF code that this is.
pub fn perform<R: Resource>(request: &Request, open: Open<'_>) -> Result<Answer, R::Error> {
    let lenient = || Instance::<R>::lenient(request, open);
    match request.verb() {
        Verb::Start => lifecycle::start::<R>(request, open),
        Verb::Stop => Ok(lifecycle::stop(&lenient())?),
        Verb::Monitor | Verb::Status => Ok(monitor::monitor(&lenient())?),
        Verb::MigrateTo => migration::migrate_to(&mut lenient()),
        Verb::MigrateFrom => Ok(migration::migrate_from(&lenient())?),
        Verb::ReloadAgent => Ok(parameters::reload(&lenient())),
        Verb::ValidateAll => parameters::validate::<R>(request, open),
        // Nothing a guest has to hear, and for the rest dispatch sees to it that they do not get here.
        Verb::Notify | Verb::MetaData | Verb::Usage | Verb::Promote | Verb::Demote => {
            Ok(Answer::Success)
        }
    }
}
