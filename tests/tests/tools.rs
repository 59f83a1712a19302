//! The agent as the programs of Pacemaker, pcs and crmsh see it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use lab::Guest;
use live::{Fixture, Turn, eventually, wait_until};
use std::fs;
use std::path::Path;

static LAB: Fixture = Fixture::cluster("tools", 2);

const AGENT: &str = "/usr/lib/ocf/resource.d/hawser/kvm";
const NAME: &str = "ocf:hawser:kvm";

/// Puts an example on the shared storage. Returns its path in the nodes.
fn example(lab: &Turn, name: &str) -> String {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::copy(project.join("examples").join(name), lab.shared().join(name)).unwrap();
    format!("/srv/shared/{name}")
}

#[test]
fn every_reader_of_metadata_accepts_the_agents() {
    let Some(lab) = LAB.turn(&["pcs", "crm", "setpriv"]) else { return };
    for agent in ["kvm", "xen"] {
        let (name, file) =
            (format!("ocf:hawser:{agent}"), format!("/usr/lib/ocf/resource.d/hawser/{agent}"));
        let metadata = |program: &str, arguments: &[&str]| {
            let text = lab.exec("n1", program, arguments);
            assert!(text.contains("migration_network_suffix"), "{program}: {text}");
            text
        };
        let nobody = ["--reuid=nobody", "--regid=nogroup", "--clear-groups", "env", "-i"];
        let plain = metadata("setpriv", &[&nobody[..], &[&file, "meta-data"]].concat());
        assert_eq!(plain, metadata("crm_resource", &["--show-metadata", &name]));
        metadata("pcs", &["resource", "describe", &name]);
        metadata("crm", &["ra", "info", &name]);
    }
}

#[test]
fn ocf_tester_passes_with_a_real_guest() {
    let Some(lab) = LAB.turn(&["ocf-tester", "xmllint"]) else { return };
    let guest = Guest::new("tested", 0);
    lab.place(&guest);
    // Never on VirtualDomain: its migrate_from waits for ever for a guest that is off.
    let config = format!("config={}", guest.config().display());
    let text = lab.exec("n1", "ocf-tester", &["-n", &guest.name, "-o", &config, AGENT]);
    assert!(text.contains("passed all tests"), "{text}");
    assert!(lab.copies(&guest).is_empty());
}

#[test]
fn crm_resource_forces_actions() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("forced", 1);
    lab.place(&guest);
    let config = format!("config={}", guest.config().display());
    lab.pcs(&["resource", "create", &guest.name, NAME, &config, "--disabled"]);
    lab.settle();
    let force = |action: &str| {
        let output = lab.output("n1", "crm_resource", &[action, "--resource", &guest.name]);
        (output.status.code(), output.text() + &output.error_text())
    };
    assert_eq!(force("--validate").0, Some(0));
    assert_eq!(force("--force-check").0, Some(7));
    let (code, text) = force("--force-start");
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(lab.copies(&guest), ["n1"]);
    assert_eq!(force("--force-check").0, Some(0));
    let (code, text) = force("--force-stop");
    assert_eq!(code, Some(0), "{text}");
    assert!(lab.copies(&guest).is_empty());
}

#[test]
fn pcs_asks_the_agent_whether_the_parameters_are_right() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let create = |parameter: &str| {
        let words = ["resource", "create", "checked", NAME, "config=/x.xml", parameter];
        let options = ["--disabled", "--agent-validation"];
        lab.output("n1", "pcs", &[&words[..], &options[..]].concat())
    };
    let refused = create("shutdown_mode=kick");
    assert!(!refused.status.success());
    assert!(refused.error_text().contains("\"kick\" is not known"), "{}", refused.error_text());
    let accepted = create("shutdown_mode=acpi,agent");
    assert!(accepted.status.success(), "{}", accepted.error_text());
    assert_eq!(accepted.error_text(), "");
}

#[test]
fn the_example_for_crm_loads_and_runs() {
    let Some(lab) = LAB.turn(&["crm", "pcs"]) else { return };
    let guest = Guest::new("vm1", 2);
    lab.place(&guest);
    let file = example(&lab, "kvm.crm");
    let said = lab.output("n1", "crm", &["configure", "load", "update", &file]);
    assert!(said.status.success(), "{}", said.error_text());
    assert_eq!(said.error_text(), "");
    lab.located(&guest, |_| true);
    lab.boot(&guest);
}

#[test]
fn the_example_for_pcs_loads_and_runs() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let guest = Guest::new("vm1", 2);
    lab.place(&guest);
    let file = example(&lab, "kvm.pcs");
    lab.exec("n1", "sh", &["-e", &file]);
    lab.located(&guest, |_| true);
    lab.boot(&guest);
    let used = || lab.pcs(&["resource", "utilization", "vm1"]).contains("host_memory=96");
    wait_until("the agent says what the guest really uses", eventually(), used);
}

#[test]
fn the_example_for_the_health_of_nodes_loads_and_runs() {
    let Some(lab) = LAB.turn(&["pcs"]) else { return };
    let file = example(&lab, "node.pcs");
    lab.exec("n1", "sh", &["-e", &file]);
    let query = ["--query", "--all", "--name", "#health-hawser"];
    let known = || lab.output("n1", "attrd_updater", &query).text();
    wait_until("both nodes have a colour", eventually(), || known().matches("host=").count() == 2);
    lab.pcs(&["resource", "delete", "health"]);
}
