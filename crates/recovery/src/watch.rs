use crate::filter::{Filter, Finding, Verdict};
use crate::flap::Flapping;
use crate::policy::Policy;
use crate::time::Timestamp;
use crate::trigger::Side;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the node that a guest runs on remembers of its checks. It changes with most of them, and is of no use to
/// other nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestWatch {
    #[serde(flatten)]
    filter: Filter,
    #[serde(rename = "p")]
    flapping: Flapping,
    /// Since when it has been well without a doubt.
    #[serde(rename = "w")]
    well_since: Option<Timestamp>,
}

impl GuestWatch {
    /// Takes note of what a check has found.
    pub fn note(&mut self, policy: &Policy, now: Timestamp, finding: Finding) -> Verdict {
        let verdict = self.filter.note(policy, now, finding);
        let counts = self.filter.counts(now) && finding != Finding::Unknown;
        match verdict {
            Verdict::Healthy if counts => {
                self.flapping.note(policy, Side::Low);
                self.well_since.get_or_insert(now);
            }
            Verdict::Failed if counts || finding == Finding::Gone => {
                self.flapping.note(policy, Side::High);
                self.well_since = None;
            }
            Verdict::Suspect => self.well_since = None,
            Verdict::Healthy | Verdict::Failed => {}
        }
        verdict
    }

    /// Something was done about the guest, whose grace lasts until then.
    pub fn acted(&mut self, grace: Timestamp) {
        (self.filter, self.well_since) = (Filter::after_action(grace), None);
    }

    /// How long it has been well without a doubt.
    #[must_use]
    pub fn well_for(&self, now: Timestamp) -> Duration {
        self.well_since.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// Begins to count anew how long it has been well.
    pub fn came_down(&mut self, now: Timestamp) {
        self.well_since = Some(now);
    }

    /// What makes the verdict.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Whether the verdict changes too often.
    #[must_use]
    pub fn flapping(&self) -> &Flapping {
        &self.flapping
    }
}
