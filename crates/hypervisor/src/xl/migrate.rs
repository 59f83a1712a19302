//! What xl does for as long as a guest's memory takes: sending it to another host, or to a file.
//!
//! It is a process in a session of its own, and goes on when the agent that began it is killed. What it says
//! is in a file until somebody has heard how it ended.

use super::Xl;
use super::address::Address;
use super::call::{DIRECTORY, Found, make_directory};
use super::job::{Programs, Task};
use super::table;
use crate::Deadline;
use crate::error::{Error, Result};
use crate::identity::Name;
use crate::migration::{Migration, Transfer};
use exec::{Child, Tool};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often an xl that was told to fail is looked at, and told again: it may have begun what it needs only then.
const ABORT_POLL: Duration = Duration::from_millis(500);

/// What saving leaves for giving it up, at most.
const GIVE_UP: Duration = Duration::from_secs(3);

/// An xl that is at work, and the file with what it says.
struct Run {
    what: &'static str,
    child: Child,
    log: PathBuf,
}

impl Run {
    fn begin(what: &'static str, tool: Tool, guest: &Name) -> Result<Self> {
        let log = Path::new(DIRECTORY).join(format!("{guest}.log"));
        let refused = |words: String| Error::Refused { what, words };
        let made = make_directory().and_then(|()| fs::write(&log, ""));
        made.map_err(|error| refused(format!("{}: {error}", log.display())))?;
        let child = tool.spawn(Some(&log)).map_err(|error| refused(error.to_string()))?;
        Ok(Self { what, child, log })
    }

    /// Waits for its end on a thread of its own: looking again and again would take processor time from the transfer.
    fn watch(self) -> Result<Transfer> {
        let what = self.what;
        Transfer::begin(move || self.end())
            .map_err(|error| Error::Refused { what, words: error.to_string() })
    }

    fn end(self) -> Result<()> {
        let ended = self.child.end();
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        // One that stays is overwritten by the next.
        let _ = fs::remove_file(&self.log);
        match ended {
            Some(status) if status.success() => Ok(()),
            _ => Err(Error::Refused { what: self.what, words: table::reason(&said) }),
        }
    }
}

/// Begins to send the guest. xl on this host talks to xl on the other one through the transport.
pub fn begin(xl: &Xl, guest: &Name, migration: &Migration, by: Deadline) -> Result<Transfer> {
    let what = "migrate the guest";
    let refused = |words: &str| Error::Refused { what, words: words.to_owned() };
    let domain = xl.domain(what, guest, by)?;
    if domain.condition.paused {
        let words =
            "it is paused, and cannot do what a migration asks of it; xl unpause lets it run on";
        return Err(refused(words));
    }
    if domain.name != guest.as_str() {
        let Found { name, id, .. } = domain;
        return Err(refused(&format!("it runs as {name}; xl rename {id} {guest} names it again")));
    }
    let target = Address::parse(&migration.destination)?;
    let Some((host, transport)) = target.there() else {
        return Err(refused("the target is this host"));
    };
    let tool = Tool::new("xl").args(["migrate", "-s", &transport, &domain.id.to_string(), host]);
    Run::begin(what, tool, guest)?.watch()
}

/// Saves the guest to a file, and lets it run on if that takes too long.
pub fn save(xl: &Xl, guest: &Name, file: &Path, by: Deadline) -> Result<()> {
    let what = "save the guest";
    let domain = xl.domain(what, guest, by)?;
    let private = file.to_owned();
    let made = by.slice(GIVE_UP).bound(move || make_private(&private));
    made.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into())).map_err(|error| {
        let words = format!("{}: {error}", file.display());
        Error::Refused { what, words }
    })?;
    let tool = Tool::new("xl").args(["save", &domain.id.to_string()]).arg(file);
    let saving = Run::begin(what, tool, guest)?.watch()?;
    if let Some(ended) = saving.wait(by.less(GIVE_UP.min(by.remaining() / 4))) {
        return ended;
    }
    for task in Programs::now().tasks(guest, Some(domain.id)).into_iter().filter(Task::holds) {
        task.fail();
    }
    // It has nothing to say that is not known.
    let _ = saving.wait(by);
    Err(Error::Refused { what, words: "it took too long".to_owned() })
}

/// Makes the file into which xl writes, which otherwise makes one that everybody may read.
fn make_private(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map(drop),
    }
}

/// Has xl give up what it does with the guest's memory, and waits until it has. xl itself is not asked: under a
/// migration it takes its time, and takes it from the migration.
///
/// Until xl gives the domain another name it lets the guest run on here when its stream breaks. After that the
/// guest may run on the other side, and there is nothing to be given up: xl ends by itself.
pub fn abort(xl: &Xl, guest: &Name, by: Deadline) -> Result<()> {
    loop {
        let (mut working, domains) = (false, xl.names(by)?);
        for (id, name) in
            domains.iter().filter(|(_, name)| table::own(guest).any(|own| own == *name))
        {
            for task in Programs::now().tasks(guest, Some(*id)).into_iter().filter(Task::holds) {
                working = true;
                if name == guest.as_str() {
                    task.fail();
                }
            }
        }
        if !working {
            return Ok(());
        }
        if !by.pause(ABORT_POLL) {
            return Err(Error::Refused {
                what: "abort the guest's job",
                words: "it was told to end and still runs".to_owned(),
            });
        }
    }
}
