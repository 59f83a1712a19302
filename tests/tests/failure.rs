//! What the cluster makes of a migration that fails or is not wanted any more, and that it costs no reboot.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use comparison::{Hypervisor, Subject};
use lab::Guest;
use lab_guest::{Command, Status};
use live::{Fixture, Moment, Turn, eventually, wait_until};

/// Slow enough that a migration can be stopped on its way.
static LAB: Fixture = Fixture::cluster("failure", 2).link_speed(200);

const DIRTYING: Command = Command::Dirty { rate: 20, size: 4 };

/// Starts a guest as a resource, and has it use its memory. Returns where it runs.
fn start(lab: &Turn, guest: &Guest) -> (String, Status) {
    lab.place(guest);
    let home = lab.create(Subject::Ours(Hypervisor::Kvm), guest, &[]);
    (home, lab.tell(guest, DIRTYING))
}

/// Has a firewall drop what comes to a node's migration ports, or not any more.
fn firewall(lab: &Turn, node: &str, verb: &str) {
    let ports = format!("{}:{}", lab::MIGRATION_PORTS.start(), lab::MIGRATION_PORTS.end());
    lab.exec(node, "iptables", &[verb, "INPUT", "-p", "tcp", "--dport", &ports, "-j", "DROP"]);
}

/// Asserts that the guest is there that was before, and has lost nothing.
fn lives_on(lab: &Turn, guest: &Guest, node: &str, before: &Status) {
    assert_eq!(lab.copies(guest), [node]);
    let after = lab.tell(guest, Command::Check);
    assert_eq!((after.boot_id, after.corrupt), (before.boot_id, 0), "{after}");
    assert!(after.written > before.written && after.uptime > before.uptime, "{before}; {after}");
}

/// Has the cluster move a guest whose migration fails, and waits until it runs elsewhere.
fn move_in_vain(lab: &Turn, guest: &Guest, home: &str) -> &'static str {
    let target = Turn::other(home);
    firewall(lab, target, "-I");
    lab.exec("n1", "crm_resource", &["--move", "--resource", &guest.name, "--node", target]);
    lab.wait_logged(home, "the way to");
    lab.located(guest, |node| node == target);
    firewall(lab, target, "-D");
    target
}

#[test]
fn a_guest_whose_migration_failed_takes_its_memory_along() {
    let Some(lab) = LAB.turn(&["pcs", "crm", "iptables"]) else { return };
    let guest = Guest::new("rescued", 0);
    let (home, before) = start(&lab, &guest);
    lab.pcs(&["resource", "update", "rescued", "migration_state_path=/srv/elsewhere"]);
    let set = ["resource", "param", "rescued", "set", "migration_state_path", "/srv/shared"];
    lab.exec("n1", "crm", &set);
    lab.settle();
    lives_on(&lab, &guest, &home, &before);
    let target = move_in_vain(&lab, &guest, &home);
    lives_on(&lab, &guest, target, &before);
    for left in ["state", "json"] {
        assert!(!lab.shared().join(format!("rescued.migration.{left}")).exists());
    }
}

#[test]
fn without_a_path_for_its_memory_it_boots() {
    let Some(lab) = LAB.turn(&["pcs", "iptables"]) else { return };
    let guest = Guest::new("restarted", 1);
    let (home, before) = start(&lab, &guest);
    move_in_vain(&lab, &guest, &home);
    assert_ne!(lab.boot(&guest), before.boot_id);
}

#[test]
fn a_failed_migration_that_blocks_is_refreshed_without_a_restart() {
    let Some(lab) = LAB.turn(&["pcs", "crm", "iptables"]) else { return };
    let guest = Guest::new("held", 2);
    let (mut home, before) = start(&lab, &guest);
    let name = guest.name.as_str();
    let block = ["op", "migrate_to", "interval=0s", "timeout=60s", "on-fail=block"];
    lab.pcs(&[&["resource", "update", name], &block[..]].concat());
    // Not cleanup, which forgets only what happened on the node where something failed: an older migration
    // in the other node's history then looks like one that was never ended, and the guest is restarted.
    let ways: [(&str, [&[&str]; 2]); 3] = [
        ("pcs", [&["resource", "clear", name], &["resource", "refresh", name]]),
        ("crm", [&["resource", "clear", name], &["resource", "refresh", name]]),
        ("crm_resource", [&["--clear", "--resource", name], &["--refresh", "--resource", name]]),
    ];
    for (program, [clear, refresh]) in ways {
        let target = Turn::other(&home);
        firewall(&lab, target, "-I");
        lab.exec("n1", "crm_resource", &["--move", "--resource", name, "--node", target]);
        wait_until("it is blocked", eventually(), || lab.status().contains("(blocked)"));
        lab.settle();
        lives_on(&lab, &guest, &home, &before);

        lab.exec("n1", program, clear);
        firewall(&lab, target, "-D");
        lab.exec("n1", program, refresh);
        wait_until("it is managed", eventually(), || !lab.status().contains("(blocked)"));
        lab.located(&guest, |node| node == home);
        lives_on(&lab, &guest, &home, &before);

        lab.pcs(&["node", "standby", &home]);
        lab.located(&guest, |node| node == target);
        lab.pcs(&["node", "unstandby", &home]);
        lab.settle();
        lives_on(&lab, &guest, target, &before);
        home = target.to_owned();
    }
}

/// Pacemaker waits for the migration, and then stops the guest where it came to and starts it where it is to be: it
/// continues a migration only to the node that it was for.
#[test]
fn a_guest_whose_migration_is_not_wanted_any_more_takes_its_memory_along() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("undecided", 3);
    lab.place(&guest);
    let path = ["migration_state_path=/srv/shared"];
    let mut home = lab.create(Subject::Ours(Hypervisor::Kvm), &guest, &path);
    let before = lab.tell(&guest, DIRTYING);
    for moment in [Moment::Setup, Moment::FirstPass] {
        lab.pcs(&["node", "standby", &home]);
        moment.wait(&lab, &home, &guest);
        lab.pcs(&["node", "unstandby", &home]);
        home = settled(&lab, &guest);
        lives_on(&lab, &guest, &home, &before);

        let target = Turn::other(&home);
        let name = guest.name.as_str();
        lab.exec("n1", "crm_resource", &["--move", "--resource", name, "--node", target]);
        moment.wait(&lab, &home, &guest);
        lab.exec("n1", "crm_resource", &["--clear", "--resource", name]);
        home = settled(&lab, &guest);
        lives_on(&lab, &guest, &home, &before);
    }
}

/// Waits until the cluster has made up its mind, and asserts that one guest runs, where it says. Returns
/// that node.
fn settled(lab: &Turn, guest: &Guest) -> String {
    let home = lab.located(guest, |_| true);
    assert_eq!(lab.copies(guest), [home.as_str()]);
    assert!(!lab.status().contains("Failed"), "{}", lab.status());
    assert_eq!(lab.tell(guest, DIRTYING).corrupt, 0);
    home
}
