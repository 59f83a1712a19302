use lab::probe::{Measurement, Probe, Timeline};
use lab::{Guest, Lab};
use std::time::Duration;

use super::resource::Resource;
use crate::error::Error;
use crate::terminal::note;
use exec::Deadline;

/// How long a guest answers until it is at ease.
const AT_EASE: Duration = Duration::from_millis(1500);

/// What happens in the demo.
pub struct Story<'a> {
    pub lab: &'a Lab,
    pub guest: &'a Guest,
    pub resource: Resource,
    pub deadline: Deadline,
}

impl Story<'_> {
    pub fn tell(&self) -> Result<Measurement, Error> {
        self.configure()?;
        let home = self.settled("to start", |_| true)?;
        // The boot is not part of the story: it is waited for with a probe of its own.
        self.until_at_ease(&self.probe()?)?;
        let probe = self.probe()?;
        self.until_at_ease(&probe)?;
        let timeline = probe.timeline();

        mark(&timeline, &format!("{} runs on {home}; {home} goes standby", self.guest.name));
        self.pcs(&["node", "standby", &home])?;
        let away = self.settled("to be migrated", |node| node != home)?;
        mark(&timeline, &format!("{} runs on {away}", self.guest.name));
        self.until_at_ease(&probe)?;

        mark(&timeline, &format!("{home} comes back; {} moves home", self.guest.name));
        self.pcs(&["node", "unstandby", &home])?;
        self.pcs(&["resource", "move", &self.guest.name, &home])?;
        self.settled("to come back", |node| node == home)?;
        mark(&timeline, &format!("{} runs on {home}", self.guest.name));
        self.until_at_ease(&probe)?;

        self.kill(&home, &probe, &timeline)?;
        Ok(probe.finish())
    }

    fn kill(&self, home: &str, probe: &Probe, timeline: &Timeline) -> Result<(), Error> {
        mark(timeline, &format!("{home} dies (SIGKILL to all of it)"));
        let boots = probe.boots();
        self.lab.node(home)?.kill()?;
        let heir = self.settled("to be recovered", |node| node != home)?;
        mark(timeline, &format!("{home} is fenced, {} starts on {heir}", self.guest.name));
        if !probe.wait_for_boot(boots, self.deadline) {
            return Err(late("the guest to boot again").into());
        }
        mark(timeline, &format!("{} answers again", self.guest.name));
        self.until_at_ease(probe)
    }

    fn probe(&self) -> Result<Probe, Error> {
        Ok(self.lab.probe(self.guest.address())?)
    }

    /// Configures the guest as an administrator would, with pcs.
    fn configure(&self) -> Result<(), Error> {
        let create = self.resource.creation(&self.guest.name);
        note(&format!("# pcs {}", create.join(" ")));
        self.pcs(&create)
    }

    fn pcs(&self, arguments: &[&str]) -> Result<(), Error> {
        Ok(self.lab.run("pcs", arguments).map(drop)?)
    }

    fn settled(&self, what: &str, fits: impl Fn(&str) -> bool) -> Result<String, Error> {
        note(&format!("waiting for {} {what}", self.guest.name));
        Ok(self.lab.wait_located(&self.guest.name, fits, self.deadline)?)
    }

    fn until_at_ease(&self, probe: &Probe) -> Result<(), Error> {
        let patience = self.deadline.slice(Duration::from_secs(240));
        if probe.wait_for_replies(probe.count(AT_EASE), patience) {
            return Ok(());
        }
        Err(late("the guest to answer").into())
    }
}

fn late(what: &str) -> lab::Error {
    lab::Error::NotInTime { what: what.to_owned() }
}

fn mark(timeline: &Timeline, label: &str) {
    note(label);
    timeline.mark(label);
}
