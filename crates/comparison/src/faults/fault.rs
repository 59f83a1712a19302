use super::injection;
use super::stage::Stage;
use crate::{Call, Error};
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
    /// Makes the fault go away.
    pub(super) undo: fn(&mut Stage) -> Result<(), Error>,
    /// What of it is in the call of the agent.
    pub(super) adjust: fn(Call) -> Call,
}

impl Fault {
    const fn new(
        name: &'static str,
        how: &'static str,
        inject: fn(&mut Stage, Condition) -> Result<(), Error>,
        undo: fn(&mut Stage) -> Result<(), Error>,
    ) -> Self {
        Self { name, how, inject, undo, adjust: |call| call }
    }

    /// A fault that is all in the call of the agent.
    const fn of_call(name: &'static str, how: &'static str, adjust: fn(Call) -> Call) -> Self {
        Self { name, how, inject: injection::nothing, undo: injection::leave, adjust }
    }
}

/// How much an agent may map that is to be short of memory, in bytes. An interpreter needs a few MiB, the
/// libraries of a libvirt client 90.
const AGENT_MEMORY: u64 = 64 << 20;

/// Every fault of the table. The first one is none: what an agent gets wrong there, nothing excuses.
pub static FAULTS: &[Fault] = &[
    Fault::of_call("nothing-wrong", "No fault, for comparison.", |call| call),
    Fault::new(
        "config-gone",
        "The guest's configuration file is moved away on the shared storage.",
        injection::hide_config,
        injection::show_config,
    ),
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
    Fault::new(
        "target-unreachable",
        "The other node's network cable is unplugged.",
        injection::cut_target,
        injection::join_target,
    ),
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
        injection::leave,
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
