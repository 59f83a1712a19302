use crate::{Guest, Observation};
use hypervisor::{Pause, State};

/// What a guest's state means to whoever must keep it available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It runs.
    Well,
    /// It is as somebody wanted it, or still runs, but is not what users expect.
    Impaired {
        /// What is wrong, as a sentence.
        reason: String,
    },
    /// Something of it is there, and it does no work and will not by itself.
    Failed {
        /// What is wrong, as a sentence.
        reason: String,
    },
    /// Nothing of it is active here. The incoming copy of a migration does not count: until it runs,
    /// the guest is on the source. Nor does what never runs again.
    Off,
}

/// A state in the words that an admin reads.
pub fn describe(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Paused(Pause::Admin) => "paused by an administrator",
        State::Paused(Pause::IoError) => "paused on an I/O error",
        State::Paused(Pause::Watchdog) => "paused by its watchdog",
        State::Paused(Pause::Incoming) => "paused as the incoming copy of a migration",
        State::Paused(Pause::Outgoing) => "paused at the end of a migration",
        State::Paused(Pause::PostcopyFailed) => "paused after a failed post-copy migration",
        State::Paused(Pause::Job) => "paused for a job of the hypervisor",
        State::Paused(Pause::Building) => "being built",
        State::Paused(Pause::Unknown) => "paused",
        State::Crashed => "crashed",
        State::PmSuspended => "suspended by itself (ACPI S3)",
        State::ShuttingDown => "shutting down",
        State::Dying => "being torn down",
        State::Remains => "there as what a migration or its end has left of it",
        State::Alive => "there in a state that cannot be told",
        State::Off => "off",
    }
}

impl Guest<'_> {
    /// Judges an observation.
    #[must_use]
    pub fn health(&self, seen: &Observation) -> Health {
        let name = &self.identity.name;
        let is = |hint: &str| format!("guest {name} is {}{hint}", describe(seen.state));
        let resume = format!("; {} lets it run on", self.hypervisor.abilities().resume);
        match seen.state {
            State::Off | State::Remains | State::Paused(Pause::Incoming) => Health::Off,
            State::Crashed | State::Paused(Pause::Watchdog | Pause::PostcopyFailed) => {
                Health::Failed { reason: is("") }
            }
            State::Paused(Pause::IoError) => Health::Failed {
                reason: is("; check the storage behind its disks (virsh domblkerror, df)"),
            },
            State::Paused(Pause::Admin | Pause::Unknown) => {
                Health::Impaired { reason: is(&resume) }
            }
            State::PmSuspended => Health::Impaired { reason: is("; virsh dompmwakeup wakes it") },
            State::ShuttingDown | State::Dying | State::Paused(Pause::Building) => {
                Health::Impaired { reason: is("") }
            }
            // Its CPUs stand still for a job that is not there any more: nobody lets it run on.
            State::Paused(Pause::Outgoing) if seen.has_no_job() => {
                Health::Failed { reason: is(", which is over") }
            }
            State::Paused(Pause::Job) if seen.has_no_job() => {
                Health::Impaired { reason: is(&resume) }
            }
            State::Running | State::Alive | State::Paused(Pause::Outgoing | Pause::Job) => {
                match &seen.silence {
                    None if seen.state == State::Alive => Health::Impaired {
                        reason: format!(
                            "guest {name} runs, but its hypervisor does not know of it"
                        ),
                    },
                    None => Health::Well,
                    Some(silence) if matches!(seen.state, State::Paused(_)) => {
                        Health::Impaired { reason: is(&format!(", and {silence}")) }
                    }
                    Some(silence) => {
                        Health::Impaired { reason: format!("guest {name} runs, but {silence}") }
                    }
                }
            }
        }
    }
}
