//! A guest's life as a resource of the cluster.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use comparison::{Hypervisor, Subject};
use lab::Guest;
use lab_guest::{BootId, Command};
use live::{Agent, Fixture, Turn, eventually, soon, wait_until};
use std::fs;

static LAB: Fixture = Fixture::cluster("life", 2);

/// The boot that comes after the one that was seen.
fn wait_for_another_boot(lab: &Turn, guest: &Guest, seen: BootId) {
    wait_until("the guest boots again", eventually(), || lab.boot(guest) != seen);
}

/// The version of the cluster's configuration: any change makes another one.
fn epoch(lab: &Turn) -> String {
    let cib = lab.exec("n1", "cibadmin", &["--query"]);
    let (_, rest) = cib.split_once(" epoch=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn a_guest_that_an_administrator_paused_is_shown_and_left_alone() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("paused", 0);
    lab.place(&guest);
    let node = lab.create(Subject::Ours(Hypervisor::Kvm), &guest, &[]);
    let boot = lab.boot(&guest);
    lab.exec(&node, "virsh", &["suspend", &guest.name]);
    let shown = || lab.status().contains("paused by an administrator");
    wait_until("the cluster shows the pause", eventually(), shown);
    lab.settle();
    assert_eq!(lab.state(&node, &guest), "paused");
    lab.exec(&node, "virsh", &["resume", &guest.name]);
    assert_eq!(lab.boot(&guest), boot);
}

#[test]
fn a_guest_that_was_destroyed_behind_the_cluster_s_back_is_started_again() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("destroyed", 1);
    lab.place(&guest);
    let node = lab.create(Subject::Ours(Hypervisor::Kvm), &guest, &[]);
    let boot = lab.boot(&guest);
    lab.exec(&node, "virsh", &["destroy", &guest.name]);
    wait_for_another_boot(&lab, &guest, boot);
    assert_eq!(lab.located(&guest, |_| true), node);
    assert_eq!(lab.copies(&guest), [node]);
    assert!(lab.status().contains("does not run here"), "{}", lab.status());
}

/// Pacemaker would stop a guest that runs well elsewhere if a probe called it failed.
#[test]
fn a_probe_asks_what_is_there_and_not_how_it_is() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("probed", 9);
    lab.place(&guest);
    let node = lab.create(Subject::Ours(Hypervisor::Kvm), &guest, &[]);
    lab.boot(&guest);
    lab.pcs(&["resource", "unmanage", &guest.name]);
    lab.order(&guest, Command::Panic);
    wait_until("the crash is seen", eventually(), || lab.status().contains("is crashed"));
    lab.exec("n1", "crm_resource", &["--refresh", "--resource", &guest.name]);
    lab.settle();
    let probe =
        |node: &str| lab.logged(node, "Result of probe operation for probed").pop().unwrap();
    assert!(probe(&node).trim_end().ends_with(": ok"), "{}", probe(&node));
    let elsewhere = probe(Turn::other(&node));
    assert!(elsewhere.trim_end().ends_with(": not running"), "{elsewhere}");
}

#[test]
fn a_guest_that_crashed_is_recovered() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("crashed", 2);
    lab.place(&guest);
    let node = lab.create(Subject::Ours(Hypervisor::Kvm), &guest, &[]);
    let boot = lab.boot(&guest);
    lab.order(&guest, Command::Panic);
    wait_for_another_boot(&lab, &guest, boot);
    lab.located(&guest, |_| true);
    assert_eq!(lab.copies(&guest), [node]);
    assert!(lab.status().contains("is crashed"), "{}", lab.status());
}

#[test]
fn a_parameter_changes_without_a_restart_unless_it_is_the_guest_s_identity() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("reloaded", 3);
    lab.place(&guest);
    let node = lab.create(Subject::Ours(Hypervisor::Kvm), &guest, &[]);
    let boot = lab.boot(&guest);

    lab.pcs(&["resource", "update", &guest.name, "migration_downtime=50", "force_stop=true"]);
    lab.wait_logged(&node, "Result of reload-agent operation for reloaded on");
    lab.settle();
    assert_eq!(lab.boot(&guest), boot);

    let other = lab.shared().join("elsewhere.xml");
    fs::copy(lab.shared().join("reloaded.xml"), other).unwrap();
    lab.pcs(&["resource", "update", &guest.name, "config=/srv/shared/elsewhere.xml"]);
    wait_for_another_boot(&lab, &guest, boot);
    let node = lab.located(&guest, |_| true);
    assert_eq!(lab.copies(&guest), [node]);
}

#[test]
fn the_cluster_is_told_once_what_a_guest_uses() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("measured", 4);
    lab.place(&guest);
    let node = lab.create(Subject::Ours(Hypervisor::Kvm), &guest, &[]);
    let told = lab.pcs(&["resource", "utilization", &guest.name]);
    assert!(told.contains("cpu=1") && told.contains("host_memory=96"), "{told}");
    assert!(!told.contains("hv_memory"), "{told}");

    let before = epoch(&lab);
    for _ in 0..3 {
        // Without the record the agent does not know what it told before.
        lab.exec(&node, "rm", &["/run/resource-agents/hawser-kvm-measured.json"]);
        assert_eq!(Agent::new(&lab, &node, &guest).monitor().code, 0);
        assert_eq!(Agent::new(&lab, &node, &guest).monitor().code, 0);
    }
    assert_eq!(epoch(&lab), before);
}

#[test]
fn the_log_of_a_node_tells_what_was_done_to_which_guest() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("logged", 5);
    lab.place(&guest);
    let node = lab.create(Subject::Ours(Hypervisor::Kvm), &guest, &[]);
    let started = lab.wait_logged(&node, "guest logged started");
    assert!(started.contains(" kvm(logged)["), "{started}");
    lab.pcs(&["resource", "disable", &guest.name]);
    let stopped = lab.wait_logged(&node, "guest logged stopped");
    assert!(stopped.contains(" kvm(logged)["), "{stopped}");
    wait_until("no copy is left", soon(), || lab.copies(&guest).is_empty());
}
