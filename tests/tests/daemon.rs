//! A guest whose libvirt daemon is gone, hangs or restarts: the guest does not notice, and the agent
//! neither lies nor fails.

use lab::Guest;
use live::{Agent, Fixture, Turn, soon, wait_until};

static LAB: Fixture = Fixture::bare("daemon", 1);

const OK: i32 = 0;
const DEGRADED: i32 = 190;

fn signal(lab: &Turn, signal: &str) {
    lab.exec("n1", "pkill", &[signal, "--exact", "libvirtd"]);
}

/// Ends the daemon as a power failure would.
fn kill_daemon(lab: &Turn) {
    signal(lab, "-KILL");
    wait_until("the daemon is gone", soon(), || {
        !lab.output("n1", "pgrep", &["--exact", "libvirtd"]).status.success()
    });
}

fn start_daemon(lab: &Turn) {
    lab.exec("n1", "libvirtd", &["--daemon", "--listen"]);
    wait_until("the daemon answers", soon(), || {
        lab.output("n1", "virsh", &["uri"]).status.success()
    });
}

#[test]
fn a_guest_outlives_its_daemon_and_is_known_to_do_so() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new("survivor", 0);
    lab.place(&guest);
    let agent = Agent::new(&lab, "n1", &guest);
    agent.start();
    let boot = lab.boot(&guest);

    kill_daemon(&lab);
    let answer = agent.monitor();
    assert_eq!(answer.code, DEGRADED, "{answer:?}");
    assert!(answer.reason.contains("cannot reach the hypervisor"), "{answer:?}");
    assert_eq!(agent.probe().code, OK);
    assert_eq!(lab.boot(&guest), boot);

    start_daemon(&lab);
    assert_eq!(agent.monitor().code, OK);
    assert_eq!(lab.state("n1", &guest), "running");
    assert_eq!(lab.boot(&guest), boot);
    agent.stop();
}

#[test]
fn a_guest_is_stopped_without_a_daemon() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new("alone", 1);
    lab.place(&guest);
    let agent = Agent::new(&lab, "n1", &guest);
    agent.start();
    lab.boot(&guest);
    kill_daemon(&lab);
    agent.stop();
    assert!(lab.copies(&guest).is_empty());
    assert_eq!(agent.probe().code, 7);

    start_daemon(&lab);
    assert_eq!(agent.probe().code, 7);
    agent.start();
    assert_eq!(lab.state("n1", &guest), "running");
    agent.stop();
}

#[test]
fn a_guest_is_watched_and_stopped_while_its_daemon_hangs() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new("stuck", 2);
    lab.place(&guest);
    let agent = Agent::new(&lab, "n1", &guest);
    agent.start();
    let boot = lab.boot(&guest);

    signal(&lab, "-STOP");
    let answer = agent.monitor();
    assert_eq!(answer.code, DEGRADED, "{answer:?}");
    assert!(answer.reason.contains("does not answer"), "{answer:?}");
    assert_eq!(agent.probe().code, OK);
    assert_eq!(lab.boot(&guest), boot);
    agent.stop();
    assert!(lab.copies(&guest).is_empty());

    signal(&lab, "-CONT");
    wait_until("the daemon has noticed", soon(), || {
        !lab.exec("n1", "virsh", &["list", "--name"]).contains(&guest.name)
    });
    agent.start();
    assert_ne!(lab.boot(&guest), boot);
    agent.stop();
}
