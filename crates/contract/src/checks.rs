//! What a monitor asks beyond that the guest runs, and what it makes of that.

use crate::{Agent, Call, GUEST, Node};
use hypervisor::scripted::{Answer, Host};
use hypervisor::{Job, State};
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// A call of which every check that fails counts.
fn at_once(call: Call) -> Call {
    call.set("check_time", "1").set("check_failures", "1")
}

/// A recurring monitor with that script, which is tried once.
fn checked(node: &Node, script: &str) -> Call {
    node.monitor().set("check_time", "1").set("monitor_scripts", script)
}

pub fn the_level_decides_what_is_asked_beyond_the_guest(agent: &Agent) {
    let node = agent.node(&Host::default().with(GUEST, State::Running));
    let broken = Host::default().with(GUEST, State::Running).failing("ping_agent", Answer::Refused);
    let scripts = |script| move |level| (level, script);
    let asked = if agent.asks_guest { 1 } else { 0 };
    for (host, (level, script), code) in [
        (None, scripts("/bin/false")(""), 1),
        (None, scripts("/bin/false")("0"), 0),
        (None, scripts("/bin/false")("5"), 0),
        (None, scripts("/bin/false")("10"), 0),
        (None, scripts("/bin/false")("20"), 1),
        (None, scripts("/bin/false")("nonsense"), 1),
        (None, scripts("/bin/true")("20"), 0),
        (Some(&broken), scripts("/bin/true")(""), 0),
        (Some(&broken), scripts("/bin/true")("10"), asked),
        (Some(&broken), scripts("/bin/true")("20"), asked),
    ] {
        node.put(host.unwrap_or(&Host::default().with(GUEST, State::Running)));
        let call = at_once(node.monitor()).env("OCF_CHECK_LEVEL", level);
        call.set("monitor_scripts", script).gives(code);
    }
    node.put(
        &Host::default().with(GUEST, State::Running).failing("ping_agent", Answer::NoGuestAgent),
    );
    let level = |level| at_once(node.monitor()).env("OCF_CHECK_LEVEL", level);
    let answer = level("10").gives(asked);
    if agent.asks_guest {
        answer.because("the guest agent gives no sign of life: the guest has no guest agent");
    }
    level("20").gives(0);
    node.probe().env("OCF_CHECK_LEVEL", "20").set("monitor_scripts", "/bin/false").gives(0);
}

pub fn a_script_that_never_ends_is_named_and_leaves_the_next_one_its_time(agent: &Agent) {
    let node = agent.with(State::Running);
    let begun = Instant::now();
    // yes(1) neither ends nor stops to write.
    let scripts = |scripts| at_once(node.monitor()).set("monitor_scripts", scripts);
    let call = scripts("/usr/bin/yes /bin/true").set("check_time", "60").timeout(3000);
    call.gives(1).because("/usr/bin/yes did not end in time");
    assert!(begun.elapsed() < Duration::from_millis(2000), "{:?}", begun.elapsed());
    scripts("  /bin/true  /bin/true ").gives(0);
}

pub fn one_check_that_fails_is_told_and_not_acted_upon(agent: &Agent) {
    let node = agent.with(State::Running);
    for script in ["/bin/false", "/bin/true", "/bin/false", "/bin/true"] {
        let code = if script == "/bin/true" { 0 } else { 190 };
        checked(&node, script).gives(code);
    }
    checked(&node, "/bin/false").gives(190).because("monitor script /bin/false");
    checked(&node, "/bin/false").gives(1).because("monitor script /bin/false");
    // It was not restarted, and is well again when it has been so for as long.
    checked(&node, "/bin/true").gives(190).because("answers its checks again");
    checked(&node, "/bin/true").gives(0);
}

pub fn each_level_is_judged_by_itself(agent: &Agent) {
    let node = agent.with(State::Running);
    for code in [190, 1] {
        checked(&node, "/bin/false").env("OCF_CHECK_LEVEL", "20").gives(code);
        checked(&node, "/bin/true").gives(0);
    }
}

pub fn a_guest_is_found_failed_after_as_many_checks_as_are_said(agent: &Agent) {
    let node = agent.with(State::Running);
    let check = || checked(&node, "/bin/false").set("check_failures", "4");
    for _ in 0..3 {
        check().gives(190);
    }
    check().gives(1);
    // What the hypervisor says is no matter of opinion.
    node.put(&Host::default().with(GUEST, State::Crashed));
    check().gives(1).because("crashed");
    node.put(&Host::default());
    check().gives(7);
}

pub fn a_check_that_fails_is_tried_again(agent: &Agent) {
    let node = agent.with(State::Running);
    let (script, log) = (node.path("third-time"), node.path("attempts"));
    let text = "#!/bin/sh\necho >> $LOG; test $(wc -l < $LOG) -ge 3\n";
    crate::install("/dev/stdin".as_ref(), &script, text);
    let call = node.monitor().set("monitor_scripts", &script).env("LOG", &log);
    call.set("check_failures", "1").timeout(10_000).gives(0);
    assert_eq!(std::fs::read_to_string(log).unwrap().lines().count(), 3);
}

pub fn a_check_that_cannot_be_made_says_nothing_of_the_guest(agent: &Agent) {
    let node = agent.with(State::Running);
    for _ in 0..3 {
        checked(&node, "/no/such/script").gives(190).because("/no/such/script not found");
    }
    node.call("monitor").set("monitor_scripts", "/no/such/script").gives(1);
    checked(&node, "/bin/false").gives(190);
    checked(&node, "/no/such/script").gives(190);
    checked(&node, "/bin/false").gives(1);
    checked(&node, "/no/such/script").gives(1);
}

pub fn a_job_suspends_judgement(agent: &Agent) {
    let node = agent.with(State::Running);
    let job = |job| node.change(|host| host.guests.get_mut(GUEST).unwrap().job = job);
    job(Job::Running);
    for _ in 0..3 {
        checked(&node, "/bin/false").gives(190).because("monitor script /bin/false");
    }
    job(Job::None);
    checked(&node, "/bin/false").gives(190);
    checked(&node, "/bin/false").gives(1);
}

pub fn frozen_file_systems_suspend_judgement(agent: &Agent) {
    let node = agent.with(State::Running);
    node.change(|host| host.frozen = true);
    for _ in 0..3 {
        checked(&node, "/bin/false").gives(190).because("monitor script /bin/false");
    }
    node.change(|host| host.frozen = false);
    checked(&node, "/bin/false").gives(190);
    checked(&node, "/bin/false").gives(1);
}

pub fn a_service_that_does_not_answer_is_a_check_that_fails(agent: &Agent) {
    let node = agent.with(State::Running);
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", service.local_addr().unwrap());
    let monitor = || node.monitor().set("check_services", &address).set("check_time", "1");
    monitor().gives(0);
    drop(service);
    monitor().gives(190).because(&format!("service {address}: no connection"));
    monitor().gives(1).because(&address);
    node.monitor().gives(0);
    for wrong in ["ftp://web:21", "tcp://web"] {
        let call = node.call("validate-all").set("check_services", wrong);
        call.gives(6).because("neither tcp://ADDRESS:PORT nor http://");
    }
}

pub fn a_ladder_that_no_cluster_remembers_changes_nothing(agent: &Agent) {
    let node = agent.node(&Host::default());
    let ladder = |call: Call| {
        call.set("recovery_ladder", "true").set("CRM_meta_on_node", "n1").timeout(10_000)
    };
    ladder(node.probe()).gives(7);
    ladder(node.call("start")).set("check_grace", "0").gives(0);
    ladder(checked(&node, "/bin/true")).gives(0);
    ladder(checked(&node, "/bin/false")).gives(190);
    ladder(checked(&node, "/bin/false")).gives(1).because("monitor script /bin/false");
    node.put(&Host::default());
    ladder(node.monitor()).gives(7);
    ladder(node.call("stop")).gives(0);
}

pub fn a_script_has_all_of_the_monitor_s_time(agent: &Agent) {
    let node = agent.with(State::Running);
    let script = node.path("slow");
    crate::install("/dev/stdin".as_ref(), &script, "#!/bin/sh\nexec sleep 2\n");
    let slow = |timeout| checked(&node, &script.display().to_string()).timeout(timeout);
    slow(20_000).gives(0);
    slow(2000).gives(190).because("did not end in time");
    slow(2000).gives(1).because("did not end in time");
}

pub fn a_call_without_an_interval_is_answered_at_once(agent: &Agent) {
    let node = agent.with(State::Running);
    node.call("monitor").set("monitor_scripts", "/bin/false").gives(1);
    node.call("monitor").set("monitor_scripts", "/bin/true").gives(0);
}

pub fn a_guest_that_boots_has_time_to_answer(agent: &Agent) {
    let node = agent.started();
    let check = |script| at_once(node.monitor()).set("monitor_scripts", script);
    for _ in 0..3 {
        check("/bin/false").set("check_grace", "120").gives(190).because("script /bin/false");
    }
    check("/bin/true").set("check_grace", "120").gives(0);
    check("/bin/false").set("check_grace", "120").gives(1);

    let node = agent.node(&Host::default());
    node.call("start").set("check_grace", "0").gives(0);
    at_once(node.monitor()).set("monitor_scripts", "/bin/false").gives(1);
}

pub fn a_guest_that_has_passed_its_scripts_has_booted(agent: &Agent) {
    let node = agent.node(&Host::default());
    node.call("start").set("monitor_scripts", "/bin/true").gives(0);
    checked(&node, "/bin/false").gives(190);
    checked(&node, "/bin/false").gives(1);
}

pub fn what_cannot_be_remembered_is_not_put_off(agent: &Agent) {
    let node = agent.with(State::Running);
    checked(&node, "/bin/false").env("HA_RSCTMP", "/proc/none").gives(1);
    checked(&node, "/bin/true").env("HA_RSCTMP", "/proc/none").gives(0);
}

pub fn a_guest_that_was_stopped_begins_anew(agent: &Agent) {
    let node = agent.started();
    checked(&node, "/bin/true").gives(0);
    checked(&node, "/bin/false").gives(190);
    node.call("stop").gives(0);
    node.call("start").set("check_grace", "0").gives(0);
    checked(&node, "/bin/false").gives(190);
}
