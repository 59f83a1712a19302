use crate::config::Config;
use crate::error::Error;
use crate::ordering;
use exec::Deadline;
use guest::{Failed, Guest, Observation, Record};
use hypervisor::{Definition, Hypervisor, Identity, Name, Stamp, State, Witness};
use ocf::Request;
use std::fmt::Arguments;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long reading the configuration file may take; it may lie on a share whose server is gone.
const READ_SLICE: Duration = Duration::from_secs(5);

/// What a guest's definition may hold, in bytes; libvirt's own limit for a string is 4 MiB.
const DEFINITION_LIMIT: u64 = 4 << 20;

/// One resource: its parameters, its guest and its hypervisor, for one action.
pub struct Instance<'a> {
    pub request: &'a Request,
    pub config: Config,
    pub by: Deadline,
    pub record_path: PathBuf,
    pub record: Option<Record>,
    pub identity: Identity,
    pub uri: String,
    pub hypervisor: Box<dyn Hypervisor>,
    pub witness: Box<dyn Witness>,
}

/// Where the record of a resource's guest is.
pub fn record_path(request: &Request) -> PathBuf {
    request.state_directory().join(format!("hawser-kvm-{}.json", request.instance_file_name()))
}

fn note(text: Arguments<'_>) {
    ocf::log::info(text);
}

impl<'a> Instance<'a> {
    /// The resource with all of its configuration right, as it is now to be.
    pub fn strict(
        request: &'a Request,
        open: &dyn Fn(&str) -> Box<dyn Hypervisor>,
    ) -> Result<Self, Error> {
        let config = Config::strict(request)?;
        let record = Record::load(&record_path(request))
            .filter(|it| it.config == config.config && it.uri == config.hypervisor);
        Ok(Self::new(request, config, record, open))
    }

    /// The resource as it was started, with what is right of its configuration.
    pub fn lenient(request: &'a Request, open: &dyn Fn(&str) -> Box<dyn Hypervisor>) -> Self {
        let mut config = Config::lenient(request);
        // A record speaks of this resource only as long as it has the same configuration file.
        let record = Record::load(&record_path(request))
            .filter(|it| config.config.as_os_str().is_empty() || it.config == config.config);
        if let Some(record) = &record {
            config.config.clone_from(&record.config);
        }
        Self::new(request, config, record, open)
    }

    fn new(
        request: &'a Request,
        config: Config,
        record: Option<Record>,
        open: &dyn Fn(&str) -> Box<dyn Hypervisor>,
    ) -> Self {
        let by = Deadline::at(request.deadline());
        let record_path = record_path(request);
        let uri = record.as_ref().map_or(&config.hypervisor, |it| &it.uri).clone();
        let identity = match &record {
            Some(record) => record.guest.clone(),
            None => identity(&config, request, by),
        };
        let (hypervisor, witness) = (open(&uri), hypervisor::witness(&uri));
        Self { request, config, by, record_path, record, identity, uri, hypervisor, witness }
    }

    /// The guest, with everything that is done to it logged.
    pub fn guest(&self) -> Guest<'_> {
        Guest {
            identity: self.identity.clone(),
            hypervisor: &*self.hypervisor,
            witness: &*self.witness,
            asked: self.record.as_ref().and_then(|record| record.asked),
            by: self.by,
            note: &note,
        }
    }

    /// The guest's definition.
    pub fn definition(&self) -> Result<Definition, Error> {
        definition(&self.config.config, self.by)
    }

    /// Observes the guest, with the stamp that is to go with the answer.
    pub fn observe(&self) -> Result<(Observation, Option<Stamp>), guest::Error> {
        let stamp = self.witness.stamp(&self.identity);
        Ok((self.guest().observe()?, stamp))
    }

    /// Writes down which guest this is, before anything of it exists.
    pub fn announce(&mut self) -> Result<(), Error> {
        let record = self.blank();
        self.store(record)
    }

    /// Writes down which daemon is about to be asked to start the guest: one that hangs may still do it
    /// when nobody expects it any more.
    pub fn ask(&mut self) -> Result<(), Error> {
        let asked = self.witness.daemon();
        match self.record.clone() {
            Some(record) => self.store(Record { asked, ..record }),
            None => Ok(()),
        }
    }

    /// Writes down whether a migration has just failed. The next monitor, which takes a full look then,
    /// takes it back: the guest is not being stopped for it.
    pub fn note_failure(&mut self, failed: Option<Failed>) -> Result<(), Error> {
        let record = self.record.clone().unwrap_or_else(|| self.blank());
        self.store(Record { failed, healthy: None, ..record })
    }

    fn blank(&self) -> Record {
        Record::new(self.identity.clone(), self.config.config.clone(), self.uri.clone())
    }

    fn store(&mut self, record: Record) -> Result<(), Error> {
        let stored = record.store(&self.record_path);
        self.record = Some(record);
        stored.map_err(|source| Error::Write { path: self.record_path.clone(), source })
    }

    /// Writes down what was seen of a guest that is active, and tells the cluster what it uses.
    pub fn remember(&self, seen: &Observation, stamp: Option<Stamp>) {
        if self.record.is_none() {
            // Somebody else started it.
            ordering::arrange(self.by);
        }
        let sight = seen.sight.as_ref();
        let healthy = match (seen.state, sight, &seen.traces[..], stamp) {
            (State::Running, Some(_), [trace], Some(stamp)) => Some((*trace, stamp)),
            _ => None,
        };
        let told = self.record.as_ref().and_then(|record| record.utilization);
        let utilization = sight.map_or(told, |sight| self.tell(sight, told));
        let record = Record { healthy, utilization, ..self.blank() };
        if let Err(error) = record.store(&self.record_path) {
            let path = self.record_path.display();
            ocf::log::warn(format_args!("cannot write {path}: {error}; monitors will be slower"));
        }
    }

    /// Forgets a guest that is proven to be gone.
    pub fn forget(&self) {
        if let Err(error) = Record::remove(&self.record_path) {
            ocf::log::warn(format_args!("cannot remove {}: {error}", self.record_path.display()));
        }
    }
}

/// Which guest this is when nothing was seen of it since the node booted: the one that the configuration
/// names. If that cannot be read, nothing of ours has run here either; the resource's name is then the
/// best guess at what somebody else may have started.
fn identity(config: &Config, request: &Request, by: Deadline) -> Identity {
    definition(&config.config, by).map_or_else(
        |error| {
            ocf::log::info(format_args!("{error}; looking for a guest named as the resource"));
            let name = request.instance().split(':').next().unwrap_or_default();
            Identity { name: Name::from_any(name), uuid: None }
        },
        |definition| definition.identity,
    )
}

fn definition(path: &Path, by: Deadline) -> Result<Definition, Error> {
    let failed = |source| Error::ConfigFile { path: path.to_owned(), source };
    let file = path.to_owned();
    // A read from a share whose server is gone cannot be interrupted.
    let text = by.slice(READ_SLICE).bound(move || read(&file));
    let text = text.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into())).map_err(failed)?;
    Definition::from_xml(&text)
        .map_err(|source| Error::Definition { path: path.to_owned(), source })
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(DEFINITION_LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > DEFINITION_LIMIT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}
