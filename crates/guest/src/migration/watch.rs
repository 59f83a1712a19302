use super::link::Turn;
use super::plan::{Plan, Step, Terms};
use super::{Journey, Order, Policy};
use crate::Guest;
use hypervisor::{Abilities, Deadline, Error, Migration, Pause, State, Transfer};
use std::thread;
use std::time::{Duration, Instant};

/// How often a migration is looked at. Each look costs the daemons and the guest's emulator a
/// millisecond or two, in the blackout as well.
const POLL: Duration = Duration::from_millis(250);

/// How often it is from shortly before the end of the first pass on; those that follow can be short.
const CLOSE_POLL: Duration = Duration::from_millis(100);

/// How often it is said how a migration goes on.
const SAY: Duration = Duration::from_secs(10);

/// What a migration that is late gets for being aborted, at most. That is for this node to do, and no other is
/// asked.
const ABORT_RESERVE: Duration = Duration::from_secs(5);

/// How long an aborted migration may take to say so.
const ABORTED: Duration = Duration::from_secs(1);

/// How long a broken connection of a post-copy migration is left alone before it is taken up again.
const MEND: Duration = Duration::from_secs(1);

/// How many streams the memory is sent over when one is not enough.
const STREAMS: u32 = 4;

/// When what must have ended.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// Sending the guest.
    end: Deadline,
    /// Aborting that, if it has not.
    by: Deadline,
}

impl Times {
    fn until(by: Deadline) -> Self {
        Self { end: by.less(ABORT_RESERVE.min(by.remaining() / 4)), by }
    }
}

impl Guest<'_> {
    /// Migrates, watches over it, and returns when that has ended, one way or the other.
    pub(super) fn transfer(
        &self,
        order: &Order<'_>,
        by: Deadline,
        (mut turn, journey): (Option<Turn>, &mut Journey),
    ) -> hypervisor::Result<()> {
        let name = &self.identity.name;
        let abilities = self.hypervisor.abilities();
        let times = Times::until(by);
        let (migration, terms) = terms(order, abilities);
        let mut ended = self.attempt(&migration, terms, times, (&mut turn, journey));
        // Nobody asked for post-copy by name, and not every node can do it.
        let optional = migration.postcopy && !order.migration.options.wants_postcopy();
        if let Err(error) = &ended
            && optional
            && journey.progress.is_none()
        {
            (self.note)(format_args!("guest {name}: {error}; trying without post-copy"));
            let migration = Migration { postcopy: false, throttle: true, ..migration };
            let terms = Terms { postcopy: false, ..terms };
            ended = self.attempt(&migration, terms, times, (&mut turn, journey));
        }
        if ended.is_err() {
            // Both stay as they are, and an administrator's own migration would not end with ours.
            let by = || by.slice(abilities.answer);
            if abilities.downtime {
                let _ = self.hypervisor.limit_downtime(name, Policy::PAUSE, by());
            }
            if abilities.bandwidth {
                let _ = self.hypervisor.limit_bandwidth(name, None, by());
            }
        }
        ended
    }

    fn attempt(
        &self,
        migration: &Migration,
        terms: Terms,
        times: Times,
        (turn, journey): (&mut Option<Turn>, &mut Journey),
    ) -> hypervisor::Result<()> {
        let name = &self.identity.name;
        let mut plan = Plan::new(Terms { time: times.end.remaining(), ..terms });
        if terms.limit {
            self.take(&Step::Limit(plan.first_limit()), &mut plan, times.end);
        }
        let begun = Instant::now();
        let mut said = Deadline::after(SAY);
        let mut transfer = self.hypervisor.migrate(name, migration, times.by)?;
        let mut heard = false;
        let told = self.hypervisor.abilities().progress;
        loop {
            let until = if plan.is_postcopy() { times.by } else { times.end };
            let close = journey.progress.is_some_and(|progress| plan.is_close(&progress));
            let next = match (told, close) {
                (false, _) => until,
                (true, false) => until.slice(POLL),
                (true, true) => until.slice(CLOSE_POLL),
            };
            if let Some(ended) = transfer.wait(next) {
                journey.pending = !heard && ended.as_ref().is_err_and(Error::is_silence);
                return match ended {
                    Err(error) if plan.is_postcopy() => {
                        self.mend(migration, error, times.by, journey)
                    }
                    ended => ended,
                };
            }
            if until.expired() {
                let why = "it had not ended when the time for it was up";
                return self.give_up(&transfer, why, times.by, (heard, journey));
            }
            let answer = self.hypervisor.abilities().answer;
            let Ok(Some(progress)) = self.hypervisor.progress(name, until.slice(answer)) else {
                continue;
            };
            heard = true;
            journey.hear(progress);
            if said.expired() {
                (self.note)(format_args!("guest {name}, {progress}"));
                said = Deadline::after(SAY);
            }
            let step = plan.next(begun.elapsed(), &progress);
            if plan.is_close(&progress) {
                // The bulk is sent; the next guest needs as long to get ready as this one to end.
                turn.take();
            }
            let Some(step) = step else { continue };
            let words = describe(&step);
            (self.note)(format_args!("guest {name}: {words} ({progress})"));
            journey.steps.push(words);
            match step {
                Step::GiveUp(why) => {
                    return self.give_up(&transfer, &why.to_string(), times.by, (heard, journey));
                }
                Step::Streams => {
                    transfer = self.widen(&transfer, migration, times)?;
                    heard = false;
                    plan.done(&step);
                    self.take(&Step::Limit(plan.limit()), &mut plan, times.end);
                }
                Step::Limit(_) | Step::Pace { .. } | Step::Postcopy => {
                    self.take(&step, &mut plan, until);
                }
            }
        }
    }

    /// Has the hypervisor do what the plan says. What it did not do the plan says again.
    fn take(&self, step: &Step, plan: &mut Plan, by: Deadline) {
        let (name, by) = (&self.identity.name, by.slice(self.hypervisor.abilities().answer));
        let taken = match step {
            Step::Limit(limit) => self.hypervisor.limit_downtime(name, *limit, by),
            Step::Pace { speed, limit } => self
                .hypervisor
                .limit_downtime(name, *limit, by)
                .and_then(|()| self.hypervisor.limit_bandwidth(name, Some(*speed), by)),
            Step::Postcopy => self.hypervisor.start_postcopy(name, by),
            Step::Streams | Step::GiveUp(_) => return,
        };
        match taken {
            Ok(()) => plan.done(step),
            // It may have been done all the same, and then there is no way back.
            Err(error) if *step == Step::Postcopy && error.is_silence() => plan.done(step),
            Err(error) => {
                (self.note)(format_args!("guest {name}: {error}"));
                plan.refused(step);
            }
        }
    }

    /// Begins again, with several streams: QEMU cannot add one to a migration that goes on.
    fn widen(
        &self,
        transfer: &Transfer,
        migration: &Migration,
        times: Times,
    ) -> hypervisor::Result<Transfer> {
        self.hypervisor.abort_job(&self.identity.name, times.end)?;
        // It has ended now, and has nothing to say that is not known.
        let _ = transfer.wait(times.end.slice(ABORTED));
        let wide = Migration { streams: Some(STREAMS), ..migration.clone() };
        self.hypervisor.migrate(&self.identity.name, &wide, times.by)
    }

    /// Aborts it. One that was not heard of is aborted again and again: a daemon that has so much to do may not
    /// have begun it yet. One that was has its copy on the target, which the stop there ends.
    fn give_up(
        &self,
        transfer: &Transfer,
        why: &str,
        by: Deadline,
        (heard, journey): (bool, &mut Journey),
    ) -> hypervisor::Result<()> {
        journey.pending = !heard;
        let ended = loop {
            self.hypervisor.abort_job(&self.identity.name, by)?;
            let ended = transfer.wait(by.slice(ABORTED));
            if ended.is_some() || heard || by.expired() {
                break ended;
            }
        };
        let unheard = |it: &hypervisor::Result<()>| it.as_ref().is_err_and(Error::is_silence);
        journey.pending = !heard && ended.as_ref().is_none_or(unheard);
        match ended {
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
fn terms(order: &Order<'_>, abilities: Abilities) -> (Migration, Terms) {
    let mut migration = order.migration.clone();
    let plain = migration.is_plain();
    let finish = order.policy == Policy::Finish && plain && abilities.postcopy;
    let postcopy = finish || migration.options.wants_postcopy();
    let cautious = order.policy == Policy::Safe;
    let busy = thread::available_parallelism().map_or(1, usize::from) >= STREAMS as usize;
    let terms = Terms {
        policy: order.policy,
        downtime: order.downtime,
        force: order.force,
        limit: abilities.downtime,
        postcopy,
        streams: busy && plain && !postcopy && !cautious && abilities.streams,
        pace: abilities.bandwidth
            && migration.bandwidth.is_none()
            && migration.options.value("bandwidth").is_none(),
        time: Duration::ZERO,
    };
    (migration.postcopy, migration.throttle) = (postcopy, !finish && !cautious);
    (migration, terms)
}

fn describe(step: &Step) -> String {
    match step {
        Step::Limit(limit) => format!("may stand still for {} ms", limit.as_millis()),
        Step::Pace { speed, .. } => format!("is sent at {speed} MiB/s"),
        Step::Postcopy => "switched to post-copy".to_owned(),
        Step::Streams => format!("begun again with {STREAMS} streams"),
        Step::GiveUp(_) => "given up".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::before_settling;
    use super::*;
    use hypervisor::xl::Xl;

    #[test]
    fn most_of_the_time_is_for_sending_the_guest() {
        // Of the 120 s that the meta-data advise, the agents keep 5 s.
        for (abilities, least) in [(Abilities::ALL, 106), (Xl::ABILITIES, 88)] {
            let by = Deadline::after(Duration::from_secs(115));
            let left = Times::until(before_settling(by, abilities)).end.remaining();
            assert!(left >= Duration::from_secs(least), "{left:?} {abilities:?}");
        }
    }
}
