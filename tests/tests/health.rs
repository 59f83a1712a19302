//! A node's health, and what the cluster makes of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use comparison::{Hypervisor, Subject};
use lab::Guest;
use live::{Fixture, Turn, eventually, wait_until};

static LAB: Fixture = Fixture::cluster("health", 2);

const AGENT: &str = "/usr/lib/ocf/resource.d/hawser/node";
const NAME: &str = "ocf:hawser:node";

/// What the cluster knows of the health of a node; nothing if it does not know any.
fn colour(lab: &Turn, node: &str) -> String {
    let query = ["--query", "--node", node, "--name", "#health-hawser"];
    let told = lab.output("n1", "attrd_updater", &query).text();
    let value = told.split_once("value=\"").and_then(|(_, rest)| rest.split_once('"'));
    value.map_or_else(String::new, |(value, _)| value.to_owned())
}

fn wait_coloured(lab: &Turn, node: &str, expected: &str) {
    let is = || colour(lab, node) == expected;
    wait_until(&format!("{node} is {expected:?}"), eventually(), is);
}

#[test]
fn guests_leave_a_node_on_which_others_fail_until_it_is_well() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    lab.pcs(&["property", "set", "node-health-strategy=migrate-on-red"]);
    // How busy the machine is, on which the lab is, is not what is asked here.
    let parameters = ["yellow=guests", "red=guests", "failed_guests=2"];
    let monitor = ["op", "monitor", "interval=2s", "timeout=60s", "on-fail=ignore"];
    let clone = ["clone", "allow-unhealthy-nodes=true"];
    let create = ["resource", "create", "health", NAME];
    lab.pcs(&[&create[..], &parameters, &monitor, &clone].concat());
    for node in ["n1", "n2"] {
        wait_coloured(&lab, node, "green");
    }

    let guests = [0, 1, 2].map(|number| Guest::new(format!("health{number}"), number));
    for guest in &guests {
        lab.place(guest);
        lab.create(Subject::Ours(Hypervisor::Kvm), guest, &[]);
        lab.exec("n1", "crm_resource", &["--move", "--resource", &guest.name, "--node", "n1"]);
        lab.located(guest, |node| node == "n1");
        lab.exec("n1", "crm_resource", &["--clear", "--resource", &guest.name]);
    }
    let well = &guests[2];
    let boot = lab.boot(well);
    for guest in &guests[..2] {
        lab.exec("n1", "virsh", &["destroy", &guest.name]);
    }
    wait_coloured(&lab, "n1", "red");
    for guest in &guests {
        lab.located(guest, |node| node == "n2");
    }
    assert_eq!(lab.boot(well), boot);
    assert_eq!([colour(&lab, "n1"), colour(&lab, "n2")], ["red", "green"]);
    lab.pcs(&["resource", "update", "health", "better_after=10"]);
    wait_coloured(&lab, "n1", "green");
    let stopped = "Result of stop operation for health on";
    assert_eq!(lab.logged("n1", stopped), [""; 0], "what judges a node does not leave it");

    lab.pcs(&["resource", "delete", "health"]);
    for node in ["n1", "n2"] {
        wait_coloured(&lab, node, "");
    }
}

#[test]
fn ocf_tester_passes() {
    let Some(lab) = LAB.turn(&["ocf-tester", "xmllint"]) else { return };
    let text = lab.exec("n1", "ocf-tester", &["-n", "tested", AGENT]);
    assert!(text.contains("passed all tests"), "{text}");
}
