//! A guest's way to another node.

mod history;
mod link;
mod plan;
mod policy;
mod preflight;
mod settle;
mod watch;

pub use history::{Ending, Entry, History};
pub use link::Link;
pub use plan::Force;
pub use policy::Policy;

use crate::{Error, Guest, Result};
use hypervisor::{Abilities, Deadline, Hypervisor, Migration, Pause, Progress, State};
use link::Rank;
use std::time::{Duration, Instant};

/// How long the target may take to answer, at least, before the first byte of the guest has moved. It has as long as
/// two answers take: giving it up costs the guest a restart.
const CONNECT_SLICE: Duration = Duration::from_secs(10);

/// After so long what was found out about the target is found out again.
const STALE: Duration = Duration::from_secs(2);

/// How long clearing away what an earlier migration left may take, on either side.
const CLEAR_SLICE: Duration = Duration::from_secs(20);

/// How long the target may take to tell how the migration went.
const REPORT_SLICE: Duration = Duration::from_secs(1);

/// What the migration leaves for finding out where the guest is, at most, beyond one answer.
const SETTLE_RESERVE: Duration = Duration::from_secs(1);

/// What is wanted of a migration.
#[derive(Debug, Default)]
pub struct Order<'a> {
    /// Where to, and how.
    pub migration: Migration,
    /// What it may cost the guest.
    pub policy: Policy,
    /// How long the guest may stand still at the end, if that is to be fixed.
    pub downtime: Option<Duration>,
    /// What is to be done at some moment, whatever the policy.
    pub force: Option<Force>,
    /// The link that it shares with others, and its priority among them.
    pub link: Option<(&'a Link, u32)>,
}

/// How a migration went, as far as it went.
#[derive(Debug, Default)]
pub struct Journey {
    /// How long finding out took whether it can be done at all.
    pub preflight: Duration,
    /// How long it waited for others that use the link.
    pub wait: Duration,
    /// From the order to migrate until the hypervisor called it over.
    pub transfer: Duration,
    /// How long finding out took where the guest is.
    pub settle: Duration,
    /// The last that was heard of it.
    pub progress: Option<Progress>,
    /// What was done to make it end, in words.
    pub steps: Vec<String>,
    /// Whether the daemon may still do it: it was not seen to have ended. See [`crate::Guest::leaving`].
    pub pending: bool,
    /// Whether the guest was seen here at the end, with no copy of it that has ever run on the target.
    pub stayed: bool,
}

/// When the migration itself must have ended.
fn before_settling(by: Deadline, abilities: Abilities) -> Deadline {
    by.less((SETTLE_RESERVE + abilities.answer).min(by.remaining() / 4))
}

impl Journey {
    /// Keeps what is heard of it. Of its disks nothing is told any more once they are there.
    fn hear(&mut self, progress: Progress) {
        let known = self.progress.unwrap_or_default().storage;
        let storage = if known.sent > progress.storage.sent { known } else { progress.storage };
        self.progress = Some(Progress { storage, ..progress });
    }
}

impl Guest<'_> {
    /// Migrates the guest live to another node. Success means that nothing of it is here any more and
    /// that it was seen running there, whatever the hypervisor reported. Only if the target does not
    /// answer any more is the hypervisor believed. `journey` tells how it went, in either case.
    ///
    /// A job that an earlier action left is aborted first, and so is an incoming copy that one left on
    /// the target: the guest was seen running here, so that copy never ran.
    ///
    /// # Errors
    /// [`Error::NotMigrated`] and all that comes before anything has moved leave the guest on this node;
    /// [`Journey::stayed`] says whether it is there alone. The hypervisor's words are kept.
    pub fn migrate_to(&mut self, order: &Order<'_>, journey: &mut Journey) -> Result<()> {
        let size = self.ready_to_leave()?;
        let name = &self.identity.name;
        let destination = &order.migration.destination;
        let connect = CONNECT_SLICE.max(self.hypervisor.abilities().answer * 2);
        let target = self.hypervisor.remote(destination, self.by.slice(connect));
        journey.stayed = target.is_err();
        let target = self.done(target)?;
        self.check(&*target, order, journey)?;
        let queued = Instant::now();
        let turn = order.link.map(|(link, priority)| link.turn(Rank { priority, size }, self.by));
        journey.wait = queued.elapsed();
        if journey.wait > STALE {
            self.check(&*target, order, journey)?;
        }
        let sent = Instant::now();
        let settling = before_settling(self.by, self.hypervisor.abilities());
        let outcome = self.transfer(order, settling, (turn, journey));
        journey.transfer = sent.elapsed();
        let arrived = Instant::now();
        let settled = self.settle(&*target, outcome, journey);
        journey.settle = arrived.elapsed();
        if settled.is_ok()
            && let Ok(Some(all)) = target.arrival(name, self.by.slice(REPORT_SLICE))
        {
            journey.hear(all);
        }
        settled
    }

    /// Finds out whether it can be done at all.
    fn check(
        &self,
        target: &dyn Hypervisor,
        order: &Order<'_>,
        journey: &mut Journey,
    ) -> Result<()> {
        let begun = Instant::now();
        let room = self.make_room(target);
        // After another failure of that it may be there already.
        journey.stayed = matches!(room, Err(Error::NameTaken { .. }));
        room?;
        let checked = self.preflight(target, &order.migration);
        journey.preflight += begun.elapsed();
        journey.stayed = checked.is_err();
        checked
    }

    /// Aborts what holds the guest, and refuses one that does not run. Gives its memory in MiB.
    ///
    /// A UUID that its configuration leaves open is known from here on: a migration keeps it, so another guest of
    /// the name is told from this one.
    fn ready_to_leave(&mut self) -> Result<u64> {
        let name = &self.identity.name;
        let mut seen = self.observe()?;
        if seen.sight.as_ref().is_some_and(|sight| sight.job.holds()) {
            (self.note)(format_args!("aborting the job that holds guest {name}"));
            self.done(self.hypervisor.abort_job(name, self.by.slice(CLEAR_SLICE)))?;
            seen = self.observe()?;
        }
        if let Some(silence) = seen.silence {
            return Err(self.failed(silence));
        }
        match seen.state {
            State::Running | State::Paused(Pause::Admin) => {
                let Some(sight) = seen.sight else { return Ok(0) };
                self.identity.uuid = self.identity.uuid.take().or(sight.uuid);
                Ok(sight.memory)
            }
            state => Err(Error::NotMigratable { guest: name.clone(), state }),
        }
    }

    /// Clears an incoming copy that was left on the target.
    fn make_room(&self, target: &dyn Hypervisor) -> Result<()> {
        let name = &self.identity.name;
        let answer = CONNECT_SLICE.max(target.abilities().answer);
        let there = self.done(target.look(&self.identity, self.by.slice(answer)))?;
        // Another guest of that name is no copy of this one. Whether one that is off is in the way is asked next.
        match self.same(&there) {
            Err(Error::OtherGuest { guest, found, .. }) if there.state.is_active() => {
                return Err(Error::NameTaken { guest, found });
            }
            Err(_) => return Ok(()),
            Ok(()) => {}
        }
        match there.state {
            State::Off => Ok(()),
            State::Remains | State::Paused(Pause::Incoming) => {
                (self.note)(format_args!(
                    "removing what an earlier migration of guest {name} left on the target"
                ));
                self.done(target.clear(&self.identity, self.by.slice(CLEAR_SLICE)))
            }
            state => Err(Error::TargetOccupied { guest: name.clone(), state }),
        }
    }
}
