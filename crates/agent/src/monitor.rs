use crate::error::Error;
use crate::instance::{Instance, record_path};
use crate::{Resource, checks, table};
use guest::{Health, Record};
use ocf::{Answer, Request, Verb};

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

/// Answers a monitor or a probe. That a recurring monitor finds the guest failed is noted.
pub fn monitor<R: Resource>(instance: &Instance<'_, R>) -> Result<Answer, Error> {
    let answer = look(instance);
    let failed = match &answer {
        Ok(answer) => matches!(answer, Answer::NotRunning { .. }),
        Err(error) => error.is_of_the_guest(),
    };
    if failed && instance.request.interval().is_some_and(|interval| !interval.is_zero()) {
        instance.note_failure();
    }
    answer
}

/// A probe asks whether anything of the guest is here, so that no second copy is started; whether it is
/// well is for the recurring monitor to say.
fn look<R: Resource>(instance: &Instance<'_, R>) -> Result<Answer, Error> {
    let probe = instance.request.is_probe();
    let (seen, stamp) = match instance.observe() {
        Ok(seen) => seen,
        Err(source) if probe => return Err(Error::ProbeWithoutEvidence { source }),
        Err(error) => return Err(error.into()),
    };
    let health = instance.guest().health(&seen);
    if health == Health::Off {
        instance.stay();
        let reason = format!("guest {} does not run here", instance.identity.name);
        return Ok(Answer::NotRunning { reason: Some(reason).filter(|_| !probe) });
    }
    let record = instance.remember(&seen, stamp);
    match health {
        _ if probe => return Ok(Answer::Success),
        Health::Failed { reason } => return Err(Error::Unhealthy { reason }),
        // A manager that gives no interval is not Pacemaker and knows no code for this.
        Health::Impaired { reason } if instance.request.interval().is_some() => {
            return Ok(Answer::Degraded { reason });
        }
        _ => {}
    }
    R::keep(instance);
    checks::answer(instance, record)
}
