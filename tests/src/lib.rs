//! The live tests: real guests under real libvirt and real Pacemaker, in a lab.
//!
//! Each file in `tests/` has one lab, which its tests take turns with; each test shows one property. They
//! run what `make install` installs, and see it as a cluster or an administrator does: through
//! Pacemaker's and libvirt's own programs, the process table, and the guest's own word.
//!
//! A machine that cannot run labs skips the tests, and says so; with `HAWSER_NO_SKIP=1` that is a failure.
//!
//! * [`Fixture`] and [`Turn`]: the lab and what is done in it
//! * [`Agent`]: the agent, called as Pacemaker calls it
//! * [`Fault`], [`Moment`] and [`Watch`]: what befalls a migration, when, and that no second copy runs
//! * [`boot`] and [`Journal`]: a machine with systemd, and what became of its units
//! * [`debian`] and [`Machine`]: a small system, and a machine in the lab's network that runs it

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod agent;
mod appliance;
mod debian;
mod fault;
mod fixture;
mod install;
mod journal;
mod machine;
mod moment;
mod resource;
mod turn;
mod watch;

pub use agent::{Agent, Answer};
pub use appliance::equip_libguestfs;
pub use debian::debian;
pub use fault::{Fault, Side};
pub use fixture::Fixture;
pub use journal::Journal;
pub use machine::{Machine, boot};
pub use moment::Moment;
pub use turn::Turn;
pub use watch::Watch;

use exec::Deadline;
use std::time::Duration;

/// How often something that is waited for is looked at.
const POLL: Duration = Duration::from_millis(50);

/// The deadline for what takes a moment.
#[must_use]
pub fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(30))
}

/// The deadline for what takes a boot, a migration or a fencing: a loaded machine with two processors may
/// need most of it.
#[must_use]
pub fn eventually() -> Deadline {
    Deadline::after(Duration::from_secs(120))
}

/// The same for nodes that may be Xen hosts: emulated processors are some 20 times slower.
pub(crate) fn patience(xen: bool) -> Deadline {
    if xen { Deadline::after(Duration::from_secs(900)) } else { eventually() }
}

/// Looks again and again until there is something to be seen.
///
/// # Panics
/// At the deadline.
pub fn wait_for<T>(what: &str, by: Deadline, mut look: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(by.pause(POLL), "never: {what}");
    }
}

/// Looks again and again until something holds.
///
/// # Panics
/// At the deadline.
pub fn wait_until(what: &str, by: Deadline, mut holds: impl FnMut() -> bool) {
    wait_for(what, by, || holds().then_some(()));
}
