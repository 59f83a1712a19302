//! Guests of Xen: how they are seen and ended without an agent, and what is made wrong.

mod injection;

use super::common::{CONFIG_GONE, NOTHING_WRONG, TARGET_UNREACHABLE};
use super::fault::{Condition, Fault, every_action};
use super::injection::leave;
use super::judgement::Before;
use super::stage::{POLL, Presence, Stage, TOOL_TIME, late};
use crate::{Action, Error};
use exec::Deadline;
use lab::{Guest, Node};

/// What xl appends to a guest's name while it migrates, on the target and on the source.
const MIGRATING: [&str; 2] = ["--incoming", "--migratedaway"];

/// What is made wrong with guests of Xen.
pub static FAULTS: &[Fault] = &[
    NOTHING_WRONG.asking(briefly),
    CONFIG_GONE.asking(briefly),
    Fault::blinding(
        "binary-gone",
        "xl is not there (a whiteout in an overlay on /usr/sbin).",
        injection::hide_client,
        injection::show_client,
    )
    .asking(briefly),
    Fault::blinding(
        "daemon-hanging",
        "oxenstored is stopped with SIGSTOP: it answers nothing, and neither does xl.",
        injection::freeze_store,
        injection::thaw_store,
    )
    .asking(briefly),
    Fault::blinding(
        "no-privilege",
        "The hypervisor cannot be asked: /dev/null is mounted over /dev/xen/privcmd and /dev/xen/hypercall.",
        injection::hide_hypervisor,
        injection::show_hypervisor,
    )
    .asking(briefly),
    Fault::of_call("bad-parameter", "shutdown_timeout=fast, where a number is expected.", |call| {
        call.parameter("shutdown_timeout", "fast")
    })
    .asking(briefly),
    TARGET_UNREACHABLE.asking(about_the_target),
    Fault::new(
        "guest-crashed",
        "The guest's kernel panics, and its domain is kept (on_crash='preserve').",
        injection::crash,
        leave,
    )
    .asking(about_the_guest),
    Fault::new("guest-paused", "The guest was paused by xl pause.", injection::pause, leave)
        .asking(about_the_guest),
    Fault::new(
        "guest-not-reaped",
        "The guest shuts itself down, and the xl that started it, which would remove its domain, was killed \
         before (SIGKILL).",
        injection::abandon,
        leave,
    )
    .asking(about_the_guest),
    Fault::new(
        "guest-memory-short",
        "Neither node has the memory for one more guest: another one has it.",
        injection::fill_memory,
        injection::free_memory,
    )
    .asking(about_memory),
];

/// All about a guest that runs, and of one that was stopped what Pacemaker asks.
fn briefly(condition: Condition) -> Vec<Action> {
    match condition {
        Condition::Running => every_action(),
        Condition::Stopped => vec![Action::Probe, Action::Stop, Action::Start],
    }
}

fn about_the_guest(condition: Condition) -> Vec<Action> {
    match condition {
        Condition::Running => every_action(),
        Condition::Stopped => Vec::new(),
    }
}

fn about_the_target(condition: Condition) -> Vec<Action> {
    match condition {
        Condition::Running => vec![Stage::migration()],
        Condition::Stopped => Vec::new(),
    }
}

fn about_memory(condition: Condition) -> Vec<Action> {
    vec![match condition {
        Condition::Running => Stage::migration(),
        Condition::Stopped => Action::Start,
    }]
}

/// A domain of a guest's.
struct Domain {
    id: String,
    /// As xl shows it: running, blocked, paused, shut down, why, dying.
    state: String,
}

impl Domain {
    fn is(&self, place: usize, letter: u8) -> bool {
        self.state.as_bytes().get(place) == Some(&letter)
    }

    fn presence(&self) -> Presence {
        match (self.is(3, b's'), self.state.as_bytes().get(4)) {
            (true, Some(b'-')) => Presence::Idle(Before::Ended),
            (true, Some(b'c')) => Presence::Idle(Before::Broken),
            (false, _) if self.is(2, b'p') => Presence::Idle(Before::Paused),
            _ => Presence::Active,
        }
    }
}

/// The guest's domains on a node that are not being torn down, under any of its names.
fn domains(node: &Node<'_>, guest: &Guest) -> Result<Vec<Domain>, Error> {
    Ok(listed(&Stage::run(node, "xl", &["list"])?, &guest.name))
}

fn listed(list: &str, guest: &str) -> Vec<Domain> {
    let is_guests = |name: &str| {
        let rest = name.strip_prefix(guest);
        rest.is_some_and(|it| it.is_empty() || MIGRATING.contains(&it))
    };
    let domain = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [name, id, _memory, _cpus, state, ..] if is_guests(name) => {
            Some(Domain { id: id.to_owned(), state: state.to_owned() })
        }
        _ => None,
    };
    list.lines().filter_map(domain).filter(|it| !it.is(5, b'd')).collect()
}

/// What a node shows of the guest.
pub fn look(node: &Node<'_>, guest: &Guest) -> Result<Presence, Error> {
    let domains = domains(node, guest)?;
    Ok(domains.first().map_or(Presence::Absent, Domain::presence))
}

/// Destroys whatever there is of the guest on a node.
pub fn clear(node: &Node<'_>, guest: &Guest) -> Result<(), Error> {
    let deadline = Deadline::after(TOOL_TIME);
    loop {
        let domains = domains(node, guest)?;
        for Domain { id, .. } in &domains {
            // It fails when the domain ends meanwhile.
            node.tool("xl")?.args(["destroy", id]).output(deadline)?;
        }
        if domains.is_empty() {
            return Ok(());
        }
        if !deadline.pause(POLL) {
            return Err(late("the end of the guest's domain"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_shows_whether_its_guest_can_answer() {
        for (name, state, expected) in [
            ("vm1", "r-----", Some(Presence::Active)),
            ("vm1", "-b----", Some(Presence::Active)),
            ("vm1", "---ss-", Some(Presence::Active)),
            ("vm1", "--p---", Some(Presence::Idle(Before::Paused))),
            ("vm1", "---s--", Some(Presence::Idle(Before::Ended))),
            ("vm1", "--psc-", Some(Presence::Idle(Before::Broken))),
            ("vm1--incoming", "--p---", Some(Presence::Idle(Before::Paused))),
            ("vm1", "--ps-d", None),
            ("vm10", "r-----", None),
        ] {
            let list = format!("Name ID Mem VCPUs State Time(s)\n{name} 3 96 1 {state} 8.4\n");
            let found = listed(&list, "vm1").first().map(Domain::presence);
            assert_eq!(found, expected, "{name} {state}");
        }
    }
}
