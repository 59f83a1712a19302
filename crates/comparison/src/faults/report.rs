use super::stage::Stage;
use super::{Condition, Consequence, Fault, Judgement, faults, timeout};
use crate::{Action, Answer, Outcome, Subject};
use lab::image::Hypervisor;
use std::fmt::{self, Write};

/// One question and what came of it.
#[derive(Debug)]
pub struct Cell {
    /// Who was asked.
    pub subject: Subject,
    /// What was wrong.
    pub fault: &'static Fault,
    /// How the guest was when it became so.
    pub condition: Condition,
    /// What was asked for.
    pub action: Action,
    /// What the agent did.
    pub outcome: Outcome,
    /// What that is worth.
    pub judgement: Judgement,
}

impl Cell {
    fn answer(&self) -> String {
        let answer = match self.outcome.answer {
            Answer::Code(code) => code.to_string(),
            Answer::Signal(signal) => format!("signal {signal}"),
            Answer::Late => "none".to_owned(),
        };
        match (self.judgement.truth, self.judgement.harmful) {
            (Some(true), _) => format!("{answer}, true"),
            (Some(false), false) => format!("**{answer}, false**"),
            (Some(false), true) => format!("**{answer}, false, harmful**"),
            (None, false) => format!("**{answer}, late**"),
            (None, true) => format!("**{answer}, late, harmful**"),
        }
    }

    fn asks(&self, other: &Self) -> bool {
        std::ptr::eq(self.fault, other.fault)
            && self.condition == other.condition
            && self.action == other.action
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (action, seconds) = (title(&self.action), self.outcome.wall.as_secs_f64());
        write!(
            f,
            "{}, guest {}, {action}: {} after {seconds:.2} s",
            self.fault.name,
            self.condition,
            self.answer()
        )
    }
}

/// How an agent did in all of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many questions it was asked.
    pub asked: usize,
    /// How often its answer was false.
    pub untrue: usize,
    /// How often it had not answered in time.
    pub late: usize,
    /// How often a false or missing answer costs a guest that was well, or gives it a second copy.
    pub harmful: usize,
}

/// What agents did about faults. Its text is Markdown.
#[derive(Debug)]
pub struct Report {
    subjects: Vec<Subject>,
    cells: Vec<Cell>,
    conditions: Vec<(String, String)>,
}

impl Report {
    pub(super) fn new(subjects: Vec<Subject>, cells: Vec<Cell>) -> Self {
        Self { subjects, cells, conditions: Vec::new() }
    }

    /// Adds something that a reader has to know of the machine.
    #[must_use]
    pub fn condition(mut self, name: &str, value: &str) -> Self {
        self.conditions.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Every answer, by agent.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// How an agent did.
    #[must_use]
    pub fn summary(&self, subject: Subject) -> Summary {
        let mut summary = Summary::default();
        for cell in self.cells.iter().filter(|it| it.subject == subject) {
            summary.asked += 1;
            summary.untrue += usize::from(cell.judgement.truth == Some(false));
            summary.late += usize::from(cell.judgement.truth.is_none());
            summary.harmful += usize::from(cell.judgement.harmful);
        }
        summary
    }

    fn write_summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| agent | questions | false answers | late answers | harmful ones of these |"
        )?;
        writeln!(f, "|---|--:|--:|--:|--:|")?;
        for subject in &self.subjects {
            let Summary { asked, untrue, late, harmful } = self.summary(*subject);
            writeln!(f, "| {subject} | {asked} | {untrue} | {late} | {harmful} |")?;
        }
        Ok(())
    }

    fn write_fault(&self, f: &mut fmt::Formatter<'_>, fault: &Fault) -> fmt::Result {
        let name = fault.name.replace('-', " ");
        writeln!(f, "\n## {name}\n\n{}\n", fault.how)?;
        let (mut heading, mut rule) = ("| guest | action |".to_owned(), "|---|---|".to_owned());
        for subject in &self.subjects {
            // Writing to a String cannot fail.
            let _ = write!(heading, " {} | s | then Pacemaker |", subject.type_name());
            rule.push_str("---|--:|---|");
        }
        writeln!(f, "{heading}\n{rule}")?;
        let of_fault = |it: &&Cell| std::ptr::eq(it.fault, fault);
        let first = self.subjects.first();
        for question in self.cells.iter().filter(of_fault).filter(|it| Some(&it.subject) == first) {
            write!(f, "| {} | {} |", question.condition, title(&question.action))?;
            for cell in self.cells.iter().filter(|it| it.asks(question)) {
                let seconds = cell.outcome.wall.as_secs_f64();
                let then = Consequence::of(&cell.action, cell.outcome.answer);
                write!(f, " {} | {seconds:.2} | {then} |", cell.answer())?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# What the agents answer when something is wrong\n")?;
        let Some(hypervisor) = self.subjects.first().map(|it| it.hypervisor()) else {
            return Ok(());
        };
        writeln!(f, "{}\n", preface(hypervisor))?;
        self.write_summary(f)?;
        let was_made = |it: &&Fault| self.cells.iter().any(|cell| std::ptr::eq(cell.fault, *it));
        for fault in faults(hypervisor).iter().filter(was_made) {
            self.write_fault(f, fault)?;
        }
        writeln!(f, "\n## Conditions\n")?;
        for (name, value) in &self.conditions {
            writeln!(f, "- {name}: {value}")?;
        }
        Ok(())
    }
}

fn title(action: &Action) -> &'static str {
    match action {
        Action::Probe => "probe",
        other => other.argument(),
    }
}

/// What a reader has to know before the tables.
fn preface(hypervisor: Hypervisor) -> String {
    let seconds = |action: &Action| timeout(hypervisor, action).as_secs();
    let (node, questions, times, when, copies) = match hypervisor {
        Hypervisor::Kvm => (
            "a real libvirtd",
            "each action",
            format!("for every action the same {} s", seconds(&Action::Start)),
            "both work at the same time",
            "QEMU processes",
        ),
        Hypervisor::Xen => (
            "a real Xen that QEMU emulates",
            RELEVANT,
            format!(
                "the same time, {} s for a monitor, {} s for start and stop and {} s for migrate_to",
                seconds(&Action::Monitor),
                seconds(&Action::Start),
                seconds(&Stage::migration())
            ),
            "one works after the other, and the way into a node is part of the time that is shown",
            "domains",
        ),
    };
    PREFACE
        .replace("NODE", node)
        .replace("QUESTIONS", questions)
        .replace("TIMES", &times)
        .replace("WHEN", when)
        .replace("COPIES", copies)
}

/// What is asked where each question takes long. The contract of an agent (`crates/contract`) has the rest.
const RELEVANT: &str = "\
each action on whose answer the fault can have a bearing (what a stopped guest's monitor and migrate_to say, and what \
is independent of the other node and of its memory, each agent's tests ask on scripted hosts)";

const PREFACE: &str = "\
Written by `hawser faults`. Each fault is made on a node with NODE, once while a real guest runs there and \
once after it was stopped; then the agent is asked for QUESTIONS, as Pacemaker asks. Both agents get the same \
parameters, and TIMES, after which Pacemaker would kill them; each has its own two nodes, and WHEN.

An answer is an exit code of OCF. It is **true** if it agrees with what is seen without the agent (the COPIES \
on both nodes, and the boot of the guest that answers on the network), and if nothing was done that was not asked for:

- a probe: 0 for a guest that is active, 7 or 5 for one that is not;
- a monitor: 0 or 190 (degraded) for a guest that runs, 7 for one that does not, 1 for one that crashed or is paused on \
an I/O error;
- start: 0 if the guest runs now and answers; an error if it does not, and then nothing may be left of a guest that was \
stopped, nor is it true of a guest that ran before: its faulty surroundings are no reason to restart it;
- stop: 0 if nothing of it is left, an error if something is;
- migrate_to: 0 if the same boot of the guest runs on the other node only; an error if it is still where it was.

A false answer, or none in time, is **harmful** if what Pacemaker does with it interrupts a guest that was well, starts \
a second copy of it, or fences a node. What Pacemaker does was observed with `crm_simulate` (Pacemaker 2.1.5, two nodes, \
fencing, `on-fail` at its defaults). An error that is true can still cost a restart.";
