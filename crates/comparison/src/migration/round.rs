//! One migration of one guest.

use super::{Bench, Load, Mover};
use crate::Error;
use crate::stage::{self, BOOT_TIME, Cause};
use lab::Guest;
use lab::probe::Measurement;
use lab::report::duration;
use lab_guest::{Command, Page, Status};
use std::fmt;
use std::time::{Duration, Instant};

/// How long a guest may take to reach the rate that it is to dirty memory at.
const WARM_UP_TIME: Duration = Duration::from_secs(10);

/// How often it is asked.
const LOOK: Duration = Duration::from_millis(200);

/// Write no more, but go on checking what was written.
const REST: Command = Command::Dirty { rate: 0, size: 0 };

/// How a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The guest is on its target, and it is the same boot of it.
    Live,
    /// The guest was stopped and started.
    Rebooted,
    /// The guest is where it was; or it was rolled back, or lost its TCP connection.
    Failed,
}

/// A migration.
pub struct Round {
    pub mover: Mover,
    /// What the cluster was told.
    pub cause: Cause,
    pub ending: Ending,
    /// The longest time without a UDP reply.
    pub outage: Duration,
    /// The same over TCP.
    pub stall: Duration,
    /// What the agent's migrate_to took, or QEMU.
    pub migration: Option<Duration>,
    /// From the order until the guest answers on its target and the cluster is at rest.
    pub total: Duration,
    /// What the guest dirtied just before, in MiB/s.
    pub rate: u64,
    /// What it dirtied from then until the round's end, by its own clock; none if it was restarted.
    pub rate_meanwhile: Option<u64>,
    /// Pages that did not hold what the guest had written.
    pub corrupt: u64,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [outage, stall, total] = [self.outage, self.stall, self.total].map(duration);
        let Self { ending, rate, corrupt, .. } = self;
        write!(
            f,
            "{ending:?}: outage {outage}, stall {stall}, total {total}, {rate} MiB/s before, \
             {corrupt} corrupt pages"
        )
    }
}

/// What moving a guest came to.
struct Moved {
    /// When the order was given.
    begun: Instant,
    /// Whether the guest is on its target, whatever happened to it meanwhile.
    arrived: bool,
    /// What the migration itself took.
    took: Option<Duration>,
}

impl Bench<'_> {
    /// Migrates a guest once.
    pub(super) fn round(&mut self, mover: Mover, cause: Cause, load: Load) -> Result<Round, Error> {
        let guest = mover.guest();
        self.make_way(mover, cause)?;
        let before = self.load_up(&guest, load)?;
        let probe = self.stage.probe(&guest)?;
        let moved = self.migrate(mover, cause, &guest)?;
        let answered = probe.wait_for_replies(1, self.stage.setting.within(BOOT_TIME));
        let total = moved.begun.elapsed();
        if !answered {
            return Err(stage::late(&format!("an answer of guest {}", guest.name)));
        }
        self.stage.ease(&guest, &probe)?;
        let measurement = probe.finish();
        if !mover.is_bare() {
            self.stage.withdraw(&guest, cause)?;
        }
        let all = measurement.all();
        let after = self.stage.tell(&guest, Command::Check)?;
        self.stage.tell(&guest, REST)?;
        Ok(Round {
            mover,
            cause,
            ending: ending(&measurement, moved.arrived),
            outage: all.udp.gap.length(),
            stall: all.tcp.gap.length(),
            migration: moved.took,
            total,
            rate: before.rate,
            rate_meanwhile: rate(before, after),
            corrupt: after.corrupt,
        })
    }

    /// Sends the other agent's guest to where this one is to go, so that this one leaves its node alone.
    fn make_way(&self, mover: Mover, cause: Cause) -> Result<(), Error> {
        let Mover::Agent(_) = mover else { return Ok(()) };
        if cause == Cause::Move {
            return Ok(());
        }
        let away = stage::other(&self.stage.settle(&mover.guest(), |_| true)?);
        let all = Mover::all(self.stage.setting.hypervisor).into_iter();
        let others = all.filter(|it| *it != mover && !it.is_bare());
        others.map(Mover::guest).try_for_each(|guest| self.stage.send(&guest, away))
    }

    /// Has a guest dirty memory, and returns what it says when it has reached its rate, or does not. An
    /// idle one has filled its memory once.
    fn load_up(&self, guest: &Guest, load: Load) -> Result<Status, Error> {
        self.stage.tell(guest, load.command(self.link, self.stage.setting.hypervisor))?;
        if load.is_idle() {
            return self.stage.tell(guest, REST);
        }
        let wanted = u64::from(load.rate(self.link));
        let deadline = self.stage.setting.within(WARM_UP_TIME);
        loop {
            let status = self.stage.tell(guest, Command::Status)?;
            if status.rate * 10 >= wanted * 9 || !deadline.pause(LOOK) {
                return Ok(status);
            }
        }
    }

    fn migrate(&mut self, mover: Mover, cause: Cause, guest: &Guest) -> Result<Moved, Error> {
        if mover.is_bare() {
            let begun = Instant::now();
            let took = self.bare.migrate(&self.stage.lab)?;
            return Ok(Moved { begun, arrived: took.is_some(), took });
        }
        let home = self.stage.settle(guest, |_| true)?;
        let away = stage::other(&home);
        let begun = Instant::now();
        self.stage.order(guest, away, cause)?;
        let arrived = match self.stage.settle(guest, |node| node == away) {
            Ok(_) => true,
            Err(Error::Lab(lab::Error::NotInTime { .. })) => false,
            Err(error) => return Err(error),
        };
        Ok(Moved { begun, arrived, took: self.stage.took(guest, "migrate_to", &home)? })
    }
}

/// What a guest has dirtied between two answers, in MiB/s.
fn rate(before: Status, after: Status) -> Option<u64> {
    let bytes = after.written.checked_sub(before.written)? * Page::SIZE as u64;
    let millis = after.uptime.checked_sub(before.uptime).filter(|it| *it > 0)?;
    (before.boot_id == after.boot_id).then(|| (bytes * 1000 / millis) >> 20)
}

fn ending(measurement: &Measurement, arrived: bool) -> Ending {
    let all = measurement.all();
    let harm = all.udp.regressions + all.tcp.regressions + all.reconnections;
    match measurement.boots.len() {
        1 if arrived && harm == 0 => Ending::Live,
        0 | 1 => Ending::Failed,
        _ => Ending::Rebooted,
    }
}
