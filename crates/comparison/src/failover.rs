//! What a guest's users notice when its node dies.

use crate::resource::{self, Operations};
use crate::series::Series;
use crate::stage::{BOOT_TIME, CLUSTER_TIME, NODES, Stage, late};
use crate::table::{Figure, RATIO, Table};
use crate::{Error, Setting, Subject};
use exec::Deadline;
use lab::Node;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

/// How often the survivor's log is looked at; the resolution of what is learned from it.
const LOOK: Duration = Duration::from_millis(10);

/// What Pacemaker logs, on every node that is left.
const LOG: &str = "var/log/pacemaker/pacemaker.log";

/// One dead node, with the times since its death.
struct Kill {
    subject: Subject,
    /// The cluster knows that the node is off.
    fenced: Duration,
    /// The guest runs on the other node and answers.
    answers: Duration,
}

/// Kills the node that runs a guest of each agent in turn, `count` times, and gives the figures as
/// Markdown. 5 take about 6 minutes.
///
/// # Errors
/// When the lab cannot be made, or the cluster does not fence the node, or the guest does not run
/// elsewhere in the end.
pub fn kills(setting: Setting<'_>, count: usize) -> Result<String, Error> {
    let stage = Stage::set(setting, setting.describe("bench-failover")?.nodes(2))?;
    for subject in setting.subjects() {
        stage.enlist(subject, &resource::guest(subject), Operations::default())?;
    }
    let mut kills = Vec::new();
    for round in 1..=count {
        for subject in setting.subjects() {
            setting.note(&format!("round {round} of {count}: node kill, {subject}"));
            kills.push(kill(&stage, subject)?);
        }
    }
    stage.lab.down()?;
    Ok(format!(
        "### Node kills\n\nThe node that runs the guest is killed with SIGKILL, all of it; times since \
         then. Each kill led to fencing and to the guest's restart on the other node, or there \
         would be no table.\n\n{}",
        table(setting, &kills)
    ))
}

fn kill(stage: &Stage<'_>, subject: Subject) -> Result<Kill, Error> {
    let guest = resource::guest(subject);
    for other in stage.setting.subjects() {
        stage.send(&resource::guest(other), NODES[usize::from(other != subject)])?;
    }
    let [victim, survivor] = NODES;
    let (victim, survivor) = (stage.lab.node(victim)?, stage.lab.node(survivor)?);
    let probe = stage.probe(&guest)?;
    let mut log = Log::open(&survivor)?;
    let boots = probe.boots();
    let begun = Instant::now();
    victim.kill()?;
    log.wait_for(&["Operation 'reboot'", "targeting n1", ": OK"], Deadline::after(CLUSTER_TIME))?;
    let fenced = begun.elapsed();
    if !probe.wait_for_boot(boots, Deadline::after(BOOT_TIME)) {
        return Err(late(&format!("the recovery of guest {}", guest.name)));
    }
    let answers = begun.elapsed();
    drop(probe);
    stage.settle(&guest, |node| node == survivor.name())?;
    await_members(stage)?;
    Ok(Kill { subject, fenced, answers })
}

/// Waits until the node that was fenced is back.
fn await_members(stage: &Stage<'_>) -> Result<(), Error> {
    let deadline = Deadline::after(CLUSTER_TIME);
    while stage.lab.nodes()?.iter().any(|node| node.init.is_none()) {
        if !deadline.pause(Duration::from_millis(100)) {
            return Err(late("the return of the node that was fenced"));
        }
    }
    Ok(stage.lab.wait_online(deadline)?)
}

/// What is added to a node's log from now on.
struct Log {
    file: File,
    text: String,
}

impl Log {
    fn open(node: &Node<'_>) -> Result<Self, Error> {
        let path = node.file(LOG);
        let mut file =
            File::open(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        file.seek(SeekFrom::End(0)).map_err(|source| Error::Read { path, source })?;
        Ok(Self { file, text: String::new() })
    }

    /// Waits for a line in which all of this stands.
    fn wait_for(&mut self, parts: &[&str], deadline: Deadline) -> Result<(), Error> {
        loop {
            // A character that is written in two pieces is read when it is whole.
            let _ = self.file.read_to_string(&mut self.text);
            if self.text.lines().any(|line| parts.iter().all(|part| line.contains(part))) {
                return Ok(());
            }
            if !deadline.pause(LOOK) {
                return Err(late(&format!("a log line with {parts:?}")));
            }
        }
    }
}

fn table(setting: Setting<'_>, kills: &[Kill]) -> String {
    let mut table =
        Table::new(["agent"], ["kills", "fenced, median", "max", "guest answers, median", "max"]);
    let [ours, stock] = setting.subjects().map(|subject| {
        let of = kills.iter().filter(|it| it.subject == subject);
        let fenced: Series<Duration> = of.clone().map(|it| it.fenced).collect();
        let answers: Series<Duration> = of.map(|it| it.answers).collect();
        let figures = [
            Figure::Count(fenced.len()),
            Figure::Time(fenced.median()),
            Figure::Time(fenced.max()),
            Figure::Time(answers.median()),
            Figure::Time(answers.max()),
        ];
        table.row([&subject.to_string()], figures);
        figures
    });
    table.ratios([RATIO], ours, stock);
    table.to_string()
}
