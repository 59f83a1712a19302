//! One guest, two pretend hosts, and what a manager believes of them.

use guest::{Change, Failed, Guest, Health, Journey, Order, Policy, Rescue, Shutdown};
use hypervisor::scripted::{Answer, Effect, Fault, Host, Scripted};
use hypervisor::{Deadline, Definition, Hypervisor, Migration, State};
use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, thread};
use tempfile::TempDir;

const NODES: [&str; 2] = ["n1", "n2"];

/// What can happen on one of the hosts.
#[derive(Debug, Clone)]
pub enum Step {
    Start,
    Stop(Shutdown),
    MigrateTo(Policy),
    MigrateFrom,
    Monitor,
    /// The agent that migrates is killed, and its migration goes on while the guest is stopped on both hosts.
    Kill,
    /// A daemon that hangs is asked to migrate. It does so when the agent has given that up, and the guest was
    /// stopped on the target already and is about to be on the source.
    Late(Policy),
    /// Something begins to go wrong.
    Break(Fault),
    /// Nothing goes wrong any more.
    Mend,
}

/// What the manager was told about a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belief {
    Active,
    Off,
    Unknown,
}

pub struct World {
    directory: TempDir,
    definition: Definition,
    beliefs: [Belief; 2],
    /// The migrations that failed last, by the hosts that their guest has not left.
    failed: [Option<Failed>; 2],
    /// Where migrations that were not seen to end may still take it, by the hosts that it leaves.
    leaving: [Option<String>; 2],
    /// How often the guest was to be started, and how often it had been when its memory was saved.
    starts: usize,
    saved: Option<usize>,
    /// What one action may take.
    patience: Duration,
}

impl World {
    pub fn new(patience: Duration) -> Self {
        let definition = Definition::from_xml("<domain><name>vm1</name></domain>").unwrap();
        let directory = TempDir::new().unwrap();
        let beliefs = [Belief::Off; 2];
        let world = Self {
            directory,
            definition,
            beliefs,
            failed: [None, None],
            leaving: [None, None],
            starts: 0,
            saved: None,
            patience,
        };
        for side in [0, 1] {
            Host::default().write(&world.path(side)).unwrap();
        }
        world
    }

    fn path(&self, side: usize) -> PathBuf {
        self.directory.path().join(format!("{side}.json"))
    }

    pub fn host(&self, side: usize) -> Host {
        Host::read(&self.path(side)).unwrap()
    }

    fn change(&self, side: usize, change: impl FnOnce(&mut Host)) {
        Host::update(&self.path(side), change).unwrap();
    }

    /// How many copies of the guest are on a host, and how many of them run.
    pub fn copies(&self, side: usize) -> (usize, usize) {
        let processes = self.host(side).processes;
        let running = processes.iter().filter(|it| it.state == State::Running).count();
        (processes.len(), running)
    }

    /// How many copies run on both hosts together, at one moment.
    pub fn running(&self) -> usize {
        // All hosts in one directory share one lock.
        Host::update(&self.path(0), |_| self.copies(0).1 + self.copies(1).1).unwrap()
    }

    /// Does something with the guest on a host.
    fn on<T>(&self, side: usize, act: impl FnOnce(&mut Guest) -> T) -> T {
        let host = Scripted::new(self.path(side));
        act(&mut Guest {
            identity: self.definition.identity.clone(),
            hypervisor: &host,
            witness: &host,
            asked: None,
            leaving: self.leaving[side].clone(),
            by: Deadline::after(self.patience),
            note: &|_| {},
        })
    }

    fn migration(&self, side: usize) -> Migration {
        let destination = format!("scripted://{}", self.path(1 - side).display());
        Migration { destination, ..Migration::default() }
    }

    /// Whether a manager that believes what this one does would take that step.
    pub fn is_due(&self, side: usize, step: &Step) -> bool {
        let (here, there) = (self.beliefs[side], self.beliefs[1 - side]);
        match step {
            // What has failed on a host is stopped there first.
            Step::Start => here != Belief::Unknown && there == Belief::Off,
            Step::MigrateTo(_) | Step::Kill | Step::Late(_) => {
                here == Belief::Active && there == Belief::Off
            }
            // The source has said that it left.
            Step::MigrateFrom => here == Belief::Active,
            _ => true,
        }
    }

    /// Takes a step, and holds what is answered against the truth. False when that was an error.
    pub fn take(&mut self, side: usize, step: &Step) -> bool {
        let told = |ok, belief| if ok { belief } else { Belief::Unknown };
        match step {
            Step::Start => {
                let ok = self.start(side);
                assert!(!ok || self.copies(side).0 == 1, "it was not started: {self:?}");
                self.beliefs[side] = told(ok, Belief::Active);
            }
            Step::Stop(how) => {
                let ok = self.stop(side, how);
                assert!(!ok || self.copies(side).0 == 0, "it was not stopped: {self:?}");
                self.beliefs[side] = told(ok, Belief::Off);
            }
            Step::MigrateTo(policy) => {
                let ok = self.migrate(side, *policy);
                assert!(!ok || self.copies(side).0 == 0, "it did not leave: {self:?}");
                assert!(!ok || self.copies(1 - side) == (1, 1), "it did not arrive: {self:?}");
                self.beliefs[side] = told(ok, Belief::Off);
                self.beliefs[1 - side] = told(ok, Belief::Active);
            }
            Step::Kill | Step::Late(_) => {
                let stopped = match step {
                    Step::Late(policy) => self.late(side, *policy),
                    _ => self.kill(side),
                };
                for (side, ok) in stopped.into_iter().enumerate() {
                    assert!(!ok || self.copies(side).0 == 0, "it was not stopped: {self:?}");
                    self.beliefs[side] = told(ok, Belief::Off);
                }
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

    /// Starts the guest, from its memory if that was saved for this start.
    fn start(&mut self, side: usize) -> bool {
        let (guest, directory) = (&self.definition.identity, self.directory.path());
        let memory = Rescue::claim(guest, NODES[side], directory, &|_| {}).unwrap();
        assert!(memory.is_none() || self.saved == Some(self.starts), "stale memory: {self:?}");
        self.starts += 1;
        (self.failed[side], self.leaving[side]) = (None, None);
        self.on(side, |guest| guest.start(&self.definition, memory.as_deref()).is_ok())
    }

    /// Stops the guest, and has its memory saved if its migration has failed.
    fn stop(&mut self, side: usize, how: &Shutdown) -> bool {
        let (guest, directory) = (&self.definition.identity, self.directory.path());
        let failed = self.failed[side].take();
        let rescue = failed.and_then(|it| Rescue::after(&it, guest, NODES[side], directory));
        let save = rescue.as_ref().map(Rescue::memory);
        let change = self.on(side, |guest| guest.stop(&Shutdown { save, ..how.clone() }));
        if let (Ok(Change::Saved), Some(rescue)) = (&change, rescue) {
            rescue.hand_over().unwrap();
            self.saved = Some(self.starts);
        }
        if change.is_ok() {
            self.leaving[side] = None;
        }
        change.is_ok()
    }

    fn migrate(&mut self, side: usize, policy: Policy) -> bool {
        let order = Order { migration: self.migration(side), policy, ..Order::default() };
        let mut journey = Journey::default();
        let ok = self.on(side, |guest| guest.migrate_to(&order, &mut journey).is_ok());
        let stayed = !ok && journey.stayed;
        self.leaving[side] = journey.pending.then_some(order.migration.destination);
        self.failed[side] = stayed.then(|| Failed::now(NODES[1 - side])).flatten();
        ok
    }

    /// Has a migration go on without its agent, and stops the guest on both hosts at the same time, as
    /// Pacemaker does then.
    fn kill(&mut self, side: usize) -> [bool; 2] {
        let (host, migration) = (Scripted::new(self.path(side)), self.migration(side));
        self.leaving[side] = Some(migration.destination.clone());
        let this = &*self;
        let (guest, by) = (&this.definition.identity.name, Deadline::after(this.patience));
        this.change(side, |host| {
            let (on, error) = ("migrate".to_owned(), Answer::Silent);
            host.faults.insert(0, Fault { on, error, effect: Effect::Half, times: Some(1) });
        });
        let begun = host.migrate(guest, &migration, by).unwrap();
        let _ = begun.wait(by);
        thread::scope(|scope| {
            let force = Shutdown { force: true, ..Shutdown::default() };
            let stops = [0, 1].map(|side| {
                let force = force.clone();
                scope.spawn(move || this.on(side, |guest| guest.stop(&force).is_ok()))
            });
            let _ = host.finish(guest, &migration.destination);
            stops.map(|it| it.join().unwrap())
        })
    }

    fn late(&mut self, side: usize, policy: Policy) -> [bool; 2] {
        self.change(side, |host| {
            let (on, error) = ("migrate".to_owned(), Answer::Hang);
            host.faults.insert(0, Fault { on, error, effect: Effect::None, times: Some(1) });
        });
        // Of what comes to the target when its stop is over only its daemon can tell.
        self.change(1 - side, |host| host.faults.clear());
        let mut stopped = [false; 2];
        if self.migrate(side, policy) {
            return stopped;
        }
        let force = Shutdown { force: true, ..Shutdown::default() };
        stopped[1 - side] = self.stop(1 - side, &force);
        let (host, by) = (Scripted::new(self.path(side)), Deadline::after(self.patience));
        let begun = host.migrate(&self.definition.identity.name, &self.migration(side), by);
        let _ = begun.map(|it| it.wait(by));
        stopped[side] = self.stop(side, &force);
        // Its reason says that the guest may be on the target, which nobody could ask. Of one whose memory was saved here only
        // a copy can be there that has never run, and its stop does not fail for that.
        let is_saved = self.saved == Some(self.starts);
        stopped[1 - side] &= stopped[side] && !is_saved;
        stopped
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
