//! A guest as a resource of the cluster, for either agent alike.

use crate::setting::allowed;
use crate::{Error, Subject};
use exec::Deadline;
use lab::image::Hypervisor;
use lab::probe::{Control, Namespace};
use lab::{Guest, Lab};
use std::time::Duration;

/// How long one attempt to reach a guest may take, and the pause before the next.
const TRY_TIME: Duration = Duration::from_millis(500);
const TRY_PAUSE: Duration = Duration::from_millis(50);

/// How long a monitor may take, and everything but that and a migration.
const MONITOR_TIME: Duration = Duration::from_secs(30);
const ACTION_TIME: Duration = Duration::from_secs(60);

/// The guest that an agent manages, where both agents have one in the same lab. Its name is also the
/// resource's.
pub fn guest(subject: Subject) -> Guest {
    match subject {
        Subject::Ours(hypervisor) => named(hypervisor, "ours", 0),
        Subject::Stock(hypervisor) => named(hypervisor, "stock", 1),
    }
}

/// A guest that can be migrated. Xen's migrates without a disk: nothing moves the lock on its file along.
pub fn named(hypervisor: Hypervisor, name: &str, number: u8) -> Guest {
    Guest { disk: hypervisor == Hypervisor::Kvm, ..Guest::new(name, number) }
}

/// How the cluster calls an agent, where nodes are namespaces; emulated ones get more time.
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
    let seconds = |time| allowed(subject.hypervisor(), time).as_secs();
    let [monitor, other] = [MONITOR_TIME, ACTION_TIME].map(seconds);
    let operations = format!(
        "op monitor interval={}s timeout={monitor}s migrate_to timeout={}s migrate_from timeout={other}s \
         start timeout={other}s stop timeout={other}s meta allow-migrate=true resource-stickiness=100",
        operations.interval.as_secs(),
        seconds(operations.migration)
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
