//! stop: how a guest ends, and what is proof of it.

use crate::lifecycle::SILENCES;
use crate::node::{GUEST, Node};
use hypervisor::scripted::{Answer, Effect, Fault, Host};
use hypervisor::{Pause, State};

/// A node on which the guest was started, and then went wrong what the faults say.
fn node(faults: &[(&str, Answer, Effect, Option<u32>)]) -> Node {
    let node = Node::started();
    node.change(|host| {
        host.faults = faults
            .iter()
            .map(|(on, error, effect, times)| {
                let on = (*on).to_owned();
                Fault { on, error: *error, effect: *effect, times: *times }
            })
            .collect();
        host.calls.clear();
    });
    node
}

#[test]
fn every_state_ends_in_nothing() {
    for state in [
        State::Running,
        State::Paused(Pause::Admin),
        State::Paused(Pause::IoError),
        State::Paused(Pause::Incoming),
        State::Paused(Pause::Unknown),
        State::Crashed,
        State::PmSuspended,
        State::ShuttingDown,
        State::Dying,
    ] {
        let node = Node::with(state);
        node.call("stop").gives(0);
        assert_eq!(node.host().processes, [], "{state:?}");
    }
}

#[test]
fn modes_are_tried_in_their_order() {
    let node = node(&[("shut_down", Answer::Refused, Effect::None, Some(1))]);
    node.call("stop").set("shutdown_mode", "agent,acpi").gives(0);
    assert_eq!(node.host().calls, ["shut_down Agent", "shut_down Acpi"]);
}

#[test]
fn a_guest_that_does_not_listen_is_destroyed_in_time() {
    let node = node(&[("shut_down", Answer::Done, Effect::Half, None)]);
    node.call("stop").gives(0);
    assert_eq!(node.state(), None);
    assert_eq!(node.host().calls.last().unwrap(), "destroy");
}

#[test]
fn a_stop_by_force_asks_nobody() {
    let node = node(&[]);
    node.call("stop").set("force_stop", "1").gives(0);
    assert_eq!(node.host().calls, ["destroy"]);
}

#[test]
fn a_daemon_that_refuses_or_lies_does_not_keep_a_guest_alive() {
    for (error, effect) in [
        (Answer::Refused, Effect::None),
        (Answer::Done, Effect::None),
        (Answer::Done, Effect::Half),
        (Answer::Refused, Effect::Half),
        (Answer::Hang, Effect::None),
        (Answer::Hang, Effect::Whole),
    ] {
        let node = node(&[
            ("shut_down", Answer::Refused, Effect::None, None),
            ("destroy", error, effect, None),
        ]);
        node.call("stop").timeout(2000).gives(0);
        assert_eq!(node.state(), None, "{error:?} {effect:?}");
    }
}

#[test]
fn a_stop_needs_no_daemon() {
    for silence in SILENCES {
        let node = node(&[("*", silence, Effect::None, None)]);
        node.call("stop").gives(0);
        assert_eq!(node.host().processes, [], "{silence:?}");
        node.call("stop").gives(0);
    }
}

#[test]
fn a_guest_that_cannot_be_ended_is_not_reported_stopped() {
    let node = node(&[
        ("shut_down", Answer::Refused, Effect::None, None),
        ("destroy", Answer::Refused, Effect::None, None),
        ("kill", Answer::Refused, Effect::None, None),
    ]);
    node.call("stop").timeout(2000).gives(1).because("guest contract-vm1 is still");
    node.probe().gives(0);
}

#[test]
fn where_nothing_can_be_learned_nothing_is_reported_stopped() {
    let mut host = Host::default().with(GUEST, State::Running).failing("*", Answer::Unreachable);
    host.blind = true;
    let node = Node::new(&host);
    node.call("stop").gives(1).because("cannot tell whether guest contract-vm1 runs here");
    node.monitor().gives(1);
    node.probe().gives(5);
}

#[test]
fn a_broken_configuration_changes_no_answer_about_a_guest_that_runs() {
    for content in [None, Some(&b""[..]), Some(b"<\xff\0<")] {
        let node = Node::started();
        let config = node.path("contract-vm1.xml");
        match content {
            Some(bytes) => std::fs::write(config, bytes).unwrap(),
            None => std::fs::remove_file(config).unwrap(),
        }
        node.monitor().gives(0);
        node.probe().gives(0);
        node.call("stop").gives(0);
        assert_eq!(node.state(), None, "{content:?}");
        node.call("stop").gives(0);
        node.probe().gives(7);
    }
}

#[test]
fn without_a_record_the_resource_s_name_finds_the_guest() {
    let node = Node::with(State::Running);
    std::fs::remove_file(node.path("contract-vm1.xml")).unwrap();
    node.probe().gives(0);
    node.call("stop").gives(0);
    assert_eq!(node.state(), None);
}

#[test]
fn a_record_that_cannot_be_read_is_none() {
    let node = Node::started();
    std::fs::write(node.path("run/hawser-kvm-contract-vm1.json"), "{\"guest\":").unwrap();
    node.monitor().gives(0);
    node.call("stop").gives(0);
    assert_eq!(node.state(), None);
}
