//! What Pacemaker does with an answer. Observed with crm_simulate on Pacemaker 2.1.5, two nodes, a guest that
//! may run on either, fencing enabled, on-fail at its defaults.

use crate::{Action, Answer};
use std::fmt;

const SUCCESS: i32 = 0;
const ARGUMENTS: i32 = 2;
const PERMISSION: i32 = 4;
const INSTALLED: i32 = 5;
const CONFIGURED: i32 = 6;
const NOT_RUNNING: i32 = 7;
const DEGRADED: i32 = 190;

/// What Pacemaker does with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// It takes the guest for active here and leaves it alone.
    Active,
    /// The same, and it shows that something is wrong.
    Degraded,
    /// It takes the guest for not active here.
    Inactive,
    /// The same, and it never places the guest here.
    InactiveBanned,
    /// It stops the guest, wherever it runs, and starts it again.
    Restart,
    /// It stops the guest and starts it on another node.
    RestartElsewhere,
    /// It stops the guest on both nodes and starts it on the target.
    RestartOnTarget,
    /// It stops the guest everywhere and does not start it again.
    Down,
    /// It has the target confirm that the guest has arrived.
    Migrated,
    /// It fences the node.
    Fence,
}

impl Consequence {
    /// What Pacemaker does when the agent answers an action like that. An agent that dies of a signal
    /// or has to be killed is one that fails with code 1.
    #[must_use]
    pub fn of(action: &Action, answer: Answer) -> Self {
        let code = match answer {
            Answer::Code(code) => code,
            Answer::Signal(_) | Answer::Late => 1,
        };
        match action {
            Action::Probe => Self::of_probe(code),
            Action::Monitor => match code {
                SUCCESS => Self::Active,
                DEGRADED => Self::Degraded,
                ARGUMENTS | PERMISSION | INSTALLED => Self::RestartElsewhere,
                CONFIGURED => Self::Down,
                _ => Self::Restart,
            },
            Action::Start => match code {
                SUCCESS => Self::Active,
                CONFIGURED => Self::Down,
                // A start that failed once is not tried here again (start-failure-is-fatal).
                _ => Self::RestartElsewhere,
            },
            Action::Stop => match code {
                SUCCESS => Self::Inactive,
                _ => Self::Fence,
            },
            Action::MigrateTo { .. } => match code {
                SUCCESS => Self::Migrated,
                CONFIGURED => Self::Down,
                _ => Self::RestartOnTarget,
            },
            Action::MigrateFrom { .. } => match code {
                SUCCESS => Self::Active,
                INSTALLED | CONFIGURED => Self::Down,
                _ => Self::Restart,
            },
        }
    }

    fn of_probe(code: i32) -> Self {
        match code {
            SUCCESS => Self::Active,
            DEGRADED => Self::Degraded,
            NOT_RUNNING => Self::Inactive,
            ARGUMENTS | INSTALLED => Self::InactiveBanned,
            CONFIGURED => Self::Down,
            _ => Self::Restart,
        }
    }

    /// Whether a guest that is well is down for a while, or for good, because of it.
    #[must_use]
    pub fn interrupts(self) -> bool {
        match self {
            Self::Restart
            | Self::RestartElsewhere
            | Self::RestartOnTarget
            | Self::Down
            | Self::Fence => true,
            Self::Active
            | Self::Degraded
            | Self::Inactive
            | Self::InactiveBanned
            | Self::Migrated => false,
        }
    }
}

impl fmt::Display for Consequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "takes it for active here",
            Self::Degraded => "takes it for active here, shows the reason",
            Self::Inactive => "takes it for stopped here",
            Self::InactiveBanned => "takes it for stopped here, bans this node",
            Self::Restart => "stops it and starts it again",
            Self::RestartElsewhere => "stops it, starts it elsewhere",
            Self::RestartOnTarget => "stops it on both nodes, starts it on the target",
            Self::Down => "stops it everywhere for good",
            Self::Migrated => "takes it for migrated",
            Self::Fence => "fences this node",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_the_consequence_that_was_observed() {
        let target = || Action::MigrateTo { target: "n2".to_owned() };
        let source = || Action::MigrateFrom { source: "n1".to_owned() };
        for (action, code, consequence) in [
            (Action::Monitor, 0, Consequence::Active),
            (Action::Monitor, 190, Consequence::Degraded),
            (Action::Monitor, 1, Consequence::Restart),
            (Action::Monitor, 7, Consequence::Restart),
            (Action::Monitor, 124, Consequence::Restart),
            (Action::Monitor, 8, Consequence::Restart),
            (Action::Monitor, 5, Consequence::RestartElsewhere),
            (Action::Monitor, 6, Consequence::Down),
            (Action::Probe, 0, Consequence::Active),
            (Action::Probe, 7, Consequence::Inactive),
            (Action::Probe, 5, Consequence::InactiveBanned),
            (Action::Probe, 1, Consequence::Restart),
            (Action::Probe, 3, Consequence::Restart),
            (Action::Probe, 4, Consequence::Restart),
            (Action::Probe, 6, Consequence::Down),
            (Action::Start, 1, Consequence::RestartElsewhere),
            (Action::Start, 5, Consequence::RestartElsewhere),
            (Action::Start, 6, Consequence::Down),
            (Action::Stop, 0, Consequence::Inactive),
            (Action::Stop, 1, Consequence::Fence),
            (Action::Stop, 7, Consequence::Fence),
            (target(), 0, Consequence::Migrated),
            (target(), 1, Consequence::RestartOnTarget),
            (target(), 7, Consequence::RestartOnTarget),
            (target(), 6, Consequence::Down),
            (source(), 1, Consequence::Restart),
            (source(), 5, Consequence::Down),
        ] {
            let found = Consequence::of(&action, Answer::Code(code));
            assert_eq!(found, consequence, "{action:?} {code}");
        }
    }

    #[test]
    fn a_late_agent_has_failed() {
        for answer in [Answer::Late, Answer::Signal(9)] {
            assert_eq!(Consequence::of(&Action::Probe, answer), Consequence::Restart);
            assert_eq!(Consequence::of(&Action::Stop, answer), Consequence::Fence);
        }
    }
}
