//! The agent for guests of Xen, on real Xen hosts without a cluster. They are emulated.

mod contract;
mod libvirt;

use lab::Guest;
use live::{Agent, Fixture, Turn, wait_until};

static LAB: Fixture = Fixture::bare("xl", 2).xen();

/// A guest without a disk, which would take its time.
fn diskless(name: &str, number: u8) -> Guest {
    Guest { disk: false, ..Guest::new(name, number) }
}

/// Places a guest, and starts it on the first host.
fn started<'a>(lab: &'a Turn, guest: &Guest) -> Agent<'a> {
    lab.place(guest);
    let agent = Agent::new(lab, "n1", guest);
    agent.start();
    agent
}

/// Has a program reboot the guest, and sees that it is there all the same in the seconds in which there is no domain.
fn reboot(lab: &Turn, agent: &Agent<'_>, guest: &Guest, program: &str, arguments: &[&str]) {
    let node = agent.node();
    let number = || lab.output(node, "xl", &["domid", &guest.name]).text();
    let (first, boot) = (number(), lab.boot(guest));
    lab.exec(node, program, arguments);
    wait_until("it has another domain", lab.eventually(), || {
        let (seen, now) = (agent.probe(), number());
        assert_ne!(seen.code, 7);
        !now.is_empty() && now != first
    });
    assert_ne!(lab.boot(guest), boot);
    assert_eq!(agent.monitor().code, 0);
}
