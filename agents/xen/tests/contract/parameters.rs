//! What only this agent's parameters say.

use crate::XEN;
use exec::{Deadline, Tool};
use hypervisor::scripted::{Answer, Effect, Fault, Host};
use std::time::Duration;

#[test]
fn a_guest_has_the_name_that_is_given_before_that_in_its_file() {
    let node = XEN.node(&Host::default());
    node.call("start").set("name", "other").gives(0);
    assert_eq!(node.host().guests.keys().collect::<Vec<_>>(), ["other"]);
    node.monitor().set("name", "other").gives(0);
    node.call("stop").set("name", "other").gives(0);
    assert!(node.host().guests.is_empty());
    std::fs::remove_file(node.config()).unwrap();
    node.put(&Host::default().with("other", hypervisor::State::Running));
    node.probe().set("name", "other").gives(0);
}

#[test]
fn a_guest_that_nothing_names_has_the_resource_s_name() {
    let node = XEN.node(&Host::default());
    std::fs::write(node.config(), "type = \"pvh\"\n").unwrap();
    node.call("start").env("OCF_RESOURCE_INSTANCE", "resource").gives(0);
    assert_eq!(node.host().guests.keys().collect::<Vec<_>>(), ["resource"]);
    node.call("stop").env("OCF_RESOURCE_INSTANCE", "resource").gives(0);
    assert!(node.host().guests.is_empty());
}

#[test]
fn the_power_button_is_pressed_first_or_last() {
    for (acpi, calls) in
        [("0", ["shut_down Any", "shut_down Acpi"]), ("1", ["shut_down Acpi", "shut_down Any"])]
    {
        let node = XEN.started();
        node.change(|host| {
            let (on, error) = ("shut_down".to_owned(), Answer::Refused);
            host.faults = vec![Fault { on, error, effect: Effect::None, times: Some(1) }];
        });
        node.call("stop").set("shutdown_acpi", acpi).gives(0);
        assert_eq!(node.host().calls[1..], calls);
    }
}

#[test]
fn what_this_node_lacks_another_one_may_have() {
    let node = XEN.node(&Host::default().failing("admit", Answer::NotAdmitted));
    node.call("start").gives(5).because("cannot run on this node");
    assert_eq!(node.host().calls, [""; 0]);
}

#[test]
fn a_guest_goes_to_the_host_that_the_parameters_name() {
    let node = XEN.started();
    std::fs::rename(node.path("there.json"), node.path("there-mig.json")).unwrap();
    node.migrate().gives(1);
    node.migrate().set("migration_network_suffix", "-mig").gives(0);
    let calls = node.host().calls;
    assert_eq!(calls[calls.len() - 2..], ["remote xl://there-mig/", "migrate xl://there-mig/"]);
}

#[test]
fn what_is_wrong_on_every_node_is_6() {
    let node = XEN.node(&Host::default());
    let validate = |parameter, value: &str| node.call("validate-all").set(parameter, value);
    node.call("validate-all").unset("xmfile").gives(6).because("xmfile");
    validate("xmfile", "g1.cfg").gives(6).because("an absolute path");
    validate("name", "a/b").gives(6).because("name");
    validate("shutdown_timeout", "-1").gives(6).because("shutdown_timeout");
    validate("migration_transport", "ssh;reboot").gives(6).because("migration_transport");
    validate("migration_transport", "").gives(6).because("migration_transport");
    validate("migration_transport", "/usr/local/sbin/to -v").gives(0);
}

#[test]
fn it_is_linked_to_no_hypervisor_s_library() {
    let tool = Tool::new("readelf").args(["--dynamic", XEN.program]);
    let needed = tool.run(Deadline::after(Duration::from_secs(20))).unwrap().text();
    assert!(needed.contains("NEEDED") && !needed.contains("virt") && !needed.contains("xen"));
}
