mod decision;

pub use decision::{Bar, Decision, Obstacle, Passed, Step};

use crate::node::Node;
use crate::policy::Policy;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What can be done about a guest that has failed, the mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rung {
    /// Start it again on its node.
    Restart,
    /// Start it on another node.
    Relocate,
    /// Make its system anew, from its recipe.
    Reinstall,
    /// Leave it alone until an operator has looked at it.
    Hold,
}

impl Rung {
    /// Those that do something, in order.
    const ACTIONS: [Self; 3] = [Self::Restart, Self::Relocate, Self::Reinstall];

    fn below(self) -> Option<Self> {
        match self {
            Self::Restart => None,
            Self::Relocate => Some(Self::Restart),
            Self::Reinstall => Some(Self::Relocate),
            Self::Hold => Some(Self::Reinstall),
        }
    }
}

/// Something that was decided: what, on which node the guest was, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Rung, Node, Timestamp)", into = "(Rung, Node, Timestamp)")]
struct Use {
    rung: Rung,
    node: Node,
    at: Timestamp,
}

impl From<(Rung, Node, Timestamp)> for Use {
    fn from((rung, node, at): (Rung, Node, Timestamp)) -> Self {
        Self { rung, node, at }
    }
}

impl From<Use> for (Rung, Node, Timestamp) {
    fn from(it: Use) -> Self {
        (it.rung, it.node, it.at)
    }
}

/// Where a guest is that has failed, and what is in the way of acting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// The node that it runs on, or last did.
    pub node: Node,
    /// The other nodes that could take it.
    pub others: Vec<Node>,
    /// What speaks against a restart on its node.
    pub bar: Option<Bar>,
    /// Whether what was done last has failed: a start did not succeed, or the guest was gone right after it.
    pub failed: bool,
    /// Whether nobody is to act: the cluster or the guest is in maintenance.
    pub suspended: bool,
}

/// What to do about a guest that has failed, again.
///
/// The first rung that is permitted and has not been used up, and none below the one that the guest is on; it comes
/// down one by one while it is well. The order is that of 3RC, the budgets are like those of Proxmox VE's manager and of
/// Pacemaker's `migration-threshold`, and that the destructive rung needs permission is Ganeti's rule. The rest is a
/// reconstruction:
///
/// * A budget is for a sliding window, and nothing but time gives it back. So what is done in a window is bounded
///   whatever the guest does.
/// * What has failed itself is not repeated, and is followed at once. Everything else waits for the grace to end.
/// * Nodes that the guest was relocated from are excluded, as long as there is another one.
/// * As long as relocations are left and no node is there to take the guest, it is restarted where it is, as often as
///   that is permitted, and then waited for one. It is no reason to go on to what is destructive, or to give up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    level: Option<Rung>,
    /// In the window, the oldest first.
    #[serde(rename = "done")]
    uses: Vec<Use>,
    excluded: Vec<Node>,
}

impl Ladder {
    /// The rung that it is on.
    #[must_use]
    pub fn level(&self) -> Option<Rung> {
        self.level
    }

    /// Decides what is to be done now about a guest that has failed. What is decided counts as done.
    pub fn act(&mut self, policy: &Policy, now: Timestamp, situation: &Situation) -> Decision {
        self.uses.retain(|it| now.since(it.at) < policy.window);
        if let Some(obstacle) = self.obstacle(policy, now, situation) {
            return Decision { step: Step::Wait(obstacle), passed: vec![] };
        }
        let decision = self.choose(policy, situation);
        if let Step::Act(rung) = decision.step {
            self.climb(now, rung, situation);
        }
        decision
    }

    fn obstacle(&self, policy: &Policy, now: Timestamp, situation: &Situation) -> Option<Obstacle> {
        let grace = self.grace(policy).filter(|until| now < *until && !situation.failed);
        match (self.level, grace) {
            (Some(Rung::Hold), _) => Some(Obstacle::Held),
            _ if situation.suspended => Some(Obstacle::Suspended),
            (_, Some(until)) => Some(Obstacle::Grace { until }),
            _ => None,
        }
    }

    /// When the grace of what was done last ends.
    #[must_use]
    pub fn grace(&self, policy: &Policy) -> Option<Timestamp> {
        self.uses.last().map(|it| it.at + policy.grace_after(it.rung))
    }

    fn choose(&self, policy: &Policy, situation: &Situation) -> Decision {
        let mut passed = vec![];
        if self.uses.len() >= policy.budget() {
            passed.push(Passed::All { uses: self.uses.len() });
            return Decision { step: Step::Act(Rung::Hold), passed };
        }
        for rung in Rung::ACTIONS.into_iter().filter(|rung| Some(*rung) >= self.level) {
            match self.passed(policy, rung, situation) {
                Some(reason) => passed.push(reason),
                None if rung == Rung::Relocate && situation.others.is_empty() => {
                    // It may help, and nothing else can be done.
                    let step = match self.passed(policy, Rung::Restart, situation) {
                        None => Step::Act(Rung::Restart),
                        Some(_) => Step::Wait(Obstacle::NoNode),
                    };
                    return Decision { step, passed };
                }
                None => return Decision { step: Step::Act(rung), passed },
            }
        }
        Decision { step: Step::Act(Rung::Hold), passed }
    }

    /// Why a rung is passed over, if it is.
    fn passed(&self, policy: &Policy, rung: Rung, situation: &Situation) -> Option<Passed> {
        let used =
            |it: &&Use| it.rung == rung && (rung != Rung::Restart || it.node == situation.node);
        let uses = self.uses.iter().filter(used).count();
        let budget = match rung {
            Rung::Restart => policy.restarts,
            Rung::Relocate => policy.relocations,
            Rung::Reinstall | Rung::Hold => policy.reinstalls,
        };
        let last = self.uses.last().map(|it| it.rung);
        match situation.bar {
            _ if budget == 0 => Some(Passed::NotPermitted { rung }),
            _ if uses >= budget as usize => Some(Passed::Used { rung, uses }),
            _ if situation.failed && last == Some(rung) && rung != Rung::Relocate => {
                Some(Passed::Failed { rung })
            }
            // Without a relocation a restart is still the mildest that is left.
            Some(bar)
                if rung == Rung::Restart
                    && !situation.others.is_empty()
                    && self.passed(policy, Rung::Relocate, situation).is_none() =>
            {
                Some(Passed::Barred { bar })
            }
            _ => None,
        }
    }

    fn climb(&mut self, now: Timestamp, rung: Rung, situation: &Situation) {
        self.level = self.level.max(Some(rung));
        self.uses.push(Use { rung, node: situation.node.clone(), at: now });
        if rung == Rung::Relocate {
            self.exclude(situation);
        }
    }

    /// Excludes the nodes that the guest was relocated from; if there are no others, only the one that it is on.
    fn exclude(&mut self, situation: &Situation) {
        let left = self.uses.iter().filter(|it| it.rung == Rung::Relocate);
        let mut failed: Vec<_> = left.map(|it| it.node.clone()).collect();
        failed.sort_unstable();
        failed.dedup();
        self.excluded = match situation.others.iter().all(|node| failed.contains(node)) {
            true => vec![situation.node.clone()],
            false => failed,
        };
    }

    /// The nodes that are not to take the guest.
    #[must_use]
    pub fn excluded(&self) -> &[Node] {
        &self.excluded
    }

    /// Whether that node is not to take the guest: it is excluded, and one of the others is not.
    #[must_use]
    pub fn refuses(&self, node: &Node, others: &[Node]) -> bool {
        self.excluded.contains(node) && others.iter().any(|other| !self.excluded.contains(other))
    }

    /// Comes down by one rung if the guest has been well for long enough, and says whether it does. The next rung takes
    /// as long again from now.
    pub fn come_down(&mut self, policy: &Policy, well_for: Duration) -> bool {
        let Some(level) = self.level.filter(|level| well_for >= policy.dwell_on(*level)) else {
            return false;
        };
        self.level = level.below();
        if self.level < Some(Rung::Relocate) {
            self.excluded.clear();
        }
        true
    }

    /// Comes down as far as it may, if the guest has been well ever since something was done about it. Whoever acts
    /// upon each failure need not keep count of anything else.
    pub fn rest(&mut self, policy: &Policy, now: Timestamp) {
        let Some(mut since) = self.uses.last().map(|it| it.at) else { return };
        if self.grace(policy).is_some_and(|until| now < until) {
            return;
        }
        while let Some(level) = self.level
            && self.come_down(policy, now.since(since))
        {
            since = since + policy.dwell_on(level);
        }
    }

    /// The node on which something was last done about the guest.
    #[must_use]
    pub fn last_node(&self) -> Option<&Node> {
        self.uses.last().map(|it| &it.node)
    }

    /// When something was last done about the guest.
    #[must_use]
    pub fn last_at(&self) -> Option<Timestamp> {
        self.uses.last().map(|it| it.at)
    }

    /// When the reinstallation was decided that is to be done before the guest starts, or was.
    pub(crate) fn reinstallation(&self) -> Option<Timestamp> {
        let last = self.uses.iter().rfind(|it| it.rung == Rung::Reinstall)?;
        (self.level == Some(Rung::Reinstall)).then_some(last.at)
    }

    /// Takes the present for what is said to have been in the future: the clock of the node that said so was
    /// wrong, and nothing may wait for it.
    pub(crate) fn until(mut self, now: Timestamp) -> Self {
        self.uses.iter_mut().for_each(|it| it.at = it.at.min(now));
        self
    }
}

#[cfg(test)]
mod tests;
