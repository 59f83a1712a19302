//! The recurring monitor of one healthy guest.

use super::trace::Footprint;
use super::worker::Cost;
use super::{ACTION_TIME, Bench, command};
use crate::series::Series;
use crate::table::{Table, ratio};
use crate::{Action, Call, Error, Subject, resource};
use lab::report::duration;
use std::time::Duration;

/// What was measured of one command.
struct Row {
    name: String,
    wall: Series<Duration>,
    cpu: Series<Duration>,
    libvirtd: Duration,
    cib: Duration,
    footprint: Footprint,
}

/// Runs both agents' monitors in turn, `count` times each, and gives the figures as Markdown.
pub fn measure(bench: &Bench<'_>, count: usize) -> Result<String, Error> {
    let call = Call::new(Action::Monitor, ACTION_TIME);
    let agents =
        Subject::ALL.map(|it| (it.to_string(), bench.agent(it, &resource::guest(it), &call)));
    let guest = resource::guest(Subject::Ours).name;
    let mut commands = vec![
        ("`/bin/true`".to_owned(), command("/bin/true", &[])),
        (
            "`virsh domstate`".to_owned(),
            command("virsh", &["-c", "qemu:///system", "domstate", &guest]),
        ),
    ];
    commands.extend(agents);

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
        rows.push(row(name.clone(), &costs, footprint));
    }
    Ok(format!("## Monitor\n\n{}\n{}", table(&rows), programs(&rows)))
}

fn row(name: String, costs: &[&Cost], footprint: Footprint) -> Row {
    let daemon = |name: &str| {
        let times = costs.iter().flat_map(|cost| &cost.daemons).filter(|it| it.name == name);
        times.map(|it| it.own).collect::<Series<_>>().mean()
    };
    Row {
        name,
        wall: costs.iter().map(|it| it.wall).collect(),
        cpu: costs.iter().map(|it| it.cpu).collect(),
        libvirtd: daemon("libvirtd"),
        cib: daemon("pacemaker-based"),
        footprint,
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(
        ["call"],
        [
            "wall, median",
            "min",
            "p95",
            "CPU, median",
            "forks",
            "execs",
            "libvirtd",
            "pacemaker-based",
            "CIB",
        ],
    );
    for row in rows {
        let times = [row.wall.median(), row.wall.min(), row.wall.p95(), row.cpu.median()];
        let counts = [row.footprint.forks, row.footprint.executed()].map(|it| it.to_string());
        let mut cells = vec![row.name.clone()];
        cells.extend(times.map(duration));
        cells.extend(counts);
        cells.extend([duration(row.libvirtd), duration(row.cib), row.footprint.cib.to_string()]);
        table.row(cells);
    }
    if let [.., ours, stock] = rows {
        let of = |value: fn(&Row) -> Duration| ratio(value(ours), value(stock));
        let mut cells = vec!["ratio ours/stock".to_owned()];
        cells.extend([
            of(|it| it.wall.median()),
            of(|it| it.wall.min()),
            of(|it| it.wall.p95()),
            of(|it| it.cpu.median()),
        ]);
        table.row(cells);
    }
    table
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
