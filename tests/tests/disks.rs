//! A node that does not reach a guest's disk says so, and the guest runs on one that does.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use lab::Guest;
use live::{Fixture, eventually, wait_until};
use std::fs::File;

static LAB: Fixture = Fixture::cluster("disks", 2);

#[test]
fn a_guest_starts_on_the_node_that_has_its_disk() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("rooted", 0);
    let disk = format!("/var/lib/libvirt/{}.img", guest.name);
    lab.place_as(&guest, |xml| xml.replace(&guest.file("img").display().to_string(), &disk));
    File::create(lab.node("n2").file(&disk)).unwrap().set_len(1 << 20).unwrap();
    lab.pcs(&["node", "standby", "n2"]);
    lab.settle();

    let config = format!("config={}", guest.config().display());
    lab.pcs(&["resource", "create", &guest.name, "ocf:hawser:kvm", &config]);
    let reason = format!("disk vda ({disk}), a file on ");
    wait_until("the cluster shows what the node lacks", eventually(), || {
        let status = lab.status();
        status.contains("'not installed'") && status.contains(&reason)
    });
    assert!(lab.copies(&guest).is_empty());

    lab.pcs(&["node", "unstandby", "n2"]);
    assert_eq!(lab.located(&guest, |_| true), "n2");
    assert_eq!(lab.copies(&guest), ["n2"]);
    lab.boot(&guest);
}
