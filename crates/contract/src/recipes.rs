//! Disks that are made from a recipe.

use crate::{Agent, Call, GUEST, Node};
use hypervisor::State;
use hypervisor::scripted::{Answer, Host};
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

const TEMPLATE: &[u8] = &[0x54; 64 << 10];

/// A node with a guest that is there only as a recipe, which has that at its end; and the disk.
fn on_demand(agent: &Agent, host: &Host, end: &str) -> (Node, PathBuf) {
    let node = agent.node(host);
    let (disk, template) = (node.path("a.img"), node.path("template"));
    fs::write(&template, TEMPLATE).unwrap();
    let recipe =
        format!("[[disk]]\npath = {disk:?}\ntemplate = {template:?}\nmethod = \"copy\"\n{end}");
    fs::write(node.path("recipe"), recipe).unwrap();
    node.give_disks(&[&disk]);
    (node, disk)
}

/// A call with the recipe, and with time for programs on a busy machine.
fn with_recipe(node: &Node, action: &str) -> Call {
    node.call(action).set("recipe", node.path("recipe")).timeout(15_000)
}

pub fn a_guest_on_demand_is_made_when_it_is_first_started_and_then_left_alone(agent: &Agent) {
    let (node, disk) = on_demand(agent, &Host::default(), "");
    node.call("start").gives(5);
    with_recipe(&node, "validate-all").env("OCF_CHECK_LEVEL", "10").gives(0);
    assert!(!disk.exists());
    with_recipe(&node, "start").gives(0);
    assert!(fs::read(&disk).unwrap() == TEMPLATE);
    with_recipe(&node, "stop").gives(0);
    fs::write(&disk, "used").unwrap();
    with_recipe(&node, "start").gives(0);
    assert_eq!(fs::read(&disk).unwrap(), b"used");
}

pub fn what_a_recipe_needs_and_this_node_lacks_sends_the_guest_elsewhere(agent: &Agent) {
    let (node, disk) = on_demand(agent, &Host::default(), "");
    let lacks = |words: &str| {
        with_recipe(&node, "start").gives(5).because(words);
        assert!(!disk.exists() && !node.record().exists() && node.host().calls.is_empty());
    };
    let there = node.path("elsewhere");
    fs::rename(node.path("template"), &there).unwrap();
    lacks("disk source (");
    fs::rename(there, node.path("template")).unwrap();
    node.give_disks(&[&node.path("absent/b.img")]);
    lacks("absent/b.img");
    fs::write(node.path("recipe"), "disk = 7").unwrap();
    lacks("line 1 (\"disk = 7\")");
    fs::remove_file(node.path("recipe")).unwrap();
    lacks("cannot read");
    with_recipe(&node, "stop").gives(0);
}

pub fn a_guest_that_was_made_says_itself_that_it_is_up_or_is_ended(agent: &Agent) {
    let up = "[up]\nby = \"guest-agent\"\nwithin = 1\n";
    let host = Host::default().failing("ping_agent", Answer::Refused);
    let (node, _) = on_demand(agent, &host, up);
    with_recipe(&node, "start").gives(1).because("has not said that it is up");
    assert_eq!(node.state(), None);
    // It has been made, and is asked no more than any other guest.
    with_recipe(&node, "start").gives(0);
    let (node, _) = on_demand(agent, &Host::default(), up);
    with_recipe(&node, "start").gives(0);

    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let up = format!("[up]\nby = {{ tcp = \"{address}\" }}\nwithin = 1\n");
    let (node, _) = on_demand(agent, &Host::default(), &up);
    with_recipe(&node, "start").gives(0);
    drop(server);
    let (node, _) = on_demand(agent, &Host::default(), &up);
    with_recipe(&node, "start").gives(1).because(&format!("{address}: "));
    assert_eq!(node.state(), None);
}

pub fn what_is_wrong_with_a_recipe_is_of_no_concern_to_a_guest_that_runs(agent: &Agent) {
    let node = agent.node(&Host::default().with(GUEST, State::Running));
    for action in ["start", "monitor"] {
        with_recipe(&node, action).gives(0);
    }
    with_recipe(&node, "stop").gives(0);
    assert_eq!(node.state(), None);
}
