use crate::{Error, Guest, Result};
use hypervisor::{Job, Sight, State, Trace};
use std::time::Duration;

/// How long a process and the hypervisor's word may differ, before the one that says that the guest is
/// there is believed: each takes a moment to follow the other when a guest ends.
const EXIT_GRACE: Duration = Duration::from_secs(1);

const POLL: Duration = Duration::from_millis(20);

/// What is true of a guest on this node, and who said so.
#[derive(Debug)]
pub struct Observation {
    /// The guest's state.
    pub state: State,
    /// What the hypervisor told, if it answered.
    pub sight: Option<Sight>,
    /// Why the hypervisor did not answer. The state is then the node's own evidence.
    pub silence: Option<hypervisor::Error>,
    /// The guest's processes, as far as the node shows them.
    pub traces: Vec<Trace>,
}

impl Observation {
    /// Whether the hypervisor says that no job holds the guest.
    #[must_use]
    pub fn has_no_job(&self) -> bool {
        self.sight.as_ref().is_some_and(|sight| sight.job == Job::None)
    }
}

impl Guest<'_> {
    /// Finds out what is true, from the hypervisor if it answers and from the node's own evidence if
    /// not. A hypervisor that calls a guest off whose process is there is not believed.
    ///
    /// # Errors
    /// [`Error::Unknown`] when the hypervisor is silent and the node shows nothing of its guests;
    /// [`Error::OtherGuest`] when another guest is active under this one's name.
    pub fn observe(&self) -> Result<Observation> {
        let (answer, mut traces) = self.ask();
        match answer {
            Ok(sight) if sight.state.is_active() => {
                self.same(&sight)?;
                Ok(Observation { state: sight.state, sight: Some(sight), silence: None, traces })
            }
            Ok(sight) => {
                let grace = self.by.slice(EXIT_GRACE);
                while !traces.is_empty() && grace.pause(POLL) {
                    traces.retain(|trace| self.witness.alive(*trace));
                }
                let state = self.witnessed(&traces);
                Ok(Observation { state, sight: Some(sight), silence: None, traces })
            }
            Err(source) if traces.is_empty() && !self.proves_absence() => {
                Err(Error::Unknown { guest: self.identity.name.clone(), source })
            }
            Err(silence) => {
                let state = self.witnessed(&traces);
                Ok(Observation { state, sight: None, silence: Some(silence), traces })
            }
        }
    }

    /// Whether finding nothing proves anything while the hypervisor is silent. It does not while the
    /// daemon lives that was asked to start the guest and has not answered: it may still do it.
    fn proves_absence(&self) -> bool {
        let asked = self.asked.is_some_and(|daemon| self.witness.alive(daemon));
        self.witness.proves_absence(&self.identity) && !asked
    }

    /// Refuses to take another guest of the same name for this one.
    pub(crate) fn same(&self, sight: &Sight) -> Result<()> {
        match (&self.identity.uuid, &sight.uuid) {
            (Some(expected), Some(found)) if expected != found => Err(Error::OtherGuest {
                guest: self.identity.name.clone(),
                expected: expected.clone(),
                found: found.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Asks the hypervisor and the node, and again for a while if the hypervisor speaks of a guest whose
    /// process has died: it is about to notice.
    fn ask(&self) -> (hypervisor::Result<Sight>, Vec<Trace>) {
        let mut grace = None;
        loop {
            let answer = self.hypervisor.look(&self.identity, self.by);
            let traces = self.witness.find(&self.identity);
            let active = answer.as_ref().is_ok_and(|sight| sight.state.is_active());
            let dead = active && traces.is_empty() && self.witness.proves_absence(&self.identity);
            let grace = *grace.get_or_insert_with(|| self.by.slice(EXIT_GRACE));
            if !dead || !grace.pause(POLL) {
                return (answer, traces);
            }
        }
    }

    /// The state as the node's evidence has it.
    fn witnessed(&self, traces: &[Trace]) -> State {
        if traces.is_empty() {
            return State::Off;
        }
        self.witness.state(&self.identity, self.by).unwrap_or(State::Alive)
    }
}
