//! When to do what about a migration, as a pure function of what is heard of it.
//!
//! Pre-copy sends the guest's memory pass by pass, each pass what the guest has dirtied during the one
//! before, until what is left can be sent while the guest stands still for no longer than its downtime
//! limit. With a dirty rate `D` and a bandwidth `B`, passes get shorter by `D / B` each; where they stop
//! getting shorter, a limit of one pass' length is what it takes to end (Clark et al., NSDI 2005; QEMU,
//! `migration_iteration_run`). So the length of the passes is watched, and how fast the rest gets less. The
//! rates that QEMU tells are not: its dirty rate is old, and its bandwidth is that of a tenth of a second
//! and counts what goes over the link, where a page of zeros is next to nothing.

mod flow;
mod passes;
mod stream;

use super::Policy;
use flow::Flow;
use hypervisor::Progress;
use passes::Passes;
use std::time::Duration;
use stream::Stream;

/// How long a guest may stand still at first: most need no more, and QEMU uses what it is given, so the
/// outage that users see is about the limit, and not what the guest would need.
pub(super) const FIRST_LIMIT: Duration = Duration::from_millis(10);

/// The longest that a guest may stand still; QEMU takes no more.
const NO_LIMIT: Duration = Duration::from_secs(2000);

/// How many times in a row it has to be found that passes are stalled.
const STALLS: u32 = 2;

/// How much longer than a pass the limit is made.
const ROOM: f64 = 1.3;

/// For how many windows in a row a migration must have been too slow to be given up.
const WINDOWS: u32 = 3;

/// What is kept for ending at the last moment, beyond the time that sending the rest takes.
const LAST_RESERVE: Duration = Duration::from_secs(2);

/// From this rate on, in bytes per second, a stream is held up by the processor that fills it and not by
/// the link.
const BUSY_STREAM: u64 = 1 << 30;

/// What is close to the end of the first pass, in seconds: about what the next guest needs to get ready.
const CLOSE: f64 = 2.0;

/// What is to be done about a migration that goes on.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Let the guest stand still for so long at the end.
    Limit(Duration),
    /// Send no faster than so many MiB/s. QEMU reckons at that speed what it can send while the guest stands
    /// still, and then sends it as fast as it can: so long is the guest's downtime limit at that speed.
    Pace { speed: u64, limit: Duration },
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
    "{} MiB of its {what} are left, which takes {} s as it goes on, and {} s are left; raise the timeout of \
     migrate_to, or find a faster link",
    .remaining >> 20, .need.as_secs(), .left.as_secs()
)]
pub(super) struct TooSlow {
    what: &'static str,
    remaining: u64,
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
    /// Whether it can be limited how long the guest stands still.
    pub limit: bool,
    /// Whether it can switch to post-copy.
    pub postcopy: bool,
    /// Whether it can begin again with several streams.
    pub streams: bool,
    /// Whether its speed is for the plan to choose.
    pub pace: bool,
    /// The time in which it must have ended.
    pub time: Duration,
}

/// Follows one migration.
#[derive(Debug)]
pub(super) struct Plan {
    terms: Terms,
    /// What the hypervisor was told, if it was.
    limit: Option<Duration>,
    passes: Passes,
    memory: Flow,
    storage: Flow,
    stream: Stream,
    /// How fast it may be sent, in MiB/s, if that was limited.
    paced: Option<u64>,
    postcopy: bool,
}

impl Plan {
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            limit: None,
            passes: Passes::default(),
            memory: Flow::default(),
            storage: Flow::default(),
            stream: Stream::default(),
            paced: None,
            postcopy: false,
        }
    }

    /// How long the guest may stand still at first.
    pub fn first_limit(&self) -> Duration {
        self.terms.downtime.unwrap_or(FIRST_LIMIT)
    }

    /// How long the guest may stand still now.
    pub fn limit(&self) -> Duration {
        self.limit.unwrap_or_else(|| self.first_limit())
    }

    /// Whether its first pass is about to end, or has ended: what comes then is over soon.
    pub fn is_close(&self, progress: &Progress) -> bool {
        progress.pass > 1 || (progress.pass == 1 && self.stream.ends(progress, CLOSE))
    }

    /// Whether the migration has been switched to post-copy: there is no way back then.
    pub fn is_postcopy(&self) -> bool {
        self.postcopy
    }

    /// A step was done.
    pub fn done(&mut self, step: &Step) {
        match step {
            Step::Limit(limit) => (self.limit, self.passes.stalls) = (Some(*limit), 0),
            Step::Pace { speed, limit } => {
                (self.paced, self.limit) = (Some(*speed), Some(*limit));
            }
            Step::Postcopy => self.postcopy = true,
            Step::Streams => {
                self.terms.streams = false;
                (self.passes, self.memory) = (Passes::default(), Flow::default());
            }
            Step::GiveUp(_) => {}
        }
    }

    /// A step was refused. A limit may not be the next time, and a stream that was slowed down has to get its
    /// speed back.
    pub fn refused(&mut self, step: &Step) {
        match step {
            Step::Postcopy => self.terms.postcopy = false,
            Step::Pace { .. } => self.terms.pace = self.paced.is_some(),
            Step::Limit(_) | Step::Streams | Step::GiveUp(_) => {}
        }
    }

    /// What is to be done now, `elapsed` after the beginning. It is told again until it is done.
    pub fn next(&mut self, elapsed: Duration, progress: &Progress) -> Option<Step> {
        if self.postcopy {
            return None;
        }
        let left = self.terms.time.saturating_sub(elapsed);
        self.passes.note(elapsed, progress.pass);
        self.memory.note(elapsed, left, progress.pass, progress.memory.remaining);
        self.storage.note(elapsed, left, progress.pass, progress.storage.remaining);
        if progress.pass == 1 {
            self.stream.note(elapsed, progress);
        }
        let limit = self.limit;
        self.decide(elapsed, left, progress).filter(|step| match step {
            Step::Limit(wanted) => self.terms.limit && limit.is_none_or(|limit| limit < *wanted),
            _ => true,
        })
    }

    fn decide(&self, elapsed: Duration, left: Duration, progress: &Progress) -> Option<Step> {
        if let Some(step) = self.forced(elapsed, progress) {
            return Some(step);
        }
        // Disks come first, and are kept in step while the memory follows.
        let (what, part, flow) = match progress.pass {
            0 => ("disks", progress.storage, &self.storage),
            _ => ("memory", progress.memory, &self.memory),
        };
        if flow.hopeless >= WINDOWS
            && let Some(need) = flow.time_left(part.remaining)
        {
            let remaining = part.remaining;
            return Some(Step::GiveUp(TooSlow { what, remaining, need, left }));
        }
        // What has not been sent once is sent while the guest runs, however long that takes.
        let rest = flow.time_left(part.remaining).unwrap_or_default().max(self.passes.length);
        if progress.pass > 1 && left <= rest.mul_f64(ROOM) + LAST_RESERVE {
            return self.at_last();
        }
        if self.limit.is_none() && self.terms.limit {
            return Some(Step::Limit(self.first_limit()));
        }
        let pace = self.stream.pace(progress, self.paced);
        if let Some((share, speed)) = pace.filter(|_| self.terms.pace) {
            return Some(Step::Pace { speed, limit: self.first_limit().div_f64(share) });
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
        self.may_postcopy().then_some(Step::Postcopy)
    }

    fn forced(&self, elapsed: Duration, progress: &Progress) -> Option<Step> {
        match self.terms.force? {
            Force::Pause(after) if elapsed >= after => Some(Step::Limit(NO_LIMIT)),
            Force::Postcopy(after) if elapsed >= after => Some(Step::Postcopy),
            Force::PostcopyAfterFirstPass if progress.pass > 1 => Some(Step::Postcopy),
            _ => None,
        }
        .filter(|step| match step {
            Step::Postcopy => self.terms.postcopy,
            _ => self.limit() < NO_LIMIT,
        })
    }

    fn at_last(&self) -> Option<Step> {
        match self.terms.policy {
            Policy::Safe => None,
            _ if self.may_postcopy() => Some(Step::Postcopy),
            Policy::Balanced | Policy::Finish => Some(Step::Limit(NO_LIMIT)),
        }
    }

    /// Whether it may switch to post-copy by itself; that it can is not enough.
    fn may_postcopy(&self) -> bool {
        self.terms.policy == Policy::Finish && self.terms.postcopy
    }
}

#[cfg(test)]
mod tests;
