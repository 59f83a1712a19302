//! What is wrong on every node, and what else parameters say.

use crate::KVM;
use hypervisor::State;
use hypervisor::scripted::{Answer, Effect, Fault, Host};

#[test]
fn modes_are_tried_in_their_order() {
    let node = KVM.started();
    node.change(|host| {
        let (on, error) = ("shut_down".to_owned(), Answer::Refused);
        host.faults = vec![Fault { on, error, effect: Effect::None, times: Some(1) }];
        host.calls.clear();
    });
    node.call("stop").set("shutdown_mode", "agent,acpi").gives(0);
    assert_eq!(node.host().calls, ["shut_down Agent", "shut_down Acpi"]);
}

#[test]
fn what_is_wrong_on_every_node_is_6() {
    let node = KVM.node(&Host::default());
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

#[test]
fn a_probe_of_a_hypervisor_that_is_none_answers_0_7_or_5() {
    let node = KVM.with(State::Running);
    for uri in ["nonsense", "scripted://", "no-such-driver:///", "qemu+unix:///system?socket=/none"]
    {
        node.probe().set("hypervisor", uri).run().is_one_of(&[0, 7, 5]);
    }
}
