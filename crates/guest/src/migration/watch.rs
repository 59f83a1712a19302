use super::plan::{Plan, Step, Terms};
use super::{Journey, Order, Policy};
use crate::Guest;
use hypervisor::{Deadline, Error, Migration, Pause, State, Transfer};
use std::thread;
use std::time::{Duration, Instant};

/// How often a migration is looked at. Each look costs the daemons and the guest's emulator a
/// millisecond or two, in the blackout as well.
const POLL: Duration = Duration::from_millis(250);

/// How long one look, or one order, may take.
const ASK_SLICE: Duration = Duration::from_secs(2);

/// How often it is said how a migration goes on.
const SAY: Duration = Duration::from_secs(10);

/// What a migration that is late gets for being aborted, at most.
const ABORT_RESERVE: Duration = Duration::from_secs(5);

/// How long an aborted migration may take to say so.
const ABORTED: Duration = Duration::from_secs(1);

/// How long a broken connection of a post-copy migration is left alone before it is taken up again.
const MEND: Duration = Duration::from_secs(1);

/// How many streams the memory is sent over when one is not enough.
const STREAMS: u32 = 4;

impl Guest<'_> {
    /// Migrates, watches over it, and returns when that has ended, one way or the other.
    pub(super) fn transfer(
        &self,
        order: &Order<'_>,
        by: Deadline,
        journey: &mut Journey,
    ) -> hypervisor::Result<()> {
        let end = by.less(ABORT_RESERVE.min(by.remaining() / 4));
        let (migration, terms) = terms(order, end);
        let ended = self.attempt(&migration, terms, (end, by), journey);
        match ended {
            // Nobody asked for it by name, and not every node can do it.
            Err(error)
                if migration.postcopy && !wants_postcopy(order) && journey.progress.is_none() =>
            {
                let name = &self.identity.name;
                (self.note)(format_args!("guest {name}: {error}; trying without post-copy"));
                let migration = Migration { postcopy: false, throttle: true, ..migration };
                self.attempt(&migration, Terms { postcopy: false, ..terms }, (end, by), journey)
            }
            ended => ended,
        }
    }

    fn attempt(
        &self,
        migration: &Migration,
        terms: Terms,
        (end, by): (Deadline, Deadline),
        journey: &mut Journey,
    ) -> hypervisor::Result<()> {
        let name = &self.identity.name;
        let mut plan = Plan::new(terms);
        let limited = self.hypervisor.limit_downtime(name, plan.limit(), by.slice(ASK_SLICE));
        if terms.downtime.is_some() {
            limited?;
        }
        let begun = Instant::now();
        let mut said = Deadline::after(SAY);
        let mut transfer = self.hypervisor.migrate(name, migration, by)?;
        loop {
            let until = if plan.is_postcopy() { by } else { end };
            if let Some(ended) = transfer.wait(until.slice(POLL)) {
                return match ended {
                    Err(error) if plan.is_postcopy() => self.mend(migration, error, by, journey),
                    ended => ended,
                };
            }
            if until.expired() {
                return self.give_up(&transfer, "it had not ended when the time for it was up", by);
            }
            let Ok(Some(progress)) = self.hypervisor.progress(name, until.slice(ASK_SLICE)) else {
                continue;
            };
            journey.progress = Some(progress);
            if said.expired() {
                (self.note)(format_args!("guest {name}, {progress}"));
                said = Deadline::after(SAY);
            }
            let Some(step) = plan.next(begun.elapsed(), &progress) else { continue };
            let words = describe(&step);
            (self.note)(format_args!("guest {name}: {words} ({progress})"));
            journey.steps.push(words);
            match step {
                Step::GiveUp(reason) => return self.give_up(&transfer, &reason.to_string(), by),
                Step::Streams => transfer = self.widen(&transfer, migration, (until, by))?,
                Step::Limit(_) | Step::Postcopy => {
                    if let Err(error) = self.take(&step, until) {
                        (self.note)(format_args!("guest {name}: {error}"));
                        plan.cannot(&step);
                    }
                }
            }
        }
    }

    /// Begins again, with several streams: QEMU cannot add one to a migration that goes on.
    fn widen(
        &self,
        transfer: &Transfer,
        migration: &Migration,
        (until, by): (Deadline, Deadline),
    ) -> hypervisor::Result<Transfer> {
        self.hypervisor.abort_job(&self.identity.name, until)?;
        // It has ended now, and has nothing to say that is not known.
        let _ = transfer.wait(until.slice(ABORTED));
        let wide = Migration { streams: Some(STREAMS), ..migration.clone() };
        self.hypervisor.migrate(&self.identity.name, &wide, by)
    }

    fn take(&self, step: &Step, by: Deadline) -> hypervisor::Result<()> {
        let (name, by) = (&self.identity.name, by.slice(ASK_SLICE));
        match step {
            Step::Limit(limit) => self.hypervisor.limit_downtime(name, *limit, by),
            Step::Postcopy => self.hypervisor.start_postcopy(name, by),
            Step::Streams | Step::GiveUp(_) => Ok(()),
        }
    }

    fn give_up(&self, transfer: &Transfer, why: &str, by: Deadline) -> hypervisor::Result<()> {
        self.hypervisor.abort_job(&self.identity.name, by)?;
        match transfer.wait(by.slice(ABORTED)) {
            // It made it after all.
            Some(Ok(())) => Ok(()),
            _ => Err(Error::Refused {
                what: "migrate the guest",
                words: format!("{why}, and was aborted"),
            }),
        }
    }

    /// Takes up a post-copy migration whose connection broke, again and again: neither node has all of the
    /// guest, so there is nothing else that could save it.
    fn mend(
        &self,
        migration: &Migration,
        mut broken: Error,
        by: Deadline,
        journey: &mut Journey,
    ) -> hypervisor::Result<()> {
        let name = &self.identity.name;
        let again = Migration { resume: true, ..migration.clone() };
        while self.observe().is_ok_and(|seen| seen.state == State::Paused(Pause::PostcopyFailed))
            && by.pause(MEND)
        {
            (self.note)(format_args!("guest {name}: {broken}; taking its migration up again"));
            journey.steps.push("taken up again".to_owned());
            let resumed = self.hypervisor.migrate(name, &again, by);
            match resumed.and_then(|it| it.wait(by).unwrap_or_else(|| Err(broken.clone()))) {
                Ok(()) => return Ok(()),
                Err(error) => broken = error,
            }
        }
        Err(broken)
    }
}

/// What is asked of the hypervisor from the beginning, so that the plan can make use of it later.
///
/// QEMU can have either one stream that may switch to post-copy or several; through a tunnel it can have
/// neither, and no post-copy while disks are copied.
fn terms(order: &Order<'_>, end: Deadline) -> (Migration, Terms) {
    let mut migration = order.migration.clone();
    let options = &migration.options;
    let plain = !options.has("parallel") && !options.has("tunnelled") && !options.copies_storage();
    let cautious = order.policy == Policy::Safe;
    let postcopy = wants_postcopy(order) || (order.policy == Policy::Finish && plain);
    let busy = thread::available_parallelism().map_or(1, usize::from) >= STREAMS as usize;
    let terms = Terms {
        policy: order.policy,
        downtime: order.downtime,
        force: order.force,
        postcopy,
        streams: busy && plain && !postcopy && !cautious,
        time: end.remaining(),
    };
    (migration.postcopy, migration.throttle) = (postcopy, !postcopy && !cautious);
    (migration, terms)
}

/// Whether the admin's own options are for post-copy.
fn wants_postcopy(order: &Order<'_>) -> bool {
    let names = ["postcopy", "postcopy-after-precopy", "timeout-postcopy"];
    names.iter().any(|name| order.migration.options.has(name))
}

fn describe(step: &Step) -> String {
    match step {
        Step::Limit(limit) => format!("may stand still for {} ms", limit.as_millis()),
        Step::Postcopy => "switched to post-copy".to_owned(),
        Step::Streams => format!("begun again with {STREAMS} streams"),
        Step::GiveUp(_) => "given up".to_owned(),
    }
}
