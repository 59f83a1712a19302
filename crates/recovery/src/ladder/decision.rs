use super::Rung;
use crate::time::Timestamp;
use std::fmt;

/// What speaks against a restart where the guest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bar {
    /// It fails and is well in turn.
    Flapping,
    /// Its node is suspect.
    Node,
}

/// Why nothing is done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The last thing that was done may still help.
    Grace {
        /// When that is no longer so.
        until: Timestamp,
    },
    /// No other node can take the guest.
    NoNode,
    /// It is in maintenance.
    Suspended,
    /// An operator has to look at it.
    Held,
}

/// What is to be done about a guest that has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// This.
    Act(Rung),
    /// Nothing now. It is to be asked again after the next check.
    Wait(Obstacle),
}

/// Why a rung was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// The policy has none of it.
    NotPermitted {
        /// The rung.
        rung: Rung,
    },
    /// It has been done as often as the policy has it.
    Used {
        /// The rung.
        rung: Rung,
        /// How often that is; of restarts those on this node.
        uses: usize,
    },
    /// All together has been done as often as can be.
    All {
        /// How often that is.
        uses: usize,
    },
    /// It has just been done, and failed.
    Failed {
        /// The rung.
        rung: Rung,
    },
    /// Something speaks against a restart.
    Barred {
        /// What.
        bar: Bar,
    },
}

/// What is to be done, and why nothing milder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is to be done.
    pub step: Step,
    /// The rungs that were passed over.
    pub passed: Vec<Passed>,
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Restart => "restart",
            Self::Relocate => "relocate",
            Self::Reinstall => "reinstall",
            Self::Hold => "hold",
        })
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grace { until } => write!(f, "grace until {until}"),
            Self::NoNode => write!(f, "no other node can take it"),
            Self::Suspended => write!(f, "suspended"),
            Self::Held => write!(f, "held for an operator"),
        }
    }
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPermitted { rung } => write!(f, "{rung} not permitted"),
            Self::Used { rung, uses } => write!(f, "{rung} used up: {uses}"),
            Self::All { uses } => write!(f, "{uses} actions in the window"),
            Self::Failed { rung } => write!(f, "{rung} failed"),
            Self::Barred { bar: Bar::Flapping } => write!(f, "flapping"),
            Self::Barred { bar: Bar::Node } => write!(f, "suspect node"),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Step::Act(rung) => write!(f, "{rung}")?,
            Step::Wait(obstacle) => write!(f, "wait: {obstacle}")?,
        }
        for (position, passed) in self.passed.iter().enumerate() {
            write!(f, "{}{passed}", if position == 0 { " (" } else { ", " })?;
        }
        if self.passed.is_empty() { Ok(()) } else { write!(f, ")") }
    }
}
