//! What is asked of a guest beyond that it runs: the guest agent, its services, and the monitor scripts.

use crate::error::Error;
use crate::instance::Instance;
use crate::{Resource, ladder};
use exec::{Deadline, Tool};
use guest::{Observation, Record};
use hypervisor::Job;
use ocf::Answer;
use recovery::{Finding, Verdict};
use std::time::{Duration, Instant};

/// How long the guest agent may take for a sign of life.
const AGENT_SLICE: Duration = Duration::from_secs(5);

/// How long it may take to say whether file systems are frozen, after another check has failed: a second more until a
/// guest that hangs is found.
const FROZEN_SLICE: Duration = Duration::from_secs(1);

/// What is left of a recurring monitor's time for judging what was found and acting upon it, at most.
const JUDGEMENT: Duration = Duration::from_secs(5);

/// How long a start waits before it asks again for services that were not there.
const RETRY: Duration = Duration::from_secs(1);

/// Answers a monitor of a guest that runs, by its checks.
///
/// Of Pacemaker's recurring monitor they are judged together with what they found before, of which `record` has the
/// verdict. While a job holds the guest (a backup, a snapshot, a migration), or its file systems are frozen, it may not
/// answer as it should, and that says nothing. A manager that gives no interval knows no code for a guest that may have failed.
pub fn answer<R: Resource>(
    instance: &Instance<'_, R>,
    seen: &Observation,
    record: Record,
) -> Result<Answer, Error> {
    if !is_any(instance) {
        return Ok(Answer::Success);
    }
    if instance.request.interval().is_none() {
        return run(instance, instance.by).map(|()| Answer::Success);
    }
    let found = run_again(instance);
    let finding = match &found {
        Ok(()) => Finding::Good,
        Err(error) if is_unknown(error) || is_held(seen) => Finding::Unknown,
        Err(error) if is_frozen(instance, error) => Finding::Unknown,
        Err(_) => Finding::Bad,
    };
    let name = &instance.identity.name;
    match (instance.judge(record, finding), found) {
        (Verdict::Healthy, Ok(())) => Ok(Answer::Success),
        (Verdict::Failed, Err(error)) => ladder::answer(instance, finding, error),
        (_, Err(error)) => Ok(Answer::Degraded { reason: ocf::reason(&error) }),
        // One that had failed and was left alone is well now: nothing is gained by a restart.
        (Verdict::Suspect | Verdict::Failed, Ok(())) => Ok(Answer::Degraded {
            reason: format!("guest {name} answers its checks again, after some have failed"),
        }),
    }
}

/// Whether anything is asked at this level.
fn is_any<R: Resource>(instance: &Instance<'_, R>) -> bool {
    match instance.request.check_level() {
        Some(level) => level >= 10,
        None => instance.settings().has_services(),
    }
}

/// Runs the checks until they succeed, as often as the policy has it. Each time they have most of the monitor's: a
/// script that is slow is not one that fails.
fn run_again<R: Resource>(instance: &Instance<'_, R>) -> Result<(), Error> {
    let policy = &instance.settings().policy;
    let by = instance.by.slice(policy.spacing * policy.attempts);
    let end = instance.by.less(JUDGEMENT.min(instance.by.remaining() / 4));
    loop {
        let begun = Instant::now();
        match run(instance, end) {
            Ok(()) => return Ok(()),
            Err(error) if is_unknown(&error) => return Err(error),
            Err(error) => {
                let took = begun.elapsed();
                let rest = policy.spacing.saturating_sub(took);
                // The next attempt needs its time as well.
                if by.remaining() < rest + took.min(policy.spacing) || !by.pause(rest) {
                    return Err(error);
                }
            }
        }
    }
}

/// Whether a job holds the guest.
fn is_held(seen: &Observation) -> bool {
    seen.sight.as_ref().is_some_and(|sight| sight.job == Job::Running)
}

/// Whether what failed may have waited for file systems that are frozen. A guest agent that did not answer would not say.
fn is_frozen<R: Resource>(instance: &Instance<'_, R>, error: &Error) -> bool {
    let by = instance.by.slice(FROZEN_SLICE);
    !matches!(error, Error::GuestAgent { .. })
        && instance.hypervisor.is_frozen(&instance.identity.name, by).unwrap_or(false)
}

/// Whether a check could not be made at all. That says nothing of the guest.
fn is_unknown(error: &Error) -> bool {
    use exec::Error::{Missing, Start};
    matches!(error, Error::Script { source: Missing { .. } | Start { .. }, .. })
}

/// Runs the checks that `OCF_CHECK_LEVEL` asks for, once.
fn run<R: Resource>(instance: &Instance<'_, R>, by: Deadline) -> Result<(), Error> {
    let level = instance.request.check_level();
    if level.is_some_and(|level| (10..20).contains(&level)) {
        ping(instance, by).map_err(|source| Error::GuestAgent { source })?;
    }
    if level.is_some_and(|level| level >= 20) {
        match ping(instance, by) {
            // A guest without a guest agent can still have scripts.
            Err(hypervisor::Error::NoGuestAgent { .. }) | Ok(()) => {}
            Err(source) => return Err(Error::GuestAgent { source }),
        }
    }
    match level.is_none_or(|level| level >= 20) {
        true => ask_services(instance, by),
        false => Ok(()),
    }
}

/// Asks the guest agent for a sign of life, where the hypervisor can.
fn ping<R: Resource>(instance: &Instance<'_, R>, by: Deadline) -> hypervisor::Result<()> {
    if !instance.hypervisor.abilities().agent {
        return Ok(());
    }
    instance.hypervisor.ping_agent(&instance.identity.name, by.slice(AGENT_SLICE))
}

/// Asks every service, and runs every monitor script, each in its share of the time.
fn ask_services<R: Resource>(instance: &Instance<'_, R>, by: Deadline) -> Result<(), Error> {
    for service in &instance.settings().services {
        let silent = |source| Error::Service { service: service.clone(), source };
        service.ask(by).map_err(silent)?;
    }
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

/// Waits until every service answers, and every monitor script has succeeded.
pub fn services_are_up<R: Resource>(instance: &Instance<'_, R>) -> Result<(), Error> {
    // What is left must suffice for ending a guest that never gets ready.
    let by = instance.by.less(instance.by.remaining() / 4);
    loop {
        match ask_services(instance, by) {
            // With so little time left a script that is well would be late, and be blamed.
            Err(error) if by.remaining() < 2 * RETRY => return Err(error),
            Err(_) => drop(by.pause(RETRY)),
            Ok(()) => return Ok(()),
        }
    }
}
