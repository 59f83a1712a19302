use super::Journey;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How many migrations are remembered; the oldest are forgotten first.
const LIMIT: usize = 500;

/// How a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The guest runs on the target.
    Migrated,
    /// The guest is still on the source.
    Stayed,
    /// It is not known where the guest is.
    Unknown,
}

/// One migration, as the history has it. Times are in milliseconds, amounts in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it began, since 1970.
    pub time: u64,
    /// The guest's name.
    pub guest: String,
    /// The node that it left.
    pub source: String,
    /// The node that it was to go to.
    pub target: String,
    /// How it ended.
    pub ending: Ending,
    /// Why it did not end well.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// How long finding out took whether it can be done.
    pub preflight: u64,
    /// How long it waited for other guests.
    pub wait: u64,
    /// How long sending took.
    pub transfer: u64,
    /// How long finding out took where the guest is.
    pub settle: u64,
    /// How much memory was sent.
    pub memory: u64,
    /// How much of its disks was sent.
    pub storage: u64,
    /// How many times its memory was gone through.
    pub passes: u64,
    /// How long the guest stood still, as its hypervisor saw it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub downtime: Option<u64>,
    /// What was done to make it end.
    pub steps: Vec<String>,
}

impl Entry {
    /// What there is to say of a journey that began at `time`.
    #[must_use]
    pub fn new(guest: &str, nodes: (&str, &str), time: SystemTime, journey: &Journey) -> Self {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let progress = journey.progress.unwrap_or_default();
        Self {
            time: millis(time.duration_since(UNIX_EPOCH).unwrap_or_default()),
            guest: guest.to_owned(),
            source: nodes.0.to_owned(),
            target: nodes.1.to_owned(),
            ending: Ending::Unknown,
            reason: None,
            preflight: millis(journey.preflight),
            wait: millis(journey.wait),
            transfer: millis(journey.transfer),
            settle: millis(journey.settle),
            memory: progress.memory.sent,
            storage: progress.storage.sent,
            passes: progress.pass,
            downtime: progress.downtime.map(millis),
            steps: journey.steps.clone(),
        }
    }

    /// Every figure under the name that it has in the journal, whose fields are capitals (systemd,
    /// systemd.journal-fields).
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(self) else {
            return Vec::new();
        };
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        let name = |name: String| format!("HAWSER_MIGRATION_{}", name.to_uppercase());
        fields.into_iter().map(|(key, value)| (name(key), text(value))).collect()
    }

    /// The entry with how it ended.
    #[must_use]
    pub fn ended(self, ending: Ending, reason: Option<String>) -> Self {
        Self { ending, reason, ..self }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { guest, source, target, .. } = self;
        match self.ending {
            Ending::Migrated => write!(f, "guest {guest} migrated from {source} to {target}"),
            Ending::Stayed => write!(f, "guest {guest} did not go from {source} to {target}"),
            Ending::Unknown => write!(f, "guest {guest} may be on {source} or on {target}"),
        }?;
        write!(
            f,
            ": {} ms of preflight, {} ms of waiting, {} ms of sending",
            self.preflight, self.wait, self.transfer
        )?;
        // Not every hypervisor tells.
        if self.passes > 0 {
            let sent = (self.memory + self.storage) >> 20;
            write!(f, " {sent} MiB in {} pass(es)", self.passes)?;
        }
        self.downtime.map_or(Ok(()), |downtime| write!(f, ", {downtime} ms of downtime"))
    }
}

/// The migrations of a node's guests: a file with a JSON object a line, the oldest first.
#[derive(Debug, Clone)]
pub struct History {
    path: PathBuf,
}

impl History {
    /// The history in that file.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// What is remembered, the oldest first. Lines that cannot be read are left out.
    ///
    /// # Errors
    /// The kernel's, but not that there is no file.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Adds a migration. The file is replaced as a whole, by one process at a time.
    ///
    /// # Errors
    /// The kernel's.
    pub fn add(&self, entry: &Entry) -> io::Result<()> {
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let lock = File::create(self.path.with_extension("lock"))?;
        let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| errno)?;
        let mut entries = self.entries()?;
        let surplus = (entries.len() + 1).saturating_sub(LIMIT);
        entries.drain(..surplus);
        let mut text = String::new();
        for entry in entries.iter().chain([entry]) {
            text.push_str(&serde_json::to_string(entry)?);
            text.push('\n');
        }
        file::replace(&self.path, text.as_bytes(), 0o644)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_migrations_are_remembered_and_what_is_no_entry_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let history = History::new(directory.path().join("new/migrations.jsonl"));
        assert_eq!(history.entries().unwrap(), []);
        let entry = |number: usize| {
            Entry::new(&number.to_string(), ("n1", "n2"), SystemTime::now(), &Journey::default())
                .ended(Ending::Stayed, Some("a\nb".to_owned()))
        };
        for number in 0..LIMIT {
            history.add(&entry(number)).unwrap();
        }
        let text = fs::read_to_string(&history.path).unwrap();
        fs::write(&history.path, format!("half of a li\n{text}")).unwrap();
        history.add(&entry(LIMIT)).unwrap();
        let entries = history.entries().unwrap();
        assert_eq!(entries.len(), LIMIT);
        assert_eq!((entries[0].guest.as_str(), entries[LIMIT - 1].guest.as_str()), ("1", "500"));
        assert_eq!(entries[0].reason.as_deref(), Some("a\nb"));
    }
}
