//! The agent as a process: its programs, its streams, its environment.

use crate::node::{GUEST, Node, install};
use assert_cmd::Command;
use exec::{Deadline, Tool};
use hypervisor::State;
use hypervisor::scripted::Host;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

/// A node whose front has another program beside it, or none, instead of the full agent.
fn without_full(make: impl FnOnce(&Path)) -> Node {
    let mut node = Node::started();
    let front = node.path("kvm");
    install(&node.front, &front, "");
    make(&node.path("kvm-full"));
    node.front = front;
    node
}

fn script(path: &Path, content: &str) {
    install(Path::new("/dev/stdin"), path, content);
}

/// The guest is watched and stopped, nothing is started, and a probe is right.
fn assert_front_copes(node: &Node) {
    node.monitor().gives(190);
    node.call("monitor").gives(0);
    node.probe().gives(0);
    node.migrate().gives(1);
    assert_eq!(node.state(), Some(State::Running));
    node.call("stop").gives(0);
    assert_eq!(node.state(), None);
    node.probe().gives(7);
    node.call("start").timeout(1500).run().is_one_of(&[1, 5]);
    assert_eq!(node.state(), None);
}

#[test]
fn the_front_copes_without_the_full_agent() {
    assert_front_copes(&without_full(|_| {}));
}

#[test]
fn the_front_copes_with_a_full_agent_that_cannot_be_loaded() {
    assert_front_copes(&without_full(|path| script(path, "#!/no/such/interpreter\n")));
    assert_front_copes(&without_full(|path| script(path, "#!/bin/sh\nkill -SEGV $$\n")));
    // What the dynamic loader says when a library is missing.
    let loader = "#!/bin/sh\necho 'libvirt.so.0: cannot open shared object file' >&2\nexit 127\n";
    assert_front_copes(&without_full(|path| script(path, loader)));
}

#[test]
fn the_front_answers_in_time_when_the_full_agent_hangs() {
    let node = without_full(|path| symlink("/usr/bin/yes", path).unwrap());
    node.monitor().timeout(2000).gives(190);
    node.call("stop").timeout(2000).gives(0);
    assert_eq!(node.state(), None);
}

#[test]
fn only_the_full_agent_is_linked_to_libvirt() {
    let needed = |program: &str| {
        let tool = Tool::new("readelf").args(["--dynamic", program]);
        tool.run(Deadline::after(Duration::from_secs(20))).unwrap().text()
    };
    assert!(needed(env!("CARGO_BIN_EXE_kvm-full")).contains("libvirt.so"));
    let front = needed(env!("CARGO_BIN_EXE_kvm"));
    assert!(front.contains("NEEDED") && !front.contains("libvirt"), "{front}");
}

#[test]
fn what_is_no_action_is_3() {
    let node = Node::started();
    for action in ["bogus", "", "promote", "reload", "START", "start ", "--version", "\u{1f980}"] {
        node.call(action).gives(3);
    }
    let mut none = Command::new(&node.front);
    let none = none.env_clear().output().unwrap();
    assert_eq!(none.status.code(), Some(3));
    assert!(String::from_utf8(none.stderr).unwrap().contains("Usage: kvm ACTION"));
    node.call("notify").gives(0);
    assert_eq!(node.host().calls, ["create"]);
}

#[test]
fn usage_is_for_a_person() {
    for action in ["usage", "help", "--help", "-h"] {
        let usage =
            Command::new(env!("CARGO_BIN_EXE_kvm")).env_clear().arg(action).output().unwrap();
        assert_eq!((usage.status.code(), usage.stderr.len()), (Some(0), 0));
        assert!(String::from_utf8(usage.stdout).unwrap().contains("migrate_to"));
    }
}

#[test]
fn a_stream_that_cannot_be_written_is_no_panic() {
    let node = Node::started();
    for (action, code) in [("meta-data", 1), ("usage", 1), ("bogus", 3), ("migrate_to", 1)] {
        let tool = || Tool::new(&node.front).arg(action).env("HA_RSCTMP", node.path("run"));
        let mut child = tool().spawn(Some(Path::new("/dev/full"))).unwrap();
        let status = child.wait(Deadline::after(Duration::from_secs(20))).unwrap();
        assert_eq!(status.code(), Some(code), "{action}");
    }
    // Streams that are not even open: what is written then goes nowhere.
    let closed = "\"$0\" meta-data <&- >&- 2>&- || exit; \"$0\" bogus <&- >&- 2>&-";
    let tool = Tool::new("sh").args(["-c", closed]).arg(&node.front);
    let output = tool.output(Deadline::after(Duration::from_secs(20))).unwrap();
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn no_variable_of_the_manager_s_is_needed() {
    // As Heartbeat and drbd-reactor call it: no timeout, no interval, no node.
    let node = Node::new(&Host::default());
    for (action, code) in [("status", 7), ("start", 0), ("status", 0), ("stop", 0), ("status", 7)] {
        let call = node.call(action).unset("CRM_meta_timeout").unset("remoteuri");
        call.gives(code);
    }
    // As ocf-tester does, on a stopped resource: no hang, no panic.
    node.call("migrate_to").unset("CRM_meta_timeout").gives(1);
}

#[test]
fn the_log_has_the_agent_and_the_instance() {
    let node = Node::started();
    assert!(node.log().contains(&format!("kvm({GUEST})[")), "{}", node.log());
    assert!(node.log().contains("guest contract-vm1 started"));
}

#[test]
fn two_actions_at_once_make_one_guest() {
    let node = Node::new(&Host::default());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| node.call("start").timeout(8000).run());
        }
    });
    assert!(node.host().processes.len() <= 1, "{:?}", node.host());
}
