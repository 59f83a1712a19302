//! A guest as a resource of the cluster, for either agent alike.

use crate::setting::allowed;
use crate::{Error, Subject};
use exec::Deadline;
use lab::image::Hypervisor;
use lab::probe::{Control, Namespace};
use lab::{Guest, Lab, SHARED};
use std::path::Path;
use std::time::Duration;

/// How long one attempt to reach a guest may take, and the pause before the next.
const TRY_TIME: Duration = Duration::from_millis(500);
const TRY_PAUSE: Duration = Duration::from_millis(50);

/// What the cluster is told, on the lab's shared storage.
const FILE: &str = "resources.cib";

/// How long a monitor may take, and everything but that and a migration.
const MONITOR_TIME: Duration = Duration::from_secs(30);
const ACTION_TIME: Duration = Duration::from_secs(60);

/// The guest that an agent manages, where both agents have one in the same lab. Its name is also the
/// resource's.
pub(crate) fn guest(subject: Subject) -> Guest {
    match subject {
        Subject::Ours(hypervisor) => named(hypervisor, "ours", 0),
        Subject::Stock(hypervisor) => named(hypervisor, "stock", 1),
    }
}

/// A guest that can be migrated. Xen's migrates without a disk: nothing moves the lock on its file along.
pub(crate) fn named(hypervisor: Hypervisor, name: &str, number: u8) -> Guest {
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

/// Has the cluster manage guests with the agent, all in one change of its configuration. pcs would do it too,
/// and take a minute on an emulated node.
///
/// # Errors
/// When no node is on, or the cluster refuses it.
pub fn create(
    lab: &Lab,
    subject: Subject,
    guests: &[Guest],
    operations: Operations,
) -> Result<(), Error> {
    let list: String = guests.iter().map(|guest| primitive(subject, guest, operations)).collect();
    let path = lab.shared().join(FILE);
    std::fs::write(&path, format!("<resources>{list}</resources>"))
        .map_err(|source| Error::Install { path, source })?;
    let file = Path::new(SHARED).join(FILE).display().to_string();
    lab.run(
        "cibadmin",
        &["--modify", "--allow-create", "--scope", "resources", "--xml-file", &file],
    )?;
    Ok(())
}

fn primitive(subject: Subject, guest: &Guest, operations: Operations) -> String {
    let (name, provider, kind) = (&guest.name, subject.provider(), subject.type_name());
    let pair = |(key, value): (String, String)| {
        format!("<nvpair id='{name}-{key}' name='{key}' value='{value}'/>")
    };
    let parameters: String = subject.parameters(guest).into_iter().map(pair).collect();
    let operation = |(action, interval, timeout): (&str, Duration, Duration)| {
        let [interval, timeout] =
            [interval, timeout].map(|it| allowed(subject.hypervisor(), it).as_secs());
        format!(
            "<op id='{name}-{action}' name='{action}' interval='{interval}s' timeout='{timeout}s'/>"
        )
    };
    let operations: String = [
        ("monitor", operations.interval, MONITOR_TIME),
        ("migrate_to", Duration::ZERO, operations.migration),
        ("migrate_from", Duration::ZERO, ACTION_TIME),
        ("start", Duration::ZERO, ACTION_TIME),
        ("stop", Duration::ZERO, ACTION_TIME),
    ]
    .into_iter()
    .map(operation)
    .collect();
    format!(
        "<primitive id='{name}' class='ocf' provider='{provider}' type='{kind}'>\
         <instance_attributes id='{name}-parameters'>{parameters}</instance_attributes>\
         <operations>{operations}</operations>\
         <meta_attributes id='{name}-meta'>\
         <nvpair id='{name}-migrate' name='allow-migrate' value='true'/>\
         <nvpair id='{name}-stickiness' name='resource-stickiness' value='100'/>\
         </meta_attributes></primitive>"
    )
}

/// Waits until a guest answers on its control port.
pub(crate) fn wait_up(lab: &Lab, guest: &Guest, deadline: Deadline) -> Result<Control, Error> {
    let namespace = Namespace::open(&lab.observer()?.network()).map_err(lab::Error::from)?;
    loop {
        match Control::connect(&namespace, guest.address(), deadline.slice(TRY_TIME)) {
            Err(error) if !deadline.pause(TRY_PAUSE) => return Err(lab::Error::from(error).into()),
            Err(_) => {}
            Ok(control) => return Ok(control),
        }
    }
}
