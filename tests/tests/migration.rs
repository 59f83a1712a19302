//! Live migration by the cluster. The test is proved on the stock agent.

use comparison::{Hypervisor, Subject};
use lab::Guest;
use lab_guest::Command;
use live::{Fixture, Turn};

static LAB: Fixture = Fixture::cluster("migration", 2);

/// What a guest does while it moves.
const DIRTYING: Command = Command::Dirty { rate: 20, size: 12 };

/// Has the cluster move a busy guest away and back, and away and back again, by both ways that
/// administrators have.
fn moves_live(lab: &Turn, agent: Subject, guest: &Guest) {
    lab.place(guest);
    let home = lab.create(agent, guest, &[]);
    let away = Turn::other(&home);
    let before = lab.tell(guest, DIRTYING);

    lab.pcs(&["node", "standby", &home]);
    arrived(lab, guest, away);
    lab.pcs(&["node", "unstandby", &home]);
    for target in [&home, away] {
        lab.pcs(&["resource", "clear", &guest.name]);
        lab.exec("n1", "crm_resource", &["--move", "--resource", &guest.name, "--node", target]);
        arrived(lab, guest, target);
    }

    let after = lab.tell(guest, Command::Check);
    assert_eq!(after.boot_id, before.boot_id);
    assert!(after.uptime > before.uptime && after.written > before.written, "{after}");
    assert_eq!((after.corrupt, after.size), (0, 12), "{after}");
}

fn arrived(lab: &Turn, guest: &Guest, target: &str) {
    lab.located(guest, |node| node == target);
    assert_eq!(lab.copies(guest), [target]);
    assert_eq!(lab.state(target, guest), "running");
    assert!(!lab.status().contains("Failed"), "{}", lab.status());
}

#[test]
fn a_busy_guest_moves_live() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    moves_live(&lab, Subject::Ours(Hypervisor::Kvm), &Guest::new("ours", 0));
}

#[test]
fn a_busy_guest_moves_live_with_the_stock_agent() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    moves_live(&lab, Subject::Stock(Hypervisor::Kvm), &Guest::new("stock", 1));
}
