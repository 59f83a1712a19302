//! What is done about a guest that stands still because one of its disks gave an error.

use crate::error::Error;
use crate::instance::Instance;
use crate::{Resource, ladder};
use guest::{Record, Shutdown};
use ocf::Answer;
use recovery::{Finding, Timestamp};
use std::time::{Duration, SystemTime};

/// What is done about a guest that stands still because one of its disks gave an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OnIoError {
    /// What.
    pub action: IoAction,
    /// How long it is watched first, or tried, in whole seconds.
    pub time: Duration,
}

/// A way of dealing with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IoAction {
    /// It has failed.
    #[default]
    Fail,
    /// It is let run on, and has failed if that did not help.
    Resume,
    /// It is left as it is.
    Leave,
    /// It is ended, without being asked to shut down, and has failed.
    Kill,
}

impl IoAction {
    /// The ways by the names that parameters have for them.
    pub const NAMES: [(&str, Self); 4] = [
        ("fail", Self::Fail),
        ("resume", Self::Resume),
        ("leave", Self::Leave),
        ("kill", Self::Kill),
    ];

    /// The way of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|it| it.0 == name).map(|it| it.1)
    }
}

/// Answers a monitor of such a guest, of which `record` says since when it stands still. A manager that gives no
/// interval knows no code for one that is watched.
pub fn answer<R: Resource>(
    instance: &Instance<'_, R>,
    record: &Record,
    reason: String,
) -> Result<Answer, Error> {
    if instance.request.interval().is_none() {
        return Err(Error::Unhealthy { reason });
    }
    let OnIoError { action, time } = instance.settings().on_io_error;
    let now = Timestamp::from(SystemTime::now());
    let is_early = record.stalled.is_some_and(|since| since <= now && now.since(since) < time);
    if action == IoAction::Resume {
        resume(instance);
    }
    if is_early || action == IoAction::Leave {
        return Ok(Answer::Degraded { reason });
    }
    let answer = ladder::answer(instance, Finding::Gone, Error::Unhealthy { reason });
    if answer.is_err() && action == IoAction::Kill {
        let force = Shutdown { force: true, ..Shutdown::default() };
        instance.guest().stop(&force)?;
    }
    answer
}

/// Lets the guest run on. Whether that helps the next monitor sees.
fn resume<R: Resource>(instance: &Instance<'_, R>) {
    let name = &instance.identity.name;
    match instance.hypervisor.resume(name, instance.by) {
        Ok(()) => {
            ocf::log::info(format_args!("guest {name} stood still on an I/O error, and runs on"));
        }
        Err(error) => ocf::log::warn(format_args!("guest {name}: {error}")),
    }
}
