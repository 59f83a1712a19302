//! Disks that are more than files, and those that a start makes.

use crate::KVM;
use contract::{Call, Node};
use hypervisor::scripted::{Answer, Host};
use std::fs;
use std::net::TcpListener;

/// Gives the guest one disk.
fn give(node: &Node, disk: &str) {
    let devices = format!("<devices>{disk}</devices>");
    let name = contract::GUEST;
    let xml = format!("<domain type='kvm'><name>{name}</name>{devices}</domain>");
    fs::write(node.config(), xml).unwrap();
}

fn validate(node: &Node) -> Call {
    node.call("validate-all").env("OCF_CHECK_LEVEL", "10")
}

#[test]
fn a_disk_that_the_guest_starts_without_keeps_it_from_no_node() {
    let node = KVM.node(&Host::default());
    give(&node, "<disk device='cdrom'><source file='/none.iso' startupPolicy='optional'/></disk>");
    node.call("start").gives(0);
    assert!(node.log().contains("(/none.iso)"), "{}", node.log());
    node.call("stop").gives(0);
    give(&node, "<disk device='cdrom'><target dev='hda'/></disk>");
    node.call("start").gives(0);
}

#[test]
fn an_image_on_the_network_needs_a_server_that_takes_connections() {
    let node = KVM.node(&Host::default());
    let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let host = format!("<host name='127.0.0.1' port='{port}'/>");
    give(
        &node,
        &format!("<disk type='network'><source protocol='rbd' name='a/b'>{host}</source></disk>"),
    );
    validate(&node).gives(0);
    drop(server);
    node.call("start").gives(5).because(&format!("no connection to 127.0.0.1:{port}"));
}

#[test]
fn a_volume_is_out_of_reach_where_the_hypervisor_says_so_and_nowhere_else() {
    let disk = "<disk type='volume'><source pool='fast' volume='v'/></disk>";
    let lacking = KVM.node(&Host::default().failing("volume", Answer::NotAdmitted));
    give(&lacking, disk);
    lacking.call("start").gives(5).because("volume v of storage pool fast");
    validate(&lacking).gives(5);
    // What is yet to be started is no lack.
    validate(&lacking).set("start_resources", "true").gives(0);
    for answer in [Answer::Refused, Answer::Silent, Answer::Hang] {
        let node = KVM.node(&Host::default().failing("volume", answer));
        give(&node, disk);
        node.call("start").gives(0);
    }
}

#[test]
fn an_overlay_is_made_and_the_image_below_it_must_be_there() {
    let node = KVM.node(&Host::default());
    let (overlay, backing) = (node.config().with_extension("qcow2"), node.path("base.img"));
    node.give_disks(&[&overlay]);
    let on_base = |call: Call| call.set("backingfile", &backing);
    for call in [validate(&node), node.call("start")] {
        on_base(call).gives(5).because("disk backingfile");
    }
    assert!(!overlay.exists());
    fs::write(&backing, [0; 4096]).unwrap();
    on_base(validate(&node)).gives(0);
    validate(&node).gives(5).because("contract-vm1.qcow2");
    // One that is there already may be on something else by now.
    fs::write(&overlay, [0; 4096]).unwrap();
    fs::remove_file(&backing).unwrap();
    on_base(node.call("start")).gives(0);
}
