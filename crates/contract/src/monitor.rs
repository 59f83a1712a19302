//! monitor, status and the probe.

use crate::lifecycle::SILENCES;
use crate::{Agent, GUEST};
use hypervisor::scripted::{Answer, Host};
use hypervisor::{Job, Pause, State};

/// Every state, with the code of a recurring monitor, and that under a manager without intervals.
const STATES: &[(State, i32, i32)] = &[
    (State::Running, 0, 0),
    (State::Paused(Pause::Admin), 190, 0),
    (State::Paused(Pause::Unknown), 190, 0),
    (State::Paused(Pause::IoError), 1, 1),
    (State::Paused(Pause::Watchdog), 1, 1),
    (State::Paused(Pause::PostcopyFailed), 1, 1),
    (State::Paused(Pause::Incoming), 7, 7),
    // For a job that is over.
    (State::Paused(Pause::Outgoing), 1, 1),
    (State::Paused(Pause::Job), 190, 0),
    (State::Paused(Pause::Building), 190, 0),
    (State::Crashed, 1, 1),
    (State::PmSuspended, 190, 0),
    (State::ShuttingDown, 190, 0),
    (State::Dying, 190, 0),
    (State::Remains, 7, 7),
];

pub fn every_state_has_its_code(agent: &Agent) {
    for (state, recurring, plain) in STATES {
        let node = agent.with(*state);
        node.monitor().gives(*recurring);
        node.call("monitor").gives(*plain);
        node.call("status").gives(*plain);
        node.probe().gives(if *recurring == 7 { 7 } else { 0 });
        assert_eq!(node.host().calls, [""; 0], "a monitor changes nothing");
    }
    agent.node(&Host::default()).monitor().gives(7);
}

pub fn a_pause_for_a_job_is_none_of_the_guest_s(agent: &Agent) {
    for pause in [Pause::Outgoing, Pause::Job] {
        let mut host = Host::default().with(GUEST, State::Paused(pause));
        host.guests.get_mut(GUEST).unwrap().job = Job::Running;
        agent.node(&host).monitor().gives(0);
    }
}

pub fn a_guest_that_needs_attention_is_told_with_what_helps(agent: &Agent) {
    let told = |pause, words| agent.with(State::Paused(pause)).monitor().run().because(words);
    let resume = format!("guest contract-vm1 is paused by an administrator; {}", agent.resume);
    told(Pause::Admin, &resume);
    told(Pause::IoError, "guest contract-vm1 is paused on an I/O error; check the storage");
}

pub fn a_guest_whose_daemon_is_silent_runs_but_is_degraded(agent: &Agent) {
    for silence in SILENCES {
        let node = agent.node(&Host::default().with(GUEST, State::Running).failing("*", silence));
        node.monitor().gives(190).because("guest contract-vm1 runs, but");
        node.call("monitor").gives(0);
        node.probe().gives(0);
        node.put(&Host::default().failing("*", silence));
        node.monitor().gives(7);
        node.probe().gives(7);
    }
}

pub fn a_monitor_socket_tells_the_states_apart_without_a_daemon(agent: &Agent) {
    for (state, code) in [(State::Paused(Pause::IoError), 1), (State::Crashed, 1)] {
        let host = Host::default().with(GUEST, state).failing("*", Answer::Unreachable);
        agent.node(&host).monitor().gives(code);
    }
    let leaving = Host::default().with(GUEST, State::Paused(Pause::Outgoing));
    let node = agent.node(&leaving.failing("*", Answer::Unreachable));
    node.monitor().gives(190).because("paused at the end of a migration, and");
}

pub fn a_probe_answers_0_7_or_5_whatever_is_wrong(agent: &Agent) {
    let mut hosts = vec![Host::default()];
    hosts.extend(STATES.iter().map(|(state, ..)| Host::default().with(GUEST, *state)));
    for host in hosts {
        for (blind, error) in [
            (false, Answer::Refused),
            (false, Answer::Silent),
            (true, Answer::Silent),
            (true, Answer::Refused),
        ] {
            let node = agent.node(&Host { blind, ..host.clone() }.failing("*", error));
            node.probe().run().is_one_of(&[0, 7, 5]);
        }
    }
    let node = agent.with(State::Running);
    std::fs::remove_file(node.path("here.json")).unwrap();
    node.probe().gives(5).because("cannot reach the hypervisor");
    let node = agent.node(&Host::default());
    std::fs::write(node.config(), "no XML").unwrap();
    node.probe().gives(7);
    node.probe().unset(agent.config).gives(7);
    // Paths that make no file: what is remembered is a convenience, no condition.
    let node = agent.with(State::Running);
    node.probe().env("HA_RSCTMP", "/proc/none").gives(0);
}

pub fn that_a_guest_has_failed_is_noted_once_for_who_judges_the_node(agent: &Agent) {
    let node = agent.started();
    let noted = || {
        let name = node.record().file_name().unwrap().to_owned();
        let file = node.path("run/hawser-failures").join(name);
        file.metadata().map(|it| it.modified().unwrap()).ok()
    };
    node.monitor().gives(0);
    node.put(&Host::default().with(GUEST, State::Paused(Pause::Admin)));
    node.monitor().gives(190);
    node.put(&Host::default());
    node.probe().gives(7);
    assert_eq!(noted(), None);
    node.monitor().gives(7);
    let first = noted();
    assert!(first.is_some());
    node.monitor().gives(7);
    assert_eq!(noted(), first);
    node.call("stop").gives(0);
    node.call("start").gives(0);
    node.put(&Host::default().with(GUEST, State::Crashed));
    node.monitor().gives(1);
    assert!(noted() > first);
    // Where it was never started, nothing has failed.
    let node = agent.node(&Host::default());
    node.monitor().gives(7);
    assert!(!node.path("run/hawser-failures").exists());
}
