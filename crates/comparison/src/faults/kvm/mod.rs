//! Guests of libvirt's: how they are seen and ended without an agent, and what is made wrong.

mod daemon;
mod injection;

use super::common::{CONFIG_GONE, NOTHING_WRONG, TARGET_UNREACHABLE};
use super::fault::Fault;
use super::injection::leave;
use super::stage::{POLL, Presence, Stage, TOOL_TIME, late, signal};
use crate::{Call, Error};
use exec::Deadline;
use lab::{Guest, Node};

/// How much an agent may map that is to be short of memory, in bytes. An interpreter needs a few MiB, the
/// libraries of a libvirt client 90.
const AGENT_MEMORY: u64 = 64 << 20;

/// What is made wrong with guests of libvirt's.
pub static FAULTS: &[Fault] = &[
    NOTHING_WRONG,
    CONFIG_GONE,
    Fault::new(
        "binary-gone",
        "The program by which the agent speaks to libvirt is not there: virsh for VirtualDomain \
         (a whiteout in an overlay on /usr/bin), libexec/hawser/kvm for kvm (an empty directory \
         mounted over it).",
        injection::hide_client,
        injection::show_client,
    ),
    Fault::new(
        "library-gone",
        "libvirt.so.0 cannot be loaded: an empty file is mounted over it.",
        injection::hide_library,
        injection::show_library,
    ),
    Fault::new(
        "socket-gone",
        "The sockets of libvirtd are moved away; libvirtd runs.",
        injection::hide_sockets,
        injection::show_sockets,
    ),
    Fault::new(
        "daemon-stopped",
        "libvirtd is ended with SIGTERM.",
        injection::stop_daemon,
        injection::start_daemon,
    ),
    Fault::new(
        "daemon-hanging",
        "libvirtd is stopped with SIGSTOP: it accepts no connection and answers nothing.",
        injection::freeze_daemon,
        injection::replace_daemon,
    ),
    Fault::of_call("bad-parameter", "migration_speed=fast, where a number is expected.", |call| {
        call.parameter("migration_speed", "fast")
    }),
    TARGET_UNREACHABLE,
    Fault::new(
        "io-error",
        "The guest's disk comes from a storage server (NBD, error_policy='stop'), which is killed. The \
         running guest then writes to its disk and is paused on the I/O error.",
        injection::lose_storage,
        injection::restore_storage,
    ),
    Fault::new(
        "guest-crashed",
        "The running guest's kernel panics, and its QEMU is kept (pvpanic, on_crash='preserve'). The \
         stopped guest was ended by a crash of its QEMU (SIGKILL).",
        injection::crash,
        leave,
    ),
    Fault::of_call(
        "agent-memory-short",
        "The agent, and each program that it runs, may map 64 MiB (RLIMIT_AS): too little for a client \
         of libvirt.",
        |call| Call { memory: Some(AGENT_MEMORY), ..call },
    ),
    Fault::new(
        "guest-memory-short",
        "Neither node has the memory for one more QEMU: the libvirtds, and what they start from now on, \
         may have 256 MiB of data (RLIMIT_DATA).",
        injection::limit_guests,
        injection::unlimit_guests,
    ),
];

/// The guest's QEMU processes on a node, from the node's own list of processes.
fn processes(node: &Node<'_>, guest: &Guest) -> Result<Vec<String>, Error> {
    let list = Stage::run(node, "ps", &["-eww", "-o", "pid=,stat=,args="])?;
    let named = format!("guest={},", guest.name);
    let mut found = Vec::new();
    for line in list.lines() {
        let mut words = line.split_whitespace();
        let (Some(pid), Some(state)) = (words.next(), words.next()) else { continue };
        let is_emulator = words.next().is_some_and(|it| it.contains("/qemu-system"));
        if is_emulator && !state.starts_with('Z') && line.contains(&named) {
            found.push(pid.to_owned());
        }
    }
    Ok(found)
}

/// What a node shows of the guest.
pub fn look(node: &Node<'_>, guest: &Guest) -> Result<Presence, Error> {
    let processes = processes(node, guest)?;
    Ok(if processes.is_empty() { Presence::Absent } else { Presence::Active })
}

/// Kills whatever there is of the guest on a node, and sees to it that libvirt knows.
pub fn clear(node: &Node<'_>, guest: &Guest) -> Result<(), Error> {
    let deadline = Deadline::after(TOOL_TIME);
    loop {
        let processes = processes(node, guest)?;
        if processes.is_empty() {
            break;
        }
        signal(node, "KILL", &processes)?;
        if !deadline.pause(POLL) {
            return Err(late("the end of the guest's process"));
        }
    }
    if daemon::lists(node, str::is_empty)? { Ok(()) } else { daemon::restart(node) }
}
