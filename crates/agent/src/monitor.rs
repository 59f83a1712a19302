use crate::error::Error;
use crate::instance::{Instance, record_path};
use crate::{Resource, checks, io_error, ladder, table};
use guest::{Health, Record};
use hypervisor::{Pause, State};
use ocf::{Answer, Parameter, Request, Verb};
use recovery::Finding;

/// Whether this is a plain monitor, of a guest that was healthy when it was looked at last, and nothing has
/// changed since. That takes nobody to be asked. Only good news may be that fast: false says nothing.
#[must_use]
pub fn is_still_healthy<R: Resource>(request: &Request) -> bool {
    is_plain(request) && is_unchanged::<R>(request) == Some(true)
}

/// Whether only the guest itself is to be looked at, and not for the first time.
fn is_plain(request: &Request) -> bool {
    let is_empty = |list: Parameter<Vec<String>>| {
        list.get(request).is_ok_and(|list| list.is_none_or(|list| list.is_empty()))
    };
    let nothing = || is_empty(table::MONITOR_SCRIPTS) && is_empty(table::CHECK_SERVICES);
    matches!(request.verb(), Verb::Monitor | Verb::Status)
        && !request.is_probe()
        && request.check_level().map_or_else(nothing, |level| level < 10)
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
    if instance.request.is_probe() {
        // What was seen is written down by now, and what is taken back stays so.
        ladder::probed(instance);
    }
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
        return Ok(Answer::NotRunning { reason: (!probe).then(|| gone(instance)) });
    }
    let record = instance.remember(&seen, stamp);
    match health {
        _ if probe => return Ok(Answer::Success),
        Health::Failed { reason } if seen.state == State::Paused(Pause::IoError) => {
            return io_error::answer(instance, &record, reason);
        }
        Health::Failed { reason } => {
            return ladder::answer(instance, Finding::Gone, Error::Unhealthy { reason });
        }
        // A manager that gives no interval is not Pacemaker and knows no code for this.
        Health::Impaired { reason } if instance.request.interval().is_some() => {
            return Ok(Answer::Degraded { reason });
        }
        _ => {}
    }
    R::keep(instance);
    match checks::answer(instance, &seen, record)? {
        Answer::Success if instance.is_held() && instance.request.interval().is_some() => {
            let resource = instance.request.instance();
            let reason = format!(
                "held for an operator, and not started again; crm_resource --refresh --resource \
                 {resource} releases it"
            );
            Ok(Answer::Degraded { reason })
        }
        answer => Ok(answer),
    }
}

/// What is said of a guest that does not run, and of what is done about it.
fn gone<R: Resource>(instance: &Instance<'_, R>) -> String {
    let reason = format!("guest {} does not run here", instance.identity.name);
    match ladder::decide(instance, Finding::Gone) {
        Some(decision) => format!("{decision}: {reason}"),
        None => reason,
    }
}
