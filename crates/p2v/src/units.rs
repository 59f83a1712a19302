use crate::error::Flaw;
use crate::machine::Machine;
use crate::{Error, Note, Result};
use exec::Deadline;
use std::time::Duration;

/// How long a machine's units may take to stop or to start: longer than systemd lets most of them.
const TIME: Duration = Duration::from_secs(600);

/// The units of a machine that were stopped for the last pass.
pub struct Units<'a> {
    machine: &'a Machine,
    stopped: Vec<&'a str>,
}

impl<'a> Units<'a> {
    /// Refuses one that the machine does not have: what it was meant to be would go on writing.
    pub fn check(machine: &Machine, units: &[String], by: Deadline) -> Result<()> {
        for unit in units {
            if property(machine, "LoadState", unit, by)? == "not-found" {
                let source = Flaw::NoUnit { unit: unit.clone() };
                return Err(Error::Unsuitable { what: machine.to_string(), source });
            }
        }
        Ok(())
    }

    /// Stops those that run. If one does not stop, those that did are started again.
    pub fn stop(
        machine: &'a Machine,
        units: &'a [String],
        by: Deadline,
        note: Note<'_>,
    ) -> Result<Self> {
        let mut stopped = Vec::new();
        for unit in units {
            // What does not run is not to be started either.
            let state = property(machine, "ActiveState", unit, by)?;
            if !["inactive", "failed"].contains(&&*state) {
                stopped.push(unit.as_str());
            }
        }
        let units = Self { machine, stopped };
        let done = units.command("stop", by);
        if done.is_err() {
            units.start(note);
        }
        done.map(|()| units)
    }

    /// Starts them again.
    pub fn start(&self, note: Note<'_>) {
        if self.stopped.is_empty() {
            return;
        }
        let (machine, units) = (self.machine, self.stopped.join(" "));
        note(&format!("starting again on {machine} what was stopped: {units}"), None);
        if let Err(error) = self.command("start", Deadline::after(TIME)) {
            note(&format!("{error}; look after {units} on {machine} by hand"), None);
        }
    }

    fn command(&self, verb: &str, by: Deadline) -> Result<()> {
        if self.stopped.is_empty() {
            return Ok(());
        }
        let words: Vec<&str> =
            ["systemctl", verb, "--"].into_iter().chain(self.stopped.iter().copied()).collect();
        self.machine.run(&words, by.slice(TIME)).map(drop)
    }
}

/// What systemd says of a unit.
fn property(machine: &Machine, name: &str, unit: &str, by: Deadline) -> Result<String> {
    let words = ["systemctl", "show", "--value", "--property", name, "--", unit];
    Ok(machine.run(&words, by.slice(TIME))?.trim().to_owned())
}
