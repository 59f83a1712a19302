//! What xl does for as long as a guest's memory takes: sending it to another host, or to a file.
//!
//! It is a process in a session of its own, and goes on when the agent that began it is killed. What it says
//! is in a file, where the next agent finds it.

use super::job::{self, Work};
use super::table::{self, Row};
use super::{Xl, address::Address};
use crate::Deadline;
use crate::error::{Error, Result};
use crate::identity::Name;
use crate::migration::{Migration, Part, Progress, Transfer};
use exec::{Child, Tool};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the files are with what xl says.
const DIRECTORY: &str = "/run/hawser-xl";

/// How often an xl that is at work is looked at.
const POLL: Duration = Duration::from_millis(50);

/// What saving leaves for giving it up, at most.
const GIVE_UP: Duration = Duration::from_secs(3);

/// Nobody waits for ever for what is begun here, and xl does not take so long.
const FOR_EVER: Duration = Duration::from_secs(7 * 24 * 3600);

/// A page of a guest, which is what xl counts, in bytes.
const PAGE: u64 = 4096;

/// An xl that is at work, and the file with what it says.
struct Run {
    what: &'static str,
    child: Child,
    log: PathBuf,
}

impl Run {
    fn begin(what: &'static str, tool: Tool, row: &Row) -> Result<Self> {
        let log = log(row);
        let refused = |words: String| Error::Refused { what, words };
        let made = fs::create_dir_all(DIRECTORY).and_then(|()| fs::write(&log, ""));
        made.map_err(|error| refused(format!("{}: {error}", log.display())))?;
        let child = tool.spawn(Some(&log)).map_err(|error| refused(error.to_string()))?;
        Ok(Self { what, child, log })
    }

    /// Waits for its end; `None` when it goes on at the deadline.
    fn wait(&mut self, by: Deadline) -> Option<Result<()>> {
        let status = loop {
            match self.child.ended() {
                Some(status) => break status,
                None if by.pause(POLL) => {}
                None => return None,
            }
        };
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        // It is for the one that waits, and for those that look while it runs.
        let _ = fs::remove_file(&self.log);
        let failed = || Error::Refused { what: self.what, words: table::reason(&said) };
        Some(if status.success() { Ok(()) } else { Err(failed()) })
    }
}

fn log(row: &Row) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{}.log", row.id))
}

/// Begins to send the guest. xl on this host talks to xl on the other one through the transport.
pub fn begin(xl: &Xl, guest: &Name, migration: &Migration, by: Deadline) -> Result<Transfer> {
    let what = "migrate the guest";
    let refused = |words: &str| Error::Refused { what, words: words.to_owned() };
    let row = xl.domain(what, guest, by)?;
    if row.condition.paused {
        let words =
            "it is paused, and cannot do what a migration asks of it; xl unpause lets it run on";
        return Err(refused(words));
    }
    let target = Address::parse(&migration.destination)?;
    let Some((host, transport)) = target.there() else {
        return Err(refused("the target is this host"));
    };
    let tool = Tool::new("xl").args(["migrate", "-s", &transport, &row.id.to_string(), host]);
    let mut run = Run::begin(what, tool, &row)?;
    let ended = move || run.wait(Deadline::after(FOR_EVER)).unwrap_or(Ok(()));
    Transfer::begin(ended).map_err(|error| refused(&error.to_string()))
}

/// Saves the guest to a file, and lets it run on if that takes too long.
pub fn save(xl: &Xl, row: &Row, file: &Path, by: Deadline) -> Result<()> {
    let what = "save the guest";
    let tool = Tool::new("xl").args(["save", &row.id.to_string()]).arg(file);
    let mut run = Run::begin(what, tool, row)?;
    if let Some(ended) = run.wait(by.less(GIVE_UP.min(by.remaining() / 4))) {
        return ended;
    }
    while let Some(task) = xl.jobs(row).into_iter().find(|task| task.work == Work::Save) {
        task.fail();
        if run.wait(by.slice(POLL)).is_some() || by.expired() {
            break;
        }
    }
    Err(Error::Refused { what, words: "it took too long".to_owned() })
}

/// Has xl give up what it does with the guest's memory, and waits until it has.
///
/// Until it gives its domain another name it lets the guest run on here when its stream breaks. After that the
/// guest may run on the other side, and there is nothing to be given up: xl ends by itself.
pub fn abort(xl: &Xl, guest: &Name, by: Deadline) -> Result<()> {
    loop {
        let table = xl.table(by)?;
        let tasks = |row: &Row| {
            let mut tasks = xl.jobs(row);
            tasks.retain(|task| matches!(task.work, Work::Migrate | Work::Save));
            tasks
        };
        if table.copies(guest).all(|row| tasks(row).is_empty()) {
            return Ok(());
        }
        if let Some(row) = table.named(guest.as_str()) {
            tasks(row).into_iter().for_each(job::Task::fail);
        }
        if !by.pause(POLL) {
            return Err(Error::Refused {
                what: "abort the guest's job",
                words: "it was told to end and still runs".to_owned(),
            });
        }
    }
}

/// How far the xl has got that sends a domain; `None` when none does, or it has not said yet.
pub fn progress(row: &Row) -> Option<Progress> {
    read(&fs::read_to_string(log(row)).ok()?)
}

/// The last that xl said of its progress, in pages of the pass that it is in:
/// `xc: progress: Frames: 2048/24576    8%`, and from the second pass on `Frames iteration 1`.
fn read(said: &str) -> Option<Progress> {
    let mut seen = Progress::default();
    let mut before = 0;
    for line in said.lines().filter_map(|line| line.trim().strip_prefix("xc: progress: ")) {
        let Some((label, figures)) = line.rsplit_once(": ") else { continue };
        let figures = figures.split_whitespace().next().and_then(|it| it.split_once('/'));
        let Some((done, total)) = figures else { continue };
        let (Ok(done), Ok(total)) = (done.parse::<u64>(), total.parse::<u64>()) else { continue };
        let iteration = label.rsplit_once("iteration ").and_then(|(_, it)| it.parse::<u64>().ok());
        let pass = iteration.unwrap_or_default() + 1;
        if pass > seen.pass {
            before = seen.memory.sent;
        }
        let all = seen.memory.total.max(total * PAGE);
        let (sent, remaining) = (before + done * PAGE, total.saturating_sub(done) * PAGE);
        seen.memory = Part { total: all, sent, remaining, rate: 0 };
        seen.pass = pass;
    }
    (seen.pass > 0).then_some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is_can_be_told_from_what_xl_says() {
        assert_eq!(read("Saving to migration stream\nxc: info: Saving domain 3\n"), None);
        let said = "xc: progress: Frames: 2048/24576    8%\nxc: progress: Frames: 24576/24576  100%\n\
                    xc: progress: Frames iteration 1: 512/2048   25%\n";
        let progress = read(said).unwrap();
        assert_eq!(progress.pass, 2);
        let memory = progress.memory;
        assert_eq!((memory.total >> 20, memory.sent >> 20, memory.remaining >> 20), (96, 98, 6));
        assert_eq!(read("xc: progress: End of stream: 0/0    0%").unwrap().memory.remaining, 0);
    }
}
