//! Guests on real Xen hosts, which are emulated. What a cluster asks of an agent is asked of the stock one too.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use comparison::resource::{self, Operations};
use comparison::{Hypervisor, Subject};
use lab::Guest;
use lab_guest::{Command, Status};
use live::{Fixture, Turn, wait_until};
use std::slice;
use std::time::Duration;

static LAB: Fixture = Fixture::cluster("xen", 2).xen();

/// What a guest does while it moves: no more than an emulated processor can.
const DIRTYING: Command = Command::Dirty { rate: 1, size: 4 };

const OURS: Subject = Subject::Ours(Hypervisor::Xen);
const STOCK: Subject = Subject::Stock(Hypervisor::Xen);

/// Starts a guest as a resource, and has it use its memory. Returns where it runs.
fn start(lab: &Turn, guest: &Guest, agent: Subject) -> (String, Status) {
    lab.place(guest);
    // An emulated node is given ten times that.
    let operations = Operations { interval: Duration::from_secs(2), ..Operations::default() };
    resource::create(lab, agent, slice::from_ref(guest), operations).unwrap();
    (lab.located(guest, |_| true), lab.tell(guest, DIRTYING))
}

/// Asserts that the guest is on a node alone, and is the one that was before.
fn is_the_same(lab: &Turn, guest: &Guest, node: &str, before: &Status) {
    assert_eq!(lab.domains(node), [guest.name.as_str()]);
    assert_eq!(lab.domains(Turn::other(node)), [""; 0]);
    assert!(!lab.status().contains("Failed"), "{}", lab.status());
    let after = lab.tell(guest, Command::Check);
    assert_eq!(after.boot_id, before.boot_id);
    assert!(after.uptime > before.uptime && after.written > before.written, "{after}");
    assert_eq!((after.corrupt, after.size), (0, 4), "{after}");
}

/// Starts a guest and has the cluster move it. Returns where it was, where it is, and what it said before.
fn move_live(lab: &Turn, guest: &Guest, agent: Subject) -> (String, &'static str, Status) {
    let (home, before) = start(lab, guest, agent);
    let away = Turn::other(&home);
    lab.exec("n1", "crm_resource", &["--move", "--resource", &guest.name, "--node", away]);
    lab.located(guest, |node| node == away);
    is_the_same(lab, guest, away, &before);
    (home, away, before)
}

#[test]
fn a_guest_moves_live_there_and_back() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest { disk: false, ..Guest::new("mover", 0) };
    let (home, away, before) = move_live(&lab, &guest, OURS);
    lab.exec("n1", "crm_resource", &["--clear", "--resource", &guest.name]);
    lab.exec("n1", "crm_standby", &["--node", away, "--update", "on"]);
    lab.located(&guest, |node| node == home);
    is_the_same(&lab, &guest, &home, &before);
}

#[test]
fn a_guest_moves_live_with_the_stock_agent() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let _ = move_live(&lab, &Guest { disk: false, ..Guest::new("stock", 1) }, STOCK);
}

#[test]
fn a_guest_that_was_destroyed_is_missed_and_started_again() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest { disk: false, ..Guest::new("victim", 2) };
    let (home, before) = start(&lab, &guest, OURS);
    lab.exec(&home, "xl", &["destroy", &guest.name]);
    wait_until("it is missed", lab.eventually(), || lab.status().contains("Failed"));
    let home = lab.located(&guest, |_| true);
    assert_ne!(lab.boot(&guest), before.boot_id);
    assert_eq!(lab.domains(&home), [guest.name.as_str()]);
    assert_eq!(lab.domains(Turn::other(&home)), [""; 0]);
}
