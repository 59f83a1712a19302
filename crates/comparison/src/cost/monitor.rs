//! The recurring monitor of one healthy guest.

use super::trace::Footprint;
use super::worker::{Command, Cost};
use super::{ACTION_TIME, Bench, Report, command};
use crate::series::Series;
use crate::table::{Figure, RATIO, Table};
use crate::{Action, Call, Error, Subject, Verdict, resource};
use lab::image::Hypervisor;
use std::time::Duration;

/// What a monitor may take on the whole.
const WALL: Duration = Duration::from_millis(2);

/// How many times cheaper than the stock agent's a monitor is to be at least, where times are of an emulated
/// machine.
const CHEAPER: u32 = 10;

/// What was measured of one command.
struct Row {
    name: String,
    wall: Series<Duration>,
    cpu: Series<Duration>,
    /// By the daemon that the hypervisor's client asks.
    asked: Duration,
    cib: Duration,
    footprint: Footprint,
}

/// Runs both agents' monitors in turn, `count` times each.
pub fn measure(bench: &Bench<'_>, count: usize) -> Result<Report, Error> {
    let (hypervisor, subjects) = (bench.setting.hypervisor, bench.setting.subjects());
    let call = Call::new(Action::Monitor, ACTION_TIME);
    let agents = subjects.map(|it| (it.to_string(), bench.agent(it, &resource::guest(it), &call)));
    let true_command = ("`/bin/true`".to_owned(), command("/bin/true", &[]));
    let commands: Vec<_> = [true_command, plain(subjects[0])].into_iter().chain(agents).collect();

    bench.setting.note(&format!("monitoring {count} times with each agent"));
    let once = commands.iter().map(|(_, command)| command.clone());
    // A first round, not counted, fills caches and the agents' records.
    let costs = bench
        .worker
        .run(&bench.node, once.clone().cycle().take(commands.len() * (count + 1)).collect())?;
    let mut rows = Vec::new();
    for (place, (name, command)) in commands.iter().enumerate() {
        let costs: Vec<&Cost> = costs.iter().skip(place).step_by(commands.len()).skip(1).collect();
        if let Some(failed) = costs.iter().position(|cost| !cost.success) {
            return Err(Error::Unsuccessful { what: format!("run {failed} of {name}") });
        }
        let footprint = Footprint::of(bench.lab, &bench.node, command)?;
        rows.push(row(hypervisor, name.clone(), &costs, footprint));
    }
    let figures = format!("### Monitor\n\n{}\n{}", table(hypervisor, &rows), programs(&rows));
    Ok(Report { figures, verdict: verdict(hypervisor, &rows) })
}

/// What the hypervisor's own client does to tell how a guest is.
fn plain(subject: Subject) -> (String, Command) {
    let guest = resource::guest(subject).name;
    match subject.hypervisor() {
        Hypervisor::Kvm => (
            "`virsh domstate`".to_owned(),
            command("virsh", &["-c", "qemu:///system", "domstate", &guest]),
        ),
        Hypervisor::Xen => ("`xl list`".to_owned(), command("xl", &["list", &guest])),
    }
}

/// The daemon that the hypervisor's client asks.
fn daemon(hypervisor: Hypervisor) -> &'static str {
    match hypervisor {
        Hypervisor::Kvm => "libvirtd",
        Hypervisor::Xen => "oxenstored",
    }
}

/// A time in milliseconds says something only of a processor that is not emulated.
fn verdict(hypervisor: Hypervisor, rows: &[Row]) -> Verdict {
    let mut verdict = Verdict::default();
    let [.., ours, stock] = rows else { return verdict };
    match hypervisor {
        Hypervisor::Kvm => {
            let light = ours.wall.median() <= WALL;
            verdict.claim(format!("a monitor takes at most {} ms", WALL.as_millis()), light);
        }
        Hypervisor::Xen => {
            let cheaper = |of: fn(&Row) -> Duration| of(ours) * CHEAPER <= of(stock);
            verdict.claim(
                format!("a monitor takes at most 1/{CHEAPER} of the stock's time"),
                cheaper(|it| it.wall.median()),
            );
            verdict.claim(
                format!("a monitor takes at most 1/{CHEAPER} of the stock's CPU time"),
                cheaper(|it| it.cpu.median()),
            );
        }
    }
    let (execs, cib) = (ours.footprint.executed(), ours.footprint.cib);
    verdict.claim(format!("a monitor is {execs} exec, its own alone"), execs == 1);
    verdict.claim(format!("a monitor opens {cib} CIB connections, no more than 0"), cib == 0);
    verdict
}

fn row(hypervisor: Hypervisor, name: String, costs: &[&Cost], footprint: Footprint) -> Row {
    let used = |name: &str| {
        let times = costs.iter().flat_map(|cost| &cost.daemons).filter(|it| it.name == name);
        times.map(|it| it.own).collect::<Series<_>>().mean()
    };
    Row {
        name,
        wall: costs.iter().map(|it| it.wall).collect(),
        cpu: costs.iter().map(|it| it.cpu).collect(),
        asked: used(daemon(hypervisor)),
        cib: used("pacemaker-based"),
        footprint,
    }
}

impl Row {
    fn figures(&self) -> [Figure; 9] {
        [
            Figure::Time(self.wall.median()),
            Figure::Time(self.wall.min()),
            Figure::Time(self.wall.p95()),
            Figure::Time(self.cpu.median()),
            Figure::Time(self.asked),
            Figure::Time(self.cib),
            Figure::Count(self.footprint.forks),
            Figure::Count(self.footprint.executed()),
            Figure::Count(self.footprint.cib),
        ]
    }
}

fn table(hypervisor: Hypervisor, rows: &[Row]) -> String {
    let asked = format!("{}, mean", daemon(hypervisor));
    let mut table = Table::new(
        ["call"],
        [
            "wall, median",
            "min",
            "p95",
            "CPU, median",
            &asked,
            "pacemaker-based, mean",
            "forks",
            "execs",
            "CIB connections",
        ],
    );
    for row in rows {
        table.row([&row.name], row.figures());
    }
    if let [.., ours, stock] = rows {
        table.ratios([RATIO], ours.figures(), stock.figures());
    }
    table.to_string()
}

/// Which programs each agent executes.
fn programs(rows: &[Row]) -> String {
    let list = |row: &Row| {
        let programs =
            row.footprint.executions.iter().map(|(name, count)| format!("{count} {name}"));
        format!("- {} executes: {}\n", row.name, programs.collect::<Vec<_>>().join(", "))
    };
    rows.iter().filter(|row| row.name.starts_with("ocf:")).map(list).collect()
}
