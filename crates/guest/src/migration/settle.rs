use crate::{Error, Guest, Result};
use hypervisor::{Hypervisor, Job, Pause, State};
use std::time::Duration;

/// How long an arriving guest may not be seen at all.
const ABSENCE: Duration = Duration::from_secs(5);

/// How long a guest may be seen on neither side until it counts as lost on its way.
const LOSS: Duration = Duration::from_secs(2);

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
            let there = target.look(&self.identity.name, self.by).map(|sight| sight.state);
            let moving = seen.sight.is_some_and(|sight| sight.job == Job::Running)
                || here == State::Paused(Pause::Outgoing);
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
                (_, _, Err(source)) if here.is_active() && !moving => {
                    let (guest, source) = (guest(), source.clone());
                    return Err(Error::NotMigrated { guest, state: here, source });
                }
                _ => {}
            }
            let gone = here == State::Off && matches!(there, Ok(State::Off));
            if (gone && lost.expired()) || !self.by.pause(POLL) {
                let there = there.unwrap_or(State::Alive);
                return Err(Error::Misplaced {
                    guest: guest(),
                    here,
                    there,
                    source: outcome.err(),
                });
            }
        }
    }

    /// Waits until the guest that another node sent runs here.
    ///
    /// # Errors
    /// [`Error::NotArrived`] when it does not by the deadline, or nothing of it is here for 5 s.
    pub fn migrate_from(&self) -> Result<()> {
        let mut patience = self.by.slice(ABSENCE);
        loop {
            let state = self.observe()?.state;
            match state {
                // A guest that was paused by an administrator arrives paused.
                State::Running | State::Paused(Pause::Admin) => return Ok(()),
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
