//! What is done about a guest that stands still because a disk gave an error.

use crate::KVM;
use contract::{Call, GUEST, Node};
use hypervisor::scripted::{Answer, Host};
use hypervisor::{Pause, State};
use std::fs;

const STALLED: State = State::Paused(Pause::IoError);

fn node() -> Node {
    KVM.node(&Host::default().with(GUEST, STALLED))
}

fn monitor(node: &Node, action: &str, time: &str) -> Call {
    node.monitor().set("io_error_action", action).set("io_error_time", time)
}

#[test]
fn a_guest_that_stands_still_has_failed_when_it_has_been_watched_for_long_enough() {
    let host = Host::default().with(GUEST, STALLED).failing("resume", Answer::Refused);
    let node = node();
    for action in ["fail", "kill", "resume"] {
        let node = KVM.node(&host);
        monitor(&node, action, "600").gives(190).because("paused on an I/O error");
        monitor(&node, action, "600").gives(190);
        let record = fs::read_to_string(node.record()).unwrap();
        let (before, rest) = record.split_once("\"stalled\":").unwrap();
        let (since, after) = rest.split_at(rest.find(',').unwrap());
        let earlier = since.parse::<u64>().unwrap() - 600;
        fs::write(node.record(), format!("{before}\"stalled\":{earlier}{after}")).unwrap();
        monitor(&node, action, "600").gives(1).because("paused on an I/O error");
    }
    monitor(&node, "leave", "0").gives(190).because("paused on an I/O error");
    monitor(&node, "wait", "0").gives(1);
    let wrong = node.call("validate-all").set("io_error_action", "wait");
    wrong.gives(6).because("expected fail, resume, leave or kill");
    let hasty = node.call("validate-all").set("io_error_action", "resume");
    hasty.gives(6).because("needs io_error_time");
}

#[test]
fn a_guest_that_runs_on_is_well_and_watched_anew_the_next_time() {
    let node = node();
    monitor(&node, "resume", "600").gives(190);
    assert_eq!(node.state(), Some(State::Running));
    monitor(&node, "resume", "600").gives(0);
    assert!(fs::read_to_string(node.record()).unwrap().contains("\"stalled\":null"));
}

#[test]
fn only_one_that_is_to_be_killed_is_ended_by_a_monitor() {
    for (action, left) in [("fail", Some(STALLED)), ("leave", Some(STALLED)), ("kill", None)] {
        let node = node();
        monitor(&node, action, "0").run();
        assert_eq!(node.state(), left, "{action}");
    }
    let node = node();
    node.call("monitor").set("io_error_action", "kill").gives(1);
    assert_eq!(node.state(), Some(STALLED), "a manager without intervals");
    node.change(|host| *host = host.clone().failing("destroy", Answer::Refused));
    monitor(&node, "kill", "0").gives(1);
}
