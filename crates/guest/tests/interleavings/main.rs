//! Whatever goes wrong, in whatever order: no success that is not true, and never two copies.
//!
//! A manager that believes every answer, as Pacemaker does, works on one guest and two pretend hosts
//! whose daemons refuse, lie, stop half-way or say nothing. It starts a guest only where it believes
//! that the other host has none. So one false answer is enough to make two copies.

#![allow(clippy::unwrap_used, reason = "tests")]

mod world;

use guest::{Policy, Shutdown};
use hypervisor::scripted::{Answer, Effect, Fault};
use hypervisor::{Job, Pause, State};
use proptest::prelude::*;
use std::time::Duration;
use world::{Step, World};

fn stop(force: bool) -> Step {
    Step::Stop(Shutdown { force, ..Shutdown::default() })
}

/// Lies, half-done work, silent or refused work that was done all the same, and plain refusals.
const ENDINGS: &[(Answer, Effect)] = &[
    (Answer::Done, Effect::None),
    (Answer::Done, Effect::Half),
    (Answer::Refused, Effect::Half),
    (Answer::Hang, Effect::Half),
    (Answer::Refused, Effect::Whole),
    (Answer::Silent, Effect::Whole),
    (Answer::Refused, Effect::None),
    (Answer::Unreachable, Effect::None),
    (Answer::Hang, Effect::None),
];

const POLICIES: &[Policy] = &[Policy::Safe, Policy::Balanced, Policy::Finish];

fn faults() -> impl Strategy<Value = Fault> {
    let on = prop_oneof![
        3 => prop::sample::select(&["shut_down", "destroy", "migrate"][..]),
        2 => prop::sample::select(&["*", "look", "create", "resume", "abort_job", "remote", "kill"][..]),
        2 => prop::sample::select(&["save", "restore", "admit", "reach", "limit_downtime", "progress", "start_postcopy"][..]),
    ];
    let times = prop::option::of(1..3_u32);
    (on, prop::sample::select(ENDINGS), times).prop_map(|(on, (error, effect), times)| Fault {
        on: on.to_owned(),
        error,
        effect,
        times,
    })
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        3 => Just(Step::Start),
        3 => any::<bool>().prop_map(stop),
        3 => prop::sample::select(POLICIES).prop_map(Step::MigrateTo),
        1 => Just(Step::Kill),
        1 => prop::sample::select(POLICIES).prop_map(Step::Late),
        1 => Just(Step::MigrateFrom),
        2 => Just(Step::Monitor),
        4 => faults().prop_map(Step::Break),
        1 => Just(Step::Mend),
    ];
    prop::collection::vec((0..2_usize, step), 4..16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_faults_makes_two_copies_or_a_false_success(steps in steps()) {
        let mut world = World::new(Duration::from_millis(40));
        world.take(0, &Step::Start);
        for (side, step) in steps {
            if world.is_due(side, &step) {
                world.take(side, &step);
                prop_assert!(world.running() <= 1, "two copies after {step:?} on {side}: {world:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_fails_where_nothing_goes_wrong(sides in prop::collection::vec(0..2_usize, 1..6)) {
        let mut world = World::new(Duration::from_secs(20));
        let mut at = sides[0];
        prop_assert!(world.take(at, &Step::Start));
        for side in sides {
            if side != at {
                prop_assert!(world.take(at, &Step::MigrateTo(Policy::Balanced)) && world.take(side, &Step::MigrateFrom));
            }
            at = side;
            prop_assert!(world.take(1 - at, &stop(false)) && world.take(at, &Step::Monitor));
            prop_assert_eq!((world.copies(at), world.copies(1 - at)), ((1, 1), (0, 0)));
        }
        prop_assert!(world.take(at, &stop(false)));
    }
}

#[test]
fn a_migration_that_broke_can_be_cleared_away_and_done_again() {
    let mut world = World::new(Duration::from_secs(4));
    world.take(0, &Step::Start);
    let (on, error) = ("migrate".to_owned(), Answer::Unreachable);
    world.take(0, &Step::Break(Fault { on, error, effect: Effect::Half, times: Some(1) }));
    assert!(!world.take(0, &Step::MigrateTo(Policy::Balanced)));
    assert_eq!(world.host(0).guests["vm1"].job, Job::Running);
    assert_eq!(world.host(1).processes[0].state, State::Paused(Pause::Incoming));
    // Pacemaker stops what came in on the target; the guest on the source has lost nothing.
    assert!(world.take(1, &stop(false)) && world.take(0, &Step::Monitor));
    assert!(world.take(0, &Step::MigrateTo(Policy::Balanced)));
    assert_eq!((world.copies(0), world.copies(1)), ((0, 0), (1, 1)));
}

#[test]
fn a_guest_that_leaves_while_it_is_stopped_is_ended_where_it_went() {
    let mut world = World::new(Duration::from_secs(4));
    world.take(0, &Step::Start);
    world.take(0, &Step::Late(Policy::Balanced));
    assert!(world.is_due(0, &Step::Start), "{world:?}");
    assert_eq!((world.copies(0), world.copies(1)), ((0, 0), (0, 0)));
}

#[test]
fn where_nobody_tells_of_the_target_the_stop_of_a_guest_that_left_is_no_success() {
    let mut world = World::new(Duration::from_secs(4));
    world.take(0, &Step::Start);
    // The migration is asked first, and then the stop: what was said last counts first.
    for error in [Answer::Unreachable, Answer::Done] {
        let (on, effect) = ("remote".to_owned(), Effect::Whole);
        world.take(0, &Step::Break(Fault { on, error, effect, times: Some(1) }));
    }
    world.take(0, &Step::Late(Policy::Balanced));
    assert_eq!((world.copies(0), world.copies(1)), ((0, 0), (1, 1)));
    assert!(!world.is_due(0, &Step::Start) && !world.is_due(1, &Step::Start), "{world:?}");
}

#[test]
fn the_memory_of_a_guest_whose_migration_failed_is_resumed_once() {
    let mut world = World::new(Duration::from_secs(4));
    world.take(0, &Step::Start);
    let (on, error) = ("migrate".to_owned(), Answer::Refused);
    world.take(0, &Step::Break(Fault { on, error, effect: Effect::None, times: Some(1) }));
    assert!(!world.take(0, &Step::MigrateTo(Policy::Balanced)));
    assert!(world.take(1, &stop(false)) && world.take(0, &stop(false)));
    assert!(world.take(1, &Step::Start) && world.take(1, &stop(false)));
    assert!(world.take(0, &Step::Start) && world.take(0, &stop(false)));
    let called = |side: usize, call| world.host(side).calls.iter().any(|it| it == call);
    assert!(called(0, "save") && called(1, "restore") && !called(0, "restore"));
}
