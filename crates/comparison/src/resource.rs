//! A guest as a resource of the cluster, for either agent alike.

use crate::{Error, Subject};
use exec::Deadline;
use lab::probe::{Control, Namespace};
use lab::{Guest, Lab};
use std::time::Duration;

/// How long a recurring monitor may take.
const MONITOR_TIME: Duration = Duration::from_secs(30);

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

/// Has the cluster manage a guest with the agent, monitored every `interval`.
pub fn create(lab: &Lab, subject: Subject, guest: &Guest, interval: Duration) -> Result<(), Error> {
    let (agent, parameters) = (subject.to_string(), subject.parameters(guest));
    let mut words = vec!["resource".to_owned(), "create".to_owned(), guest.name.clone(), agent];
    words.extend(parameters.into_iter().map(|(name, value)| format!("{name}={value}")));
    words.extend(["op".to_owned(), "monitor".to_owned()]);
    words.push(format!("interval={}s", interval.as_secs()));
    words.push(format!("timeout={}s", MONITOR_TIME.as_secs()));
    words.extend(["meta", "allow-migrate=true", "resource-stickiness=100"].map(str::to_owned));
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
