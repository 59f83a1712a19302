//! migrate_to and migrate_from, between two pretend hosts.

use crate::lifecycle::fault;
use crate::{Agent, Call, GUEST, Node, only_state};
use exec::Deadline;
use hypervisor::scripted::{Answer, Effect, Host};
use hypervisor::{Job, Pause, State};
use std::thread;
use std::time::Duration;

/// A node on which the guest was started, and migrations end as given.
pub fn failing(agent: &Agent, error: Answer, effect: Effect) -> Node {
    let node = agent.started();
    node.change(|host| host.faults.push(fault("migrate", error, effect)));
    node
}

/// The guest runs here, and nowhere else.
pub fn assert_here(node: &Node) {
    assert_eq!(node.state(), Some(State::Running));
    assert!(node.there().processes.iter().all(|it| it.state != State::Running));
    node.monitor().gives(0);
}

/// What migrate_to gives on a node whose hypervisor falls silent after the guest has arrived on the other one.
pub fn silent_at_the_end(agent: &Agent, code: i32) -> Node {
    let node = failing(agent, Answer::Hang, Effect::Half);
    let begun = |host: Host| host.guests[GUEST].job == Job::Running;
    meanwhile(&node, begun, code, || {
        node.put_there(&Host::default().with(GUEST, State::Running));
        let suspended = Host::default().with(GUEST, State::Paused(Pause::Outgoing));
        node.put(&suspended.failing("*", Answer::Unreachable));
    });
    node
}

/// Lets something happen during a migration, as soon as it has begun, and sees what migrate_to gives.
pub fn meanwhile(node: &Node, begun: impl Fn(Host) -> bool, code: i32, happen: impl FnOnce()) {
    thread::scope(|scope| {
        let migration = scope.spawn(|| node.migrate().gives(code));
        let soon = Deadline::after(Duration::from_secs(20));
        while !begun(node.host()) {
            assert!(soon.pause(Duration::from_millis(5)), "it does not begin");
        }
        happen();
        migration.join().unwrap();
    });
}

fn assert_there(node: &Node) {
    assert_eq!(node.state(), None);
    assert_eq!(only_state(&node.there()), Some(State::Running));
    node.monitor().gives(7);
    // Pacemaker stops the guest on the source once it has arrived.
    node.call("stop").gives(0);
    assert_eq!(only_state(&node.there()), Some(State::Running));
}

pub fn a_guest_moves(agent: &Agent) {
    let node = agent.started();
    node.migrate().gives(0);
    assert_there(&node);
    node.call_there("migrate_from").set("CRM_meta_migrate_source", "here").gives(0);
    node.call_there("monitor").gives(0);
    node.call("stop").gives(0);
    assert_eq!(only_state(&node.there()), Some(State::Running));
}

pub fn a_refused_migration_leaves_the_guest_where_it_was(agent: &Agent) {
    let node = failing(agent, Answer::Refused, Effect::None);
    node.migrate().gives(1).because("the script says no");
    assert_here(&node);
}

pub fn a_migration_that_hangs_is_given_up_in_time(agent: &Agent) {
    let node = failing(agent, Answer::Hang, Effect::None);
    node.migrate().timeout(2000).gives(1).because("not migrated");
    assert_here(&node);
}

/// A node whose daemon hung until the agent had given the migration up, and did it then.
fn taken_late(agent: &Agent) -> Node {
    let node = failing(agent, Answer::Hang, Effect::None);
    node.migrate().timeout(2000).gives(1);
    node.call_there("stop").gives(0);
    node.put(&Host::default());
    node.put_there(&Host::default().with(GUEST, State::Running));
    node
}

pub fn a_guest_that_leaves_while_it_is_stopped_is_ended_where_it_went(agent: &Agent) {
    let node = taken_late(agent);
    node.call("stop").gives(0);
    assert_eq!((node.state(), only_state(&node.there())), (None, None));
    let unreachable = taken_late(agent);
    unreachable.change(|host| *host = Host::default().failing("remote", Answer::Unreachable));
    unreachable.call("stop").gives(1).because("cannot tell");
    assert_eq!(only_state(&unreachable.there()), Some(State::Running));
}

pub fn a_guest_that_has_left_is_not_followed_for_ever(agent: &Agent) {
    let node = taken_late(agent);
    node.probe().gives(7);
    node.call("stop").gives(0);
    assert_eq!(only_state(&node.there()), Some(State::Running));
    let stayed = failing(agent, Answer::Hang, Effect::None);
    stayed.migrate().timeout(2000).gives(1);
    stayed.monitor().gives(0);
    stayed.change(|host| *host = std::mem::take(host).failing("remote", Answer::Unreachable));
    stayed.call("stop").gives(0);
}

pub fn a_migration_that_got_stuck_can_be_tried_again(agent: &Agent) {
    let node = failing(agent, Answer::Silent, Effect::Half);
    node.migrate().gives(1);
    assert_here(&node);
    assert_eq!(only_state(&node.there()), Some(State::Paused(Pause::Incoming)));
    node.change(|host| host.faults.clear());
    node.migrate().gives(0);
    assert!(node.host().calls.contains(&"abort_job".to_owned()));
    assert_eq!(node.there().calls, ["destroy"]);
    assert_there(&node);
}

pub fn where_the_guest_is_counts_and_not_what_was_reported(agent: &Agent) {
    let arrived = failing(agent, Answer::Refused, Effect::Whole);
    arrived.migrate().gives(0);
    assert_there(&arrived);
    let stayed = failing(agent, Answer::Done, Effect::None);
    stayed.migrate().timeout(2000).gives(1);
    assert_here(&stayed);
}

pub fn a_target_that_is_no_target_costs_no_byte_of_the_guest(agent: &Agent) {
    let node = agent.started();
    node.migrate().set("CRM_meta_migrate_target", "nowhere").gives(1).because("nowhere.json");
    node.migrate().unset("CRM_meta_migrate_target").gives(1).because("no migration target");
    for state in [State::Running, State::Paused(Pause::Admin), State::Crashed] {
        node.put_there(&Host::default().with(GUEST, state));
        node.migrate().gives(1).because("on the target already");
        assert_eq!(only_state(&node.there()), Some(state));
    }
    assert!(!node.host().calls.iter().any(|call| call.starts_with("migrate")));
    assert_here(&node);
}

pub fn only_a_guest_that_runs_can_move(agent: &Agent) {
    for state in [State::Crashed, State::Paused(Pause::IoError), State::ShuttingDown] {
        let node = agent.with(state);
        node.migrate().gives(1).because("cannot be migrated");
        assert_eq!(node.state(), Some(state));
    }
    agent.node(&Host::default()).migrate().gives(1).because("it is off");
    let paused = agent.with(State::Paused(Pause::Admin));
    paused.migrate().gives(0);
    assert_eq!(only_state(&paused.there()), Some(State::Paused(Pause::Admin)));
}

pub fn a_guest_that_does_not_arrive_is_not_reported_there(agent: &Agent) {
    let node = agent.node(&Host::default());
    node.call("migrate_from").timeout(2000).gives(1).because("has not arrived");
    node.put(&Host::default().with(GUEST, State::Paused(Pause::Incoming)));
    node.call("migrate_from").timeout(2000).gives(1).because("has not arrived");
    node.put(&Host::default().with(GUEST, State::Paused(Pause::Admin)));
    node.call("migrate_from").gives(0);
}

pub fn a_silent_daemon_keeps_the_guest_where_it_is(agent: &Agent) {
    let node = agent.started();
    node.change(|host| *host = std::mem::take(host).failing("*", Answer::Silent));
    node.migrate().gives(1).because("does not answer");
    assert_eq!(node.state(), Some(State::Running));
    assert_eq!(node.host().guests[GUEST].job, Job::None);
}

pub fn what_the_target_lacks_is_named_before_anything_moves(agent: &Agent) {
    for on in ["admit", "reach"] {
        let node = agent.started();
        let lacking = |host: &mut Host| {
            *host = std::mem::take(host).failing(on, Answer::NotAdmitted);
        };
        if on == "admit" {
            let mut there = Host::default();
            lacking(&mut there);
            node.put_there(&there);
        } else {
            node.change(lacking);
        }
        node.migrate().gives(1).because("the script says no");
        assert_here(&node);
        assert!(!node.host().calls.iter().any(|call| call.starts_with("migrate")));
    }
}

pub fn how_a_migration_went_is_kept(agent: &Agent) {
    let node = failing(agent, Answer::Refused, Effect::None);
    node.migrate().gives(1);
    node.change(|host| host.faults.clear());
    node.migrate().gives(0);
    let text = std::fs::read_to_string(node.path("lib/hawser/migrations/history.jsonl")).unwrap();
    let entries: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["ending"], "stayed");
    assert!(entries[0]["reason"].as_str().unwrap().contains("the script says no"));
    assert_eq!((&entries[1]["ending"], &entries[1]["guest"]), (&"migrated".into(), &GUEST.into()));
}

/// A guest whose migration failed, and the directory for its memory.
pub fn failed(node: &Node) -> String {
    let directory = node.path("states");
    std::fs::create_dir_all(&directory).unwrap();
    let directory = directory.display().to_string();
    node.migrate().set("migration_state_path", &directory).gives(1);
    directory
}

pub fn a_guest_whose_migration_failed_does_not_boot(agent: &Agent) {
    let node = failing(agent, Answer::Refused, Effect::None);
    let directory = failed(&node);
    let act = |verb| {
        node.call(verb)
            .set("migration_state_path", &directory)
            .env("OCF_RESKEY_CRM_meta_on_node", "here")
    };
    act("stop").gives(0);
    assert_eq!(node.host().calls.last().unwrap(), "save");
    act("start").gives(0);
    assert_eq!(node.host().calls.last().unwrap(), "restore");
    assert_here(&node);
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
    // The next stop is a stop like any other.
    act("stop").gives(0);
    assert!(node.host().calls.last().unwrap().starts_with("shut_down"));
}

pub fn a_guest_that_is_not_wanted_where_it_came_to_does_not_boot(agent: &Agent) {
    for asked in [false, true] {
        let node = agent.started();
        let directory = node.path("states");
        std::fs::create_dir_all(&directory).unwrap();
        let act = |call: Call, name| {
            call.set("migration_state_path", &directory).set("CRM_meta_on_node", name)
        };
        act(node.migrate(), "here").gives(0);
        if asked {
            act(node.call_there("migrate_from"), "there").gives(0);
        }
        act(node.call_there("stop"), "there").gives(0);
        let last = |host: Host| host.calls.last().cloned().unwrap();
        assert_eq!(last(node.there()), if asked { "shut_down Any" } else { "save" });
        act(node.call("stop"), "here").gives(0);
        act(node.call("start"), "here").gives(0);
        assert_eq!(last(node.host()), if asked { "create" } else { "restore" });
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
    }
}

pub fn a_guest_that_stays_after_a_failed_migration_is_stopped_like_any_other(agent: &Agent) {
    let node = failing(agent, Answer::Refused, Effect::None);
    let directory = failed(&node);
    let act = |call: Call| call.set("migration_state_path", &directory);
    act(node.monitor()).gives(0);
    act(node.call("stop")).set("CRM_meta_on_node", "here").gives(0);
    assert!(node.host().calls.last().unwrap().starts_with("shut_down"));
}

pub fn memory_that_is_not_for_this_node_is_not_resumed(agent: &Agent) {
    let node = failing(agent, Answer::Refused, Effect::None);
    let directory = failed(&node);
    let act = |verb, name| {
        node.call(verb)
            .set("migration_state_path", &directory)
            .env("OCF_RESKEY_CRM_meta_on_node", name)
    };
    act("stop", "here").gives(0);
    act("start", "elsewhere").gives(0);
    assert_eq!(node.host().calls.last().unwrap(), "create");
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
}
