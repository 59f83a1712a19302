//! What is a guest's own survives: its definition, its TPM, its name.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use comparison::Action;
use lab::Guest;
use lab_guest::Command;
use live::{Agent, Fixture, Turn, eventually, soon, wait_until};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::{fs, thread};

static LAB: Fixture = Fixture::bare("guest", 2);

fn defined(lab: &Turn, node: &str, guest: &Guest) -> String {
    lab.exec(node, "virsh", &["dumpxml", "--inactive", &guest.name])
}

#[test]
fn a_persistent_definition_survives_everything() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new("kept", 0);
    lab.place(&guest);
    let config = guest.config().display().to_string();
    lab.exec("n1", "virsh", &["define", &config]);
    let definition = defined(&lab, "n1", &guest);
    let agent = Agent::new(&lab, "n1", &guest);
    agent.start();
    assert_eq!(defined(&lab, "n1", &guest), definition);
    agent.migrate("n2");
    assert_eq!(lab.copies(&guest), ["n2"]);
    assert_eq!(defined(&lab, "n1", &guest), definition);
    agent.on("n2").migrate("n1");
    assert_eq!(lab.copies(&guest), ["n1"]);
    agent.stop();
    assert_eq!(defined(&lab, "n1", &guest), definition);
    assert_eq!(lab.state("n1", &guest), "shut off");
    assert_eq!(agent.probe().code, 7);
    assert_eq!(agent.on("n2").probe().code, 7);
}

#[test]
fn an_emulated_tpm_keeps_its_state_over_a_stop() {
    let Some(lab) = LAB.turn(&["swtpm", "swtpm_setup"]) else { return };
    let guest = Guest::new("sealed", 1);
    let tpm = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm></devices>";
    lab.place_as(&guest, |xml| xml.replace("</devices>", tpm));
    let agent = Agent::new(&lab, "n1", &guest);
    agent.start();
    let directory = format!("/var/lib/libvirt/swtpm/{}/tpm2", guest.uuid());
    let state = format!("{directory}/tpm2-00.permall");
    // The content changes with each start; another directory would be another TPM.
    let inode = || lab.exec("n1", "stat", &["--format=%i", &directory]);
    let made = inode();
    agent.stop();
    lab.exec("n1", "test", &["-s", &state]);
    agent.start();
    assert_eq!(inode(), made);
    agent.stop();
    lab.exec("n1", "test", &["-s", &state]);
}

/// Where OVMF's store of variables has a page for a log of events (its `VarStore.fdf.inc`), which it does not
/// keep.
const SPARE_PAGE: u64 = 0x4_0000;

/// The inode of a file, and what a test has written to its spare page.
fn spare(file: &Path) -> (u64, String) {
    let store = fs::File::open(file).unwrap();
    let mut page = [0; 6];
    store.read_exact_at(&mut page, SPARE_PAGE).unwrap();
    (store.metadata().unwrap().ino(), String::from_utf8_lossy(&page).into_owned())
}

#[test]
fn the_variables_of_a_uefi_guest_outlive_stops_and_migrations() {
    let template = "/usr/share/OVMF/OVMF_VARS_4M.fd";
    let Some(lab) = LAB.turn(&[template]) else { return };
    let guest = Guest::new("uefi", 6);
    let firmware = "<os>
    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
    <nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'>/srv/shared/uefi.nvram</nvram>";
    lab.place_as(&guest, |xml| xml.replace("<os>", firmware));
    let nvram = lab.shared().join("uefi.nvram");
    let agent = Agent::new(&lab, "n1", &guest).set("force_stop", "true");
    agent.start();
    wait_until("the firmware writes its variables", eventually(), || {
        fs::read(&nvram).unwrap() != fs::read(template).unwrap()
    });
    agent.stop();
    let store = fs::File::options().write(true).open(&nvram).unwrap();
    store.write_all_at(b"hawser", SPARE_PAGE).unwrap();
    let written = spare(&nvram);
    assert_eq!(written.1, "hawser");
    let is_kept = || assert_eq!(spare(&nvram), written);

    let config = guest.config().display().to_string();
    for persistent in [false, true] {
        if persistent {
            lab.exec("n1", "virsh", &["define", &config]);
        }
        agent.start();
        is_kept();
        agent.migrate("n2");
        // As Pacemaker does after a migration.
        agent.stop();
        assert_eq!(lab.copies(&guest), ["n2"]);
        is_kept();
        agent.on("n2").stop();
        is_kept();
        agent.start();
        agent.stop();
        is_kept();
    }
    assert_eq!(lab.state("n1", &guest), "shut off");
}

#[test]
fn a_name_and_a_path_may_hold_any_character() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new("vm .*[1] <&>'", 2);
    lab.place(&guest);
    // Would match if the name were a pattern.
    let double = Guest::new("vm x1 <&>'", 3);
    lab.place(&double);
    let directory = lab.shared().join("my dir");
    fs::create_dir_all(&directory).unwrap();
    fs::rename(lab.shared().join("vm .*[1] <&>'.xml"), directory.join("a'b.xml")).unwrap();

    let agent = Agent::new(&lab, "n1", &guest).set("config", "/srv/shared/my dir/a'b.xml");
    let double = Agent::new(&lab, "n1", &double);
    double.start();
    assert_eq!(agent.probe().code, 7);
    agent.start();
    assert_eq!(agent.monitor().code, 0);
    assert_eq!(agent.monitor().code, 0);
    lab.boot(&guest);
    agent.stop();
    assert!(lab.copies(&guest).is_empty());
    assert_eq!(agent.probe().code, 7);
    assert_eq!(double.monitor().code, 0);
    double.stop();
}

/// Leaves a guest with a migration that nobody waits for any more: its agent was killed, as Pacemaker
/// kills one that is late. Returns the agent on the source.
fn orphaned_migration<'a>(lab: &'a Turn, guest: &Guest) -> Agent<'a> {
    lab.place(guest);
    let agent = Agent::new(lab, "n1", guest);
    agent.start();
    lab.tell(guest, Command::Dirty { rate: 10, size: 12 });
    let slow = agent.clone().set("migration_speed", "1");
    thread::scope(|scope| {
        let late = scope.spawn(|| slow.act(Action::MigrateTo { target: "n2".to_owned() }));
        wait_until("the migration is under way", soon(), || {
            is_migrating(lab, guest) && lab.copies(guest).len() == 2
        });
        lab.exec("n1", "pkill", &["-KILL", "--full", "hawser/kvm migrate_to$"]);
        assert_ne!(late.join().unwrap().answer, comparison::Answer::Code(0));
    });
    assert!(is_migrating(lab, guest), "the migration ended with its agent");
    agent
}

fn is_migrating(lab: &Turn, guest: &Guest) -> bool {
    let job = lab.output("n1", "virsh", &["domjobinfo", &guest.name]).text();
    job.contains("Unbounded") && job.contains("Outgoing migration")
}

#[test]
fn a_stop_ends_the_migration_of_an_agent_that_was_killed() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new("abandoned", 4);
    let agent = orphaned_migration(&lab, &guest);
    assert_eq!(agent.on("n2").probe().code, 7, "the copy that comes in does not run");
    agent.stop();
    wait_until("no copy is left", soon(), || lab.copies(&guest).is_empty());
}

#[test]
fn a_migration_ends_that_of_an_agent_that_was_killed_and_is_done() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new("resumed", 5);
    let agent = orphaned_migration(&lab, &guest);
    let boot = lab.boot(&guest);
    agent.migrate("n2");
    assert_eq!(lab.copies(&guest), ["n2"]);
    let status = lab.tell(&guest, Command::Check);
    assert_eq!((status.boot_id, status.corrupt), (boot, 0));
    agent.on("n2").stop();
}
