//! Guests on a pretend host, which is a JSON file: `scripted:///path/host.json`, or one that stands for xl's.
//!
//! Two files are two hosts, and a guest migrates from one to the other. Several agents can work on a
//! host at the same time, as each change is made under a lock. The file also says what goes wrong on
//! the host, so that a test can ask what an agent makes of it. For tests only: nothing that is
//! installed has the feature `scripted`.

mod host;

pub use host::{Answer, Effect, Fault, Host, Process};

use crate::error::{Error, Result};
use crate::identity::{Identity, Name};
use crate::state::{Job, Pause, Sight, State};
use crate::xl::Xl;
use crate::{
    Abilities, Deadline, Definition, Hypervisor, Migration, Progress, ShutdownMode, Stamp, Trace,
    Transfer, Witness,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a look at a guest hangs, at most: whoever looks does not wait for ever.
const LOOK_SLICE: Duration = Duration::from_millis(200);

/// The variable with the file that stands for this host where an agent has no parameter that could name one. The
/// files of the others are beside it.
pub const HOST: &str = "HAWSER_SCRIPTED";

/// Calls that change nothing, and are not noted.
const LOOKING: &[&str] = &["look", "live_definition", "admit", "volume", "reach", "progress"];

/// A pretend host and its daemon.
#[derive(Debug, Clone)]
pub struct Scripted {
    path: PathBuf,
    abilities: Abilities,
}

impl Scripted {
    /// The host in a file.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), abilities: Abilities::ALL }
    }

    /// The host that a URI names: `scripted:///path`, or `xl://` where [`HOST`] says which one is meant.
    #[must_use]
    pub fn at(uri: &str) -> Option<Self> {
        if let Some(path) = uri.strip_prefix("scripted://") {
            return path.starts_with('/').then(|| Self::new(path));
        }
        let (name, _) = uri.strip_prefix("xl://")?.split_once('/')?;
        let here = PathBuf::from(std::env::var_os(HOST)?);
        let other = || here.with_file_name(format!("{name}.json"));
        let path = if name.is_empty() { here.clone() } else { other() };
        Some(Self { path, abilities: Xl::ABILITIES })
    }

    fn unreachable(&self, words: &str) -> Error {
        Error::Unreachable {
            uri: format!("scripted://{}", self.path.display()),
            words: words.to_owned(),
        }
    }

    fn read(&self) -> Result<Host> {
        Host::read(&self.path).map_err(|error| self.unreachable(&error.to_string()))
    }

    fn update<T>(&self, change: impl FnOnce(&mut Host) -> T) -> Result<T> {
        Host::update(&self.path, change).map_err(|error| self.unreachable(&error.to_string()))
    }

    /// Notes the call and looks up what is to happen.
    fn script(&self, on: &str, detail: &str) -> Result<(Answer, Effect)> {
        self.update(|host| {
            if !LOOKING.contains(&on) {
                host.calls.push(format!("{on} {detail}").trim().to_owned());
            }
            host.script(on)
        })
    }

    /// Answers as the script says; `done` is the answer where it says that nothing goes wrong.
    fn answer<T>(&self, answer: Answer, what: &'static str, by: Deadline, done: T) -> Result<T> {
        let words = "the script says no".to_owned();
        let silent = || Error::Silent { uri: format!("scripted://{}", self.path.display()), what };
        match answer {
            // What is said too late is not heard.
            Answer::Done if by.expired() => Err(silent()),
            Answer::Done => Ok(done),
            Answer::Refused => Err(Error::Refused { what, words }),
            Answer::NotInstalled => Err(Error::NotInstalled { what, words }),
            Answer::NoGuestAgent => Err(Error::NoGuestAgent { words }),
            Answer::NotAdmitted => Err(Error::NotAdmitted { item: what.to_owned(), words }),
            Answer::Unreachable => Err(self.unreachable(&words)),
            Answer::Silent => Err(silent()),
            Answer::Hang => {
                let _ = by.pause(by.remaining());
                Err(silent())
            }
        }
    }

    /// Does what the script leaves of a call. `act` is not called where nothing is to happen.
    fn call(
        &self,
        (on, detail): (&'static str, &str),
        by: Deadline,
        act: impl FnOnce(&mut Host, Effect) -> std::result::Result<(), &'static str>,
    ) -> Result<()> {
        let (answer, effect) = self.script(on, detail)?;
        if effect != Effect::None {
            let refused = |words: &str| Error::Refused { what: on, words: words.to_owned() };
            self.update(|host| act(host, effect))?.map_err(refused)?;
        }
        self.answer(answer, on, by, ())
    }
}

fn document(guest: &Name) -> String {
    let name = quick_xml::escape::escape(guest.as_str());
    format!("<domain type='kvm'>\n  <name>{name}</name>\n</domain>\n")
}

/// A guest that is to be changed must be there.
fn active(host: &Host, guest: &Name) -> std::result::Result<Sight, &'static str> {
    Some(host.sight(guest)).filter(|it| it.state.is_active()).ok_or("domain is not running")
}

/// A guest that is to begin must not be there; while it is set up it does not run yet.
fn begin(
    host: &mut Host,
    guest: &Identity,
    effect: Effect,
) -> std::result::Result<(), &'static str> {
    if host.sight(&guest.name).state.is_active() {
        return Err("domain is already active");
    }
    let state = if effect == Effect::Half { State::Paused(Pause::Job) } else { State::Running };
    host.put(guest, state);
    Ok(())
}

impl Hypervisor for Scripted {
    fn abilities(&self) -> Abilities {
        self.abilities
    }

    fn look(&self, guest: &Identity, by: Deadline) -> Result<Sight> {
        let (answer, _) = self.script("look", "")?;
        let by = if answer == Answer::Hang { by.slice(LOOK_SLICE) } else { by };
        self.answer(answer, "look", by, self.read()?.sight(&guest.name))
    }

    fn create(&self, definition: &Definition, by: Deadline) -> Result<()> {
        self.call(("create", ""), by, |host, effect| begin(host, &definition.identity, effect))
    }

    fn resume(&self, guest: &Name, by: Deadline) -> Result<()> {
        self.call(("resume", ""), by, |host, _| {
            active(host, guest)?;
            host.set(guest, State::Running, Job::None);
            Ok(())
        })
    }

    fn shut_down(&self, guest: &Name, mode: ShutdownMode, by: Deadline) -> Result<()> {
        self.call(("shut_down", &format!("{mode:?}")), by, |host, effect| {
            active(host, guest)?;
            match effect {
                Effect::Half => host.set(guest, State::ShuttingDown, Job::None),
                _ => host.end(guest),
            }
            Ok(())
        })
    }

    fn destroy(&self, guest: &Identity, by: Deadline) -> Result<()> {
        self.call(("destroy", ""), by, |host, effect| {
            match effect {
                Effect::Half => host.forget(&guest.name),
                _ => host.end(&guest.name),
            }
            Ok(())
        })
    }

    fn save(&self, guest: &Name, file: &Path, by: Deadline) -> Result<()> {
        self.call(("save", ""), by, |host, _| {
            active(host, guest)?;
            fs::write(file, guest.as_str()).map_err(|_| "the file cannot be written")?;
            host.end(guest);
            Ok(())
        })
    }

    fn restore(&self, file: &Path, by: Deadline) -> Result<()> {
        self.call(("restore", ""), by, |host, effect| {
            let name = fs::read_to_string(file).map_err(|_| "the file cannot be read")?;
            begin(host, &Identity { name: Name::from_any(&name), uuid: None }, effect)
        })
    }

    fn definition(&self, guest: &Name, by: Deadline) -> Result<String> {
        self.call(("definition", ""), by, |host, _| active(host, guest).map(drop))?;
        Ok(document(guest))
    }

    fn ping_agent(&self, guest: &Name, by: Deadline) -> Result<()> {
        self.call(("ping_agent", ""), by, |host, _| active(host, guest).map(drop))
    }

    fn is_frozen(&self, guest: &Name, by: Deadline) -> Result<bool> {
        self.call(("is_frozen", ""), by, |host, _| active(host, guest).map(drop))?;
        Ok(self.read()?.frozen)
    }

    fn live_definition(&self, guest: &Name, by: Deadline) -> Result<Definition> {
        self.call(("live_definition", ""), by, |host, _| active(host, guest).map(drop))?;
        Definition::from_xml(&document(guest))
    }

    fn admit(&self, _definition: &Definition, by: Deadline) -> Result<()> {
        self.call(("admit", ""), by, |_, _| Ok(()))
    }

    fn volume(&self, _pool: &str, volume: &str, by: Deadline) -> Result<String> {
        let (answer, _) = self.script("volume", "")?;
        self.answer(answer, "volume", by, volume.to_owned())
    }

    fn reach(
        &self,
        _definition: &Definition,
        _target: &dyn Hypervisor,
        _migration: &Migration,
        by: Deadline,
    ) -> Result<()> {
        self.call(("reach", ""), by, |_, _| Ok(()))
    }

    fn host_name(&self, _by: Deadline) -> Result<String> {
        Ok("scripted".to_owned())
    }

    fn migrate(&self, guest: &Name, migration: &Migration, by: Deadline) -> Result<Transfer> {
        let (host, guest, destination) =
            (self.clone(), guest.clone(), migration.destination.clone());
        let (answer, effect) = self.script("migrate", &destination)?;
        // A daemon that begins later than it is asked is for a test to play: it would come in between anything.
        let begun = match effect {
            Effect::None => Ok(()),
            _ => self.depart(&guest, &destination),
        };
        let migrate = move || {
            begun?;
            if effect == Effect::Whole {
                host.finish(&guest, &destination)?;
            }
            host.answer(answer, "migrate", by, ())
        };
        Transfer::begin(migrate).map_err(|error| self.unreachable(&error.to_string()))
    }

    fn progress(&self, guest: &Name, by: Deadline) -> Result<Option<Progress>> {
        let (answer, _) = self.script("progress", "")?;
        let moves = self.read()?.sight(guest).job == Job::Running;
        self.answer(answer, "progress", by, moves.then(Progress::default))
    }

    fn arrival(&self, _guest: &Name, _by: Deadline) -> Result<Option<Progress>> {
        Ok(None)
    }

    fn limit_downtime(&self, guest: &Name, _downtime: Duration, by: Deadline) -> Result<()> {
        self.call(("limit_downtime", ""), by, |host, _| active(host, guest).map(drop))
    }

    fn limit_bandwidth(&self, guest: &Name, _speed: Option<u64>, by: Deadline) -> Result<()> {
        self.call(("limit_bandwidth", ""), by, |host, _| active(host, guest).map(drop))
    }

    fn start_postcopy(&self, guest: &Name, by: Deadline) -> Result<()> {
        self.call(("start_postcopy", ""), by, |host, _| active(host, guest).map(drop))
    }

    fn abort_job(&self, guest: &Name, by: Deadline) -> Result<()> {
        self.call(("abort_job", ""), by, |host, _| {
            let sight = active(host, guest)?;
            if sight.state == State::Paused(Pause::Outgoing) {
                return Err("the migration is in its last phase");
            }
            host.set(guest, sight.state, Job::None);
            Ok(())
        })
    }

    fn start_resources(&self, _definition: &Definition, by: Deadline) -> Result<()> {
        self.call(("start_resources", ""), by, |_, _| Ok(()))
    }

    fn remote(&self, uri: &str, by: Deadline) -> Result<Box<dyn Hypervisor>> {
        self.call(("remote", uri), by, |_, _| Ok(()))?;
        let there = Self::at(uri).ok_or_else(|| self.unreachable("no such host"))?;
        there.read()?;
        Ok(Box::new(there))
    }
}

impl Scripted {
    /// The first phase of a migration. Who looks meanwhile sees what libvirt shows: an incoming copy, then an
    /// outgoing one, and never two that run.
    fn depart(&self, guest: &Name, destination: &str) -> Result<()> {
        let there = Self::at(destination).ok_or_else(|| self.unreachable("no such host"))?;
        let refused = |words: &str| Error::Refused { what: "migrate", words: words.to_owned() };
        let sight = active(&self.read()?, guest).map_err(refused)?;
        let identity = Identity { name: guest.clone(), uuid: sight.uuid };
        there
            .update(|host| {
                begin(host, &identity, Effect::Whole)?;
                host.set(guest, State::Paused(Pause::Incoming), Job::Incoming);
                Ok(())
            })?
            .map_err(refused)?;
        self.update(|host| host.set(guest, sight.state, Job::Running))
    }

    /// The last phase of a migration that got stuck before it. From here on it cannot be aborted.
    ///
    /// # Errors
    /// That the job was aborted before, or that the copy on the target is gone. The guest stays here
    /// then.
    pub fn finish(&self, guest: &Name, destination: &str) -> Result<()> {
        let there = Self::at(destination).ok_or_else(|| self.unreachable("no such host"))?;
        let refused = |words: &str| Error::Refused { what: "migrate", words: words.to_owned() };
        let leaving = self.update(|host| {
            let sight = host.sight(guest);
            let leaves = sight.state.is_active() && sight.job == Job::Running;
            leaves.then(|| host.set(guest, State::Paused(Pause::Outgoing), Job::Running));
            leaves.then_some(sight.state)
        })?;
        let arrived = there.update(|host| {
            let waits = host.sight(guest).state == State::Paused(Pause::Incoming);
            match leaving {
                Some(state) if waits => host.set(guest, state, Job::None),
                None if waits => host.end(guest),
                _ => {}
            }
            waits
        })?;
        match leaving {
            None => Err(refused("the job was aborted")),
            Some(_) if arrived => self.update(|host| host.end(guest)),
            Some(state) => {
                self.update(|host| host.set(guest, state, Job::None))?;
                Err(refused("the copy on the target is gone"))
            }
        }
    }

    fn seen<T: Default>(&self, look: impl FnOnce(&Host) -> T) -> T {
        self.read().ok().filter(|host| !host.blind).map(|host| look(&host)).unwrap_or_default()
    }

    fn tried(&self, change: impl FnOnce(&mut Host) -> bool) -> bool {
        self.update(change).unwrap_or_default()
    }
}

impl Witness for Scripted {
    fn proves_absence(&self, _guest: &Identity) -> bool {
        self.seen(|_| true)
    }

    fn find(&self, guest: &Identity) -> Vec<Trace> {
        self.seen(|host| host.processes_of(guest).map(|process| process.trace).collect())
    }

    fn alive(&self, trace: Trace) -> bool {
        self.seen(|host| host.processes.iter().any(|process| process.trace == trace))
    }

    fn daemon(&self) -> Option<Trace> {
        None
    }

    fn state(&self, guest: &Identity, _by: Deadline) -> Option<State> {
        self.seen(|host| {
            let process = host.processes.iter().find(|it| it.guest.name == guest.name);
            process.filter(|_| host.is_unattended()).map(|process| process.state)
        })
    }

    fn power_down(&self, guest: &Identity, _by: Deadline) -> bool {
        self.tried(|host| {
            let heard = host.is_unattended();
            if heard {
                host.calls.push("power_down".to_owned());
                host.end(&guest.name);
            }
            heard
        })
    }

    fn kill(&self, trace: Trace, _by: Deadline) -> bool {
        self.tried(|host| {
            host.calls.push("kill".to_owned());
            let (answer, _) = host.script("kill");
            if answer == Answer::Done {
                let ended = host.processes.extract_if(.., |process| process.trace == trace);
                for process in ended.collect::<Vec<_>>() {
                    host.forget(&process.guest.name);
                }
            }
            answer == Answer::Done
        })
    }

    fn stamp(&self, _guest: &Identity) -> Option<Stamp> {
        None
    }

    fn still_healthy(&self, _guest: &Identity, _trace: Trace, _stamp: Stamp) -> bool {
        false
    }
}
