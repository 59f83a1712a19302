//! The node's own view of QEMU guests: their processes, the status files that libvirt keeps in
//! `/run`, and their monitor sockets.

mod process;
mod qmp;
mod status;

pub use status::Stamp;

use crate::identity::{Identity, Name};
use crate::state::State;
use crate::{Deadline, Trace, Witness};
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

impl Qemu {
    /// The witness for a connection URI: the `qemu` driver's guests are processes here, those of
    /// other drivers (and of a `qemu` driver on another host) are not.
    #[must_use]
    pub fn serves(uri: &str) -> bool {
        uri.split_once("://").is_some_and(|(scheme, rest)| {
            let driver = scheme.split('+').next();
            driver == Some("qemu") && rest.starts_with('/')
        })
    }
}

impl Witness for Qemu {
    fn proves_absence(&self) -> bool {
        // Only root sees the command line of every process whatever /proc's hidepid says.
        nix::unistd::geteuid().is_root()
    }

    fn find(&self, guest: &Identity) -> Vec<Trace> {
        process::find(guest)
    }

    fn alive(&self, trace: Trace) -> bool {
        process::alive(trace)
    }

    fn daemon(&self) -> Option<Trace> {
        status::daemon()
    }

    fn state(&self, guest: &Name, by: Deadline) -> Option<State> {
        let mut monitor = qmp::Monitor::open(&status::monitor(guest)?, by.slice(MONITOR_SLICE))?;
        monitor.state()
    }

    fn power_down(&self, guest: &Name, by: Deadline) -> bool {
        status::monitor(guest)
            .and_then(|path| qmp::Monitor::open(&path, by.slice(MONITOR_SLICE)))
            .is_some_and(|mut monitor| monitor.power_down())
    }

    fn kill(&self, trace: Trace, by: Deadline) -> bool {
        // QEMU takes SIGTERM for an order to flush its disks and end. A third of the time is left
        // for the kernel to tear down what SIGKILL ended.
        let graceful = by.less(by.remaining() / 3);
        for (signal, by) in [(Signal::SIGTERM, graceful), (Signal::SIGKILL, by)] {
            if process::alive(trace) {
                // It fails only when the process is gone, which the loop finds.
                let _ = kill(Pid::from_raw(trace.pid), signal);
            }
            while process::alive(trace) {
                if !by.pause(POLL) {
                    break;
                }
            }
        }
        !process::alive(trace)
    }

    fn stamp(&self, guest: &Name) -> Option<Stamp> {
        Stamp::read(guest)
    }
}

/// What a plain monitor remembers of a guest that was found healthy.
///
/// The guest is still healthy, without asking anybody, while its process is the same, libvirt has
/// not rewritten its status file since before the answer was given, and libvirt's daemon, which
/// would rewrite it, is at work. Only good news may be fast: any difference, and any
/// file that cannot be read, sends the question to libvirt.
#[must_use]
pub fn still_healthy(guest: &Identity, trace: Trace, stamp: Stamp) -> bool {
    Stamp::read(&guest.name) == Some(stamp)
        && process::unstopped(trace)
        && process::is_guest(trace, guest)
        && status::daemon_works()
}

/// A witness for hypervisors whose guests leave no trace that is known here: it sees nothing and
/// proves nothing.
#[derive(Debug, Clone, Copy)]
pub struct Blind;

impl Witness for Blind {
    fn proves_absence(&self) -> bool {
        false
    }

    fn find(&self, _guest: &Identity) -> Vec<Trace> {
        Vec::new()
    }

    fn alive(&self, _trace: Trace) -> bool {
        false
    }

    fn daemon(&self) -> Option<Trace> {
        None
    }

    fn state(&self, _guest: &Name, _by: Deadline) -> Option<State> {
        None
    }

    fn power_down(&self, _guest: &Name, _by: Deadline) -> bool {
        false
    }

    fn kill(&self, _trace: Trace, _by: Deadline) -> bool {
        false
    }

    fn stamp(&self, _guest: &Name) -> Option<Stamp> {
        None
    }
}
