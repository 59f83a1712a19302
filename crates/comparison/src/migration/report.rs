//! What the rounds under one load come to.

use super::round::{Ending, Round};
use super::{Load, Mover};
use crate::Verdict;
use crate::series::Series;
use crate::stage::Cause;
use crate::table::{Figure, RATIO, Table};
use lab::image::Hypervisor;
use lab::report::duration;
use std::fmt;
use std::time::Duration;

/// The label of a row of ratios between ours and what is possible.
const RATIO_TO_BARE: &str = "ratio ours/bare";

/// How many standard errors from the mean the truth lies at most, 19 times out of 20 and with 20 rounds or more.
const CONFIDENT: f64 = 1.96;

/// A difference, in seconds, as far as the rounds tell it from chance.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Excess {
    mean: f64,
    /// What it may be more or less.
    margin: f64,
}

impl Excess {
    /// `None` for fewer than two rounds.
    fn of(differences: &[f64]) -> Option<Self> {
        let count = differences.len() as f64;
        let mean = differences.iter().sum::<f64>() / count;
        let squares: f64 = differences.iter().map(|it| (it - mean).powi(2)).sum();
        let margin = CONFIDENT * (squares / (count - 1.0) / count).sqrt();
        (differences.len() > 1).then_some(Self { mean, margin })
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mean, margin } = self;
        write!(
            f,
            "{mean:+.2} s in the mean (95 %: {:+.2} s to {:+.2} s)",
            mean - margin,
            mean + margin
        )
    }
}

/// The rounds under one load.
pub struct Report {
    hypervisor: Hypervisor,
    load: Load,
    rounds: Vec<Round>,
}

impl Report {
    pub(super) fn new(hypervisor: Hypervisor, load: Load) -> Self {
        Self { hypervisor, load, rounds: Vec::new() }
    }

    pub(super) fn add(&mut self, round: Round) {
        self.rounds.push(round);
    }

    /// Whether the suite's agent reached what it is to reach: no guest is rebooted or corrupted, whatever
    /// it does. What the users of an idle one notice is, with QEMU, at most a third of what they notice of the
    /// stock agent, and at most half as much again as of QEMU alone; xl permits nobody to shorten it, so that
    /// it is to be no longer than with the stock agent, and so is the whole migration.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let mut verdict = Verdict::default();
        let ([ours, _, _], load) = (self.movers(), self.load);
        for &cause in Cause::all(self.hypervisor) {
            let rounds = || self.of(ours).filter(|it| it.cause == cause);
            let (all, live) =
                (rounds().count(), rounds().filter(|it| it.ending == Ending::Live).count());
            verdict.claim(
                format!("{load}: {live} of {all} migrations by {cause} were live"),
                live == all,
            );
        }
        let corrupt = self.corrupt_pages(ours);
        verdict.claim(format!("{load}: {corrupt} corrupt pages, no more than 0"), corrupt == 0);
        if load.is_idle() {
            verdict.extend(match self.hypervisor {
                Hypervisor::Kvm => self.shortened(),
                Hypervisor::Xen => self.as_short(),
            });
        }
        verdict
    }

    fn shortened(&self) -> Verdict {
        let (mut verdict, load) = (Verdict::default(), self.load);
        let [ours, stock, bare] = self.movers().map(|it| self.outages(it));
        let third = ours.median() * 3 <= stock.median();
        verdict.claim(format!("{load}: median outage at most a third of the stock's"), third);
        let near = ours.median() * 2 <= bare.median() * 3;
        verdict.claim(format!("{load}: median outage at most 1.5 of bare QEMU's"), near);
        let below = ours.p95() < stock.median();
        verdict.claim(format!("{load}: p95 below the stock's median"), below);
        verdict
    }

    fn as_short(&self) -> Verdict {
        let (mut verdict, load) = (Verdict::default(), self.load);
        let [ours, stock, _] = self.movers();
        let mut compare = |what: &str, of: fn(&Round) -> Duration| {
            let [ours, stock] = [ours, stock].map(|it| self.series(it, |it| Some(of(it))));
            let [median, other] = [ours.median(), stock.median()].map(duration);
            verdict.claim(
                format!(
                    "{load}: {what}, median {median}, not longer than the stock's, median {other} \
                     (rank sum test, 5 %)"
                ),
                !ours.exceeds(&stock),
            );
        };
        compare("outage", |it| it.outage);
        compare("total time", |it| it.total);
        verdict
    }

    fn movers(&self) -> [Mover; 3] {
        Mover::all(self.hypervisor)
    }

    fn of(&self, mover: Mover) -> impl Iterator<Item = &Round> {
        self.rounds.iter().filter(move |it| it.mover == mover)
    }

    /// How many rounds of a mover ended like this, or in any way.
    fn count(&self, mover: Mover, ending: Option<Ending>) -> usize {
        self.of(mover).filter(|it| ending.is_none_or(|ending| it.ending == ending)).count()
    }

    /// Whether as many rounds of a mover, and all of them, have failed.
    pub(super) fn never_ends(&self, mover: Mover, rounds: usize) -> bool {
        let all = self.count(mover, None);
        all >= rounds && self.count(mover, Some(Ending::Failed)) == all
    }

    fn corrupt_pages(&self, mover: Mover) -> u64 {
        self.of(mover).map(|it| it.corrupt).sum()
    }

    fn outages(&self, mover: Mover) -> Series<Duration> {
        self.series(mover, |it| Some(it.outage))
    }

    /// A figure of those rounds in which the guest got to its target.
    fn series(
        &self,
        mover: Mover,
        figure: impl Fn(&Round) -> Option<Duration>,
    ) -> Series<Duration> {
        self.of(mover).filter(|it| it.ending != Ending::Failed).filter_map(figure).collect()
    }

    /// How much longer a figure of ours is than the stock's of the same round; without rounds in which a guest did
    /// not get to its target.
    fn excess(&self, figure: fn(&Round) -> Duration) -> Option<Excess> {
        let [ours, stock, _] = self.movers();
        let pairs = self.of(ours).zip(self.of(stock));
        let arrived = pairs.filter(|(a, b)| ![a.ending, b.ending].contains(&Ending::Failed));
        Excess::of(
            &arrived
                .map(|(a, b)| figure(a).as_secs_f64() - figure(b).as_secs_f64())
                .collect::<Vec<_>>(),
        )
    }

    fn times(&self, mover: Mover) -> [Figure; 8] {
        let outages = self.outages(mover);
        let stalls = self.series(mover, |it| Some(it.stall));
        let migrations = self.series(mover, |it| it.migration);
        let totals = self.series(mover, |it| Some(it.total));
        let [median, p95, max] = [Series::median, Series::p95, Series::max];
        [
            (&outages, median),
            (&outages, p95),
            (&outages, max),
            (&stalls, median),
            (&stalls, p95),
            (&stalls, max),
            (&migrations, median),
            (&totals, median),
        ]
        .map(
            |(series, of)| {
                if series.len() > 0 { Figure::Time(of(series)) } else { Figure::Nothing }
            },
        )
    }

    fn endings(&self, mover: Mover) -> [Figure; 7] {
        let count = |ending| Figure::Count(self.count(mover, ending));
        let before: Series<u64> = self.of(mover).map(|it| it.rate).collect();
        let meanwhile: Series<u64> = self.of(mover).filter_map(|it| it.rate_meanwhile).collect();
        let number = |it: u64| Figure::Count(usize::try_from(it).unwrap_or(usize::MAX));
        [
            count(None),
            count(Some(Ending::Live)),
            count(Some(Ending::Rebooted)),
            count(Some(Ending::Failed)),
            number(self.corrupt_pages(mover)),
            number(before.median()),
            if meanwhile.len() > 0 { number(meanwhile.median()) } else { Figure::Nothing },
        ]
    }
}

impl fmt::Display for Report {
    /// Two tables in Markdown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut times = Table::new(
            ["by"],
            [
                "UDP outage, median",
                "p95",
                "max",
                "TCP stall, median",
                "p95",
                "max",
                "migration, median",
                "total, median",
            ],
        );
        let mut endings = Table::new(
            ["by"],
            [
                "migrations",
                "live",
                "rebooted",
                "failed",
                "corrupt pages",
                "dirtied before, MiB/s",
                "meanwhile",
            ],
        );
        for mover in self.movers() {
            times.row([&mover.to_string()], self.times(mover));
            endings.row([&mover.to_string()], self.endings(mover));
        }
        let [ours, stock, bare] = self.movers().map(|it| self.times(it));
        times.ratios([RATIO], ours, stock);
        times.ratios([RATIO_TO_BARE], ours, bare);
        write!(f, "### Migrations: {}\n\n{times}\n{endings}", self.load)?;
        let excesses =
            [("outage", self.excess(|it| it.outage)), ("total", self.excess(|it| it.total))];
        for (what, excess) in excesses {
            if let Some(excess) = excess {
                write!(f, "\n- ours less the stock's of the same round, {what}: {excess}")?;
            }
        }
        writeln!(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Subject;

    /// 20 rounds of each, of which the last has this ending and outage in ms for ours.
    fn report(load: &str, ours: u64, last: (Ending, u64)) -> Report {
        report_on(Hypervisor::Kvm, load, ours, last)
    }

    fn report_on(hypervisor: Hypervisor, load: &str, ours: u64, last: (Ending, u64)) -> Report {
        let mut report = Report::new(hypervisor, load.parse().unwrap());
        let usual = report.movers().into_iter().zip([ours, 261, 60]);
        let causes = Cause::all(hypervisor).iter().copied().cycle();
        for ((mover, outage), cause) in usual.cycle().take(60).zip(causes) {
            report.add(Round {
                mover,
                cause,
                ending: Ending::Live,
                outage: Duration::from_millis(outage),
                stall: Duration::from_millis(outage),
                migration: Some(Duration::from_secs(2)),
                total: Duration::from_secs(3),
                rate: 0,
                rate_meanwhile: None,
                corrupt: 0,
            });
        }
        let [ours, ..] = report.movers();
        let round = report.rounds.iter_mut().rfind(|it| it.mover == ours).unwrap();
        (round.ending, round.outage) = (last.0, Duration::from_millis(last.1));
        report
    }

    #[test]
    fn the_outage_of_an_idle_guest_is_judged_by_both_others() {
        assert!(report("idle", 87, (Ending::Live, 250)).verdict().holds());
        assert!(!report("idle", 88, (Ending::Live, 88)).verdict().holds());
        let slow = report("150", 400, (Ending::Live, 400));
        assert!(slow.verdict().holds());
        let mut report = report("idle", 87, (Ending::Live, 250));
        for round in report.rounds.iter_mut().filter(|it| it.mover.is_bare()) {
            round.outage = Duration::from_millis(57);
        }
        assert!(!report.verdict().holds());
    }

    #[test]
    fn the_outage_on_xen_is_no_longer_than_the_stock_agents() {
        let verdict =
            |ours, last| report_on(Hypervisor::Xen, "idle", ours, (Ending::Live, last)).verdict();
        assert!(verdict(261, 5000).holds());
        assert!(!verdict(262, 100).holds());
        let mut slow = report_on(Hypervisor::Xen, "idle", 261, (Ending::Live, 261));
        for round in
            slow.rounds.iter_mut().filter(|it| matches!(it.mover, Mover::Agent(Subject::Ours(_))))
        {
            round.total = Duration::from_secs(4);
        }
        assert!(!slow.verdict().holds());
    }

    #[test]
    fn a_difference_is_told_with_what_chance_may_make_of_it() {
        // Their variance is 6, so the standard error is 0.82.
        let excess = Excess::of(&[-1.0, 1.0, 1.0, 3.0, 3.0, 5.0, -1.0, -3.0, 1.0]).unwrap();
        assert_eq!(excess.to_string(), "+1.00 s in the mean (95 %: -0.60 s to +2.60 s)");
        assert_eq!(Excess::of(&[1.0]), None);
        let report = report_on(Hypervisor::Xen, "idle", 361, (Ending::Failed, 99_000)).to_string();
        let line = "ours less the stock's of the same round, outage: +0.10 s in the mean \
                    (95 %: +0.10 s to +0.10 s)";
        assert!(report.contains(line), "{report}");
    }

    #[test]
    fn no_guest_may_be_restarted_left_behind_or_corrupted() {
        for ending in [Ending::Rebooted, Ending::Failed] {
            assert!(!report("150", 80, (ending, 5000)).verdict().holds(), "{ending:?}");
        }
        let mut report = report("25", 80, (Ending::Live, 80));
        report.rounds[0].corrupt = 1;
        assert!(!report.verdict().holds());
    }

    #[test]
    fn a_guest_that_stayed_where_it_was_has_no_outage() {
        let mut report = report("75", 80, (Ending::Live, 80));
        for round in report.rounds.iter_mut().filter(|it| it.mover.is_bare()) {
            round.ending = Ending::Failed;
        }
        let text = report.to_string();
        let row = text.lines().find(|it| it.starts_with("| bare QEMU")).unwrap();
        assert!(!row.contains("ms"), "{text}");
    }
}
