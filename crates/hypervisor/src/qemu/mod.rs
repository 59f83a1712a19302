//! The node's own view of QEMU guests: their processes, the status files that libvirt keeps in
//! `/run`, and their monitor sockets.

mod process;
mod qmp;
mod status;

pub(crate) use process::is_command_line;

use crate::identity::Identity;
use crate::process::Process;
use crate::state::State;
use crate::{Deadline, Stamp, Trace, Witness};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::Duration;

/// How long a monitor socket is given to answer, at most. It is silent for ever while a daemon that
/// hangs still holds it.
const MONITOR_SLICE: Duration = Duration::from_millis(500);

/// How often a process that is to end is looked at.
const POLL: Duration = Duration::from_millis(20);

/// The witness for guests that are QEMU processes on this node.
#[derive(Debug, Clone, Copy)]
pub struct Qemu;

impl Witness for Qemu {
    fn proves_absence(&self, _guest: &Identity) -> bool {
        // Only root sees the command line of every process whatever /proc's hidepid says.
        nix::unistd::geteuid().is_root()
    }

    fn find(&self, guest: &Identity) -> Vec<Trace> {
        process::find(guest).into_iter().map(Trace::Process).collect()
    }

    fn alive(&self, trace: Trace) -> bool {
        matches!(trace, Trace::Process(process) if process.alive())
    }

    fn daemon(&self) -> Option<Trace> {
        status::daemon().map(Trace::Process)
    }

    fn state(&self, guest: &Identity, by: Deadline) -> Option<State> {
        let mut monitor =
            qmp::Monitor::open(&status::monitor(&guest.name)?, by.slice(MONITOR_SLICE))?;
        monitor.state()
    }

    fn power_down(&self, guest: &Identity, by: Deadline) -> bool {
        status::monitor(&guest.name)
            .and_then(|path| qmp::Monitor::open(&path, by.slice(MONITOR_SLICE)))
            .is_some_and(|mut monitor| monitor.power_down())
    }

    fn kill(&self, trace: Trace, by: Deadline) -> bool {
        let Trace::Process(process) = trace else { return false };
        end(process, by)
    }

    fn stamp(&self, guest: &Identity) -> Option<Stamp> {
        status::stamp(&guest.name)
    }

    /// libvirt rewrites a guest's status file at each change, so it is healthy still while its process is the
    /// same, the file has not been rewritten, and the daemon that would rewrite it is at work.
    fn still_healthy(&self, guest: &Identity, trace: Trace, stamp: Stamp) -> bool {
        let Trace::Process(process) = trace else { return false };
        status::stamp(&guest.name) == Some(stamp)
            && process.unstopped()
            && process::is_guest(process, guest)
            && status::daemon_works()
    }
}

fn end(process: Process, by: Deadline) -> bool {
    // QEMU takes SIGTERM for an order to flush its disks and end. A third of the time is left
    // for the kernel to tear down what SIGKILL ended.
    let graceful = by.less(by.remaining() / 3);
    for (signal, by) in [(Signal::SIGTERM, graceful), (Signal::SIGKILL, by)] {
        if process.alive() {
            // It fails only when the process is gone, which the loop finds.
            let _ = kill(Pid::from_raw(process.pid), signal);
        }
        while process.alive() {
            if !by.pause(POLL) {
                break;
            }
        }
    }
    !process.alive()
}
