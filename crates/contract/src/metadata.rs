//! meta-data and validate-all.

use crate::{Agent, GUEST, install};
use exec::{Deadline, Tool};
use hypervisor::scripted::{Answer, Host};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

fn run(tool: Tool) -> String {
    tool.run(Deadline::after(Duration::from_secs(20))).unwrap().text()
}

/// What the agent prints as user nobody, with nothing in its environment and nothing beside it.
fn printed(agent: &Agent) -> String {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = place.path().join(agent.name);
    install(Path::new(agent.program), &program, "");
    let nobody =
        ["--reuid=65534", "--regid=65534", "--clear-groups", "env", "--ignore-environment"];
    // Who is not root is nobody enough.
    let is_root = run(Tool::new("id").arg("-u")).trim() == "0";
    let tool =
        if is_root { Tool::new("setpriv").args(nobody).arg(&program) } else { Tool::new(&program) };
    run(tool.arg("meta-data"))
}

pub fn meta_data_is_what_is_checked_in(agent: &Agent) {
    let printed = printed(agent);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(agent.metadata(), &printed).unwrap();
    }
    let expected = fs::read_to_string(agent.metadata()).unwrap();
    assert_eq!(printed, expected, "UPDATE=1 writes it anew");
}

pub fn the_tools_that_read_meta_data_accept_it(agent: &Agent) {
    let checks = [
        ["--valid", "--noout"].as_slice(),
        &["--noout", "--relaxng", "/usr/share/pcs/data/ocf-1.1.rng"],
    ];
    for check in checks {
        let tool = Tool::new("xmllint").args(check).arg("-");
        run(tool.directory("/usr/share/resource-agents").input(printed(agent)));
    }
}

pub fn validate_all_is_silent_and_needs_no_node_below_level_10(agent: &Agent) {
    let node = agent.node(&Host::default().failing("*", Answer::Unreachable));
    fs::remove_file(node.config()).unwrap();
    node.call("validate-all").gives(0);
    node.call("validate-all").env("OCF_CHECK_LEVEL", "0").gives(0);
    node.call("validate-all").env("OCF_CHECK_LEVEL", "10").gives(5).because("contract-vm1.conf");
    node.define(&node.config(), GUEST);
    node.call("validate-all").env("OCF_CHECK_LEVEL", "10").gives(5).because("cannot reach");
    node.put(&Host::default());
    node.call("validate-all").env("OCF_CHECK_LEVEL", "10").gives(0);
}
