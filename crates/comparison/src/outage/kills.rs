//! Nodes that die with a guest on them.

use super::{BOOT_TIME, CLUSTER_TIME, Contender, Stage, late};
use crate::series::Series;
use crate::table::{Figure, RATIO, Table};
use crate::{Error, Subject};
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

/// Kills the node of each guest in turn, `count` times, and gives the figures as Markdown.
pub fn measure(stage: &Stage<'_>, count: usize) -> Result<String, Error> {
    let mut kills = Vec::new();
    for round in 0..count {
        for contender in &stage.contenders {
            stage.setting.note(&format!(
                "round {} of {count}: node kill, {}",
                round + 1,
                contender.subject
            ));
            kills.push(kill(stage, contender)?);
        }
    }
    Ok(format!(
        "### Node kills\n\nThe node that runs the guest is killed with SIGKILL, all of it; times since \
         then. Each kill led to fencing and to the guest's restart on the other node, or there \
         would be no table.\n\n{}",
        table(&kills)
    ))
}

fn kill(stage: &Stage<'_>, contender: &Contender) -> Result<Kill, Error> {
    for other in &stage.contenders {
        let home = if other.subject == contender.subject { "n1" } else { "n2" };
        stage.send(other, home)?;
    }
    let (victim, survivor) = (stage.lab.node("n1")?, stage.lab.node("n2")?);
    let probe = stage.probe(contender)?;
    let mut log = Log::open(&survivor)?;
    let begun = Instant::now();
    victim.kill()?;
    log.wait_for(&["Operation 'reboot'", "targeting n1", ": OK"], Deadline::after(CLUSTER_TIME))?;
    let fenced = begun.elapsed();
    if !probe.wait_for_boot(Deadline::after(BOOT_TIME)) {
        return Err(late(&format!("the recovery of guest {}", contender.guest.name)));
    }
    let answers = begun.elapsed();
    drop(probe);
    stage.settle(contender, |node| node == "n2")?;
    await_members(stage)?;
    stage.dirty(contender)?;
    Ok(Kill { subject: contender.subject, fenced, answers })
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

fn table(kills: &[Kill]) -> String {
    let mut table =
        Table::new(["agent"], ["kills", "fenced, median", "max", "guest answers, median", "max"]);
    let [ours, stock] = Subject::ALL.map(|subject| {
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
