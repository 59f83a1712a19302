//! Guests of Xen without xl: the hypervisor itself, which answers in microseconds and never hangs.
//!
//! xl takes tens of milliseconds, since it is a program of thirty libraries that asks xenstored, and hangs for
//! as long as that does. xenstore itself knows neither that a guest has crashed nor that it is paused, and the
//! files of the kernel know no guests at all. The hypervisor knows all that there is to know of a domain but
//! its name, and it is one call. So a monitor remembers the domain, and asks it alone.

use super::domains::{Domains, NAMES};
use super::hypercall::{Hypervisor, Info};
use super::job::Programs;
use super::state::{Deeds, state};
use super::table::Role;
use super::{emulator, job};
use crate::Deadline;
use crate::identity::{Identity, Uuid};
use crate::process::{self, Process};
use crate::state::{Pause, State};
use crate::witness::{Stamp, Trace, Witness};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often a domain that is to end is looked at.
const POLL: Duration = Duration::from_millis(20);

/// One domain, for as long as the host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// Its number.
    pub id: u16,
    /// Its UUID. Numbers are used again.
    pub handle: [u8; 16],
}

impl Domain {
    /// Its UUID as others write it.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        Uuid::from_bytes(self.handle)
    }
}

/// The witness for guests of this host's hypervisor.
#[derive(Debug, Clone, Copy)]
pub struct Xen {
    /// Whoever starts its guests, brings them back when they reboot, and clears them away.
    daemons: &'static [&'static str],
}

impl Xen {
    /// For guests of xl's: a program for each, which does nothing any more when it is killed.
    pub const XL: Self = Self { daemons: &[] };

    /// For guests of libvirt's.
    pub const LIBVIRT: Self = Self { daemons: &["libvirtd", "virtxend"] };

    /// What the hypervisor tells of that very domain; `None` when it is gone.
    fn info(domain: Domain) -> Result<Option<Info>, Errno> {
        let found = Hypervisor::open().ok_or(Errno::ENODEV)?.at_or_after(domain.id)?;
        Ok(found.filter(|info| info.domain == domain && !info.condition.dying))
    }

    /// Has the hypervisor tear that very domain down.
    fn destroy(domain: Domain) {
        if let (Some(hypervisor), Ok(Some(_))) = (Hypervisor::open(), Self::info(domain)) {
            hypervisor.destroy(domain.id);
        }
    }

    /// The guest's domains.
    fn living(guest: &Identity) -> Vec<Info> {
        let names = guest.uuid.is_none().then(|| Deadline::after(NAMES));
        let domains = Domains::look(names);
        domains.map(|all| all.of(guest)).unwrap_or_default()
    }
}

impl Witness for Xen {
    /// Whoever could build the guest is looked for before what they build. A daemon that says nothing may be about
    /// to build it anew, since it has rebooted.
    fn proves_absence(&self, guest: &Identity) -> bool {
        self.daemon().is_none()
            && Programs::now().builders(&guest.name).is_empty()
            && job::keepers(&guest.name).is_empty()
            && Domains::look(Some(Deadline::after(NAMES)))
                .is_some_and(|domains| domains.exclude(guest))
    }

    /// The xl that builds the guest, which is to end first, and the guest's domains; where there is none, the xl
    /// that is about to bring it back, as it does when a guest reboots, and the QEMU that one has left behind.
    fn find(&self, guest: &Identity) -> Vec<Trace> {
        let mut processes = Programs::now().builders(&guest.name);
        let domains = Self::living(guest);
        if domains.is_empty() {
            processes.extend(job::keepers(&guest.name));
            processes.extend(emulator::left_behind(guest));
        }
        let domains = domains.iter().map(|info| Trace::Domain(info.domain));
        processes.into_iter().map(Trace::Process).chain(domains).collect()
    }

    fn alive(&self, trace: Trace) -> bool {
        match trace {
            // Only the hypervisor could say that it is gone.
            Trace::Domain(domain) => Self::info(domain).map_or(true, |info| info.is_some()),
            Trace::Process(process) => process.alive(),
        }
    }

    fn daemon(&self) -> Option<Trace> {
        process::daemon(self.daemons).map(|(process, _)| Trace::Process(process))
    }

    fn state(&self, guest: &Identity, by: Deadline) -> Option<State> {
        let before = Programs::now();
        let domains = Domains::look(Some(by));
        let Some((role, info)) = domains.and_then(|all| all.first(guest, &before)) else {
            let ends =
                || job::keepers(&guest.name).is_empty() && !emulator::left_behind(guest).is_empty();
            return match before.builders(&guest.name)[..] {
                [] => ends().then_some(State::Remains),
                _ => Some(State::Paused(Pause::Building)),
            };
        };
        let Info { domain, condition, cpus, .. } = info;
        let mut deeds = Deeds::here(&before, &guest.name, domain.id, &domain.uuid(), condition);
        deeds.forsaken &= self.daemon().is_none();
        Some(match (role, state(role.unwrap_or(Role::Itself), condition, cpus, &deeds)) {
            // It may wait for the word that it may run, and what a daemon does shows no process.
            (role, State::Paused(Pause::Admin)) if role.is_none() || !self.daemons.is_empty() => {
                State::Paused(Pause::Unknown)
            }
            (_, state) => state,
        })
    }

    fn power_down(&self, _guest: &Identity, _by: Deadline) -> bool {
        false
    }

    fn kill(&self, trace: Trace, by: Deadline) -> bool {
        while self.alive(trace) {
            match trace {
                // The hypervisor may be busy with another one, and takes its time for a large one.
                Trace::Domain(domain) => {
                    by.bound(move || Self::destroy(domain)).unwrap_or_default();
                }
                Trace::Process(Process { pid, .. }) => {
                    // It fails only when the process is gone.
                    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                }
            }
            if !by.pause(POLL) {
                return !self.alive(trace);
            }
        }
        true
    }

    /// What the cluster is told of the guest's size.
    fn stamp(&self, guest: &Identity) -> Option<Stamp> {
        Self::living(guest).first().map(stamp)
    }

    /// It runs: it is there, it is not paused, and its operating system has neither stopped nor crashed. What a
    /// toolstack would say does not matter to that.
    fn still_healthy(&self, _guest: &Identity, trace: Trace, known: Stamp) -> bool {
        let Trace::Domain(domain) = trace else { return false };
        Self::info(domain)
            .ok()
            .flatten()
            .is_some_and(|info| info.condition.state() == State::Running && stamp(&info) == known)
    }
}

fn stamp(info: &Info) -> Stamp {
    Stamp([u64::from(info.cpus), info.most_pages, 0, 0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Name;
    use exec::Tool;
    use std::os::unix::fs::symlink;

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(20))
    }

    #[test]
    fn where_nobody_can_tell_nothing_is_gone() {
        let guest = Identity { name: Name::from_any("hawser-test"), uuid: None };
        let trace = Trace::Domain(Domain { id: 3, handle: [3; 16] });
        if Hypervisor::open().is_none() {
            assert!(Xen::XL.alive(trace) && !Xen::XL.proves_absence(&guest));
            assert!(!Xen::XL.kill(trace, Deadline::after(Duration::from_millis(50))));
            assert!(!Xen::XL.still_healthy(&guest, trace, Stamp([0; 4])));
        }
    }

    #[test]
    fn an_xl_that_builds_a_guest_is_a_trace_of_it_until_it_ends() {
        let directory = tempfile::tempdir().unwrap();
        // A program of that name that waits for somebody who writes.
        let (xl, verb) = (directory.path().join("xl"), directory.path().join("create"));
        symlink(exec::find("cat").unwrap(), &xl).unwrap();
        Tool::new("mkfifo").arg(&verb).run(soon()).unwrap();
        let name = format!("hawser-test-{}", std::process::id());
        let tool = Tool::new(&xl).args(["create", &format!("name=\"{name}\"")]);
        let mut child = tool.directory(directory.path()).spawn(None).unwrap();
        let guest = |name: &str| Identity { name: Name::from_any(name), uuid: None };
        let soon = soon();
        while Xen::XL.find(&guest(&name)).is_empty() {
            assert!(soon.pause(POLL), "it is not seen");
        }
        assert_eq!(Xen::XL.find(&guest("hawser-test")), []);
        assert_eq!(Xen::XL.state(&guest(&name), soon), Some(State::Paused(Pause::Building)));
        assert!(Xen::XL.find(&guest(&name)).into_iter().all(|trace| Xen::XL.kill(trace, soon)));
        assert_eq!(
            (Xen::XL.find(&guest(&name)), Xen::XL.state(&guest(&name), soon)),
            (vec![], None)
        );
        assert!(child.wait(soon).is_some());
    }
}
