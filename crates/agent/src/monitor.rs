use crate::error::Error;
use crate::instance::{Instance, record_path};
use crate::{Resource, table};
use exec::{Deadline, Tool};
use guest::{Health, Record};
use ocf::{Answer, Request, Verb};
use std::time::Duration;

/// How long the guest agent may take for a sign of life.
const AGENT_SLICE: Duration = Duration::from_secs(5);

/// How long a start waits before it runs a monitor script that failed again.
const RETRY: Duration = Duration::from_secs(1);

/// Whether this is a plain monitor, of a guest that was healthy when it was looked at last, and nothing has
/// changed since. That takes nobody to be asked. Only good news may be that fast: false says nothing.
#[must_use]
pub fn is_still_healthy<R: Resource>(request: &Request) -> bool {
    is_plain(request) && is_unchanged::<R>(request) == Some(true)
}

/// Whether only the guest itself is to be looked at, and not for the first time.
fn is_plain(request: &Request) -> bool {
    let scripts = || {
        let scripts = table::MONITOR_SCRIPTS.get(request);
        scripts.is_ok_and(|scripts| scripts.is_none_or(|list| list.is_empty()))
    };
    matches!(request.verb(), Verb::Monitor | Verb::Status)
        && !request.is_probe()
        && request.check_level().map_or_else(scripts, |level| level < 10)
}

/// Whether the record says that the guest was healthy, and nothing has changed since.
fn is_unchanged<R: Resource>(request: &Request) -> Option<bool> {
    let record = Record::load(&record_path::<R>(request))?;
    let (trace, stamp) = record.healthy?;
    let same = R::key(request)?.is_of(&record);
    Some(same && hypervisor::witness(&record.uri).still_healthy(&record.guest, trace, stamp))
}

/// Answers a monitor or a probe.
///
/// A probe asks whether anything of the guest is here, so that no second copy is started; whether it is
/// well is for the recurring monitor to say.
pub fn monitor<R: Resource>(instance: &Instance<'_, R>) -> Result<Answer, Error> {
    let probe = instance.request.is_probe();
    let (seen, stamp) = match instance.observe() {
        Ok(seen) => seen,
        Err(source) if probe => return Err(Error::ProbeWithoutEvidence { source }),
        Err(error) => return Err(error.into()),
    };
    match instance.guest().health(&seen) {
        Health::Off => {
            instance.stay();
            if probe {
                return Ok(Answer::NotRunning { reason: None });
            }
            let reason = format!("guest {} does not run here", instance.identity.name);
            return Ok(Answer::NotRunning { reason: Some(reason) });
        }
        health => {
            instance.remember(&seen, stamp);
            match health {
                _ if probe => return Ok(Answer::Success),
                Health::Failed { reason } => return Err(Error::Unhealthy { reason }),
                // A manager that gives no interval is not Pacemaker and knows no code for this.
                Health::Impaired { reason } if instance.request.interval().is_some() => {
                    return Ok(Answer::Degraded { reason });
                }
                _ => {}
            }
        }
    }
    R::keep(instance);
    deeper(instance).map(|()| Answer::Success)
}

/// What `OCF_CHECK_LEVEL` asks for beyond the guest itself.
fn deeper<R: Resource>(instance: &Instance<'_, R>) -> Result<(), Error> {
    let level = instance.request.check_level();
    if level.is_some_and(|level| (10..20).contains(&level)) {
        ping(instance).map_err(|source| Error::GuestAgent { source })?;
    }
    if level.is_some_and(|level| level >= 20) {
        match ping(instance) {
            // A guest without a guest agent can still have scripts.
            Err(hypervisor::Error::NoGuestAgent { .. }) | Ok(()) => {}
            Err(source) => return Err(Error::GuestAgent { source }),
        }
    }
    if level.is_none_or(|level| level >= 20) {
        run_scripts(instance, instance.by)?;
    }
    Ok(())
}

fn ping<R: Resource>(instance: &Instance<'_, R>) -> hypervisor::Result<()> {
    instance.hypervisor.ping_agent(&instance.identity.name, instance.by.slice(AGENT_SLICE))
}

/// Runs every monitor script, each in its share of the time.
fn run_scripts<R: Resource>(instance: &Instance<'_, R>, by: Deadline) -> Result<(), Error> {
    let scripts = &instance.settings().monitor_scripts;
    for (position, script) in scripts.iter().enumerate() {
        let rest = u32::try_from(scripts.len() - position).unwrap_or(u32::MAX);
        Tool::new(script)
            .inherit_environment()
            .run(by.slice(by.remaining() / rest))
            .map_err(|source| Error::Script { script: script.clone(), source })?;
    }
    Ok(())
}

/// Waits until every monitor script has succeeded.
pub fn scripts_succeed<R: Resource>(instance: &Instance<'_, R>) -> Result<(), Error> {
    // What is left must suffice for ending a guest that never gets ready.
    let by = instance.by.less(instance.by.remaining() / 4);
    loop {
        match run_scripts(instance, by) {
            // With so little time left a script that is well would be late, and be blamed.
            Err(error) if by.remaining() < 2 * RETRY => return Err(error),
            Err(_) => drop(by.pause(RETRY)),
            Ok(()) => return Ok(()),
        }
    }
}
