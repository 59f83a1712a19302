//! What a guest's users notice when it is moved live, and when its node dies.

mod kills;
mod moves;

use crate::{Error, Setting, Subject, resource};
use exec::Deadline;
use lab::probe::{Namespace, Probe};
use lab::{Guest, Lab};
use lab_guest::Command;
use std::time::Duration;

/// How often the cluster monitors the guests.
const MONITOR_INTERVAL: Duration = Duration::from_secs(10);

/// How long placing, starting and booting the guests may take.
const BOOT_TIME: Duration = Duration::from_secs(180);

/// How long the cluster may take for anything it is told.
const CLUSTER_TIME: Duration = Duration::from_secs(120);

/// How long a guest that runs may take to answer steadily.
const EASE_TIME: Duration = Duration::from_secs(60);

/// How many replies show that a guest is at ease.
const AT_EASE: usize = 1000;

/// What the guests write all the time, in MiB/s, round and round over so many MiB, while they check
/// every page they wrote.
const DIRTY: Command = Command::Dirty { rate: 4, size: 16 };

/// Migrates a guest of each agent in turn, `count` times by standby and as often by `crm_resource
/// --move`, and gives the figures as Markdown. 12 of each take about 6 minutes.
///
/// # Errors
/// When the lab cannot be made, or a guest does not go where it is sent.
pub fn moves(setting: Setting<'_>, count: usize) -> Result<String, Error> {
    on_stage(setting, |stage| moves::measure(stage, count))
}

/// Kills the node that runs a guest of each agent in turn, `count` times, and gives the figures as
/// Markdown. 5 take about 6 minutes.
///
/// # Errors
/// When the lab cannot be made, or the cluster does not fence the node, or the guest does not run
/// elsewhere in the end.
pub fn kills(setting: Setting<'_>, count: usize) -> Result<String, Error> {
    on_stage(setting, |stage| kills::measure(stage, count))
}

fn on_stage(
    setting: Setting<'_>,
    measure: impl FnOnce(&Stage<'_>) -> Result<String, Error>,
) -> Result<String, Error> {
    let lab = setting.lab("bench-outage", 2)?;
    let stage = Stage { setting, lab: &lab, contenders: Subject::ALL.map(Contender::new) };
    for (contender, home) in stage.contenders.iter().zip(["n1", "n2"]) {
        setting.note(&format!("starting a guest with {}", contender.subject));
        lab.place(&contender.guest, Deadline::after(BOOT_TIME))?;
        resource::create(&lab, contender.subject, &contender.guest, MONITOR_INTERVAL)?;
        stage.settle(contender, |_| true)?;
        stage.send(contender, home)?;
        stage.dirty(contender)?;
    }
    let figures = measure(&stage)?;
    lab.down()?;
    Ok(figures)
}

/// An agent with the guest that it manages.
struct Contender {
    subject: Subject,
    guest: Guest,
}

impl Contender {
    fn new(subject: Subject) -> Self {
        Self { subject, guest: resource::guest(subject) }
    }
}

/// A cluster of two nodes in which each agent has a guest, each on a node of its own.
struct Stage<'a> {
    setting: Setting<'a>,
    lab: &'a Lab,
    contenders: [Contender; 2],
}

impl Stage<'_> {
    /// Begins to probe a guest, and returns when it answers steadily.
    fn probe(&self, contender: &Contender) -> Result<Probe, Error> {
        let namespace =
            Namespace::open(&self.lab.observer()?.network()).map_err(lab::Error::from)?;
        let probe =
            Probe::start(&namespace, contender.guest.address()).map_err(lab::Error::from)?;
        self.ease(contender, &probe)?;
        Ok(probe)
    }

    fn ease(&self, contender: &Contender, probe: &Probe) -> Result<(), Error> {
        match probe.wait_for_replies(AT_EASE, Deadline::after(EASE_TIME)) {
            true => Ok(()),
            false => Err(late(&format!("steady answers of guest {}", contender.guest.name))),
        }
    }

    /// Sends a guest to a node and waits until it is there; it may be there already.
    fn send(&self, contender: &Contender, node: &str) -> Result<(), Error> {
        let name = contender.guest.name.as_str();
        if self.settle(contender, |_| true)? != node {
            self.lab.run("crm_resource", &["--move", "--resource", name, "--node", node])?;
            self.settle(contender, |it| it == node)?;
            // Its stickiness keeps it there.
            self.lab.run("crm_resource", &["--clear", "--resource", name])?;
            self.settle(contender, |it| it == node)?;
        }
        Ok(())
    }

    /// Waits until a guest runs on a node that fits, and the cluster is at rest. Returns that node.
    fn settle(&self, contender: &Contender, fits: impl Fn(&str) -> bool) -> Result<String, Error> {
        let deadline = Deadline::after(CLUSTER_TIME);
        Ok(self.lab.wait_located(&contender.guest.name, fits, deadline)?)
    }

    /// Has a guest dirty memory; after a boot it does not.
    fn dirty(&self, contender: &Contender) -> Result<(), Error> {
        self.tell(contender, DIRTY).map(drop)
    }

    /// How many of the pages that a guest has written since [`Stage::dirty`] are not what it wrote.
    fn corrupt_pages(&self, contender: &Contender) -> Result<u64, Error> {
        self.tell(contender, Command::Check)
    }

    fn tell(&self, contender: &Contender, command: Command) -> Result<u64, Error> {
        let mut control =
            resource::wait_up(self.lab, &contender.guest, Deadline::after(BOOT_TIME))?;
        let status = control.tell(command, Deadline::after(EASE_TIME)).map_err(lab::Error::from)?;
        Ok(status.corrupt)
    }
}

fn late(what: &str) -> Error {
    lab::Error::NotInTime { what: what.to_owned() }.into()
}
