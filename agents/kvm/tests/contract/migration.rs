//! migrate_to and migrate_from, between two pretend hosts.

use crate::node::{GUEST, Node, only_state};
use hypervisor::scripted::{Answer, Effect, Fault, Host};
use hypervisor::{Job, Pause, State};

/// A node on which the guest was started, and migrations end as given.
fn node(error: Answer, effect: Effect) -> Node {
    let node = Node::started();
    let on = "migrate".to_owned();
    node.change(|host| host.faults.push(Fault { on, error, effect, times: None }));
    node
}

fn assert_here(node: &Node) {
    assert_eq!(node.state(), Some(State::Running));
    assert!(node.there().processes.iter().all(|it| it.state != State::Running));
    node.monitor().gives(0);
}

fn assert_there(node: &Node) {
    assert_eq!(node.state(), None);
    assert_eq!(only_state(&node.there()), Some(State::Running));
    node.monitor().gives(7);
    // Pacemaker stops the guest on the source once it has arrived.
    node.call("stop").gives(0);
    assert_eq!(only_state(&node.there()), Some(State::Running));
}

#[test]
fn a_guest_moves() {
    let node = Node::started();
    node.migrate().gives(0);
    let there = node.path("there.json").display().to_string();
    let calls = node.host().calls;
    assert_eq!(
        calls[1..],
        [
            format!("remote scripted://{there}"),
            "limit_downtime".to_owned(),
            format!("migrate scripted://{there}")
        ]
    );
    let there = format!("scripted://{there}");
    let arrived = || {
        node.call("migrate_from").set("hypervisor", &there).env("HA_RSCTMP", node.path("run-there"))
    };
    arrived().set("CRM_meta_migrate_source", "here").gives(0);
    assert_there(&node);
}

#[test]
fn a_refused_migration_leaves_the_guest_where_it_was() {
    let node = node(Answer::Refused, Effect::None);
    node.migrate().gives(1).because("the script says no");
    assert_here(&node);
}

#[test]
fn a_migration_that_hangs_is_given_up_in_time() {
    let node = node(Answer::Hang, Effect::None);
    node.migrate().timeout(2000).gives(1).because("not migrated");
    assert_here(&node);
}

#[test]
fn a_migration_that_got_stuck_can_be_tried_again() {
    let node = node(Answer::Silent, Effect::Half);
    node.migrate().gives(1);
    assert_here(&node);
    assert_eq!(only_state(&node.there()), Some(State::Paused(Pause::Incoming)));
    node.change(|host| host.faults.clear());
    node.migrate().gives(0);
    assert!(node.host().calls.contains(&"abort_job".to_owned()));
    assert_eq!(node.there().calls, ["destroy"]);
    assert_there(&node);
}

#[test]
fn where_the_guest_is_counts_and_not_what_was_reported() {
    let arrived = node(Answer::Refused, Effect::Whole);
    arrived.migrate().gives(0);
    assert_there(&arrived);
    let stayed = node(Answer::Done, Effect::None);
    stayed.migrate().timeout(2000).gives(1);
    assert_here(&stayed);
}

#[test]
fn a_target_that_is_no_target_costs_no_byte_of_the_guest() {
    let node = Node::started();
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

#[test]
fn only_a_guest_that_runs_can_move() {
    for state in [State::Crashed, State::Paused(Pause::IoError), State::ShuttingDown] {
        let node = Node::with(state);
        node.migrate().gives(1).because("cannot be migrated");
        assert_eq!(node.state(), Some(state));
    }
    Node::new(&Host::default()).migrate().gives(1).because("it is off");
    let paused = Node::with(State::Paused(Pause::Admin));
    paused.migrate().gives(0);
    assert_eq!(only_state(&paused.there()), Some(State::Paused(Pause::Admin)));
}

#[test]
fn what_cannot_be_understood_of_a_migration_stops_it_and_not_the_guest() {
    let node = Node::started();
    for (parameter, value) in [
        ("migrate_options", "--tsl"),
        ("migrate_options", "--bandwidth fast"),
        ("remoteuri", "nonsense"),
        ("hypervisor", "nonsense"),
    ] {
        node.migrate().set(parameter, value).run().is_one_of(&[0, 1]);
        if parameter == "migrate_options" {
            assert_here(&node);
        }
    }
    // Without a record of the guest, and with nowhere to find one, code 6 would stop it everywhere.
    let node = Node::with(State::Running);
    node.migrate().set("hypervisor", "nonsense").unset("remoteuri").gives(1);
}

#[test]
fn a_guest_that_does_not_arrive_is_not_reported_there() {
    let node = Node::new(&Host::default());
    node.call("migrate_from").timeout(2000).gives(1).because("has not arrived");
    node.put(&Host::default().with(GUEST, State::Paused(Pause::Incoming)));
    node.call("migrate_from").timeout(2000).gives(1).because("has not arrived");
    node.put(&Host::default().with(GUEST, State::Paused(Pause::Admin)));
    node.call("migrate_from").gives(0);
}

#[test]
fn a_silent_daemon_keeps_the_guest_where_it_is() {
    let node = Node::started();
    node.change(|host| *host = std::mem::take(host).failing("*", Answer::Silent));
    node.migrate().gives(1).because("does not answer");
    assert_eq!(node.state(), Some(State::Running));
    assert_eq!(node.host().guests[GUEST].job, Job::None);
}

#[test]
fn what_the_target_lacks_is_named_before_anything_moves() {
    for on in ["admit", "reach"] {
        let node = Node::started();
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

#[test]
fn a_migration_that_cannot_be_as_secure_as_asked_for_is_none() {
    let node = Node::started();
    for (security, parameter, value) in [
        ("tls", "migration_transport", "tcp"),
        ("tls", "remoteuri", "qemu+ssh://%n/system"),
        ("ssh", "migration_transport", "tls"),
        ("ssh", "remoteuri", "qemu://%n/system"),
        ("ssh", "migrate_options", "--copy-storage-all"),
        ("ssh", "migrate_options", "--tls"),
        ("yes", "migration_transport", "tls"),
    ] {
        let act = |call: crate::node::Call| {
            call.unset("remoteuri").set("migration_security", security).set(parameter, value)
        };
        act(node.migrate()).gives(1).because("migration_security");
        act(node.call("validate-all")).gives(6).because("migration_security");
    }
    assert_here(&node);
    assert!(!node.host().calls.iter().any(|call| call.starts_with("migrate")));
}

#[test]
fn how_a_migration_went_is_kept() {
    let node = node(Answer::Refused, Effect::None);
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
fn failed(node: &Node) -> String {
    let directory = node.path("states");
    std::fs::create_dir_all(&directory).unwrap();
    let directory = directory.display().to_string();
    node.migrate().set("migration_state_path", &directory).gives(1);
    directory
}

#[test]
fn a_guest_whose_migration_failed_does_not_boot() {
    let node = node(Answer::Refused, Effect::None);
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

#[test]
fn a_guest_that_stays_after_a_failed_migration_is_stopped_like_any_other() {
    let node = node(Answer::Refused, Effect::None);
    let directory = failed(&node);
    let act = |call: crate::node::Call| call.set("migration_state_path", &directory);
    act(node.monitor()).gives(0);
    act(node.call("stop")).set("CRM_meta_on_node", "here").gives(0);
    assert!(node.host().calls.last().unwrap().starts_with("shut_down"));
}

#[test]
fn memory_is_not_saved_where_the_disks_may_be_others() {
    let node = node(Answer::Refused, Effect::None);
    let directory = failed(&node);
    let act = |call: crate::node::Call| call.set("migration_state_path", &directory);
    // The later migration counts.
    act(node.migrate()).set("migrate_options", "--copy-storage-all").gives(1);
    act(node.call("stop")).set("CRM_meta_on_node", "here").gives(0);
    assert!(!node.host().calls.contains(&"save".to_owned()), "{:?}", node.host().calls);
}

#[test]
fn memory_that_is_not_for_this_node_is_not_resumed() {
    let node = node(Answer::Refused, Effect::None);
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
