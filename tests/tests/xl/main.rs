//! The agent for guests of Xen, on real Xen hosts without a cluster. They are emulated.

mod contract;
mod libvirt;

use lab::Guest;
use live::{Agent, Fixture, Turn};

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
