//! What xl has been seen to do with a guest that leaves.

use crate::XEN;
use contract::migration::failing;
use contract::{GUEST, only_state};
use exec::Deadline;
use hypervisor::scripted::{Answer, Effect, Host};
use hypervisor::{Job, Pause, State};
use std::thread;
use std::time::Duration;

#[test]
fn what_is_left_of_a_guest_that_has_arrived_is_ended_also_where_xl_does_not_answer() {
    let node = failing(&XEN, Answer::Hang, Effect::Half);
    thread::scope(|scope| {
        let migration = scope.spawn(|| node.migrate().gives(0));
        let soon = Deadline::after(Duration::from_secs(20));
        while node.host().guests[GUEST].job != Job::Running {
            assert!(soon.pause(Duration::from_millis(5)), "it does not begin");
        }
        node.put_there(&Host::default().with(GUEST, State::Running));
        let suspended = Host::default().with(GUEST, State::Paused(Pause::Outgoing));
        node.put(&suspended.failing("*", Answer::Unreachable));
        migration.join().unwrap();
    });
    assert_eq!((node.state(), only_state(&node.there())), (None, Some(State::Running)));
}
