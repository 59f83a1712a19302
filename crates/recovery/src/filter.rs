use crate::policy::Policy;
use crate::time::Timestamp;
use crate::trigger::Side;
use serde::{Deserialize, Serialize};

/// What a check of a guest has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It does what it is there for.
    Good,
    /// It runs, and does not do that.
    Bad,
    /// It does not run. There is no doubt about it: the hypervisor says so.
    Gone,
    /// The check itself failed, which says nothing of the guest.
    Unknown,
}

/// What is made of the findings so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// All is well.
    Healthy,
    /// Something may be wrong: it is watched, and shown.
    Suspect,
    /// Something is wrong: it is acted upon.
    Failed,
}

/// Makes a verdict of findings, by a score with two thresholds.
///
/// Bad findings raise the score and good ones lower it. A guest has failed when the score reaches the upper
/// threshold, and has done so until it is below the lower one: in between the old verdict stands. The score is a
/// reconstruction of the hysteresis that 3RC names and does not describe.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Filter {
    #[serde(rename = "s")]
    score: u32,
    #[serde(rename = "f")]
    side: Side,
    /// Until when a bad finding does not count.
    #[serde(rename = "g", default)]
    grace: Timestamp,
}

impl Filter {
    /// The filter of a guest that has just been acted upon: a guest that boots answers no check. So until `grace`, or
    /// until it has answered one, nothing counts but that it is gone.
    #[must_use]
    pub fn after_action(grace: Timestamp) -> Self {
        Self { grace, ..Self::default() }
    }

    /// Takes note of what a check has found.
    pub fn note(&mut self, policy: &Policy, now: Timestamp, finding: Finding) -> Verdict {
        let score = match finding {
            Finding::Gone => {
                self.side = Side::High;
                return Verdict::Failed;
            }
            Finding::Bad if self.counts(now) => (self.score + policy.bad).min(policy.ceiling),
            Finding::Good => self.score.saturating_sub(policy.good),
            Finding::Bad | Finding::Unknown => return self.verdict(policy),
        };
        self.grace = self.grace.min(now);
        (self.score, self.side) = (score, policy.failure().side(self.side, &score));
        self.verdict(policy)
    }

    /// The verdict as it stands.
    #[must_use]
    pub fn verdict(&self, policy: &Policy) -> Verdict {
        match self.side {
            Side::High => Verdict::Failed,
            Side::Low if self.score >= policy.suspect => Verdict::Suspect,
            Side::Low => Verdict::Healthy,
        }
    }

    /// The score, from 0 to the policy's ceiling.
    #[must_use]
    pub fn score(&self) -> u32 {
        self.score
    }

    /// Whether a bad finding counts at that time.
    #[must_use]
    pub fn counts(&self, now: Timestamp) -> bool {
        now >= self.grace
    }
}

#[cfg(test)]
mod tests;
