//! start, stop and reload-agent.

use crate::node::{GUEST, Node};
use hypervisor::scripted::{Answer, Effect, Fault, Host};
use hypervisor::{Job, Pause, State};
use std::os::unix::fs::PermissionsExt;

/// A daemon that has ended, and one that takes questions and answers none.
pub const SILENCES: [Answer; 3] = [Answer::Unreachable, Answer::Silent, Answer::Hang];

fn fault(on: &str, error: Answer, effect: Effect) -> Fault {
    Fault { on: on.to_owned(), error, effect, times: None }
}

#[test]
fn start_and_stop_can_be_repeated() {
    let node = Node::new(&Host::default());
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

#[test]
fn a_start_lets_a_paused_guest_run_on() {
    for pause in [Pause::Admin, Pause::IoError] {
        let node = Node::with(State::Paused(pause));
        node.call("start").gives(0);
        assert_eq!(node.host().calls, ["resume"]);
        assert_eq!(node.state(), Some(State::Running));
    }
}

#[test]
fn a_start_clears_away_what_is_no_guest_any_more() {
    for state in [State::Crashed, State::Dying, State::Paused(Pause::Incoming)] {
        let node = Node::with(state);
        node.call("start").timeout(2000).gives(0);
        assert_eq!(node.host().calls, ["destroy", "create"], "{state:?}");
        assert_eq!(node.state(), Some(State::Running));
    }
}

#[test]
fn a_guest_that_runs_is_started_whatever_is_wrong_with_its_configuration() {
    let node = Node::started();
    node.call("start").set("migration_speed", "fast").gives(0);
    std::fs::remove_file(node.path("contract-vm1.xml")).unwrap();
    node.call("start").gives(0);
    assert_eq!(node.host().calls, ["create"]);
    node.call("stop").gives(0);
    node.call("start").gives(5);
}

#[test]
fn a_start_that_fails_leaves_nothing() {
    for (error, effect) in [
        (Answer::Refused, Effect::None),
        (Answer::Refused, Effect::Half),
        (Answer::Silent, Effect::Half),
        (Answer::Done, Effect::Half),
        (Answer::Done, Effect::None),
    ] {
        let mut host = Host::default();
        host.faults.push(fault("create", error, effect));
        let node = Node::new(&host);
        node.call("start").gives(1);
        assert_eq!(node.state(), None, "{error:?} {effect:?}");
        node.probe().gives(7);
        node.call("stop").gives(0);
    }
}

#[test]
fn a_start_says_why_it_failed_and_where_it_might_work() {
    let node = Node::new(&Host::default().failing("create", Answer::Refused));
    node.call("start").gives(1).because("cannot create: the script says no");
    node.put(&Host::default().failing("create", Answer::NotInstalled));
    node.call("start").gives(5);
    node.call("start").set("config", node.path("none.xml")).gives(5).because("none.xml");
    node.call("start").unset("config").gives(6).because("parameter config is not set");
    node.call("start").set("migration_speed", "fast").gives(6).because("migration_speed");
    std::fs::write(node.path("contract-vm1.xml"), "<domain><name>").unwrap();
    node.call("start").gives(5).because("contract-vm1.xml");
    assert_eq!(node.state(), None);
}

#[test]
fn a_start_needs_all_of_its_time_only_if_it_has_to_wait() {
    // So little is no reason to fail either, with a host that answers.
    Node::new(&Host::default()).call("start").timeout(1000).gives(0);
}

#[test]
fn a_copy_that_the_daemon_does_not_know_keeps_a_second_one_from_starting() {
    let node = Node::with(State::Running);
    node.change(|host| host.guests.clear());
    node.call("start").gives(0);
    assert_eq!(node.state(), Some(State::Running));
    node.probe().gives(0);
    node.call("stop").gives(0);
    assert_eq!(node.state(), None);
}

#[test]
fn a_start_without_a_daemon_fails_and_leaves_a_guest_that_runs() {
    for silence in SILENCES {
        let node = Node::new(&Host::default().failing("*", silence));
        node.call("start").timeout(2000).run().is_one_of(&[1, 5]);
        let node = Node::new(&Host::default().with(GUEST, State::Running).failing("*", silence));
        node.call("start").gives(0);
        assert_eq!(node.state(), Some(State::Running), "{silence:?}");
    }
}

#[test]
fn a_start_that_is_told_to_wait_for_scripts_ends_the_guest_if_they_never_succeed() {
    let node = Node::new(&Host::default());
    node.call("start").set("monitor_scripts", "/bin/true").gives(0);
    node.call("stop").gives(0);
    node.call("start")
        .set("monitor_scripts", "/bin/true /bin/false")
        .gives(1)
        .because("/bin/false");
    assert_eq!(node.state(), None);
}

#[test]
fn a_persistent_definition_stays() {
    let node = Node::new(&Host::default());
    let defined = hypervisor::Sight { persistent: true, ..hypervisor::Sight::NOTHING };
    node.change(|host| drop(host.guests.insert(GUEST.to_owned(), defined)));
    node.probe().gives(7);
    node.call("start").gives(0);
    node.call("stop").gives(0);
    assert!(node.host().guests[GUEST].persistent);
}

#[test]
fn what_is_remembered_of_a_guest_is_for_root_alone_and_goes_with_it() {
    let node = Node::started();
    let record = node.path("run/hawser-kvm-contract-vm1.json");
    assert_eq!(record.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    node.call("stop").gives(0);
    assert!(!record.exists());
}

#[test]
fn memory_is_saved_and_resumed_once() {
    let node = Node::started();
    let saved = node.path("contract-vm1.state");
    let call = |action| node.call(action).set("snapshot", node.path(""));
    call("stop").gives(0);
    assert!(saved.exists() && node.state().is_none());
    call("start").gives(0);
    assert_eq!(node.host().calls, ["create", "save", "restore"]);
    assert!(!saved.exists());
}

#[test]
fn memory_that_cannot_be_resumed_is_set_aside_and_the_guest_boots() {
    let node = Node::new(&Host::default().failing("restore", Answer::Refused));
    std::fs::write(node.path("contract-vm1.state"), GUEST).unwrap();
    node.call("start").set("snapshot", node.path("")).gives(0);
    assert_eq!(node.state(), Some(State::Running));
    assert!(
        node.path("contract-vm1.state.used").exists() && !node.path("contract-vm1.state").exists()
    );
}

#[test]
fn a_changed_parameter_is_taken_over_without_a_restart() {
    let node = Node::started();
    node.call("reload-agent").set("migration_speed", "100").set("force_stop", "yes").gives(0);
    assert_eq!(node.host().calls, ["create"]);
    node.call("stop").set("force_stop", "yes").gives(0);
    assert_eq!(node.host().calls, ["create", "destroy"]);
}

#[test]
fn a_mistyped_value_costs_no_guest_that_runs() {
    let node = Node::started();
    // Pacemaker answers 1 with a restart and 6 with a stop on every node.
    node.call("reload-agent").set("migration_speed", "fast").gives(0);
    assert!(node.log().contains("parameter migration_speed is \"fast\""), "{}", node.log());
    node.change(|host| *host = std::mem::take(host).failing("*", Answer::Silent));
    node.call("reload-agent").gives(0);
    assert_eq!(node.host().calls, ["create"]);
}

#[test]
fn a_saved_configuration_is_the_guest_s_and_for_root_alone() {
    let node = Node::started();
    node.monitor().set("save_config_on_stop", "true").gives(0);
    let config = node.path("contract-vm1.xml");
    assert!(std::fs::read_to_string(&config).unwrap().contains("\n  <name>contract-vm1</name>\n"));
    assert_eq!(config.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_job_that_an_earlier_action_left_is_aborted_before_a_stop() {
    let node = Node::started();
    node.change(|host| {
        host.guests.get_mut(GUEST).unwrap().job = Job::Running;
    });
    node.call("stop").gives(0);
    assert_eq!(node.host().calls, ["create", "abort_job", "shut_down Any"]);
}
