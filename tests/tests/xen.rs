//! Guests on real Xen hosts, which are emulated. What a cluster asks of an agent is asked of the stock one too.

use lab::Guest;
use lab_guest::{Command, Status};
use live::{Fixture, Turn, wait_until};

static LAB: Fixture = Fixture::cluster("xen", 2).xen();

/// What a guest does while it moves: no more than an emulated processor can.
const DIRTYING: Command = Command::Dirty { rate: 1, size: 4 };

const OURS: &str = "ocf:hawser:xen";
const STOCK: &str = "ocf:heartbeat:Xen";

/// What an agent is given for each action, with the time that emulated processors need.
const OPERATIONS: &str = "op monitor interval=60s timeout=600s start timeout=600s stop timeout=600s \
                          migrate_to timeout=900s migrate_from timeout=600s";

/// Starts a guest as a resource, and has it use its memory. Returns where it runs.
fn start(lab: &Turn, guest: &Guest, agent: &str) -> (String, Status) {
    lab.place(guest);
    let config = format!("xmfile={}", guest.file("cfg").display());
    let words: Vec<&str> = [config.as_str()].into_iter().chain(OPERATIONS.split(' ')).collect();
    let home = lab.manage(guest, agent, &words);
    (home, lab.tell(guest, DIRTYING))
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
fn move_live(lab: &Turn, guest: &Guest, agent: &str) -> (String, &'static str, Status) {
    let (home, before) = start(lab, guest, agent);
    let away = Turn::other(&home);
    lab.exec("n1", "crm_resource", &["--move", "--resource", &guest.name, "--node", away]);
    lab.located(guest, |node| node == away);
    is_the_same(lab, guest, away, &before);
    (home, away, before)
}

#[test]
fn a_guest_moves_live_there_and_back() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest { disk: false, ..Guest::new("mover", 0) };
    let (home, away, before) = move_live(&lab, &guest, OURS);
    lab.exec("n1", "crm_resource", &["--clear", "--resource", &guest.name]);
    lab.pcs(&["node", "standby", away]);
    lab.located(&guest, |node| node == home);
    is_the_same(&lab, &guest, &home, &before);
}

#[test]
fn a_guest_moves_live_with_the_stock_agent() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let _ = move_live(&lab, &Guest { disk: false, ..Guest::new("stock", 1) }, STOCK);
}

#[test]
fn a_guest_that_was_destroyed_is_missed_and_started_again() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest { disk: false, ..Guest::new("victim", 2) };
    let (home, before) = start(&lab, &guest, OURS);
    lab.exec(&home, "xl", &["destroy", &guest.name]);
    wait_until("it is missed", lab.eventually(), || lab.status().contains("Failed"));
    let home = lab.located(&guest, |_| true);
    assert_ne!(lab.boot(&guest), before.boot_id);
    assert_eq!(lab.domains(&home), [guest.name.as_str()]);
    assert_eq!(lab.domains(Turn::other(&home)), [""; 0]);
}

#[test]
fn every_reader_of_metadata_accepts_the_agent_s() {
    let Some(lab) = LAB.turn(&["pcs", "crm"]) else { return };
    let readers: [(&str, &[&str]); 3] = [
        ("crm_resource", &["--show-metadata", OURS]),
        ("pcs", &["resource", "describe", OURS]),
        ("crm", &["ra", "info", OURS]),
    ];
    for (program, arguments) in readers {
        let text = lab.exec("n1", program, arguments);
        assert!(text.contains("migration_network_suffix"), "{program}: {text}");
    }
}
