//! A guest as a resource of the cluster, for either agent alike.

use crate::{Error, Subject};
use exec::Deadline;
use lab::probe::{Control, Namespace};
use lab::{Guest, Lab};
use std::time::Duration;

/// How long one attempt to reach a guest may take, and the pause before the next.
const TRY_TIME: Duration = Duration::from_millis(500);
const TRY_PAUSE: Duration = Duration::from_millis(50);

/// The guest that an agent manages, where both agents have one in the same lab. Its name is also the
/// resource's.
pub fn guest(subject: Subject) -> Guest {
    match subject {
        Subject::Ours => Guest::new("ours", 0),
        Subject::Stock => Guest::new("stock", 1),
    }
}

/// How the cluster calls an agent.
#[derive(Debug, Clone, Copy)]
pub struct Operations {
    /// The time between two monitors, in whole seconds.
    pub interval: Duration,
    /// How long a migrate_to may take, in whole seconds.
    pub migration: Duration,
}

impl Default for Operations {
    fn default() -> Self {
        Self { interval: Duration::from_secs(10), migration: Duration::from_secs(120) }
    }
}

/// Has the cluster manage a guest with the agent.
pub fn create(
    lab: &Lab,
    subject: Subject,
    guest: &Guest,
    operations: Operations,
) -> Result<(), Error> {
    let (agent, parameters) = (subject.to_string(), subject.parameters(guest));
    let mut words = vec!["resource".to_owned(), "create".to_owned(), guest.name.clone(), agent];
    words.extend(parameters.into_iter().map(|(name, value)| format!("{name}={value}")));
    let operations = format!(
        "op monitor interval={}s timeout=30s migrate_to timeout={}s migrate_from timeout=60s \
         start timeout=60s stop timeout=60s meta allow-migrate=true resource-stickiness=100",
        operations.interval.as_secs(),
        operations.migration.as_secs()
    );
    words.extend(operations.split(' ').map(str::to_owned));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    lab.run("pcs", &words)?;
    Ok(())
}

/// Waits until a guest answers on its control port.
pub fn wait_up(lab: &Lab, guest: &Guest, deadline: Deadline) -> Result<Control, Error> {
    let namespace = Namespace::open(&lab.observer()?.network()).map_err(lab::Error::from)?;
    loop {
        match Control::connect(&namespace, guest.address(), deadline.slice(TRY_TIME)) {
            Err(error) if !deadline.pause(TRY_PAUSE) => return Err(lab::Error::from(error).into()),
            Err(_) => {}
            Ok(control) => return Ok(control),
        }
    }
}
