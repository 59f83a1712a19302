//! Disks that this node reaches, or does not.

use crate::{Agent, Call, GUEST};
use hypervisor::State;
use hypervisor::scripted::Host;
use std::fs;

/// Where this node is asked for what a guest needs.
fn deep(call: Call) -> Call {
    call.env("OCF_CHECK_LEVEL", "10")
}

pub fn a_guest_whose_disk_is_out_of_reach_is_sent_elsewhere_before_anything_is_begun(
    agent: &Agent,
) {
    let node = agent.node(&Host::default());
    let (there, absent) = (node.path("there.img"), node.path("absent/a.img"));
    fs::write(&there, "").unwrap();
    node.give_disks(&[&there, &absent]);
    let ended = node.call("start").gives(5);
    assert!(!ended.stderr.contains("there.img"), "{}", ended.stderr);
    ended.because(&format!("{}), a file on ", absent.display()));
    assert_eq!(node.host().calls, [""; 0]);
    assert!(!node.record().exists());
    node.probe().gives(7);
    node.call("stop").gives(0);
    // What remains of one counts for nothing.
    node.put(&Host::default().with(GUEST, State::Remains));
    node.call("start").gives(5);
    assert_eq!(node.host().calls, ["destroy"]);
}

pub fn a_guest_whose_disks_are_in_reach_starts_and_each_is_told_in_the_log(agent: &Agent) {
    let node = agent.node(&Host::default());
    let disks = ["a.img", "b.img"].map(|name| node.path(name));
    disks.iter().for_each(|disk| fs::write(disk, "").unwrap());
    node.give_disks(&[&disks[0], &disks[1]]);
    node.call("start").gives(0);
    for disk in disks {
        let told = format!("({}), a file on ", disk.display());
        assert!(node.log().contains(&told), "{}", node.log());
    }
}

pub fn what_becomes_of_a_disk_changes_no_answer_about_a_guest_that_runs(agent: &Agent) {
    let node = agent.node(&Host::default());
    let disk = node.path("a.img");
    fs::write(&disk, "").unwrap();
    node.give_disks(&[&disk]);
    node.call("start").gives(0);
    fs::remove_file(&disk).unwrap();
    node.call("start").gives(0);
    node.monitor().gives(0);
    assert_eq!(node.state(), Some(State::Running));
    node.migrate().gives(0);
    node.call("stop").gives(0);
    node.call("start").gives(5);
}

pub fn validation_tells_of_every_disk_but_only_where_the_node_is_asked_for(agent: &Agent) {
    let node = agent.node(&Host::default());
    let disks = ["a.img", "b.img"].map(|name| node.path(name));
    node.give_disks(&[&disks[0], &disks[1]]);
    node.call("validate-all").gives(0);
    let ended = deep(node.call("validate-all")).gives(5);
    for disk in &disks {
        assert!(ended.stderr.contains(&*disk.to_string_lossy()), "{}", ended.stderr);
        fs::write(disk, "").unwrap();
    }
    deep(node.call("validate-all")).gives(0);
}
