//! Live migrations under the cluster.

use super::{Contender, Stage};
use crate::series::Series;
use crate::table::{Figure, RATIO, Table};
use crate::{Error, Subject};
use std::time::Duration;

/// Why the cluster migrates a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Standby,
    Order,
}

impl Cause {
    const ALL: [(Self, &str); 2] =
        [(Self::Standby, "standby"), (Self::Order, "`crm_resource --move`")];
}

/// One migration.
struct Move {
    subject: Subject,
    cause: Cause,
    outage: Duration,
    lost: usize,
    stall: Duration,
    migrate_to: Duration,
    migrate_from: Duration,
    /// The same boot all along, its counter never less than before, its TCP connection never broken.
    intact: bool,
    corrupt: u64,
}

/// Migrates both guests in turn, `count` times for each cause, and gives the figures as Markdown.
pub fn measure(stage: &Stage<'_>, count: usize) -> Result<String, Error> {
    let mut moves = Vec::new();
    let mut causes = Cause::ALL;
    for round in 0..count {
        for contender in &stage.contenders {
            for (cause, title) in causes {
                let to_do = format!("round {} of {count}: {title}", round + 1);
                stage.setting.note(&format!("{to_do}, {}", contender.subject));
                moves.push(migrate(stage, contender, cause)?);
            }
        }
        // Each guest is home again; next time the other cause takes it away.
        causes.reverse();
    }
    Ok(format!(
        "### Live migrations\n\nOutage: the longest time without a UDP reply, with a probe each \
         millisecond.\n\n{}\n{}",
        times(&moves),
        integrity(&moves)
    ))
}

fn migrate(stage: &Stage<'_>, contender: &Contender, cause: Cause) -> Result<Move, Error> {
    let name = contender.guest.name.as_str();
    let home = stage.settle(contender, |_| true)?;
    let away = if home == "n1" { "n2" } else { "n1" };
    let probe = stage.probe(contender)?;
    match cause {
        Cause::Standby => stage.lab.run("pcs", &["node", "standby", &home])?,
        Cause::Order => {
            stage.lab.run("crm_resource", &["--move", "--resource", name, "--node", away])?
        }
    };
    stage.settle(contender, |node| node == away)?;
    stage.ease(contender, &probe)?;
    let measurement = probe.finish();
    let (migrate_to, migrate_from) =
        (took(stage, name, "migrate_to", &home)?, took(stage, name, "migrate_from", away)?);
    match cause {
        Cause::Standby => stage.lab.run("pcs", &["node", "unstandby", &home])?,
        Cause::Order => stage.lab.run("crm_resource", &["--clear", "--resource", name])?,
    };
    // The guest stays where it is; the other node may have to become ready.
    stage.settle(contender, |node| node == away)?;
    let all = measurement.all();
    Ok(Move {
        subject: contender.subject,
        cause,
        outage: all.udp.gap.length(),
        lost: all.udp.lost,
        stall: all.tcp.gap.length(),
        migrate_to,
        migrate_from,
        intact: measurement.boots.len() == 1
            && all.udp.regressions + all.tcp.regressions + all.reconnections == 0,
        corrupt: stage.corrupt_pages(contender)?,
    })
}

/// How long an action took on a node, as the cluster's history has it.
fn took(stage: &Stage<'_>, guest: &str, action: &str, node: &str) -> Result<Duration, Error> {
    let history = format!(
        "//node_state[@uname='{node}']//lrm_resource[@id='{guest}']/lrm_rsc_op[@operation='{action}']"
    );
    let found = stage.lab.run("cibadmin", &["--query", "--xpath", &history])?.text();
    let time = found.split("exec-time=\"").nth(1).and_then(|it| it.split('"').next()?.parse().ok());
    let missing = || Error::NoHistory { action: action.to_owned(), node: node.to_owned() };
    time.map(Duration::from_millis).ok_or_else(missing)
}

fn times(moves: &[Move]) -> String {
    let mut table = Table::new(
        ["cause", "agent"],
        [
            "n",
            "UDP outage, median",
            "p95",
            "max",
            "lost, median",
            "TCP stall, median",
            "p95",
            "migrate_to, median",
            "migrate_from, median",
        ],
    );
    for (cause, title) in Cause::ALL {
        let [ours, stock] = Subject::ALL.map(|subject| {
            let of = moves.iter().filter(|it| (it.subject, it.cause) == (subject, cause));
            let figures = figures(&of.collect::<Vec<_>>());
            table.row([title, &subject.to_string()], figures);
            figures
        });
        table.ratios([title, RATIO], ours, stock);
    }
    table.to_string()
}

fn figures(moves: &[&Move]) -> [Figure; 9] {
    let series =
        |value: fn(&Move) -> Duration| moves.iter().map(|it| value(it)).collect::<Series<_>>();
    let (outage, stall) = (series(|it| it.outage), series(|it| it.stall));
    [
        Figure::Count(moves.len()),
        Figure::Time(outage.median()),
        Figure::Time(outage.p95()),
        Figure::Time(outage.max()),
        Figure::Count(moves.iter().map(|it| it.lost).collect::<Series<_>>().median()),
        Figure::Time(stall.median()),
        Figure::Time(stall.p95()),
        Figure::Time(series(|it| it.migrate_to).median()),
        Figure::Time(series(|it| it.migrate_from).median()),
    ]
}

fn integrity(moves: &[Move]) -> String {
    let mut table = Table::new(
        ["agent"],
        ["migrations", "same boot, counter monotonic, TCP unbroken", "corrupt pages"],
    );
    for subject in Subject::ALL {
        let of = || moves.iter().filter(|it| it.subject == subject);
        // The guest counts since it was told to write, so the last figure holds all of them.
        let corrupt = of().map(|it| it.corrupt).max().unwrap_or_default();
        let figures = [
            Figure::Count(of().count()),
            Figure::Count(of().filter(|it| it.intact).count()),
            Figure::Count(usize::try_from(corrupt).unwrap_or(usize::MAX)),
        ];
        table.row([&subject.to_string()], figures);
    }
    table.to_string()
}
