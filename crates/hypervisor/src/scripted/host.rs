use crate::Trace;
use crate::identity::{Identity, Name, Uuid};
use crate::state::{Job, Sight, State};
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// One pretend host: what is in its file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Host {
    /// What the daemon knows, by guest name.
    pub guests: BTreeMap<String, Sight>,
    /// What is there, whether the daemon knows of it or not.
    pub processes: Vec<Process>,
    /// What goes wrong; of several that fit a call the first counts.
    pub faults: Vec<Fault>,
    /// Whether the node shows nothing of its processes, so that not seeing one proves nothing.
    pub blind: bool,
    /// Whether the file systems of its guests are frozen from inside.
    pub frozen: bool,
    /// What the daemon was asked to do, the oldest first. Looking is not doing.
    pub calls: Vec<String>,
    /// The pid that was given out last.
    pub last_pid: i32,
}

/// A guest as the node has it, without its daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Which guest.
    pub guest: Identity,
    /// Which process.
    pub trace: Trace,
    /// What it really does. Its monitor says so while the daemon is gone.
    pub state: State,
}

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The call, by its name in [`crate::Hypervisor`], or `kill`; `*` is every call to the daemon.
    pub on: String,
    /// What the caller is told.
    pub error: Answer,
    /// What happens all the same.
    #[serde(default)]
    pub effect: Effect,
    /// How often; always, if that is not said.
    #[serde(default)]
    pub times: Option<u32>,
}

/// What a caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// That it was done: a lie, unless the effect is [`Effect::Whole`].
    Done,
    /// [`crate::Error::Refused`].
    Refused,
    /// [`crate::Error::NotInstalled`].
    NotInstalled,
    /// [`crate::Error::NoGuestAgent`].
    NoGuestAgent,
    /// [`crate::Error::NotAdmitted`].
    NotAdmitted,
    /// [`crate::Error::Unreachable`].
    Unreachable,
    /// [`crate::Error::Silent`], at once.
    Silent,
    /// [`crate::Error::Silent`], at the caller's deadline.
    Hang,
}

/// How much of what was asked for happens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Nothing.
    #[default]
    None,
    /// It begins and gets stuck.
    Half,
    /// All of it.
    Whole,
}

impl Host {
    /// Reads a host.
    ///
    /// # Errors
    /// The kernel's, and what the JSON parser says.
    pub fn read(path: &Path) -> io::Result<Self> {
        serde_json::from_slice(&fs::read(path)?).map_err(io::Error::from)
    }

    /// Writes a host in one step.
    ///
    /// # Errors
    /// The kernel's.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let new = path.with_extension("new");
        fs::write(&new, serde_json::to_vec_pretty(self)?)?;
        fs::rename(new, path)
    }

    /// Changes a host while no other process does. All hosts in one directory share one lock.
    ///
    /// # Errors
    /// As [`Host::read`] and [`Host::write`].
    pub fn update<T>(path: &Path, change: impl FnOnce(&mut Self) -> T) -> io::Result<T> {
        let directory = File::open(path.parent().unwrap_or(Path::new("/")))?;
        let _lock = Flock::lock(directory, FlockArg::LockExclusive).map_err(|(_, errno)| errno)?;
        let before = Self::read(path)?;
        let mut host = before.clone();
        let result = change(&mut host);
        if host != before {
            host.write(path)?;
        }
        Ok(result)
    }

    /// This host with a guest more, in a process and known to the daemon.
    #[must_use]
    pub fn with(mut self, name: &str, state: State) -> Self {
        self.put(&Identity { name: Name::from_any(name), uuid: None }, state);
        self
    }

    /// This host with a fault more that has no effect and stays.
    #[must_use]
    pub fn failing(mut self, on: &str, error: Answer) -> Self {
        let on = on.to_owned();
        self.faults.push(Fault { on, error, effect: Effect::None, times: None });
        self
    }

    /// What the daemon knows about a guest.
    #[must_use]
    pub fn sight(&self, guest: &Name) -> Sight {
        self.guests.get(guest.as_str()).cloned().unwrap_or(Sight::NOTHING)
    }

    /// Every process that is the guest.
    pub fn processes_of<'a>(&'a self, guest: &'a Identity) -> impl Iterator<Item = &'a Process> {
        self.processes.iter().filter(|process| {
            let same = |uuid: &Uuid| process.guest.uuid.as_ref().is_none_or(|it| it == uuid);
            process.guest.name == guest.name && guest.uuid.as_ref().is_none_or(same)
        })
    }

    /// What the script says about a call.
    pub(super) fn script(&mut self, on: &str) -> (Answer, Effect) {
        let fits = |it: &&mut Fault| {
            (it.on == on || (it.on == "*" && on != "kill")) && it.times != Some(0)
        };
        self.faults.iter_mut().find(fits).map_or((Answer::Done, Effect::Whole), |fault| {
            fault.times = fault.times.map(|times| times - 1);
            (fault.error, fault.effect)
        })
    }

    /// Begins a guest: a process, which the daemon knows.
    pub(super) fn put(&mut self, guest: &Identity, state: State) {
        self.last_pid += 1;
        let trace = Trace::Process(crate::Process { pid: self.last_pid, start: 1 });
        self.processes.push(Process { guest: guest.clone(), trace, state });
        let known = self.sight(&guest.name);
        let uuid = guest.uuid.clone().or(known.uuid);
        let sight = Sight { state, uuid, cpus: 2, memory: 512, job: Job::None, ..known };
        self.guests.insert(guest.name.to_string(), sight);
    }

    /// Changes what a guest does.
    pub(super) fn set(&mut self, guest: &Name, state: State, job: Job) {
        for process in self.processes.iter_mut().filter(|it| it.guest.name == *guest) {
            process.state = state;
        }
        if let Some(sight) = self.guests.get_mut(guest.as_str()) {
            (sight.state, sight.job) = (state, job);
        }
    }

    /// The daemon takes a guest for ended; a persistent definition stays.
    pub(super) fn forget(&mut self, guest: &Name) {
        let Some(sight) = self.guests.remove(guest.as_str()) else { return };
        if sight.persistent {
            let (uuid, persistent) = (sight.uuid, true);
            self.guests.insert(guest.to_string(), Sight { uuid, persistent, ..Sight::NOTHING });
        }
    }

    /// Ends a guest.
    pub(super) fn end(&mut self, guest: &Name) {
        self.processes.retain(|process| process.guest.name != *guest);
        self.forget(guest);
    }

    /// Whether the daemon is gone, and lets others talk to the guests' monitors.
    pub(super) fn is_unattended(&self) -> bool {
        self.faults.iter().any(|it| it.on == "*" && it.error == Answer::Unreachable)
    }
}
