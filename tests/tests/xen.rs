//! Guests on Xen hosts, under the cluster's orders. The test is proved on the stock agent.

use lab::Guest;
use lab_guest::Command;
use live::{Fixture, Turn};

static LAB: Fixture = Fixture::cluster("xen", 2).xen();

/// What a guest does while it moves: no more than an emulated processor can.
const DIRTYING: Command = Command::Dirty { rate: 1, size: 4 };

/// How the stock agent manages a guest, with the time that emulated processors need.
const OPERATIONS: &str = "op monitor interval=60s timeout=600s start timeout=600s stop timeout=600s \
                          migrate_to timeout=900s migrate_from timeout=600s";

/// The names of the domains that a host has, but for the control domain.
fn domains(lab: &Turn, node: &str) -> Vec<String> {
    let list = lab.exec(node, "xl", &["list"]);
    let names = list.lines().skip(2).filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

#[test]
fn a_guest_moves_live_with_the_stock_agent() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest { disk: false, ..Guest::new("stock", 1) };
    lab.place(&guest);
    let config = format!("xmfile={}", guest.file("cfg").display());
    let words: Vec<&str> = [config.as_str()].into_iter().chain(OPERATIONS.split(' ')).collect();
    let home = lab.manage(&guest, "ocf:heartbeat:Xen", &words);
    let away = Turn::other(&home);
    let before = lab.tell(&guest, DIRTYING);

    lab.exec("n1", "crm_resource", &["--move", "--resource", &guest.name, "--node", away]);
    lab.located(&guest, |node| node == away);
    assert_eq!(domains(&lab, away), [guest.name.as_str()]);
    assert_eq!(domains(&lab, &home), [""; 0]);
    assert!(!lab.status().contains("Failed"), "{}", lab.status());

    let after = lab.tell(&guest, Command::Check);
    assert_eq!(after.boot_id, before.boot_id);
    assert!(after.uptime > before.uptime && after.written > before.written, "{after}");
    assert_eq!((after.corrupt, after.size), (0, 4), "{after}");
}
