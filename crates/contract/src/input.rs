//! Input that nobody should give, and some that is only unusual.

use crate::{Agent, Call};
use hypervisor::scripted::Host;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::thread;

/// Names of guests that libvirt takes, and that a shell, a regular expression or XML would trip over.
const NAMES: &[&str] = &[
    "vm 1",
    "v.*",
    "a&<b>",
    "it's \"vm\"",
    "$(reboot)`id`;a|c",
    "v\\m",
    "-vm",
    "vm,guest=x",
    "väg \u{1f980}",
    "%n",
];

const NONSENSE: &str = "../%n -1 $(reboot)\n'\"<&";

/// Values that are right for no parameter.
fn garbage() -> [OsString; 3] {
    let garbled = OsString::from_vec(vec![b'/', 0xff, 0xfe]);
    ["".into(), garbled, format!("{NONSENSE}{}", "9".repeat(100_000)).into()]
}

/// Every parameter in the table that the agent prints.
fn parameters(agent: &Agent) -> Vec<String> {
    let metadata = std::fs::read_to_string(agent.metadata()).unwrap();
    let names = metadata.split("<parameter name=\"").skip(1);
    let names: Vec<String> =
        names.filter_map(|it| Some(it.split_once('"')?.0.to_owned())).collect();
    assert!(names.len() > 10, "{names:?}");
    names
}

pub fn an_unusual_name_is_a_name(agent: &Agent) {
    for name in NAMES {
        let node = agent.node(&Host::default().with("vm", hypervisor::State::Running));
        let config = node.path(&format!("{name}.conf"));
        node.define(&config, name);
        let call = |call: Call| call.set(agent.config, &config).env("OCF_RESOURCE_INSTANCE", name);
        call(node.probe()).gives(7);
        call(node.call("start")).gives(0);
        assert_eq!(node.host().guests.keys().filter(|it| it == name).count(), 1, "{name}");
        call(node.monitor()).gives(0);
        call(node.call("stop")).gives(0);
        assert_eq!(node.host().guests.keys().collect::<Vec<_>>(), ["vm"], "{name}");
    }
}

pub fn a_huge_or_garbled_name_is_an_answer_and_no_crash(agent: &Agent) {
    let node = agent.node(&Host::default());
    for instance in [OsString::from("x".repeat(100_000)), OsString::from_vec(vec![0xff])] {
        node.probe().env("OCF_RESOURCE_INSTANCE", instance).run().is_one_of(&[0, 7, 5, 2]);
    }
}

pub fn garbage_in_any_parameter_changes_no_answer_about_a_guest(agent: &Agent) {
    let all = parameters(agent);
    let chunks: Vec<_> = all.chunks(all.len().div_ceil(2)).collect();
    thread::scope(|scope| {
        for parameters in chunks {
            scope.spawn(move || garbage_in(agent, parameters));
        }
    });
}

fn garbage_in(agent: &Agent, parameters: &[String]) {
    let off = agent.node(&Host::default());
    for parameter in parameters {
        let runs = agent.started();
        for value in garbage() {
            let set = |call: Call| call.set("check_time", "1").set(parameter, &value);
            // A script that is not there is a script that fails.
            let code = if parameter == "monitor_scripts" { &[0, 1, 190][..] } else { &[0] };
            set(runs.monitor()).run().is_one_of(code);
            set(off.probe()).run().is_one_of(&[7, 5]);
            set(off.call("validate-all")).run().is_one_of(&[0, 6]);
        }
        assert_eq!(runs.host().calls, ["create"], "{parameter}");
        let nonsense = |action| runs.migrate_or(action).set(parameter, NONSENSE);
        nonsense("reload-agent").gives(0);
        nonsense("start").run().is_one_of(&[0, 1, 5, 6]);
        nonsense("stop").gives(0);
        assert_eq!(runs.state(), None, "{parameter}");
        runs.call("start").gives(0);
        nonsense("migrate_from").run().is_one_of(&[0, 1]);
        nonsense("migrate_to").run().is_one_of(&[0, 1]);
    }
}
