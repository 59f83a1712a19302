use crate::{Error, Guest, Result};
use hypervisor::{Hypervisor, Job, Migration, Pause, State};
use std::time::Duration;

/// How long the target may take to answer, before the first byte of the guest has moved.
const CONNECT_SLICE: Duration = Duration::from_secs(10);

/// What the migration leaves for finding out where the guest is, at most.
const SETTLE_RESERVE: Duration = Duration::from_secs(3);

/// How long an arriving guest may not be seen at all.
const ABSENCE: Duration = Duration::from_secs(5);

/// How long a guest may be seen on neither side until it counts as lost on its way.
const LOSS: Duration = Duration::from_secs(2);

const POLL: Duration = Duration::from_millis(50);

impl Guest<'_> {
    /// Migrates the guest live to another node. Success means that nothing of it is here any more and
    /// that it was seen running there, whatever the hypervisor reported. Only if the target does not
    /// answer any more is the hypervisor believed.
    ///
    /// A job that an earlier action left is aborted first, and so is an incoming copy that one left on
    /// the target: the guest was seen running here, so that copy never ran.
    ///
    /// # Errors
    /// All but [`Error::Misplaced`] leave the guest on this node. The hypervisor's words are kept.
    pub fn migrate_to(&self, migration: &Migration) -> Result<()> {
        let name = &self.identity.name;
        let seen = self.observe()?;
        if seen.sight.as_ref().is_some_and(|sight| sight.job == Job::Running) {
            (self.note)(format_args!("aborting the job that holds guest {name}"));
            self.done(self.hypervisor.abort_job(name, self.by))?;
        }
        let seen = self.observe()?;
        if let Some(silence) = seen.silence {
            return Err(self.failed(silence));
        }
        if !matches!(seen.state, State::Running | State::Paused(Pause::Admin)) {
            return Err(Error::NotMigratable { guest: name.clone(), state: seen.state });
        }
        let target = self.hypervisor.remote(&migration.destination, self.by.slice(CONNECT_SLICE));
        let target = self.done(target)?;
        self.make_room(&*target)?;
        let settling = self.by.less(SETTLE_RESERVE.min(self.by.remaining() / 4));
        let outcome = self.hypervisor.migrate(name, migration, settling);
        self.settle(&*target, outcome)
    }

    /// Clears an incoming copy that was left on the target.
    fn make_room(&self, target: &dyn Hypervisor) -> Result<()> {
        let name = &self.identity.name;
        let there = self.done(target.look(name, self.by))?.state;
        match there {
            State::Off => Ok(()),
            State::Paused(Pause::Incoming) => {
                (self.note)(format_args!(
                    "removing the incoming copy of guest {name} that was left on the target"
                ));
                self.done(target.destroy(name, self.by))
            }
            state => Err(Error::TargetOccupied { guest: name.clone(), state }),
        }
    }

    /// Finds out where the guest is.
    fn settle(&self, target: &dyn Hypervisor, outcome: hypervisor::Result<()>) -> Result<()> {
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
