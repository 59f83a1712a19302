//! stop: how a guest ends, and what is proof of it.

use crate::lifecycle::SILENCES;
use crate::{Agent, GUEST, Node};
use hypervisor::scripted::{Answer, Effect, Fault, Host};
use hypervisor::{Pause, State};
use std::time::{Duration, Instant};

/// A node on which the guest was started, and then went wrong what the faults say.
fn node(agent: &Agent, faults: &[(&str, Answer, Effect, Option<u32>)]) -> Node {
    let node = agent.started();
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

pub fn every_state_ends_in_nothing(agent: &Agent) {
    for state in [
        State::Running,
        State::Paused(Pause::Admin),
        State::Paused(Pause::IoError),
        State::Paused(Pause::Watchdog),
        State::Paused(Pause::Incoming),
        State::Paused(Pause::Building),
        State::Paused(Pause::Unknown),
        State::Crashed,
        State::PmSuspended,
        State::ShuttingDown,
        State::Dying,
        State::Remains,
    ] {
        let node = agent.with(state);
        node.call("stop").gives(0);
        assert_eq!(node.host().processes, [], "{state:?}");
    }
}

pub fn a_guest_that_does_not_listen_is_destroyed_in_time(agent: &Agent) {
    let node = node(agent, &[("shut_down", Answer::Done, Effect::Half, None)]);
    node.call("stop").gives(0);
    assert_eq!(node.state(), None);
    assert_eq!(node.host().calls.last().unwrap(), "destroy");
}

pub fn a_stop_by_force_asks_nobody(agent: &Agent) {
    let node = node(agent, &[]);
    node.call("stop").set(agent.by_force.0, agent.by_force.1).gives(0);
    assert_eq!(node.host().calls, ["destroy"]);
}

pub fn a_daemon_that_refuses_or_lies_does_not_keep_a_guest_alive(agent: &Agent) {
    for (error, effect) in [
        (Answer::Refused, Effect::None),
        (Answer::Done, Effect::None),
        (Answer::Done, Effect::Half),
        (Answer::Refused, Effect::Half),
        (Answer::Hang, Effect::None),
        (Answer::Hang, Effect::Whole),
    ] {
        let node = node(
            agent,
            &[("shut_down", Answer::Refused, Effect::None, None), ("destroy", error, effect, None)],
        );
        node.call("stop").timeout(2000).gives(0);
        assert_eq!(node.state(), None, "{error:?} {effect:?}");
    }
}

pub fn a_stop_needs_no_daemon(agent: &Agent) {
    for silence in SILENCES {
        let node = node(agent, &[("*", silence, Effect::None, None)]);
        node.call("stop").gives(0);
        assert_eq!(node.host().processes, [], "{silence:?}");
        node.call("stop").gives(0);
    }
}

pub fn a_guest_that_its_daemon_knows_nothing_of_is_killed_at_once(agent: &Agent) {
    // There is nothing for it to end, so that it says that it has.
    let node = node(agent, &[("destroy", Answer::Done, Effect::None, None)]);
    node.change(|host| host.guests.clear());
    let begun = Instant::now();
    node.call("stop").timeout(60_000).gives(0);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(node.host().processes, []);
}

pub fn a_guest_that_cannot_be_ended_is_not_reported_stopped(agent: &Agent) {
    let node = node(
        agent,
        &[
            ("shut_down", Answer::Refused, Effect::None, None),
            ("destroy", Answer::Refused, Effect::None, None),
            ("kill", Answer::Refused, Effect::None, None),
        ],
    );
    node.call("stop").timeout(2000).gives(1).because("guest contract-vm1 is still");
    node.probe().gives(0);
}

pub fn where_nothing_can_be_learned_nothing_is_reported_stopped(agent: &Agent) {
    let mut host = Host::default().with(GUEST, State::Running).failing("*", Answer::Unreachable);
    host.blind = true;
    let node = agent.node(&host);
    node.call("stop").gives(1).because("cannot tell whether guest contract-vm1 runs here");
    node.monitor().gives(1);
    node.probe().gives(5);
}

pub fn a_broken_configuration_changes_no_answer_about_a_guest_that_runs(agent: &Agent) {
    for content in [None, Some(&b""[..]), Some(b"<\xff\0<")] {
        let node = agent.started();
        let config = node.config();
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

pub fn without_a_record_the_resource_s_name_finds_the_guest(agent: &Agent) {
    let node = agent.with(State::Running);
    std::fs::remove_file(node.config()).unwrap();
    node.probe().gives(0);
    node.call("stop").gives(0);
    assert_eq!(node.state(), None);
}

pub fn a_record_that_cannot_be_read_is_none(agent: &Agent) {
    let node = agent.started();
    std::fs::write(node.record(), "{\"guest\":").unwrap();
    node.monitor().gives(0);
    node.call("stop").gives(0);
    assert_eq!(node.state(), None);
}
