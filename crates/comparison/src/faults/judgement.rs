//! Whether an answer was true, by what is known independently of the agent.

use super::consequence::Consequence;
use crate::{Action, Answer};
use lab_guest::BootId;

/// How a guest was before an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// It runs here, and this boot of it answers.
    Well(BootId),
    /// It is active here and does no work: it is paused on an I/O error, or it has crashed.
    Broken,
    /// It is active here, and somebody has paused it.
    Paused,
    /// It has shut down, and its domain is left here, which nobody removes.
    Ended,
    /// Nothing of it is active anywhere.
    Off,
}

/// Where a guest was seen after an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// A process of it, or a domain, is on the node that was asked.
    pub here: bool,
    /// One is on the other node.
    pub there: bool,
    /// The boot of it that answers from the network.
    pub boot: Option<BootId>,
}

/// What an answer is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it was true, and nothing was done that was not asked for. None was given when the agent was
    /// killed for being late.
    pub truth: Option<bool>,
    /// Whether what Pacemaker does with a false answer, or with none, costs users a guest that was well, or
    /// starts a second copy of it.
    pub harmful: bool,
}

impl Judgement {
    /// Judges an answer.
    #[must_use]
    pub fn of(action: &Action, before: Before, answer: Answer, after: After) -> Self {
        let truth = match answer {
            Answer::Code(code) => Some(is_true(action, before, code, after)),
            Answer::Signal(_) => Some(false),
            Answer::Late => None,
        };
        let harmful = truth != Some(true) && is_harmful(action, before, answer, after);
        Self { truth, harmful }
    }
}

fn is_true(action: &Action, before: Before, code: i32, after: After) -> bool {
    let active = !matches!(before, Before::Off | Before::Ended);
    let failed = matches!(before, Before::Broken | Before::Ended);
    match (action, code) {
        // That a guest is active is true of a broken one, and that it failed is true of no other.
        (Action::Probe, 0) => active && untouched(before, after),
        (Action::Probe, 1) => failed && untouched(before, after),
        (Action::Probe, 5 | 7) => !active && untouched(before, after),
        (Action::Monitor, 0 | 190) => active && !failed && untouched(before, after),
        (Action::Monitor, 1) => failed && untouched(before, after),
        (Action::Monitor, 7) => !active && untouched(before, after),
        (Action::Probe | Action::Monitor, _) => false,
        (Action::Start, 0) => after.here && !after.there && continues(before, after),
        (Action::Start, _) => match before {
            Before::Well(_) => false,
            Before::Broken | Before::Paused | Before::Ended => after.boot.is_none(),
            Before::Off => !after.here,
        },
        (Action::Stop, 0) => !after.here,
        (Action::Stop, _) => after.here,
        (Action::MigrateTo { .. }, 0) => {
            after.there && !after.here && active && continues(before, after)
        }
        (Action::MigrateTo { .. }, _) => untouched(before, after),
        (Action::MigrateFrom { .. }, 0) => after.here && !after.there,
        (Action::MigrateFrom { .. }, _) => !after.here,
    }
}

/// Whether the guest is where it was, and as it was.
fn untouched(before: Before, after: After) -> bool {
    match before {
        Before::Well(boot) => after.here && !after.there && after.boot == Some(boot),
        Before::Broken | Before::Paused => after.here && !after.there,
        // It may be removed: there is nothing of the guest in it.
        Before::Ended => !after.there && after.boot.is_none(),
        Before::Off => !after.here && !after.there,
    }
}

/// Whether the guest answers, and is still the same boot if it was well.
fn continues(before: Before, after: After) -> bool {
    match before {
        Before::Well(boot) => after.boot == Some(boot),
        Before::Paused | Before::Broken | Before::Ended | Before::Off => after.boot.is_some(),
    }
}

fn is_harmful(action: &Action, before: Before, answer: Answer, after: After) -> bool {
    let consequence = Consequence::of(action, answer);
    match consequence {
        // Other guests of the node share its fate.
        Consequence::Fence => true,
        // Where a guest is not active, a probe speaks of one that runs elsewhere.
        _ if consequence.interrupts() => {
            matches!(before, Before::Well(_) | Before::Paused) || *action == Action::Probe
        }
        // A copy that nobody knows of.
        Consequence::Inactive | Consequence::InactiveBanned => after.here,
        Consequence::Migrated => after.here || after.boot.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: BootId = BootId([1; 16]);
    const WELL: Before = Before::Well(BOOT);
    const HERE: After = After { here: true, there: false, boot: Some(BOOT) };
    const THERE: After = After { here: false, there: true, boot: Some(BOOT) };
    const NOWHERE: After = After { here: false, there: false, boot: None };
    const SILENT: After = After { here: true, there: false, boot: None };
    const REBOOTED: After = After { here: true, there: false, boot: Some(BootId([2; 16])) };

    fn verdict(action: &Action, before: Before, code: i32, after: After) -> (bool, bool) {
        let judgement = Judgement::of(action, before, Answer::Code(code), after);
        (judgement.truth == Some(true), judgement.harmful)
    }

    #[test]
    fn an_answer_is_held_against_what_was_seen() {
        const TRUE: (bool, bool) = (true, false);
        const FALSE: (bool, bool) = (false, false);
        const HARMFUL: (bool, bool) = (false, true);
        let migrate = Action::MigrateTo { target: "n2".to_owned() };
        for (action, before, code, after, expected) in [
            (Action::Probe, WELL, 0, HERE, TRUE),
            (Action::Probe, WELL, 7, HERE, HARMFUL),
            (Action::Probe, WELL, 1, HERE, HARMFUL),
            (Action::Probe, Before::Off, 7, NOWHERE, TRUE),
            (Action::Probe, Before::Off, 5, NOWHERE, TRUE),
            (Action::Probe, Before::Off, 1, NOWHERE, HARMFUL),
            (Action::Probe, Before::Off, 6, NOWHERE, HARMFUL),
            (Action::Probe, Before::Broken, 0, SILENT, TRUE),
            (Action::Monitor, WELL, 190, HERE, TRUE),
            (Action::Monitor, WELL, 0, REBOOTED, FALSE),
            (Action::Monitor, WELL, 7, HERE, HARMFUL),
            (Action::Monitor, Before::Broken, 0, SILENT, FALSE),
            (Action::Monitor, Before::Broken, 1, SILENT, TRUE),
            (Action::Monitor, Before::Off, 7, NOWHERE, TRUE),
            (Action::Monitor, Before::Off, 0, NOWHERE, FALSE),
            (Action::Probe, Before::Paused, 0, SILENT, TRUE),
            (Action::Monitor, Before::Paused, 190, SILENT, TRUE),
            (Action::Monitor, Before::Paused, 1, SILENT, HARMFUL),
            (Action::Probe, Before::Ended, 0, SILENT, FALSE),
            (Action::Probe, Before::Ended, 7, SILENT, TRUE),
            (Action::Monitor, Before::Ended, 0, SILENT, FALSE),
            (Action::Monitor, Before::Ended, 7, SILENT, TRUE),
            (Action::Start, Before::Ended, 0, REBOOTED, TRUE),
            (Action::Start, Before::Ended, 0, SILENT, FALSE),
            (Action::Stop, Before::Ended, 0, SILENT, HARMFUL),
            (Action::Start, Before::Off, 0, REBOOTED, TRUE),
            (Action::Start, Before::Off, 0, SILENT, FALSE),
            (Action::Start, Before::Off, 0, NOWHERE, FALSE),
            (Action::Start, Before::Off, 5, NOWHERE, TRUE),
            (Action::Start, Before::Off, 1, SILENT, FALSE),
            (Action::Start, Before::Broken, 1, SILENT, TRUE),
            (Action::Start, Before::Broken, 0, SILENT, FALSE),
            (Action::Start, WELL, 0, REBOOTED, FALSE),
            (Action::Start, WELL, 5, HERE, HARMFUL),
            (Action::Stop, WELL, 0, NOWHERE, TRUE),
            (Action::Stop, WELL, 0, HERE, HARMFUL),
            (Action::Stop, Before::Off, 1, NOWHERE, HARMFUL),
            (migrate.clone(), WELL, 0, THERE, TRUE),
            (migrate.clone(), WELL, 0, HERE, HARMFUL),
            (migrate.clone(), WELL, 1, HERE, TRUE),
            (migrate.clone(), WELL, 1, THERE, HARMFUL),
            (migrate.clone(), Before::Off, 1, NOWHERE, TRUE),
            (migrate.clone(), Before::Off, 0, NOWHERE, HARMFUL),
        ] {
            let found = verdict(&action, before, code, after);
            assert_eq!(found, expected, "{action:?} {before:?} {code} {after:?}");
        }
    }

    #[test]
    fn who_is_killed_has_not_answered() {
        let late = Judgement::of(&Action::Monitor, WELL, Answer::Late, HERE);
        assert_eq!(late, Judgement { truth: None, harmful: true });
    }
}
