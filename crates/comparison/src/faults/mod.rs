//! What each agent answers when something is wrong, and whether that is true.
//!
//! Every fault is made on a node of a lab with a real hypervisor, once with a real guest running and once with
//! it stopped, and the agent is asked for each action. Its answer is held against the truth, which is
//! taken without it: the node's processes or domains, and the boot of the guest that answers on the network.

mod common;
mod consequence;
mod fault;
mod injection;
mod judgement;
mod kvm;
mod report;
mod stage;
mod xen;

pub use consequence::Consequence;
pub use fault::{Condition, Fault, faults, named};
pub use judgement::{After, Before, Judgement};
pub use report::{Cell, Report, Summary};

use crate::{Action, Call, Error, Subject};
use lab::image::Hypervisor;
use stage::Stage;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How long an action may take: no more than the agents advertise, and the same for both, so that those that
/// are late do not make the table late.
#[must_use]
pub fn timeout(hypervisor: Hypervisor, action: &Action) -> Duration {
    Duration::from_secs(match (hypervisor, action) {
        (Hypervisor::Kvm, _) => 20,
        (Hypervisor::Xen, Action::Probe | Action::Monitor) => 30,
        (Hypervisor::Xen, Action::Start | Action::Stop) => 60,
        (Hypervisor::Xen, Action::MigrateTo { .. } | Action::MigrateFrom { .. }) => 120,
    })
}

/// What is put to the test.
pub struct Trial<'a> {
    /// The agents, of one hypervisor; each gets a lab of its own, at the same time unless its nodes are emulated.
    pub subjects: &'a [Subject],
    /// The faults, out of [`faults`].
    pub faults: Vec<&'static Fault>,
    /// Installed tree (DESTDIR of make install) with the suite's agent; without it, the machine's own.
    pub root: Option<&'a Path>,
    /// Gets a sentence for every step.
    pub note: &'a (dyn Fn(&str) + Sync),
}

impl Trial<'_> {
    /// Tries everything.
    ///
    /// # Errors
    /// When a lab cannot be made, or a fault cannot be made or undone. What agents do is no error.
    pub fn run(&self) -> Result<Report, Error> {
        let emulated = self.subjects.iter().any(|it| it.hypervisor() == Hypervisor::Xen);
        // Two labs of emulated hosts would take the time from each other that their answers are judged by.
        let tried = match emulated {
            true => self.subjects.iter().map(|it| self.try_subject(*it)).collect(),
            false => self.at_once(),
        };
        let cells = tried.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(Report::new(self.subjects.to_vec(), cells.into_iter().flatten().collect()))
    }

    fn at_once(&self) -> Vec<Result<Vec<Cell>, Error>> {
        thread::scope(|scope| {
            let try_one = |subject: &Subject| {
                let subject = *subject;
                scope.spawn(move || self.try_subject(subject))
            };
            let threads: Vec<_> = self.subjects.iter().map(try_one).collect();
            let join = |it: thread::ScopedJoinHandle<'_, _>| {
                it.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(join).collect()
        })
    }

    fn try_subject(&self, subject: Subject) -> Result<Vec<Cell>, Error> {
        let mut stage = Stage::set(subject, self.root, self.note)?;
        stage.place()?;
        let mut cells = Vec::new();
        for fault in &self.faults {
            for condition in [Condition::Running, Condition::Stopped] {
                for action in (fault.questions)(condition) {
                    let cell = try_cell(&mut stage, fault, condition, action)?;
                    (self.note)(&format!("{subject}: {cell}"));
                    cells.push(cell);
                }
            }
        }
        Ok(cells)
    }
}

fn try_cell(
    stage: &mut Stage,
    fault: &'static Fault,
    condition: Condition,
    action: Action,
) -> Result<Cell, Error> {
    (fault.inject)(stage, condition)?;
    let before = stage.before()?;
    let time = timeout(stage.subject.hypervisor(), &action);
    let call = (fault.adjust)(Call::new(action, time));
    (fault.strike)(stage)?;
    let outcome = stage.act(&call)?;
    (fault.lift)(stage)?;
    let boots = call.action == Action::Start && outcome.answer == crate::Answer::Code(0);
    let after = stage.after(boots)?;
    (fault.undo)(stage)?;
    let judgement = Judgement::of(&call.action, before, outcome.answer, after);
    let subject = stage.subject;
    Ok(Cell { subject, fault, condition, action: call.action, outcome, judgement })
}
