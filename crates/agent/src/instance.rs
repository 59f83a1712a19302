use crate::error::Error;
use crate::settings::{self, Settings};
use crate::{Open, Resource};
use exec::Deadline;
use guest::{Failed, Guest, Observation, Record};
use hypervisor::{Definition, Hypervisor, Identity, Name, Pause, Stamp, State, Witness};
use ocf::Request;
use recovery::{Filter, Finding, Rung, Timestamp, Verdict};
use std::fmt::Arguments;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long reading the configuration file may take; it may lie on a share whose server is gone.
const READ_SLICE: Duration = Duration::from_secs(5);

/// What a guest's definition may hold, in bytes; libvirt's own limit for a string is 4 MiB.
const DEFINITION_LIMIT: u64 = 4 << 20;

/// One resource: its parameters, its guest and its hypervisor, for one action.
pub struct Instance<'a, R> {
    /// What the manager wants.
    pub request: &'a Request,
    /// What the parameters say.
    pub config: R,
    /// When the action must have ended.
    pub by: Deadline,
    /// Which guest it is.
    pub identity: Identity,
    /// The hypervisor's connection URI.
    pub uri: String,
    /// That hypervisor.
    pub hypervisor: Box<dyn Hypervisor>,
    record_path: PathBuf,
    pub(crate) record: Option<Record>,
    witness: Box<dyn Witness>,
}

/// Where the record of a resource's guest is.
pub fn record_path<R: Resource>(request: &Request) -> PathBuf {
    let name = format!("hawser-{}-{}.json", R::AGENT.name, request.instance_file_name());
    request.state_directory().join(name)
}

fn note(text: Arguments<'_>) {
    ocf::log::info(text);
}

impl<'a, R: Resource> Instance<'a, R> {
    /// The resource with all of its configuration right, as it is now to be.
    pub(crate) fn strict(request: &'a Request, open: Open<'_>) -> Result<Self, R::Error> {
        let config = settings::strict::<R>(request)?;
        let record = Record::load(&record_path::<R>(request));
        let record = record.filter(|it| config.settings().key.is_of(it));
        Ok(Self::new(request, config, record, open))
    }

    /// The resource as it was started, with what is right of its configuration.
    pub(crate) fn lenient(request: &'a Request, open: Open<'_>) -> Self {
        let mut config = settings::lenient::<R>(request);
        let key = &mut config.settings_mut().key;
        // A record speaks of this resource only as long as it has the same configuration file.
        let record = Record::load(&record_path::<R>(request)).filter(|it| {
            let same = key.config.as_os_str().is_empty() || it.config == key.config;
            same && key.has_name(it)
        });
        if let Some(record) = &record {
            key.config.clone_from(&record.config);
        }
        Self::new(request, config, record, open)
    }

    fn new(request: &'a Request, config: R, record: Option<Record>, open: Open<'_>) -> Self {
        let by = Deadline::at(request.deadline());
        let record_path = record_path::<R>(request);
        let uri = record.as_ref().map_or(&config.settings().key.uri, |it| &it.uri).clone();
        let identity = match &record {
            Some(record) => record.guest.clone(),
            None => identity(&config, request, by),
        };
        let (hypervisor, witness) = (open(&uri), hypervisor::witness(&uri));
        Self { request, config, by, record_path, record, identity, uri, hypervisor, witness }
    }

    /// What every agent is told.
    pub(crate) fn settings(&self) -> &Settings {
        self.config.settings()
    }

    /// The guest, with everything that is done to it logged.
    pub(crate) fn guest(&self) -> Guest<'_> {
        Guest {
            identity: self.identity.clone(),
            hypervisor: &*self.hypervisor,
            witness: &*self.witness,
            asked: self.record.as_ref().and_then(|record| record.asked),
            leaving: self.record.as_ref().and_then(|record| record.leaving.clone()),
            by: self.by,
            note: &note,
        }
    }

    /// The guest's definition.
    pub(crate) fn definition(&self) -> Result<Definition, Error> {
        definition(&self.config, self.by)
    }

    /// Observes the guest, with the stamp that is to go with the answer.
    ///
    /// # Errors
    /// When nobody can tell what is true of it.
    pub fn observe(&self) -> Result<(Observation, Option<Stamp>), guest::Error> {
        let stamp = self.witness.stamp(&self.identity);
        Ok((self.guest().observe()?, stamp))
    }

    /// Writes down which guest this is, before anything of it exists.
    pub(crate) fn announce(&mut self) -> Result<(), Error> {
        let record = self.blank();
        self.store(record)
    }

    /// Writes down which daemon is about to be asked to start the guest: one that hangs may still do it
    /// when nobody expects it any more.
    pub(crate) fn ask(&mut self) -> Result<(), Error> {
        let asked = self.witness.daemon();
        match self.record.clone() {
            Some(record) => self.store(Record { asked, ..record }),
            None => Ok(()),
        }
    }

    /// Writes down where a migration may still take the guest, and whether one has just failed. The next monitor,
    /// which takes a full look then, takes it back: the guest is not being stopped for it.
    pub(crate) fn note_migration(
        &mut self,
        leaving: Option<String>,
        failed: Option<Failed>,
    ) -> Result<(), Error> {
        let record = self.record.clone().unwrap_or_else(|| self.blank());
        self.store(Record { leaving, failed, healthy: None, ..record })
    }

    /// Writes down that no migration takes the guest anywhere, if one might have: it is not here to be taken.
    pub(crate) fn stay(&self) {
        if let Some(record) = self.record.clone().filter(|record| record.leaving.is_some()) {
            self.keep(&Record { leaving: None, ..record });
        }
    }

    fn blank(&self) -> Record {
        Record::new(self.identity.clone(), self.settings().key.config.clone(), self.uri.clone())
    }

    fn store(&mut self, record: Record) -> Result<(), Error> {
        let stored = self.write(&record);
        self.record = Some(record);
        stored
    }

    fn write(&self, record: &Record) -> Result<(), Error> {
        let failed = |source| Error::Write { path: self.record_path.clone(), source };
        record.store(&self.record_path).map_err(failed)
    }

    /// Writes a record that makes answers quick, and does without if that cannot be.
    fn keep(&self, record: &Record) {
        if let Err(error) = self.write(record) {
            let error = ocf::reason(&error);
            ocf::log::warn(format_args!("{error}; monitors will be slower"));
        }
    }

    /// Writes down what was seen of a guest that is active, and tells the cluster what it uses. Returns what is
    /// written.
    pub(crate) fn remember(&self, seen: &Observation, stamp: Option<Stamp>) -> Record {
        if self.record.is_none() {
            // Somebody else started it.
            R::ORDERING.arrange(self.by);
        }
        let sight = seen.sight.as_ref();
        let healthy = match (seen.state, sight, &seen.traces[..], stamp) {
            // What is wrong with one that is held no glance would show.
            (State::Running, Some(_), [trace], Some(stamp)) if !self.is_held() => {
                Some((*trace, stamp))
            }
            _ => None,
        };
        let told = self.record.as_ref().and_then(|record| record.utilization);
        // One that is being built, as when it reboots, has no size yet, and one that the hypervisor calls off none.
        let building = seen.state == State::Paused(Pause::Building);
        let sized = sight.filter(|sight| sight.cpus > 0 && !building);
        let utilization = sized.map_or(told, |sight| self.tell(sight, told));
        let leaving = self.record.as_ref().and_then(|record| record.leaving.clone());
        let leaving = leaving.filter(|_| !seen.has_no_job());
        let (checks, fresh, stalled, decided) = match &self.record {
            Some(record) => (record.checks.clone(), record.fresh, record.stalled, record.decided),
            None => Default::default(),
        };
        let now = || SystemTime::now().into();
        let stalled =
            (seen.state == State::Paused(Pause::IoError)).then(|| stalled.unwrap_or_else(now));
        let record = Record {
            leaving,
            healthy,
            utilization,
            stalled,
            decided,
            checks,
            fresh,
            ..self.blank()
        };
        self.keep(&record);
        record
    }

    /// Gives a guest that has just been started the time to answer its first check.
    pub(crate) fn give_grace(&mut self) {
        let until = Timestamp::from(SystemTime::now()) + self.settings().policy.grace;
        if let Some(record) = &mut self.record {
            record.fresh = Filter::after_action(until);
        }
    }

    /// Judges what the guest's checks have found, now and before as `record` has it. A verdict that the next monitor
    /// would not know of is not put off.
    pub(crate) fn judge(&self, record: Record, finding: Finding) -> Verdict {
        let Record { mut checks, fresh, .. } = record;
        let level = self.request.check_level().unwrap_or_default();
        let filter = checks.entry(level).or_insert(fresh);
        let verdict = filter.note(&self.settings().policy, SystemTime::now().into(), finding);
        match self.write(&Record { checks, ..record }) {
            Err(error) if finding == Finding::Bad => {
                ocf::log::warn(format_args!("{}", ocf::reason(&error)));
                Verdict::Failed
            }
            _ => verdict,
        }
    }

    /// Writes down what was decided to be done about the guest's failure, or that nothing is.
    pub(crate) fn note_decision(&self, decided: Option<(Timestamp, Rung)>) {
        if let Some(record) = Record::load(&self.record_path) {
            self.keep(&Record { decided, healthy: None, ..record });
        }
    }

    /// Whether the guest is held for an operator, so that nobody would start it again.
    pub(crate) fn is_held(&self) -> bool {
        let decided = self.record.as_ref().and_then(|record| record.decided);
        decided.is_some_and(|(_, rung)| rung == Rung::Hold)
    }

    /// Takes note of the guest's failure, for who judges the node.
    pub(crate) fn note_failure(&self) {
        if let Err(error) = guest::failures::note(&self.record_path) {
            ocf::log::warn(format_args!("cannot take note of the guest's failure: {error}"));
        }
    }

    /// Forgets a guest that is proven to be gone.
    pub(crate) fn forget(&self) {
        if let Err(error) = Record::remove(&self.record_path) {
            ocf::log::warn(format_args!("cannot remove {}: {error}", self.record_path.display()));
        }
    }
}

/// Which guest this is when nothing was seen of it since the node booted: the one that the configuration
/// names. If that cannot be read, nothing of ours has run here either; the resource's name is then the
/// best guess at what somebody else may have started.
fn identity<R: Resource>(config: &R, request: &Request, by: Deadline) -> Identity {
    definition(config, by).map_or_else(
        |error| {
            let given = config.settings().key.name.clone();
            let name = given.unwrap_or_else(|| resource_name(request));
            ocf::log::info(format_args!("{error}; looking for a guest named {name}"));
            Identity { name, uuid: None }
        },
        |definition| definition.identity,
    )
}

/// The resource's name, as that of a guest which nothing else names. That of a clone's instance has its number at
/// the end.
#[must_use]
pub fn resource_name(request: &Request) -> Name {
    Name::from_any(request.instance().split(':').next().unwrap_or_default())
}

fn definition<R: Resource>(config: &R, by: Deadline) -> Result<Definition, Error> {
    let path = &config.settings().key.config;
    let failed = |source| Error::ConfigFile { path: path.to_owned(), source };
    let file = path.to_owned();
    // A read from a share whose server is gone cannot be interrupted.
    let text = by.slice(READ_SLICE).bound(move || read(&file));
    let text = text.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into())).map_err(failed)?;
    config.definition(&text).map_err(|source| Error::Definition { path: path.to_owned(), source })
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(DEFINITION_LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > DEFINITION_LIMIT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}
