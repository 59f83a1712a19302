//! Where a migration goes to, and what it is to be like.

use crate::KVM;
use contract::Call;
use contract::migration::{assert_here, silent_at_the_end};
use hypervisor::{Pause, State};

#[test]
fn a_guest_moves_with_as_short_a_pause_as_it_needs() {
    let node = KVM.started();
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
}

#[test]
fn what_cannot_be_understood_of_a_migration_stops_it_and_not_the_guest() {
    let node = KVM.started();
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
    let node = KVM.with(State::Running);
    node.migrate().set("hypervisor", "nonsense").unset("remoteuri").gives(1);
}

#[test]
fn a_migration_that_cannot_be_as_secure_as_asked_for_is_none() {
    let node = KVM.started();
    for (security, parameter, value) in [
        ("tls", "migration_transport", "tcp"),
        ("tls", "remoteuri", "qemu+ssh://%n/system"),
        ("ssh", "migration_transport", "tls"),
        ("ssh", "remoteuri", "qemu://%n/system"),
        ("ssh", "migrate_options", "--copy-storage-all"),
        ("ssh", "migrate_options", "--tls"),
        ("yes", "migration_transport", "tls"),
    ] {
        let act = |call: Call| {
            call.unset("remoteuri").set("migration_security", security).set(parameter, value)
        };
        act(node.migrate()).gives(1).because("migration_security");
        act(node.call("validate-all")).gives(6).because("migration_security");
    }
    assert_here(&node);
    assert!(!node.host().calls.iter().any(|call| call.starts_with("migrate")));
}

#[test]
fn a_copy_that_the_one_on_the_target_may_need_is_not_ended() {
    let node = silent_at_the_end(&KVM, 1);
    assert_eq!(node.state(), Some(State::Paused(Pause::Outgoing)));
}
