//! meta-data and validate-all.

use crate::node::{Node, install};
use exec::{Deadline, Tool};
use hypervisor::scripted::{Answer, Host};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn checked_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ocf-metadata/kvm.xml")
}

fn run(tool: Tool) -> String {
    tool.run(Deadline::after(Duration::from_secs(20))).unwrap().text()
}

/// What the agent prints as user nobody, with nothing in its environment and nothing beside it.
fn printed() -> String {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let agent = place.path().join("kvm");
    install(Path::new(env!("CARGO_BIN_EXE_kvm")), &agent, "");
    let nobody =
        ["--reuid=65534", "--regid=65534", "--clear-groups", "env", "--ignore-environment"];
    // Who is not root is nobody enough.
    let is_root = run(Tool::new("id").arg("-u")).trim() == "0";
    let tool =
        if is_root { Tool::new("setpriv").args(nobody).arg(&agent) } else { Tool::new(&agent) };
    run(tool.arg("meta-data"))
}

#[test]
fn meta_data_is_what_is_checked_in() {
    let printed = printed();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(checked_in(), &printed).unwrap();
    }
    let expected = fs::read_to_string(checked_in()).unwrap();
    assert_eq!(printed, expected, "UPDATE=1 writes ocf-metadata/kvm.xml anew");
}

#[test]
fn the_tools_that_read_meta_data_accept_it() {
    let checks = [
        ["--valid", "--noout"].as_slice(),
        &["--noout", "--relaxng", "/usr/share/pcs/data/ocf-1.1.rng"],
    ];
    for check in checks {
        let tool = Tool::new("xmllint").args(check).arg("-");
        run(tool.directory("/usr/share/resource-agents").input(printed()));
    }
}

#[test]
fn validate_all_is_silent_and_needs_no_node_below_level_10() {
    let node = Node::new(&Host::default().failing("*", Answer::Unreachable));
    fs::remove_file(node.path("contract-vm1.xml")).unwrap();
    node.call("validate-all").gives(0);
    node.call("validate-all").env("OCF_CHECK_LEVEL", "0").gives(0);
    node.call("validate-all").env("OCF_CHECK_LEVEL", "10").gives(5).because("contract-vm1.xml");
    node.define("contract-vm1.xml", "contract-vm1");
    node.call("validate-all").env("OCF_CHECK_LEVEL", "10").gives(5).because("cannot reach");
    node.put(&Host::default());
    node.call("validate-all").env("OCF_CHECK_LEVEL", "10").gives(0);
}

#[test]
fn what_is_wrong_on_every_node_is_6() {
    let node = Node::new(&Host::default());
    let validate = || node.call("validate-all");
    validate().unset("config").gives(6).because("config");
    validate().set("config", "contract-vm1.xml").gives(6).because("an absolute path");
    validate().set("migration_downtime", "soon").gives(6).because("migration_downtime");
    validate().set("migrateport", "0").gives(6).because("migrateport");
    validate().set("force_stop", "1").set("snapshot", "/srv").gives(6).because("snapshot");
    validate().set("stateless", "1").gives(6).because("backingfile");
    validate().set("shutdown_mode", "acpi,please").gives(6).because("please");
    validate().set("migration_user", "a b").gives(6).because("migration_user");
    validate().set("hypervisor", "system").gives(6).because("hypervisor");
    validate().set("migrate_options", "--tsl").gives(6).because("--tsl");
    let all = validate().set("migrateport", "x").set("migration_speed", "y").run();
    assert!(all.stderr.contains("migrateport") && all.stderr.contains("migration_speed"));
}
