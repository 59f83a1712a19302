//! Whatever goes wrong, in whatever order: no success that is not true, and never two copies.
//!
//! A manager that believes every answer, as Pacemaker does, works on one guest and two pretend hosts
//! whose daemons refuse, lie, stop half-way or say nothing. It starts a guest only where it believes
//! that the other host has none. So one false answer is enough to make two copies.

#![allow(clippy::unwrap_used, reason = "tests")]

use guest::{Guest, Health, Journey, Order, Shutdown};
use hypervisor::scripted::{Answer, Effect, Fault, Host, Scripted};
use hypervisor::{Deadline, Definition, Job, Migration, Pause, State};
use proptest::prelude::*;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// What can happen on one of the hosts.
#[derive(Debug, Clone)]
enum Step {
    Start,
    Stop(Shutdown),
    MigrateTo,
    MigrateFrom,
    Monitor,
    /// Something begins to go wrong.
    Break(Fault),
    /// Nothing goes wrong any more.
    Mend,
}

/// What the manager was told about a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belief {
    Active,
    Off,
    Unknown,
}

struct World {
    directory: TempDir,
    definition: Definition,
    beliefs: [Belief; 2],
    /// What one action may take.
    patience: Duration,
}

impl World {
    fn new(patience: Duration) -> Self {
        let definition = Definition::parse("<domain><name>vm1</name></domain>").unwrap();
        let directory = TempDir::new().unwrap();
        let world = Self { directory, definition, beliefs: [Belief::Off; 2], patience };
        for side in [0, 1] {
            Host::default().write(&world.path(side)).unwrap();
        }
        world
    }

    fn path(&self, side: usize) -> PathBuf {
        self.directory.path().join(format!("{side}.json"))
    }

    fn host(&self, side: usize) -> Host {
        Host::read(&self.path(side)).unwrap()
    }

    fn change(&self, side: usize, change: impl FnOnce(&mut Host)) {
        Host::update(&self.path(side), change).unwrap();
    }

    /// How many copies of the guest are on a host, and how many of them run.
    fn copies(&self, side: usize) -> (usize, usize) {
        let processes = self.host(side).processes;
        let running = processes.iter().filter(|it| it.state == State::Running).count();
        (processes.len(), running)
    }

    /// Does something with the guest on a host.
    fn on<T>(&self, side: usize, act: impl FnOnce(&Guest) -> T) -> T {
        let host = Scripted::new(self.path(side));
        act(&Guest {
            identity: self.definition.identity.clone(),
            hypervisor: &host,
            witness: &host,
            asked: None,
            by: Deadline::after(self.patience),
            note: &|_| {},
        })
    }

    fn order(&self, side: usize) -> Order<'static> {
        let destination = format!("scripted://{}", self.path(1 - side).display());
        let migration = Migration { destination, ..Migration::default() };
        Order { migration, ..Order::default() }
    }

    /// Whether a manager that believes what this one does would take that step.
    fn is_due(&self, side: usize, step: &Step) -> bool {
        let (here, there) = (self.beliefs[side], self.beliefs[1 - side]);
        match step {
            Step::Start => there == Belief::Off,
            Step::MigrateTo => here == Belief::Active && there == Belief::Off,
            _ => true,
        }
    }

    /// Takes a step, and holds what is answered against the truth. False when that was an error.
    fn take(&mut self, side: usize, step: &Step) -> bool {
        let told = |ok, belief| if ok { belief } else { Belief::Unknown };
        match step {
            Step::Start => {
                let ok = self.on(side, |guest| guest.start(&self.definition, None).is_ok());
                assert!(!ok || self.copies(side).0 == 1, "it was not started: {self:?}");
                self.beliefs[side] = told(ok, Belief::Active);
            }
            Step::Stop(how) => {
                let ok = self.on(side, |guest| guest.stop(how).is_ok());
                assert!(!ok || self.copies(side).0 == 0, "it was not stopped: {self:?}");
                self.beliefs[side] = told(ok, Belief::Off);
            }
            Step::MigrateTo => {
                let (order, mut journey) = (self.order(side), Journey::default());
                let ok = self.on(side, |guest| guest.migrate_to(&order, &mut journey).is_ok());
                assert!(!ok || self.copies(side).0 == 0, "it did not leave: {self:?}");
                assert!(!ok || self.copies(1 - side) == (1, 1), "it did not arrive: {self:?}");
                self.beliefs[side] = told(ok, Belief::Off);
                self.beliefs[1 - side] = told(ok, Belief::Active);
            }
            Step::MigrateFrom => {
                let ok = self.on(side, |guest| guest.migrate_from().is_ok());
                assert!(!ok || self.copies(side) == (1, 1), "it did not arrive: {self:?}");
                self.beliefs[side] = told(ok, Belief::Active);
            }
            Step::Monitor => self.beliefs[side] = self.monitor(side),
            Step::Break(fault) => {
                self.change(side, |host| host.faults.insert(0, fault.clone()));
                return true;
            }
            Step::Mend => {
                self.change(side, |host| host.faults.clear());
                return true;
            }
        }
        self.beliefs[side] != Belief::Unknown
    }

    fn monitor(&self, side: usize) -> Belief {
        let (copies, running) = self.copies(side);
        match self.on(side, |guest| guest.observe().map(|seen| guest.health(&seen))) {
            Ok(Health::Off) => {
                assert_eq!(running, 0, "it is not off: {self:?}");
                Belief::Off
            }
            Ok(_) => {
                assert!(copies > 0, "it is not there: {self:?}");
                Belief::Active
            }
            Err(_) => Belief::Unknown,
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} {:?}", self.beliefs, self.host(0), self.host(1))
    }
}

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

fn faults() -> impl Strategy<Value = Fault> {
    let on = prop_oneof![
        3 => prop::sample::select(&["shut_down", "destroy", "migrate"][..]),
        2 => prop::sample::select(&["*", "look", "create", "resume", "abort_job", "remote", "kill"][..]),
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
        3 => Just(Step::MigrateTo),
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
                let running = world.copies(0).1 + world.copies(1).1;
                prop_assert!(running <= 1, "two copies after {step:?} on {side}: {world:?}");
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
                prop_assert!(world.take(at, &Step::MigrateTo) && world.take(side, &Step::MigrateFrom));
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
    assert!(!world.take(0, &Step::MigrateTo));
    assert_eq!(world.host(0).guests["vm1"].job, Job::Running);
    assert_eq!(world.host(1).processes[0].state, State::Paused(Pause::Incoming));
    // Pacemaker stops what came in on the target; the guest on the source has lost nothing.
    assert!(world.take(1, &stop(false)) && world.take(0, &Step::Monitor));
    assert!(world.take(0, &Step::MigrateTo));
    assert_eq!((world.copies(0), world.copies(1)), ((0, 0), (1, 1)));
}
