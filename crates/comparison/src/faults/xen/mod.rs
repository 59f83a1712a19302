//! Guests of Xen: how they are seen and ended without an agent, and what is made wrong.

mod injection;

use super::fault::Fault;
use super::injection::{cut_target, hide_config, join_target, leave, show_config};
use super::judgement::Before;
use super::stage::{POLL, Stage, TOOL_TIME, late};
use crate::Error;
use exec::Deadline;
use lab::{Guest, Node};

/// What xl appends to a guest's name while it migrates, on the target and on the source.
const MIGRATING: [&str; 2] = ["--incoming", "--migratedaway"];

/// What is made wrong with guests of Xen.
pub static FAULTS: &[Fault] = &[
    Fault::of_call("nothing-wrong", "No fault, for comparison.", |call| call),
    Fault::new(
        "config-gone",
        "The guest's configuration file is moved away on the shared storage.",
        hide_config,
        show_config,
    ),
    Fault::blinding(
        "binary-gone",
        "xl is not there (a whiteout in an overlay on /usr/sbin).",
        injection::hide_client,
        injection::show_client,
    ),
    Fault::blinding(
        "daemon-hanging",
        "oxenstored is stopped with SIGSTOP: it answers nothing, and neither does xl.",
        injection::freeze_store,
        injection::thaw_store,
    ),
    Fault::blinding(
        "no-privilege",
        "The hypervisor cannot be asked: /dev/null is mounted over /dev/xen/privcmd and /dev/xen/hypercall.",
        injection::hide_hypervisor,
        injection::show_hypervisor,
    ),
    Fault::of_call("bad-parameter", "shutdown_timeout=fast, where a number is expected.", |call| {
        call.parameter("shutdown_timeout", "fast")
    }),
    Fault::new(
        "target-unreachable",
        "The other node's network cable is unplugged.",
        cut_target,
        join_target,
    ),
    Fault::new(
        "guest-crashed",
        "The running guest's kernel panics, and its domain is kept (on_crash='preserve'). The stopped guest \
         was ended by xl destroy, behind the agent's back.",
        injection::crash,
        leave,
    ),
    Fault::new(
        "guest-paused",
        "The running guest was paused by xl pause. The stopped one had been so before it was ended.",
        injection::pause,
        leave,
    ),
    Fault::new(
        "guest-not-reaped",
        "The running guest shuts itself down, and the xl that started it, which would remove its domain, was \
         killed before (SIGKILL). The stopped guest's domain was then removed by xl destroy.",
        injection::abandon,
        leave,
    ),
    Fault::new(
        "guest-memory-short",
        "Neither node has the memory for one more guest: another one has it.",
        injection::fill_memory,
        injection::free_memory,
    ),
];

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
}

/// The guest's domains on a node that are not being torn down, under any of its names.
fn domains(node: &Node<'_>, guest: &Guest) -> Result<Vec<Domain>, Error> {
    let is_guests = |name: &str| {
        let rest = name.strip_prefix(&guest.name);
        rest.is_some_and(|it| it.is_empty() || MIGRATING.contains(&it))
    };
    let list = Stage::run(node, "xl", &["list"])?;
    let domain = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [name, id, _memory, _cpus, state, ..] if is_guests(name) => {
            Some(Domain { id: id.to_owned(), state: state.to_owned() })
        }
        _ => None,
    };
    Ok(list.lines().filter_map(domain).filter(|it| !it.is(5, b'd')).collect())
}

/// The numbers of the guest's domains on a node.
pub fn copies(node: &Node<'_>, guest: &Guest) -> Result<Vec<String>, Error> {
    Ok(domains(node, guest)?.into_iter().map(|it| it.id).collect())
}

/// How the guest is that does nothing on a node, though it is well.
pub fn rest(node: &Node<'_>, guest: &Guest) -> Result<Option<Before>, Error> {
    let domains = domains(node, guest)?;
    let rest = |it: &Domain| match (it.is(3, b's'), it.is(4, b'-')) {
        (true, true) => Some(Before::Ended),
        (false, _) if it.is(2, b'p') => Some(Before::Paused),
        _ => None,
    };
    Ok(domains.first().and_then(rest))
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
