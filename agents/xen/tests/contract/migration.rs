//! Where a guest that leaves is, and what only looks like it.

use crate::XEN;
use contract::lifecycle::fault;
use contract::migration::{assert_here, meanwhile, silent_at_the_end};
use contract::{GUEST, Node, only_state};
use hypervisor::scripted::{Answer, Effect, Host};
use hypervisor::{State, Uuid};

#[test]
fn what_is_left_of_a_guest_that_has_arrived_is_ended_also_where_xl_does_not_answer() {
    let node = silent_at_the_end(&XEN, 0);
    assert_eq!((node.state(), only_state(&node.there())), (None, Some(State::Running)));
}

/// Lets another guest have the name on the other host.
fn take_name(node: &Node) {
    let mut other = Host::default().with(GUEST, State::Running);
    let uuid = Uuid::parse("6b1f2a10-0000-4000-8000-0000000000a2");
    other.guests.get_mut(GUEST).unwrap().uuid = uuid;
    node.put_there(&other);
}

#[test]
fn another_guest_of_the_name_on_the_target_is_not_the_one_that_arrived() {
    let node = XEN.node(&Host::default());
    node.call("start").gives(0);
    node.change(|host| {
        // Its configuration has none, so xl made this one up.
        host.guests.get_mut(GUEST).unwrap().uuid =
            Uuid::parse("6b1f2a10-0000-4000-8000-0000000000a1");
        host.faults = vec![fault("migrate", Answer::Hang, Effect::None)];
    });
    let begun = |host: Host| host.calls.iter().any(|call| call.starts_with("migrate"));
    meanwhile(&node, begun, 1, || take_name(&node));
    assert_here_beside(&node);

    // It is seen before anything is sent, too.
    node.change(|host| host.calls.clear());
    node.migrate().gives(1).because("UUID 6b1f2a10-0000-4000-8000-0000000000a2, is active there");
    assert!(!begun(node.host()));
    assert_here_beside(&node);
}

fn assert_here_beside(node: &Node) {
    assert_eq!(only_state(&node.there()), Some(State::Running));
    node.put_there(&Host::default());
    assert_here(node);
    take_name(node);
}
