use crate::{Change, Error, Guest, Observation, Result};
use hypervisor::{Blind, Deadline, Pause, ShutdownMode, State};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What ending by the hypervisor leaves for ending by the node itself.
const KILL_RESERVE: Duration = Duration::from_secs(4);

/// How long an aborted migration may take to let go of the guest.
const ABORT_SLICE: Duration = Duration::from_secs(10);

/// How long a paused guest may take to run on, so that it can hear the request to shut down.
const RESUME_SLICE: Duration = Duration::from_secs(5);

/// How long the target of a migration may take to say what is there of the guest.
const ANSWER_SLICE: Duration = Duration::from_secs(10);

/// How often the request to shut down is repeated: a guest that is still booting does not hear it.
const REPEAT: Duration = Duration::from_secs(5);

const POLL: Duration = Duration::from_millis(20);

/// How a guest is to be stopped.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// The ways in which it is asked to shut down, each tried if the one before did not help. Empty:
    /// the hypervisor's choice.
    pub modes: Vec<ShutdownMode>,
    /// How long it may take for that, at most, if that is given.
    pub time: Option<Duration>,
    /// End it at once instead, if its memory is not saved.
    pub force: bool,
    /// Save its memory here instead, and end it otherwise only if that fails.
    pub save: Option<PathBuf>,
}

impl Guest<'_> {
    /// Takes the guest down: gracefully, then by the hypervisor's force, then by the node's own.
    /// Success is proof: neither the hypervisor nor the node shows anything of it, and nor does the target of a
    /// migration that was not seen to end.
    ///
    /// # Errors
    /// [`Error::StillActive`], or [`Error::Unknown`] when nobody can tell; [`Error::Departed`] when it may have
    /// gone where nobody can tell.
    pub fn stop(&self, how: &Shutdown) -> Result<Change> {
        let change = self.stop_here(how)?;
        if let Some(destination) = &self.leaving {
            match self.stop_there(destination, how) {
                // What was saved here has not left.
                Err(error) if change == Change::Saved => (self.note)(format_args!("{error}")),
                ended => ended?,
            }
        }
        Ok(change)
    }

    fn stop_here(&self, how: &Shutdown) -> Result<Change> {
        let mut seen = self.observe()?;
        if !seen.state.is_active() {
            return Ok(Change::Already);
        }
        if seen.sight.as_ref().is_some_and(|sight| sight.job.holds()) {
            (self.note)(format_args!("aborting the job that holds guest {}", self.identity.name));
            if let Err(error) =
                self.hypervisor.abort_job(&self.identity.name, self.by.slice(ABORT_SLICE))
            {
                (self.note)(format_args!("{error}"));
            }
            seen = self.observe()?;
        }
        let listens = (!how.force || how.save.is_some()) && self.can_listen(seen.state);
        // What cannot be told may be a guest whose memory has gone elsewhere.
        let whole = listens && seen.state != State::Alive;
        if let Some(file) = how.save.as_ref().filter(|_| whole)
            && self.saved(file, &seen)?
        {
            return Ok(Change::Saved);
        }
        if listens && !how.force && self.gracefully(how, &seen)? {
            return Ok(Change::Done);
        }
        self.end()?;
        Ok(Change::Done)
    }

    /// Sees to it that the guest is not on the target of its migration. The stop there ends what it finds; what has
    /// come when that was over nobody looks for but this one.
    fn stop_there(&self, destination: &str, how: &Shutdown) -> Result<()> {
        let (guest, target) = (self.identity.name.clone(), destination.to_owned());
        let departed = |source| Error::Departed { guest, target, source };
        let answer = self.by.slice(ANSWER_SLICE.max(self.hypervisor.abilities().answer));
        let hypervisor = match self.hypervisor.remote(destination, answer) {
            Ok(hypervisor) => hypervisor,
            Err(error) => return Err(departed(error)),
        };
        let (asked, leaving, identity) = (None, None, self.identity.clone());
        let there =
            Guest { identity, hypervisor: &*hypervisor, witness: &Blind, asked, leaving, ..*self };
        let patience = self.by.less(self.by.remaining() / 2);
        let ended = loop {
            match there.observe() {
                Ok(seen) if seen.state.is_active() => {}
                gone => break gone.map(drop),
            }
            if !patience.pause(POLL) {
                let name = &self.identity.name;
                (self.note)(format_args!("guest {name} has got to {destination}; ending it there"));
                break there.stop_here(&Shutdown { save: None, ..how.clone() }).map(drop);
            }
        };
        match ended {
            Err(Error::Unknown { source, .. }) => Err(departed(source)),
            // What has the name there is no copy of this one.
            Ok(()) | Err(Error::OtherGuest { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether there is an operating system that can shut itself down.
    fn can_listen(&self, state: State) -> bool {
        match state {
            State::Running | State::ShuttingDown | State::Alive | State::Paused(Pause::Job) => true,
            State::Paused(Pause::Admin) => {
                let by = self.by.slice(RESUME_SLICE.min(self.by.remaining() / 4));
                self.hypervisor.resume(&self.identity.name, by).is_ok()
            }
            _ => false,
        }
    }

    /// When a guest that has not ended by itself has to be ended by force: by the hypervisor, or else by the node.
    fn before_force(&self) -> Deadline {
        let reserve = self.hypervisor.abilities().end + KILL_RESERVE;
        self.by.less(reserve.min(self.by.remaining() / 2))
    }

    /// Saves the guest's memory. True when it is off, and its memory is in the file.
    fn saved(&self, file: &Path, seen: &Observation) -> Result<bool> {
        let (name, budget) = (&self.identity.name, self.before_force());
        match self.hypervisor.save(name, file, budget) {
            Ok(()) => self.off(seen, budget),
            Err(error) => {
                (self.note)(format_args!("guest {name}: {error}; it is shut down instead"));
                Ok(false)
            }
        }
    }

    /// Lets the guest shut itself down. True when it is off.
    fn gracefully(&self, how: &Shutdown, seen: &Observation) -> Result<bool> {
        let (name, budget) = (&self.identity.name, self.before_force());
        let left = budget.remaining();
        if let Some(time) = how.time.filter(|time| *time > left) {
            (self.note)(format_args!(
                "guest {name} may take {} s to shut down, and the stop timeout leaves it {} s",
                time.as_secs(),
                left.as_secs()
            ));
        }
        let budget = how.time.map_or(budget, |time| budget.slice(time));
        let modes = if how.modes.is_empty() { &[ShutdownMode::Any][..] } else { &how.modes };
        for (position, mode) in modes.iter().enumerate() {
            let rest = u32::try_from(modes.len() - position).unwrap_or(u32::MAX);
            let slice = budget.slice(budget.remaining() / rest);
            while self.asked(*mode, slice) {
                if self.off(seen, slice.slice(REPEAT))? {
                    return Ok(true);
                }
                // QEMU stays when its guest has shut down, and libvirt ends it, if there is a libvirt.
                if self.witness.state(&self.identity, slice) == Some(State::ShuttingDown) {
                    return Ok(false);
                }
                if slice.expired() {
                    (self.note)(format_args!("guest {name} did not shut down in time ({mode:?})"));
                    break;
                }
            }
        }
        Ok(false)
    }

    /// Asks the guest to shut down, through the hypervisor or through the guest's own monitor. False
    /// when nobody could ask.
    fn asked(&self, mode: ShutdownMode, by: Deadline) -> bool {
        let name = &self.identity.name;
        match self.hypervisor.shut_down(name, mode, by) {
            Ok(()) => true,
            Err(error) => {
                (self.note)(format_args!("guest {name}: {error}"));
                error.is_silence() && self.witness.power_down(&self.identity, by)
            }
        }
    }

    /// Ends the guest by force and proves that it is gone.
    pub(crate) fn end(&self) -> Result<()> {
        let name = &self.identity.name;
        let by = self.by.less(KILL_RESERVE.min(self.by.remaining() / 3));
        let mut seen = self.observe()?;
        // One that calls it off says that it has ended it, and would be waited for in vain.
        let known = seen.sight.as_ref().is_none_or(|sight| sight.state.is_active());
        match self.hypervisor.destroy(&self.identity, by) {
            Ok(()) if known && self.off(&seen, by)? => return Ok(()),
            Ok(()) => {}
            Err(error) => (self.note)(format_args!("guest {name}: {error}")),
        }
        // What comes to light when they are gone ends too, such as a program that would bring the guest back.
        loop {
            for trace in &seen.traces {
                (self.note)(format_args!("killing {trace} of guest {name}"));
                if !self.witness.kill(*trace, self.by) {
                    (self.note)(format_args!("{trace} of guest {name} does not die"));
                }
            }
            let late = self.by.expired();
            seen = self.observe()?;
            if seen.traces.is_empty() || late {
                break;
            }
        }
        if self.off(&seen, self.by)? {
            return Ok(());
        }
        let state = match self.observe()?.state {
            // Not found any more, but a process that was is still there.
            State::Off => State::Dying,
            state => state,
        };
        Err(Error::StillActive { guest: name.clone(), state })
    }

    /// Waits until nothing of the guest is there. While the node shows its processes it is enough to
    /// watch those; once they are gone the hypervisor must have noticed too, or be silent.
    fn off(&self, seen: &Observation, by: Deadline) -> Result<bool> {
        loop {
            let watched = seen.traces.iter().any(|trace| self.witness.alive(*trace));
            if !watched && !self.observe()?.state.is_active() {
                return Ok(true);
            }
            if !by.pause(POLL) {
                return Ok(false);
            }
        }
    }
}
