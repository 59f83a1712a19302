use crate::{Error, Guest, Observation, Result};
use hypervisor::{Hypervisor, Job, Pause, State};
use std::time::Duration;

/// How long an arriving guest may not be seen at all.
const ABSENCE: Duration = Duration::from_secs(5);

/// How long a guest may be seen on neither side until it counts as lost on its way.
const LOSS: Duration = Duration::from_secs(2);

/// How long an arriving guest is asked of a hypervisor that does not answer.
const SILENCE: Duration = Duration::from_secs(5);

const POLL: Duration = Duration::from_millis(50);

impl Guest<'_> {
    /// Finds out where the guest is.
    pub(super) fn settle(
        &self,
        target: &dyn Hypervisor,
        outcome: hypervisor::Result<()>,
    ) -> Result<()> {
        let guest = || self.identity.name.clone();
        let lost = self.by.slice(LOSS);
        loop {
            let seen = self.observe()?;
            let here = seen.state;
            let not_migrated =
                |source| Error::NotMigrated { guest: guest(), state: here, source };
            match &outcome {
                Err(source) if stays(&seen) => return Err(not_migrated(source.clone())),
                _ => {}
            }
            let there = target.look(&self.identity.name, self.by).map(|sight| sight.state);
            match (here, &there, &outcome) {
                (State::Off, Ok(State::Running | State::Paused(Pause::Admin)), _) => {
                    if let Err(error) = outcome {
                        (self.note)(format_args!("{error}; but guest {} has arrived", guest()));
                    }
                    return Ok(());
                }
                (State::Off, Err(silence), Ok(())) => {
                    (self.note)(format_args!("guest {} has left; {silence}", guest()));
                    return Ok(());
                }
                _ => {}
            }
            let gone = here == State::Off && matches!(there, Ok(State::Off));
            if (gone && lost.expired()) || !self.by.pause(POLL) {
                let there = there.unwrap_or(State::Alive);
                return Err(match outcome {
                    // It was told to stay, and whatever holds it waits for a target that is silent.
                    Err(source) if here == State::Running => not_migrated(source),
                    outcome => {
                        Error::Misplaced { guest: guest(), here, there, source: outcome.err() }
                    }
                });
            }
        }
    }

    /// Waits until the guest that another node sent runs here. Its process is enough when the hypervisor
    /// does not answer for 5 s: the source has seen it run.
    ///
    /// # Errors
    /// [`Error::NotArrived`] when it does not by the deadline, or nothing of it is here for 5 s.
    pub fn migrate_from(&self) -> Result<()> {
        let (mut patience, silence) = (self.by.slice(ABSENCE), self.by.slice(SILENCE));
        loop {
            let seen = self.observe()?;
            let state = seen.state;
            match state {
                // A guest that was paused by an administrator arrives paused.
                State::Running | State::Paused(Pause::Admin) => return Ok(()),
                State::Alive if seen.silence.is_some() && silence.expired() => return Ok(()),
                State::Off => {}
                _ => patience = self.by.slice(ABSENCE),
            }
            let waiting = if state == State::Off { patience } else { self.by };
            if !waiting.pause(POLL) {
                return Err(Error::NotArrived { guest: self.identity.name.clone(), state });
            }
        }
    }
}

/// Whether the guest is here and goes nowhere. A process of which nothing more is known may be about to
/// leave: a daemon that restarts lets go of its clients at once, and of its migrations later.
fn stays(seen: &Observation) -> bool {
    let moving = seen.sight.as_ref().is_some_and(|sight| sight.job == Job::Running);
    let nowhere = [State::Off, State::Alive, State::Paused(Pause::Outgoing)];
    !moving && !nowhere.contains(&seen.state)
}
