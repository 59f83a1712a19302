//! start, stop and reload-agent.

use crate::{Agent, GUEST};
use hypervisor::scripted::{Answer, Effect, Fault, Host};
use hypervisor::{Job, Pause, State};
use std::os::unix::fs::PermissionsExt;

/// A daemon that has ended, and one that takes questions and answers none.
pub const SILENCES: [Answer; 3] = [Answer::Unreachable, Answer::Silent, Answer::Hang];

/// That a call ends so.
pub fn fault(on: &str, error: Answer, effect: Effect) -> Fault {
    Fault { on: on.to_owned(), error, effect, times: None }
}

pub fn start_and_stop_can_be_repeated(agent: &Agent) {
    let node = agent.node(&Host::default());
    node.monitor().gives(7).because("does not run here");
    node.call("stop").gives(0);
    for _ in 0..2 {
        node.call("start").gives(0);
        assert_eq!(node.state(), Some(State::Running));
        node.monitor().gives(0);
        node.probe().gives(0);
    }
    for _ in 0..2 {
        node.call("stop").gives(0);
        assert_eq!(node.state(), None);
        node.monitor().gives(7);
        node.probe().gives(7);
    }
    let calls = node.host().calls;
    assert_eq!(calls, ["create", "shut_down Any"]);
}

pub fn a_start_lets_a_paused_guest_run_on(agent: &Agent) {
    for pause in [Pause::Admin, Pause::IoError] {
        let node = agent.with(State::Paused(pause));
        node.call("start").gives(0);
        assert_eq!(node.host().calls, ["resume"]);
        assert_eq!(node.state(), Some(State::Running));
    }
}

pub fn a_start_clears_away_what_is_no_guest_any_more(agent: &Agent) {
    let left = [State::Crashed, State::Dying, State::Remains];
    for state in left.into_iter().chain([Pause::Incoming, Pause::Building].map(State::Paused)) {
        let node = agent.with(state);
        node.call("start").gives(0);
        assert_eq!(node.host().calls, ["destroy", "create"], "{state:?}");
        assert_eq!(node.state(), Some(State::Running));
    }
}

pub fn a_guest_that_runs_is_started_whatever_is_wrong_with_its_configuration(agent: &Agent) {
    let node = agent.started();
    node.call("start").set(agent.mistyped.0, agent.mistyped.1).gives(0);
    std::fs::remove_file(node.config()).unwrap();
    node.call("start").gives(0);
    assert_eq!(node.host().calls, ["create"]);
    node.call("stop").gives(0);
    node.call("start").gives(5);
}

pub fn a_start_that_fails_leaves_nothing(agent: &Agent) {
    for (error, effect) in [
        (Answer::Refused, Effect::None),
        (Answer::Refused, Effect::Half),
        (Answer::Silent, Effect::Half),
        (Answer::Done, Effect::Half),
        (Answer::Done, Effect::None),
    ] {
        let mut host = Host::default();
        host.faults.push(fault("create", error, effect));
        let node = agent.node(&host);
        node.call("start").gives(1);
        assert_eq!(node.state(), None, "{error:?} {effect:?}");
        node.probe().gives(7);
        node.call("stop").gives(0);
    }
}

pub fn a_start_says_why_it_failed_and_where_it_might_work(agent: &Agent) {
    let node = agent.node(&Host::default().failing("create", Answer::Refused));
    node.call("start").gives(1).because("cannot create: the script says no");
    node.put(&Host::default().failing("create", Answer::NotInstalled));
    node.call("start").gives(5);
    node.call("start").set(agent.config, node.path("none.xml")).gives(5).because("none.xml");
    node.call("start")
        .unset(agent.config)
        .gives(6)
        .because(&format!("parameter {} is not set", agent.config));
    node.call("start").set(agent.mistyped.0, agent.mistyped.1).gives(6).because(agent.mistyped.0);
    std::fs::write(node.config(), "<domain><name>").unwrap();
    node.call("start").gives(5).because("contract-vm1.conf");
    assert_eq!(node.state(), None);
}

pub fn a_start_needs_all_of_its_time_only_if_it_has_to_wait(agent: &Agent) {
    // So little is no reason to fail either, with a host that answers.
    agent.node(&Host::default()).call("start").timeout(1000).gives(0);
}

pub fn a_copy_that_the_daemon_does_not_know_keeps_a_second_one_from_starting(agent: &Agent) {
    let node = agent.with(State::Running);
    node.change(|host| host.guests.clear());
    node.call("start").gives(0);
    assert_eq!(node.state(), Some(State::Running));
    node.probe().gives(0);
    node.call("stop").gives(0);
    assert_eq!(node.state(), None);
}

pub fn a_start_without_a_daemon_fails_and_leaves_a_guest_that_runs(agent: &Agent) {
    for silence in SILENCES {
        let node = agent.node(&Host::default().failing("*", silence));
        node.call("start").timeout(2000).run().is_one_of(&[1, 5]);
        let node = agent.node(&Host::default().with(GUEST, State::Running).failing("*", silence));
        node.call("start").gives(0);
        assert_eq!(node.state(), Some(State::Running), "{silence:?}");
    }
}

pub fn a_start_that_is_told_to_wait_for_scripts_ends_the_guest_if_they_never_succeed(
    agent: &Agent,
) {
    let node = agent.node(&Host::default());
    node.call("start").set("monitor_scripts", "/bin/true").gives(0);
    node.call("stop").gives(0);
    node.call("start")
        .set("monitor_scripts", "/bin/true /bin/false")
        .gives(1)
        .because("/bin/false");
    assert_eq!(node.state(), None);
}

pub fn what_is_remembered_of_a_guest_is_for_root_alone_and_goes_with_it(agent: &Agent) {
    let node = agent.started();
    let record = node.record();
    assert_eq!(record.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    node.call("stop").gives(0);
    assert!(!record.exists());
}

pub fn a_changed_parameter_is_taken_over_without_a_restart(agent: &Agent) {
    let node = agent.started();
    node.call("reload-agent")
        .set(agent.mistyped.0, agent.mistyped.2)
        .set(agent.by_force.0, agent.by_force.1)
        .gives(0);
    assert_eq!(node.host().calls, ["create"]);
    node.call("stop").set(agent.by_force.0, agent.by_force.1).gives(0);
    assert_eq!(node.host().calls, ["create", "destroy"]);
}

pub fn a_mistyped_value_costs_no_guest_that_runs(agent: &Agent) {
    let node = agent.started();
    // Pacemaker answers 1 with a restart and 6 with a stop on every node.
    node.call("reload-agent").set(agent.mistyped.0, agent.mistyped.1).gives(0);
    let (parameter, value, _) = agent.mistyped;
    let words = format!("parameter {parameter} is {value:?}");
    assert!(node.log().contains(&words), "{}", node.log());
    node.change(|host| *host = std::mem::take(host).failing("*", Answer::Silent));
    node.call("reload-agent").gives(0);
    assert_eq!(node.host().calls, ["create"]);
}

pub fn a_job_that_an_earlier_action_left_is_aborted_before_a_stop(agent: &Agent) {
    let node = agent.started();
    node.change(|host| {
        host.guests.get_mut(GUEST).unwrap().job = Job::Running;
    });
    node.call("stop").gives(0);
    assert_eq!(node.host().calls, ["create", "abort_job", "shut_down Any"]);
}
