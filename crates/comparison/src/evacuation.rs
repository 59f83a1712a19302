//! A node that many guests leave at once.

use crate::migration::LINK;
use crate::resource::Operations;
use crate::series::Series;
use crate::stage::{NODES, Stage, other};
use crate::table::{Figure, RATIO, Table};
use crate::{Error, Setting, Subject, Verdict};
use lab::Guest;
use lab::image::Hypervisor;
use lab_guest::{BootId, Command};
use std::fmt;
use std::time::{Duration, Instant};

/// How long a migrate_to may take: all guests have one link, so one that is the last in turn waits for all
/// of them.
const MIGRATION_TIME: Duration = Duration::from_secs(300);

/// The memory that each guest has written and checks all the time, in MiB.
const WORKING_SET: u32 = 2;

/// One evacuation.
struct Round {
    subject: Subject,
    /// From the order until all guests are on the other node and the cluster is at rest.
    time: Duration,
    /// Guests that are there, in the boot that they were in.
    live: usize,
    /// Pages that did not hold what a guest had written.
    corrupt: u64,
}

/// What the evacuations came to.
pub struct Report {
    hypervisor: Hypervisor,
    guests: u8,
    count: u16,
    rounds: Vec<Round>,
}

/// Has each agent run a number of guests on one node, and evacuates it `count` times by standby. 20 guests
/// take about 3 minutes to start and 1 to evacuate, and 6 GiB of memory.
///
/// # Errors
/// When the lab cannot be made, or a guest does not start, or does not answer in the end.
pub fn measure(setting: Setting<'_>, guests: u8, count: u16) -> Result<Report, Error> {
    let hypervisor = setting.hypervisor;
    let mut report = Report { hypervisor, guests, count, rounds: Vec::new() };
    for subject in setting.subjects() {
        let lab = setting.describe("bench-evacuation")?.nodes(2).link_speed(LINK);
        let stage = Stage::set(setting, lab)?;
        let guests: Vec<Guest> =
            (0..guests).map(|it| Guest::new(format!("guest-{it}"), it)).collect();
        start(&stage, subject, &guests)?;
        for number in 1..=count {
            setting.note(&format!("evacuation {number} of {count}, {subject}"));
            let round = evacuate(&stage, subject, &guests)?;
            setting.note(&format!("  {} live after {:.1} s", round.live, round.time.as_secs_f64()));
            report.rounds.push(round);
        }
        stage.lab.down()?;
    }
    Ok(report)
}

/// Starts all guests on one node, and boots them one after the other.
fn start(stage: &Stage<'_>, subject: Subject, guests: &[Guest]) -> Result<(), Error> {
    let operations = Operations { migration: MIGRATION_TIME, ..Operations::default() };
    let [home, away] = NODES;
    stage.standby(away, "on")?;
    for guest in guests {
        stage.enlist(subject, guest, operations)?;
        stage.tell(guest, Command::Dirty { rate: 1, size: WORKING_SET })?;
        stage.tell(guest, Command::Dirty { rate: 0, size: 0 })?;
    }
    stage.standby(away, "off")?;
    stage.settle_all(guests, home)
}

/// Puts the node that all guests are on into standby, and takes it back when they have left.
fn evacuate(stage: &Stage<'_>, subject: Subject, guests: &[Guest]) -> Result<Round, Error> {
    let home = stage.settle(&guests[0], |_| true)?;
    let before = boots(stage, guests)?;
    let begun = Instant::now();
    stage.standby(&home, "on")?;
    // Rest is the whole cluster's, so one guest stands for all; the others are only looked up.
    stage.settle(&guests[0], |it| it == other(&home))?;
    let time = begun.elapsed();
    stage.settle_all(guests, other(&home))?;
    let after = boots(stage, guests)?;
    stage.standby(&home, "off")?;
    stage.settle_all(guests, other(&home))?;
    let live = before.iter().zip(&after).filter(|(before, after)| before.0 == after.0).count();
    Ok(Round { subject, time, live, corrupt: after.iter().map(|it| it.1).sum() })
}

/// Which boot each guest is in, and how many corrupt pages it has found.
fn boots(stage: &Stage<'_>, guests: &[Guest]) -> Result<Vec<(BootId, u64)>, Error> {
    let check = |guest| {
        let status = stage.tell(guest, Command::Check)?;
        Ok((status.boot_id, status.corrupt))
    };
    guests.iter().map(check).collect()
}

impl Report {
    fn of(&self, subject: Subject) -> impl Iterator<Item = &Round> {
        self.rounds.iter().filter(move |it| it.subject == subject)
    }

    fn times(&self, subject: Subject) -> Series<Duration> {
        self.of(subject).map(|it| it.time).collect()
    }

    fn live(&self, subject: Subject) -> usize {
        self.of(subject).map(|it| it.live).sum()
    }

    fn all(&self) -> usize {
        usize::from(self.guests) * usize::from(self.count)
    }

    /// Whether every guest of the suite's agent moved live.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let mut verdict = Verdict::default();
        let ours = Subject::Ours(self.hypervisor);
        let (live, all) = (self.live(ours), self.all());
        verdict.claim(format!("evacuation: {live} of {all} guests moved live"), live == all);
        let corrupt: u64 = self.of(ours).map(|it| it.corrupt).sum();
        verdict.claim(format!("evacuation: {corrupt} corrupt pages, no more than 0"), corrupt == 0);
        verdict
    }

    fn figures(&self, subject: Subject) -> [Figure; 5] {
        let times = self.times(subject);
        let corrupt: u64 = self.of(subject).map(|it| it.corrupt).sum();
        [
            Figure::Time(times.median()),
            Figure::Time(times.max()),
            Figure::Count(self.live(subject)),
            Figure::Count(self.all() - self.live(subject)),
            Figure::Count(usize::try_from(corrupt).unwrap_or(usize::MAX)),
        ]
    }
}

impl fmt::Display for Report {
    /// A table in Markdown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headings = ["evacuation, median", "max", "guests live", "restarted", "corrupt pages"];
        let mut table = Table::new(["agent"], headings);
        let [ours, stock] = Subject::both(self.hypervisor).map(|subject| {
            let figures = self.figures(subject);
            table.row([&subject.to_string()], figures);
            figures
        });
        table.ratios([RATIO], ours, stock);
        write!(
            f,
            "### {} guests leave a node, {} times, over a link of {LINK} Mbit/s\n\n{table}",
            self.guests, self.count
        )
    }
}
