use super::Journey;
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
        journey: &mut Journey,
    ) -> Result<()> {
        let guest = || self.identity.name.clone();
        let (lost, answer) = (self.by.slice(LOSS), self.hypervisor.abilities().answer);
        loop {
            let seen = self.observe()?;
            let here = seen.state;
            let there = target.look(&self.identity, self.by.slice(answer));
            // Another guest of that name has not arrived, whatever it does.
            let there = there.map(|it| self.same(&it).map_or(State::Off, |()| it.state));
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
                // Of a post-copy that broke off, what the copy there lacks of its memory is here.
                (State::Paused(Pause::PostcopyFailed), ..) => {}
                (State::Remains, Ok(State::Running), _) => {
                    return self.end_double();
                }
                // Who would end this copy does not answer. After a post-copy the one there may need it.
                (State::Paused(Pause::Outgoing), Ok(State::Running), _)
                    if seen.silence.is_some() && !self.hypervisor.abilities().postcopy =>
                {
                    return self.end_double();
                }
                (_, Ok(State::Running), _) if stays(&seen) => return self.end_double(),
                (_, _, Err(source)) if stays(&seen) => {
                    let nowhere = [State::Off, State::Paused(Pause::Incoming)];
                    journey.stayed = there.is_ok_and(|there| nowhere.contains(&there));
                    let source = source.clone();
                    return Err(Error::NotMigrated { guest: guest(), state: here, source });
                }
                _ => {}
            }
            let gone =
                matches!(here, State::Off | State::Remains) && matches!(there, Ok(State::Off));
            if (gone && lost.expired()) || !self.by.pause(POLL) {
                let there = there.unwrap_or(State::Alive);
                let source = outcome.err();
                return Err(Error::Misplaced { guest: guest(), here, there, source });
            }
        }
    }

    /// Ends the copy here of a guest that runs on the target. The target was seen to have none before, so
    /// the one there is all of the guest: it was let go there, and libvirt, to which the answer was lost, let
    /// it run on here as well (libvirt, `qemuMigrationSrcPerformPeer2Peer3`).
    fn end_double(&self) -> Result<()> {
        let name = &self.identity.name;
        (self.note)(format_args!("guest {name} runs on the target; ending the copy of it here"));
        self.end()
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
    let nowhere = [State::Off, State::Alive, State::Paused(Pause::Outgoing), State::Remains];
    !moving && !nowhere.contains(&seen.state)
}
