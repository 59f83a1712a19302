use crate::{Change, Error, Guest, Observation, Result};
use hypervisor::{Deadline, Definition, Pause, State};
use std::path::Path;
use std::time::Duration;

/// How long a hypervisor that does not answer is waited for: a daemon that restarts is back by then.
const RESTART_GRACE: Duration = Duration::from_secs(10);

/// How long a copy that is coming in, or one that is going down, may take to settle.
const SETTLE: Duration = Duration::from_secs(10);

/// What a start that fails keeps for clearing away what it began, at most.
const CLEAN_UP: Duration = Duration::from_secs(5);

const POLL: Duration = Duration::from_millis(50);

impl Guest<'_> {
    /// Clears away what remains of a guest that crashed, or never came to run, and tells what there is then: a guest
    /// that is active, or nothing of it.
    ///
    /// # Errors
    /// Those of [`Guest::stop`].
    pub fn cleared(&self) -> Result<Observation> {
        let seen = self.settled()?;
        match seen.state {
            State::Crashed
            | State::Dying
            | State::ShuttingDown
            | State::Remains
            | State::Paused(
                Pause::Watchdog | Pause::Incoming | Pause::PostcopyFailed | Pause::Building,
            ) => {
                (self.note)(format_args!(
                    "clearing away what remains of guest {}: it is {}",
                    self.identity.name,
                    crate::health::describe(seen.state)
                ));
                self.end()?;
                self.observe()
            }
            _ => Ok(seen),
        }
    }

    /// Brings the guest up, from the memory that was saved to `saved` if that is given, and returns
    /// when it is active. A guest that is active already is left as it is, but let run on if it is
    /// paused; what remains of one is cleared away first.
    ///
    /// # Errors
    /// The hypervisor's, and [`Error::NotUp`]. Nothing is left active then of a guest that was off.
    pub fn start(&self, definition: &Definition, saved: Option<&Path>) -> Result<Change> {
        let seen = self.cleared()?;
        match seen.state {
            State::Off => {}
            State::Paused(Pause::Admin | Pause::IoError | Pause::Unknown) => {
                self.done(self.hypervisor.resume(&self.identity.name, self.by))?;
                return self.up(self.by).map(|()| Change::Done);
            }
            State::Running | State::Alive | State::PmSuspended | State::Paused(_) => {
                return Ok(Change::Already);
            }
            state => return Err(Error::NotUp { guest: self.identity.name.clone(), state }),
        }
        self.answering(&seen)?;
        let begun = self.before_clean_up();
        let started = match saved {
            Some(file) => self.hypervisor.restore(file, begun),
            None => self.hypervisor.create(definition, begun),
        };
        let up = match started {
            Ok(()) => self.up(begun),
            // Somebody else has started it meanwhile, or the daemon's answer was lost.
            Err(_) if self.observe().is_ok_and(|seen| seen.state == State::Running) => Ok(()),
            Err(source) => Err(self.failed(source)),
        };
        up.map(|()| Change::Done).inspect_err(|_| {
            // The reason is the first error; that nothing is left is all that matters now.
            let _ = self.end();
        })
    }

    /// When it must be settled whether the guest comes up. Of a short time most is for that.
    fn before_clean_up(&self) -> Deadline {
        self.by.less(CLEAN_UP.min(self.by.remaining() / 4))
    }

    /// Waits for a daemon that did not answer when the guest was seen: it may be restarting, and starting without
    /// one is not possible.
    ///
    /// # Errors
    /// The hypervisor's, when it is still silent after 10 s.
    pub fn answering(&self, seen: &Observation) -> Result<()> {
        if seen.silence.is_none() {
            return Ok(());
        }
        let patience = self.before_clean_up().slice(RESTART_GRACE);
        loop {
            match self.hypervisor.look(&self.identity, patience) {
                Err(error) if error.is_silence() && patience.pause(POLL) => {}
                Err(error) => return Err(self.failed(error)),
                Ok(_) => return Ok(()),
            }
        }
    }

    /// The guest's state once it is none that ends by itself.
    fn settled(&self) -> Result<Observation> {
        // What is left must suffice for the start itself.
        let patience = self.by.slice(SETTLE.min(self.by.remaining() / 2));
        loop {
            let seen = self.observe()?;
            let moving = matches!(
                seen.state,
                State::ShuttingDown | State::Dying | State::Paused(Pause::Incoming)
            );
            if !moving || !patience.pause(POLL) {
                return Ok(seen);
            }
        }
    }

    /// Waits until the guest runs.
    fn up(&self, by: Deadline) -> Result<()> {
        loop {
            let seen = self.observe()?;
            match seen.state {
                State::Running => return Ok(()),
                // A boot or a restore that is still being set up.
                State::Paused(Pause::Job | Pause::Building | Pause::Unknown) | State::Alive
                    if by.pause(POLL) => {}
                state => return Err(Error::NotUp { guest: self.identity.name.clone(), state }),
            }
        }
    }

    pub(crate) fn failed(&self, source: hypervisor::Error) -> Error {
        Error::Hypervisor { guest: self.identity.name.clone(), source }
    }

    pub(crate) fn done<T>(&self, answer: hypervisor::Result<T>) -> Result<T> {
        answer.map_err(|source| self.failed(source))
    }
}
