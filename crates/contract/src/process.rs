//! The agent as a process: its programs, its streams, its environment.

use crate::{Agent, GUEST};
use assert_cmd::Command;
use exec::{Deadline, Tool};
use hypervisor::scripted::Host;
use std::path::Path;
use std::time::Duration;

pub fn what_is_no_action_is_3(agent: &Agent) {
    let node = agent.started();
    for action in ["bogus", "", "promote", "reload", "START", "start ", "--version", "\u{1f980}"] {
        node.call(action).gives(3);
    }
    let mut none = Command::new(&node.program);
    let none = none.env_clear().output().unwrap();
    assert_eq!(none.status.code(), Some(3));
    assert!(
        String::from_utf8(none.stderr).unwrap().contains(&format!("Usage: {} ACTION", agent.name))
    );
    node.call("notify").gives(0);
    assert_eq!(node.host().calls, ["create"]);
}

pub fn usage_is_for_a_person(agent: &Agent) {
    for action in ["usage", "help", "--help", "-h"] {
        let usage = Command::new(agent.program).env_clear().arg(action).output().unwrap();
        assert_eq!((usage.status.code(), usage.stderr.len()), (Some(0), 0));
        assert!(String::from_utf8(usage.stdout).unwrap().contains("migrate_to"));
    }
}

pub fn a_stream_that_cannot_be_written_is_no_panic(agent: &Agent) {
    let node = agent.started();
    for (action, code) in [("meta-data", 1), ("usage", 1), ("bogus", 3), ("migrate_to", 1)] {
        let tool = || Tool::new(&node.program).arg(action).env("HA_RSCTMP", node.path("run"));
        let mut child = tool().spawn(Some(Path::new("/dev/full"))).unwrap();
        let status = child.wait(Deadline::after(Duration::from_secs(20))).unwrap();
        assert_eq!(status.code(), Some(code), "{action}");
    }
    // Streams that are not even open: what is written then goes nowhere.
    let closed = "\"$0\" meta-data <&- >&- 2>&- || exit; \"$0\" bogus <&- >&- 2>&-";
    let tool = Tool::new("sh").args(["-c", closed]).arg(&node.program);
    let output = tool.output(Deadline::after(Duration::from_secs(20))).unwrap();
    assert_eq!(output.status.code(), Some(3));
}

pub fn no_variable_of_the_manager_s_is_needed(agent: &Agent) {
    // As Heartbeat and drbd-reactor call it: no timeout, no interval, no node.
    let node = agent.node(&Host::default());
    for (action, code) in [("status", 7), ("start", 0), ("status", 0), ("stop", 0), ("status", 7)] {
        let call = node.call(action).unset("CRM_meta_timeout");
        call.gives(code);
    }
    // As ocf-tester does, on a stopped resource: no hang, no panic.
    node.call("migrate_to").unset("CRM_meta_timeout").gives(1);
}

pub fn the_log_has_the_agent_and_the_instance(agent: &Agent) {
    let node = agent.started();
    assert!(node.log().contains(&format!("{}({GUEST})[", agent.name)), "{}", node.log());
    assert!(node.log().contains("guest contract-vm1 started"));
}

pub fn two_actions_at_once_make_one_guest(agent: &Agent) {
    let node = agent.node(&Host::default());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| node.call("start").timeout(8000).run());
        }
    });
    assert!(node.host().processes.len() <= 1, "{:?}", node.host());
}
