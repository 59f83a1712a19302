//! What becomes of the guest's memory and of its definition.

use crate::KVM;
use contract::migration::{failed, failing};
use contract::{Call, GUEST};
use hypervisor::State;
use hypervisor::scripted::{Answer, Effect, Host};
use std::os::unix::fs::PermissionsExt;

#[test]
fn memory_is_saved_and_resumed_once() {
    let node = KVM.started();
    let saved = node.path("contract-vm1.state");
    let call = |action| node.call(action).set("snapshot", node.path(""));
    call("stop").gives(0);
    assert!(saved.exists() && node.state().is_none());
    call("start").gives(0);
    assert_eq!(node.host().calls, ["create", "save", "restore"]);
    assert!(!saved.exists());
}

#[test]
fn memory_is_not_resumed_on_a_disk_that_was_made_since() {
    let node = KVM.node(&Host::default());
    let (disk, template) = (node.path("a.img"), node.path("template"));
    node.give_disks(&[&disk]);
    let recipe = format!("[[disk]]\npath = {disk:?}\ntemplate = {template:?}\nmethod = \"copy\"");
    for (name, text) in [("a.img", "used"), ("template", "new"), ("recipe", &recipe)] {
        std::fs::write(node.path(name), text).unwrap();
    }
    let call = |action| {
        node.call(action).set("snapshot", node.path("")).set("recipe", node.path("recipe"))
    };
    call("start").gives(0);
    call("stop").gives(0);
    std::fs::remove_file(&disk).unwrap();
    call("start").timeout(15_000).gives(0);
    assert_eq!(node.host().calls, ["create", "save", "create"]);
}

#[test]
fn memory_that_cannot_be_resumed_is_set_aside_and_the_guest_boots() {
    let node = KVM.node(&Host::default().failing("restore", Answer::Refused));
    std::fs::write(node.path("contract-vm1.state"), GUEST).unwrap();
    node.call("start").set("snapshot", node.path("")).gives(0);
    assert_eq!(node.state(), Some(State::Running));
    assert!(
        node.path("contract-vm1.state.used").exists() && !node.path("contract-vm1.state").exists()
    );
}

#[test]
fn memory_is_not_saved_where_the_disks_may_be_others() {
    let node = failing(&KVM, Answer::Refused, Effect::None);
    let directory = failed(&node);
    let act = |call: Call| call.set("migration_state_path", &directory);
    // The later migration counts.
    act(node.migrate()).set("migrate_options", "--copy-storage-all").gives(1);
    act(node.call("stop")).set("CRM_meta_on_node", "here").gives(0);
    assert!(!node.host().calls.contains(&"save".to_owned()), "{:?}", node.host().calls);
}

#[test]
fn a_persistent_definition_stays() {
    let node = KVM.node(&Host::default());
    let defined = hypervisor::Sight { persistent: true, ..hypervisor::Sight::NOTHING };
    node.change(|host| drop(host.guests.insert(GUEST.to_owned(), defined)));
    node.probe().gives(7);
    node.call("start").gives(0);
    node.call("stop").gives(0);
    assert!(node.host().guests[GUEST].persistent);
}

#[test]
fn a_saved_configuration_is_the_guest_s_and_for_root_alone() {
    let node = KVM.started();
    node.monitor().set("save_config_on_stop", "true").gives(0);
    let config = node.config();
    assert!(std::fs::read_to_string(&config).unwrap().contains("\n  <name>contract-vm1</name>\n"));
    assert_eq!(config.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}
