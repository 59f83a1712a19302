//! What becomes of a guest that fails again and again, with `recovery_ladder`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use comparison::{Hypervisor, Subject};
use lab::Guest;
use lab_guest::{BootId, Command};
use live::{Fixture, Turn, eventually, wait_until};
use std::fs;

static LAB: Fixture = Fixture::cluster("ladder", 2);

/// The guest agent is asked, and what was done has five seconds to help.
const TERMS: [&str; 5] = [
    "recovery_ladder=true",
    "recovery_restarts=1",
    "recovery_relocations=1",
    "check_time=2",
    "check_grace=5",
];
const MONITOR: [&str; 5] = ["op", "monitor", "interval=2s", "timeout=30s", "OCF_CHECK_LEVEL=10"];
const IGNORED: &str = "on-fail=ignore";

fn start(lab: &Turn, guest: &Guest, more: &[&str]) -> String {
    let usual = Subject::Ours(Hypervisor::Kvm).parameters(guest);
    let usual: Vec<String> = usual.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let usual: Vec<&str> = usual.iter().map(String::as_str).collect();
    lab.manage(guest, "ocf:hawser:kvm", &[&usual, &TERMS[..], more, &MONITOR].concat())
}

/// Has the guest hang until it boots again, and returns the boot that hangs.
fn hang(lab: &Turn, guest: &Guest) -> BootId {
    lab.tell(guest, Command::Hang).boot_id
}

/// Waits until the cluster shows a text.
fn shown(lab: &Turn, text: &str) {
    wait_until(&format!("the cluster shows {text:?}"), eventually(), || {
        lab.status().contains(text)
    });
}

/// Waits until the cluster shows that the guest is on that rung.
fn on_rung(lab: &Turn, rung: &str) {
    shown(lab, &format!(r#""level":"{rung}""#));
}

/// Waits until the guest has been started again, and returns where.
fn recovered(lab: &Turn, guest: &Guest, hung: BootId) -> String {
    wait_until("the guest boots again", eventually(), || lab.boot(guest) != hung);
    let home = lab.located(guest, |_| true);
    assert_eq!(lab.copies(guest), [home.as_str()]);
    home
}

/// Writes a recipe for the guest's disk, and returns it as a parameter.
fn recipe(lab: &Turn, guest: &Guest) -> String {
    fs::write(lab.shared().join("template"), vec![0x54; 8 << 20]).unwrap();
    let disk = guest.file("img").display().to_string();
    let recipe = format!(
        "[[disk]]\npath = \"{disk}\"\ntemplate = \"/srv/shared/template\"\nmethod = \"copy\"\n\
         [up]\nby = \"guest-agent\"\nwithin = 100\n"
    );
    fs::write(lab.shared().join("stuck.toml"), recipe).unwrap();
    "recipe=/srv/shared/stuck.toml".to_owned()
}

#[test]
fn a_guest_that_hangs_is_restarted_then_relocated_then_reinstalled_then_held() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("stuck", 0);
    lab.place(&guest);
    let first = start(&lab, &guest, &["recovery_reinstalls=1", &recipe(&lab, &guest)]);

    let hung = hang(&lab, &guest);
    assert_eq!(recovered(&lab, &guest, hung), first);
    on_rung(&lab, "restart");
    lab.wait_logged(&first, "restart: the guest agent gives no sign of life");

    let hung = hang(&lab, &guest);
    let second = recovered(&lab, &guest, hung);
    assert_eq!(second, Turn::other(&first));
    on_rung(&lab, "relocate");
    shown(&lab, &format!("has failed on {first}, and is to be started on another node"));

    let image = lab.shared().join("stuck.img");
    assert!(fs::read(&image).unwrap()[0] != 0x54);
    let hung = hang(&lab, &guest);
    assert_eq!(recovered(&lab, &guest, hung), second);
    assert!(fs::read(&image).unwrap()[0] == 0x54, "its disk is the template's");
    on_rung(&lab, "reinstall");

    let hung = hang(&lab, &guest);
    on_rung(&lab, "hold");
    lab.settle();
    assert_eq!((lab.copies(&guest), lab.boot(&guest)), (vec![second.clone()], hung));

    lab.exec(&second, "virsh", &["destroy", &guest.name]);
    shown(&lab, "guest stuck is held for an operator, to be released by crm_resource --refresh");
    lab.settle();
    assert!(lab.copies(&guest).is_empty());

    lab.exec("n1", "crm_resource", &["--refresh", "--resource", &guest.name]);
    let home = recovered(&lab, &guest, hung);
    let hung = hang(&lab, &guest);
    assert_eq!(recovered(&lab, &guest, hung), home, "the ladder begins anew");
}

#[test]
fn a_guest_on_a_suspect_node_is_relocated_at_once() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("mired", 1);
    lab.place(&guest);
    let first = start(&lab, &guest, &[]);
    let suspect = ["--name=#health-hawser", "--update=yellow"];
    lab.exec(&first, "attrd_updater", &suspect);

    let hung = hang(&lab, &guest);
    assert_eq!(recovered(&lab, &guest, hung), Turn::other(&first));
    lab.wait_logged(&first, "relocate (suspect node)");
    lab.exec(&first, "attrd_updater", &["--name=#health-hawser", "--delete"]);
}

/// Pacemaker may be busy with other guests for minutes, and monitors go on meanwhile.
#[test]
fn what_nobody_has_come_to_yet_is_not_decided_again() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("waiting", 3);
    lab.place(&guest);
    let node = start(&lab, &guest, &[]);
    lab.pcs(&[&["resource", "update", &guest.name][..], &MONITOR, &[IGNORED]].concat());
    lab.settle();
    let hung = hang(&lab, &guest);
    wait_until("it is found failed again and again", eventually(), || {
        lab.logged(&node, "restart: the guest agent gives no sign").len() > 4
    });
    on_rung(&lab, "restart");
    assert_eq!(lab.boot(&guest), hung);
}

#[test]
fn the_ladder_survives_the_node_that_it_was_climbed_on() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("haunted", 2);
    lab.place(&guest);
    let first = start(&lab, &guest, &[]);
    for _ in 0..2 {
        let hung = hang(&lab, &guest);
        recovered(&lab, &guest, hung);
    }
    let second = lab.located(&guest, |node| node != first);
    lab.exec(&first, "crm_resource", &["--cleanup", "--resource", &guest.name]);
    lab.node(&second).kill().unwrap();
    assert_eq!(lab.located(&guest, |node| node == first), first);
    let hung = hang(&lab, &guest);
    on_rung(&lab, "hold");
    assert_eq!(lab.boot(&guest), hung);

    lab.exec(&first, "virsh", &["reset", &guest.name]);
    wait_until("it is well by itself", eventually(), || lab.boot(&guest) != hung);
    let well = || {
        let results = lab.logged(&first, "Result of monitor operation for haunted");
        results.iter().filter(|line| line.trim_end().ends_with(": ok")).count()
    };
    let before = well();
    lab.exec(&first, "crm_resource", &["--refresh", "--resource", &guest.name]);
    wait_until("it is held no more", eventually(), || well() > before);
}
