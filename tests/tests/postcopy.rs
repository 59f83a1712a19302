//! A guest that outruns the link moves live all the same, where its administrator allows post-copy.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use comparison::{Action, Answer};
use lab::Guest;
use lab_guest::Command;
use live::Fault::LinkFlickers;
use live::{Agent, Fixture, Turn, Watch, eventually, wait_until};
use std::{process, thread};

/// Slow enough that what a guest dirties does not fit through.
static LAB: Fixture = Fixture::bare("postcopy", 2).link_speed(80);

const DIRTYING: Command = Command::Dirty { rate: 60, size: 24 };

/// Migrates a guest that outruns the link, and has something happen when it runs on the target and not all of
/// its memory is there.
fn outrun(lab: &Turn, guest: &Guest, during: impl FnOnce()) {
    lab.place(guest);
    let agent = Agent::new(lab, "n1", guest).set("migration_policy", "finish").timeout(90);
    agent.start();
    let before = lab.tell(guest, DIRTYING);
    let watch = Watch::over(guest);
    let outcome = thread::scope(|scope| {
        let migrate = Action::MigrateTo { target: "n2".to_owned() };
        let migration = scope.spawn(|| agent.act(migrate));
        wait_until("it runs on the target", eventually(), || {
            reason(lab, "n2", guest) == "running (post-copy)"
        });
        during();
        migration.join().unwrap()
    });
    assert_eq!(outcome.answer, Answer::Code(0), "{outcome:?}");
    let there = agent.on("n2");
    assert_eq!(there.call(Action::MigrateFrom { source: "n1".to_owned() }).code, 0);
    agent.stop();
    watch.end();
    assert_eq!(lab.copies(guest), ["n2"]);
    let after = lab.tell(guest, Command::Check);
    assert_eq!((after.boot_id, after.corrupt), (before.boot_id, 0), "{after}");
    assert!(after.written > before.written, "{before}; {after}");
    there.set("force_stop", "true").stop();
}

#[test]
fn a_guest_that_outruns_the_link_ends_by_post_copy() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new(format!("outrunning-{}", process::id()), 0);
    outrun(&lab, &guest, || {});
}

#[test]
fn a_post_copy_outlives_a_link_that_is_gone_for_a_moment() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new(format!("shaken-{}", process::id()), 1);
    outrun(&lab, &guest, || LinkFlickers.strike(&lab, ("n1", "n2")));
}

/// What libvirt says of the guest's state, and why it is so.
fn reason(lab: &Turn, node: &str, guest: &Guest) -> String {
    let state = lab.output(node, "virsh", &["domstate", "--reason", &guest.name]);
    state.text().trim().to_owned()
}
