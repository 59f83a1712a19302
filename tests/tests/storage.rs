//! Disks that the nodes do not share go along with the guest, or the guest stays.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use comparison::Action;
use guest::Ending;
use lab::Guest;
use lab_guest::Command;
use live::{Agent, Fixture, Turn, soon, wait_until};

static LAB: Fixture = Fixture::bare("storage", 2);

/// How large a disk is of which each node has its own, in MiB.
const SIZE: u32 = 512;

/// What of it the guest has written, in MiB.
const WRITTEN: u32 = 8;

/// The guest's disk, at a path where each node has a file of its own.
fn disk(guest: &Guest) -> String {
    format!("/var/lib/libvirt/{}.img", guest.name)
}

/// Places a guest whose disk the nodes do not share.
fn place(lab: &Turn, guest: &Guest, format: &str) {
    lab.place_as(guest, |xml| {
        xml.replace(&guest.file("img").display().to_string(), &disk(guest))
            .replace("type='raw'", &format!("type='{format}'"))
    });
}

fn make_image(lab: &Turn, node: &str, guest: &Guest, arguments: &[&str]) {
    let (disk, size) = (disk(guest), format!("{SIZE}M"));
    lab.exec(node, "qemu-img", &[&["create", "-q"], arguments, &[&disk, &size]].concat());
}

/// Whether both nodes have the same on the disk, and more than nothing.
fn is_the_same(lab: &Turn, guest: &Guest) -> bool {
    let disk = disk(guest);
    lab.exec("n2", "qemu-img", &["convert", "-O", "raw", &disk, "/srv/shared/arrived"]);
    lab.exec("n2", "grep", &["--quiet", "--text", "HHHH", "/srv/shared/arrived"]);
    lab.output("n1", "qemu-img", &["compare", &disk, "/srv/shared/arrived"]).status.success()
}

#[test]
fn a_disk_goes_along_whole_or_the_guest_stays_with_it() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new("settler", 0);
    place(&lab, &guest, "raw");
    make_image(&lab, "n1", &guest, &["-f", "raw"]);
    let agent =
        Agent::new(&lab, "n1", &guest).set("migrate_options", "--unsafe --copy-storage-all");
    agent.start();
    let before = lab.tell(&guest, Command::DiskWrite { size: WRITTEN });
    let refused = |agent: &Agent<'_>, reason: &str| {
        let answer = agent.call(Action::MigrateTo { target: "n2".to_owned() });
        assert_eq!(answer.code, 1, "{answer:?}");
        assert!(answer.reason.contains(reason), "{answer:?}");
        assert_eq!(lab.last_migration("n1").ending, Ending::Stayed);
        assert_eq!(lab.state("n1", &guest), "running");
        wait_until("no copy is left", soon(), || lab.copies(&guest) == ["n1"]);
    };

    refused(&agent, "make images of the same size at the same paths");
    make_image(&lab, "n2", &guest, &["-f", "raw"]);
    refused(&agent.clone().set("migration_speed", "4").timeout(30), "MiB of its disks are left");
    assert!(lab.last_migration("n1").storage > 0, "{:?}", lab.last_migration("n1"));
    lab.tell(&guest, Command::DiskRead { size: WRITTEN });

    // Slow enough to be looked at on its way.
    agent.set("migration_speed", "200").migrate("n2");
    let moved = lab.last_migration("n1");
    assert_eq!(moved.storage, u64::from(SIZE) << 20, "{moved:?}");
    let after = lab.tell(&guest, Command::DiskRead { size: WRITTEN });
    assert_eq!((after.boot_id, after.corrupt), (before.boot_id, 0));
    Agent::new(&lab, "n2", &guest).stop();
    assert!(is_the_same(&lab, &guest));
}

#[test]
fn what_the_guest_has_written_goes_along_where_the_rest_is_shared() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new("layered", 1);
    place(&lab, &guest, "qcow2");
    let base = "/srv/shared/base.img";
    lab.exec("n1", "truncate", &["--size", &format!("{SIZE}M"), base]);
    for node in ["n1", "n2"] {
        make_image(&lab, node, &guest, &["-f", "qcow2", "-b", base, "-F", "raw"]);
    }
    let agent =
        Agent::new(&lab, "n1", &guest).set("migrate_options", "--unsafe --copy-storage-inc");
    agent.start();
    let before = lab.tell(&guest, Command::DiskWrite { size: WRITTEN });
    // Slow enough to be looked at on its way.
    agent.clone().set("migration_speed", "50").migrate("n2");
    let moved = lab.last_migration("n1");
    assert!(moved.storage >= u64::from(WRITTEN) << 20, "{moved:?}");
    assert!(moved.storage < u64::from(SIZE) << 20, "all of it was sent: {moved:?}");
    let after = lab.tell(&guest, Command::DiskRead { size: WRITTEN });
    assert_eq!((after.boot_id, after.corrupt), (before.boot_id, 0));
    agent.on("n2").stop();
    assert!(is_the_same(&lab, &guest));
}
