//! What happens to a guest when its node is lost. With three nodes it is certain which part of the
//! cluster goes on: two of them are a majority.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use comparison::{Hypervisor, Subject};
use lab::Guest;
use live::{Fixture, Turn, eventually, wait_for};

static LAB: Fixture = Fixture::cluster("failover", 3);

/// Loses the node that runs a guest, in some way.
fn recovers_from(lab: &Turn, guest: &Guest, lose: impl FnOnce(&str)) {
    lab.place(guest);
    let home = lab.create(Subject::Ours(Hypervisor::Kvm), guest, &[]);
    let boot = lab.boot(guest);
    let witness = ["n1", "n2"].into_iter().find(|it| *it != home).unwrap();
    lose(&home);
    let runs = || {
        let text =
            lab.output(witness, "crm_resource", &["--locate", "-Q", "-r", &guest.name]).text();
        Some(text.trim().to_owned()).filter(|it| !it.is_empty() && *it != home)
    };
    let heir = wait_for("the guest runs elsewhere", eventually(), runs);
    assert_ne!(lab.boot(guest), boot);
    assert_eq!(lab.copies(guest), [heir]);
    let history = lab.exec(witness, "stonith_admin", &["--history", &home, "--verbose"]);
    assert!(history.contains(&format!("reboot of {home} successful")), "{history}");
}

#[test]
fn a_guest_whose_node_died_starts_elsewhere_once_that_is_fenced() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    recovers_from(&lab, &Guest::new("orphan", 0), |home| lab.node(home).kill().unwrap());
}

#[test]
fn a_guest_whose_node_is_cut_off_starts_elsewhere_once_that_is_fenced() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("islander", 1);
    recovers_from(&lab, &guest, |home| lab.node(home).cut_off().unwrap());
    for node in lab.nodes().unwrap() {
        lab.node(&node.name).reconnect().unwrap();
    }
    lab.wait_online(eventually()).unwrap();
    assert_eq!(lab.copies(&guest).len(), 1);
}
