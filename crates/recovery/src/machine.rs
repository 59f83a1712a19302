use crate::filter::{Finding, Verdict};
use crate::ladder::{Bar, Decision, Ladder, Rung, Situation, Step};
use crate::policy::Policy;
use crate::time::Timestamp;
use crate::trigger::Side;
use crate::watch::GuestWatch;

/// Everything about one guest: what its node remembers of it, and what the cluster does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// What its node remembers.
    pub watch: GuestWatch,
    /// Where it is on the ladder.
    pub ladder: Ladder,
}

/// What a check has led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What is thought of the guest.
    pub verdict: Verdict,
    /// The score that makes it so.
    pub score: u32,
    /// What is to be done, if it has failed.
    pub decision: Option<Decision>,
    /// Whether it has come down by one rung.
    pub came_down: bool,
}

impl Machine {
    /// Takes note of what a check has found, and decides what is to be done.
    pub fn check(
        &mut self,
        policy: &Policy,
        now: Timestamp,
        finding: Finding,
        situation: &Situation,
    ) -> Outcome {
        let verdict = self.watch.note(policy, now, finding);
        let score = self.watch.filter().score();
        if verdict == Verdict::Failed {
            let decision = Some(self.act(policy, now, finding, situation));
            return Outcome { verdict, score, decision, came_down: false };
        }
        let well_for = self.watch.well_for(now);
        // What was done last may still turn out to have failed, and is not forgotten before.
        let came_down = !situation.suspended
            && !self.is_early(policy, now)
            && self.ladder.come_down(policy, well_for);
        if came_down {
            self.watch.came_down(now);
        }
        Outcome { verdict, score, decision: None, came_down }
    }

    /// Whether what was done last still has its grace.
    fn is_early(&self, policy: &Policy, now: Timestamp) -> bool {
        self.ladder.grace(policy).is_some_and(|until| now < until)
    }

    fn act(
        &mut self,
        policy: &Policy,
        now: Timestamp,
        finding: Finding,
        situation: &Situation,
    ) -> Decision {
        let early = self.is_early(policy, now);
        let flaps = self.watch.flapping().side() == Side::High;
        let situation = Situation {
            bar: situation.bar.or(flaps.then_some(Bar::Flapping)),
            failed: situation.failed || (early && finding == Finding::Gone),
            ..situation.clone()
        };
        let decision = self.ladder.act(policy, now, &situation);
        if let Step::Act(rung @ (Rung::Restart | Rung::Relocate | Rung::Reinstall)) = decision.step
        {
            self.watch.acted(now + policy.grace_after(rung));
        }
        decision
    }
}

#[cfg(test)]
mod tests;
