//! What an agent does with a guest, on any hypervisor.
//!
//! A [`Guest`] is one guest on this node, with the two sources that tell about it: the hypervisor's
//! daemon and the node's own witness. Every verb begins with [`Guest::observe`] and ends with it:
//! what a call returned is never proof of what is true. Nothing here knows of OCF or of Pacemaker.
//!
//! * [`Guest::health`]: what its state means
//! * [`Guest::start`] and [`Guest::stop`]: the life of a guest on one node
//! * [`Guest::migrate_to`] and [`Guest::migrate_from`]: its way to another
//! * [`Record`]: what was seen of it, kept for the next action
//! * [`failures`]: which guests have failed here, kept for who judges the node

mod error;
pub mod failures;
mod health;
mod migration;
mod observe;
mod record;
mod rescue;
mod start;
mod stop;

pub use error::{Error, Result};
pub use health::Health;
pub use migration::{Ending, Entry, Force, History, Journey, Link, Order, Policy};
pub use observe::Observation;
pub use record::Record;
pub use rescue::{Failed, Rescue};
pub use stop::Shutdown;

use hypervisor::{Deadline, Hypervisor, Identity, Trace, Witness};
use std::fmt::Arguments;

/// Whether something had to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was so already.
    Already,
    /// It was done.
    Done,
    /// It was done, and its memory was saved.
    Saved,
}

/// One guest on this node.
pub struct Guest<'a> {
    /// Which guest.
    pub identity: Identity,
    /// The daemon that manages it.
    pub hypervisor: &'a dyn Hypervisor,
    /// What the node shows of it without that daemon.
    pub witness: &'a dyn Witness,
    /// The daemon that was asked to start it and has not answered, if there is one: see
    /// [`Record::asked`].
    pub asked: Option<Trace>,
    /// Where a migration that was not seen to end may still take it: see [`Record::leaving`].
    pub leaving: Option<String>,
    /// When everything that is asked of it must have ended.
    pub by: Deadline,
    /// Where to say what is being done, one line at a time.
    pub note: &'a dyn Fn(Arguments<'_>),
}
