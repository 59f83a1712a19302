//! What the node itself shows of a guest.

use crate::identity::Identity;
use crate::process::Process;
use crate::state::State;
use crate::xl::Domain;
use exec::Deadline;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One copy of a guest that was found on this node without asking the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Trace {
    /// The process that is the guest.
    Process(Process),
    /// The domain of Xen's that is the guest.
    Domain(Domain),
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(process) => write!(f, "process {}", process.pid),
            Self::Domain(domain) => write!(f, "domain {}", domain.id),
        }
    }
}

/// Figures that are the same as long as nothing about a guest has changed that its last full look would have
/// found otherwise. Which figures those are is for each [`Witness`] to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp(pub(crate) [u64; 4]);

/// What the node itself shows of a guest, without its management daemon.
pub trait Witness {
    /// Whether it is proven, after a search that has found nothing, that nothing of the guest runs. False where
    /// something is there that may be the guest, or that cannot be told.
    fn proves_absence(&self, guest: &Identity) -> bool;

    /// Every copy of the guest on this node.
    fn find(&self, guest: &Identity) -> Vec<Trace>;

    /// Whether that very copy is still there.
    fn alive(&self, trace: Trace) -> bool;

    /// The daemon that manages the guests of this node, if its process is there.
    fn daemon(&self) -> Option<Trace>;

    /// The guest's state, where the node can tell more than that it is there.
    fn state(&self, guest: &Identity, by: Deadline) -> Option<State>;

    /// Presses the guest's power button. False when nobody could be told.
    fn power_down(&self, guest: &Identity, by: Deadline) -> bool;

    /// Ends that copy: asks it to end, then kills it. True is proof that it is gone.
    fn kill(&self, trace: Trace, by: Deadline) -> bool;

    /// What has to stay the same for the last answer about a healthy guest to hold still; `None`
    /// when there is no such sign. To go with an answer it must be taken *before* the question is asked: a
    /// change in between then shows as another stamp later.
    fn stamp(&self, guest: &Identity) -> Option<Stamp>;

    /// Whether a guest that was found healthy is healthy still, as far as can be seen without asking anybody.
    ///
    /// Only good news may be fast: any difference, and anything that cannot be seen, is false, and sends the
    /// question to the daemon.
    fn still_healthy(&self, guest: &Identity, trace: Trace, stamp: Stamp) -> bool;
}

/// A witness for hypervisors whose guests leave no trace that is known here: it sees nothing and
/// proves nothing.
#[derive(Debug, Clone, Copy)]
pub struct Blind;

impl Witness for Blind {
    fn proves_absence(&self, _guest: &Identity) -> bool {
        false
    }

    fn find(&self, _guest: &Identity) -> Vec<Trace> {
        Vec::new()
    }

    fn alive(&self, _trace: Trace) -> bool {
        false
    }

    fn daemon(&self) -> Option<Trace> {
        None
    }

    fn state(&self, _guest: &Identity, _by: Deadline) -> Option<State> {
        None
    }

    fn power_down(&self, _guest: &Identity, _by: Deadline) -> bool {
        false
    }

    fn kill(&self, _trace: Trace, _by: Deadline) -> bool {
        false
    }

    fn stamp(&self, _guest: &Identity) -> Option<Stamp> {
        None
    }

    fn still_healthy(&self, _guest: &Identity, _trace: Trace, _stamp: Stamp) -> bool {
        false
    }
}
