use super::stage::Stage;
use super::{injection, kvm, xen};
use crate::{Action, Call, Error};
use lab::image::Hypervisor;
use std::fmt;

/// How a guest is to be when a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It runs.
    Running,
    /// It was stopped before.
    Stopped,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
        })
    }
}

/// Something that is wrong, and how it is made so. What is not wrong is left as it is.
#[derive(Debug)]
pub struct Fault {
    /// Its name, in lower case with hyphens.
    pub name: &'static str,
    /// What exactly is done, for a reader of the table.
    pub how: &'static str,
    /// Makes the guest be as it is to be, and then makes the fault.
    pub(super) inject: fn(&mut Stage, Condition) -> Result<(), Error>,
    /// Makes what of the fault is in the way of looking at the guest as well: only the agent meets it.
    pub(super) strike: fn(&Stage) -> Result<(), Error>,
    /// Makes that go away.
    pub(super) lift: fn(&Stage) -> Result<(), Error>,
    /// Makes the fault go away.
    pub(super) undo: fn(&mut Stage) -> Result<(), Error>,
    /// What of it is in the call of the agent.
    pub(super) adjust: fn(Call) -> Call,
    /// What the agent is asked for.
    pub(super) questions: fn(Condition) -> Vec<Action>,
}

impl Fault {
    pub(super) const fn new(
        name: &'static str,
        how: &'static str,
        inject: fn(&mut Stage, Condition) -> Result<(), Error>,
        undo: fn(&mut Stage) -> Result<(), Error>,
    ) -> Self {
        let none = |_: &Stage| Ok(());
        Self {
            name,
            how,
            inject,
            strike: none,
            lift: none,
            undo,
            adjust: |call| call,
            questions: |_| every_action(),
        }
    }

    /// A fault that is in the way of looking at the guest as well.
    pub(super) const fn blinding(
        name: &'static str,
        how: &'static str,
        strike: fn(&Stage) -> Result<(), Error>,
        lift: fn(&Stage) -> Result<(), Error>,
    ) -> Self {
        Self { strike, lift, ..Self::new(name, how, injection::nothing, injection::leave) }
    }

    /// A fault that is all in the call of the agent.
    pub(super) const fn of_call(
        name: &'static str,
        how: &'static str,
        adjust: fn(Call) -> Call,
    ) -> Self {
        Self { adjust, ..Self::new(name, how, injection::nothing, injection::leave) }
    }

    /// The fault, with other questions about it than all.
    pub(super) const fn asking(self, questions: fn(Condition) -> Vec<Action>) -> Self {
        Self { questions, ..self }
    }
}

/// All that an agent can be asked for: what should change nothing first.
pub fn every_action() -> Vec<Action> {
    vec![Action::Probe, Action::Monitor, Action::Start, Stage::migration(), Action::Stop]
}

/// Every fault of the table. The first one is none: what an agent gets wrong there, nothing excuses.
#[must_use]
pub fn faults(hypervisor: Hypervisor) -> &'static [Fault] {
    match hypervisor {
        Hypervisor::Kvm => kvm::FAULTS,
        Hypervisor::Xen => xen::FAULTS,
    }
}

/// The fault of that name.
///
/// # Errors
/// [`Error::UnknownFault`].
pub fn named(hypervisor: Hypervisor, name: &str) -> Result<&'static Fault, Error> {
    let faults = faults(hypervisor);
    faults.iter().find(|it| it.name == name).ok_or_else(|| Error::UnknownFault {
        found: name.to_owned(),
        known: faults.iter().map(|it| it.name).collect(),
    })
}
