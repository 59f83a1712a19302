//! When to do what about a migration, as a pure function of what is heard of it.
//!
//! Pre-copy sends the guest's memory pass by pass, each pass what the guest has dirtied during the one
//! before, until what is left can be sent while the guest stands still for no longer than its downtime
//! limit. With a dirty rate `D` and a bandwidth `B`, passes get shorter by `D / B` each; where they stop
//! getting shorter, a limit of one pass' length is what it takes to end (Clark et al., NSDI 2005; QEMU,
//! `migration_iteration_run`). So the length of the passes is all that has to be watched: what remains
//! and the rates that QEMU tells are of moments, and a busy guest's are stale.

use super::Policy;
use hypervisor::{Part, Progress};
use std::time::Duration;

/// How long a guest may stand still at first: most need no more, and QEMU uses what it is given, so the
/// outage that users see is about the limit, and not what the guest would need.
pub(super) const FIRST_LIMIT: Duration = Duration::from_millis(10);

/// The longest that a guest may stand still; QEMU takes no more.
const NO_LIMIT: Duration = Duration::from_secs(2000);

/// A pass that is not shorter than so much of the one before has not got shorter.
const SHRINKS: f64 = 0.75;

/// How many passes in a row have not got shorter until it is believed.
const STALLS: u32 = 2;

/// How much longer than a pass the limit is made.
const ROOM: f64 = 1.3;

/// How long rates are watched before a migration is given up for being too slow.
const WATCHED: Duration = Duration::from_secs(5);

/// How many times the time that is left it would have to need.
const HOPELESS: u32 = 2;

/// What is kept for ending at the last moment, beyond the time that sending the rest takes.
const LAST_RESERVE: Duration = Duration::from_secs(2);

/// From this rate on, in bytes per second, a stream is held up by the processor that fills it and not by
/// the link.
const BUSY_STREAM: u64 = 1 << 30;

/// What is to be done about a migration that goes on.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Let the guest stand still for so long at the end.
    Limit(Duration),
    /// Switch to post-copy.
    Postcopy,
    /// Begin again with several streams.
    Streams,
    /// Abort it: it cannot end in time.
    GiveUp(TooSlow),
}

/// Why a migration cannot end in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} MiB of its {what} are left at {} MiB/s, which takes {} s, and {} s are left; raise the timeout of \
     migrate_to, or find a faster link",
    .part.remaining >> 20, .part.rate >> 20, .need.as_secs(), .left.as_secs()
)]
pub(super) struct TooSlow {
    what: &'static str,
    part: Part,
    need: Duration,
    left: Duration,
}

/// Something that the admin wants to be done at some moment, whatever the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Let the guest stand still after that time, and send the rest.
    Pause(Duration),
    /// Switch to post-copy after that time.
    Postcopy(Duration),
    /// Switch to post-copy after the first pass.
    PostcopyAfterFirstPass,
}

/// What is possible in a migration, and what it is to keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub policy: Policy,
    /// How long the guest may stand still, if the admin has said so.
    pub downtime: Option<Duration>,
    pub force: Option<Force>,
    /// Whether it can switch to post-copy.
    pub postcopy: bool,
    /// Whether it can begin again with several streams.
    pub streams: bool,
    /// The time in which it must have ended.
    pub time: Duration,
}

/// Follows one migration.
#[derive(Debug)]
pub(super) struct Plan {
    terms: Terms,
    limit: Duration,
    passes: Passes,
    postcopy: bool,
}

impl Plan {
    pub fn new(terms: Terms) -> Self {
        let limit = terms.downtime.unwrap_or(FIRST_LIMIT);
        Self { terms, limit, passes: Passes::default(), postcopy: false }
    }

    /// How long the guest may stand still now.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether the migration has been switched to post-copy: there is no way back then.
    pub fn is_postcopy(&self) -> bool {
        self.postcopy
    }

    /// A switch to post-copy was refused, or more streams were.
    pub fn cannot(&mut self, step: &Step) {
        match step {
            Step::Postcopy => (self.postcopy, self.terms.postcopy) = (false, false),
            Step::Streams => self.terms.streams = false,
            Step::Limit(_) | Step::GiveUp(_) => {}
        }
    }

    /// What is to be done now, `elapsed` after the beginning. A step is told once.
    pub fn next(&mut self, elapsed: Duration, progress: &Progress) -> Option<Step> {
        if self.postcopy {
            return None;
        }
        self.passes.note(elapsed, progress.pass);
        let step = self.decide(elapsed, progress)?;
        match step {
            Step::Limit(limit) if limit <= self.limit => return None,
            Step::Limit(limit) => (self.limit, self.passes.stalls) = (limit, 0),
            Step::Postcopy => self.postcopy = true,
            Step::Streams => (self.terms.streams, self.passes) = (false, Passes::default()),
            Step::GiveUp(_) => {}
        }
        Some(step)
    }

    fn decide(&self, elapsed: Duration, progress: &Progress) -> Option<Step> {
        let left = self.terms.time.saturating_sub(elapsed);
        if let Some(step) = self.forced(elapsed, progress) {
            return Some(step);
        }
        let watched = elapsed >= WATCHED.min(self.terms.time / 4);
        if watched && left > LAST_RESERVE {
            for (what, part) in [("disks", progress.storage), ("memory", progress.memory)] {
                match part.time_left() {
                    Some(need) if need > left * HOPELESS => {
                        return Some(Step::GiveUp(TooSlow { what, part, need, left }));
                    }
                    _ => {}
                }
            }
        }
        let rest = progress.memory.time_left().unwrap_or_default().max(self.passes.length);
        let last = left <= rest.mul_f64(ROOM) + LAST_RESERVE;
        if watched && last && progress.storage.remaining == 0 {
            return self.at_last();
        }
        if self.passes.stalls < STALLS {
            return None;
        }
        let need = self.passes.length.mul_f64(ROOM);
        let spent = elapsed.as_secs_f64() / self.terms.time.as_secs_f64();
        let pause = self.terms.downtime.unwrap_or(self.terms.policy.pause(spent));
        if need <= pause {
            return Some(Step::Limit(need));
        }
        if progress.memory.rate >= BUSY_STREAM && self.terms.streams {
            let again = progress.memory.total / progress.memory.rate;
            return (left > 3 * Duration::from_secs(again)).then_some(Step::Streams);
        }
        self.terms.postcopy.then_some(Step::Postcopy)
    }

    fn forced(&self, elapsed: Duration, progress: &Progress) -> Option<Step> {
        match self.terms.force? {
            Force::Pause(after) if elapsed >= after => Some(Step::Limit(NO_LIMIT)),
            Force::Postcopy(after) if elapsed >= after => Some(Step::Postcopy),
            Force::PostcopyAfterFirstPass if progress.pass > 1 => Some(Step::Postcopy),
            _ => None,
        }
        .filter(|step| *step != Step::Postcopy || self.terms.postcopy)
        .filter(|step| *step != Step::Limit(NO_LIMIT) || self.limit < NO_LIMIT)
    }

    fn at_last(&self) -> Option<Step> {
        match self.terms.policy {
            Policy::Safe => None,
            Policy::Finish if self.terms.postcopy => Some(Step::Postcopy),
            Policy::Balanced | Policy::Finish => Some(Step::Limit(NO_LIMIT)),
        }
    }
}

/// How long the passes take, after the first, which sends everything.
#[derive(Debug, Default)]
struct Passes {
    /// The pass that is under way.
    number: u64,
    /// When it was first seen.
    since: Duration,
    /// How long the last one took, or the average of the last ones if they are shorter than a look.
    length: Duration,
    /// How many looks in a row have found that they do not get shorter.
    stalls: u32,
}

impl Passes {
    fn note(&mut self, now: Duration, number: u64) {
        if number <= self.number {
            return;
        }
        let count = u32::try_from(number - self.number).unwrap_or(u32::MAX);
        let length = (now - self.since) / count;
        if self.number > 1 {
            let shrinks = length < self.length.mul_f64(SHRINKS);
            self.stalls = if shrinks { 0 } else { self.stalls + 1 };
        }
        (self.number, self.since, self.length) = (number, now, length);
    }
}

#[cfg(test)]
mod tests;
