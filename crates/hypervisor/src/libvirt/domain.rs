//! What libvirt tells about one domain, in our terms.

use super::session::Session;
use super::{Libvirt, ffi};
use crate::Deadline;
use crate::error::{Error, Result};
use crate::identity::{Name, Uuid};
use crate::state::{Job, Pause, Sight, State};
use std::time::Duration;
use virt::connect::Connect;
use virt::domain::{
    Domain, DomainPausedReason as Paused, DomainRunningReason as Running,
    DomainShutoffReason as Ended, DomainState, DomainStateReason as Reason,
};
use virt::enumutil::Enum;
use virt::error::{Error as VirtError, ErrorNumber};
use virt::sys;

/// How often a job that was told to end is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Whether an error only says that there is no such domain.
fn is_gone(error: &VirtError) -> bool {
    is(error, ErrorNumber::NoDomain)
}

/// Errors are known by their number: their words are in the language that the daemon was started in.
fn is(error: &VirtError, number: ErrorNumber) -> bool {
    error.code().is_known_and(|code| code == number)
}

/// `Ok(None)` instead of the error that says that the domain is gone.
fn unless_gone<T>(
    answer: std::result::Result<T, VirtError>,
) -> std::result::Result<Option<T>, VirtError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The domain of that name, if it is active.
pub fn active(connect: &Connect, name: &Name) -> std::result::Result<Option<Domain>, VirtError> {
    let domain = unless_gone(connect.lookup_domain_by_name(name.as_str()))?;
    match domain {
        Some(domain) if domain.is_active()? => Ok(Some(domain)),
        _ => Ok(None),
    }
}

/// The domain of that name, if it is active or about to be again.
pub fn lasting(connect: &Connect, name: &Name) -> std::result::Result<Option<Domain>, VirtError> {
    let Some(domain) = unless_gone(connect.lookup_domain_by_name(name.as_str()))? else {
        return Ok(None);
    };
    let lasts = domain.is_active()? || is_restarting(&domain, &domain.state()?.1)?;
    Ok(lasts.then_some(domain))
}

/// Everything that is known about the domain of that name.
pub fn look(connect: &Connect, name: &Name) -> std::result::Result<Sight, VirtError> {
    let Some(domain) = unless_gone(connect.lookup_domain_by_name(name.as_str()))? else {
        return Ok(Sight::NOTHING);
    };
    // A transient domain may end between any two of these questions.
    let job = job(&domain)?;
    let uuid = unless_gone(domain.uuid_string())?.and_then(|text| Uuid::parse(&text));
    let persistent = unless_gone(domain.is_persistent())?.unwrap_or(false);
    let state = state(&domain, job)?;
    let (cpus, memory) = match state {
        // There is nothing to be measured, and the driver for Xen says so with an error while a guest reboots.
        State::Off | State::Paused(Pause::Building) => (0, 0),
        _ => match unless_gone(domain.info())? {
            Some(info) => (info.nr_virt_cpu, info.max_mem / 1024),
            None => return Ok(Sight::NOTHING),
        },
    };
    Ok(Sight { state, uuid, persistent, cpus, memory, job })
}

/// libvirt's state and reason (`virDomainState`, `virDomainPausedReason`) as ours. Both copies of a
/// migrating guest are "paused, migration"; only the job tells which one this is.
fn state(domain: &Domain, job: Job) -> std::result::Result<State, VirtError> {
    let (state, reason) = domain.state()?;
    let Enum::Known(state) = state else {
        // The crate drops the error of a domain that has just ended.
        let active = unless_gone(domain.is_active())?.unwrap_or(false);
        return Ok(if active { State::Alive } else { State::Off });
    };
    Ok(match state {
        // The copy on the target, whose memory is not all there and does not come.
        DomainState::Running if is_broken(&reason) => State::Paused(Pause::PostcopyFailed),
        DomainState::Running | DomainState::Blocked => State::Running,
        DomainState::Shutdown => State::ShuttingDown,
        DomainState::Shutoff if is_restarting(domain, &reason)? => State::Paused(Pause::Building),
        DomainState::Shutoff => State::Off,
        DomainState::Crashed => State::Crashed,
        DomainState::PMSuspended => State::PmSuspended,
        DomainState::NoState => State::Alive,
        DomainState::Paused => match reason {
            Enum::Known(Reason::Paused(Enum::Known(reason))) => paused(reason, job),
            _ => State::Paused(Pause::Unknown),
        },
    })
}

/// Whether a guest that has ended is about to be there again: the driver for Xen keeps its job from the old domain to
/// the new one. It is asked after the state, which changes under the job alone. One that comes in has a job too, and has
/// never ended; QEMU's driver knows of no job then.
fn is_restarting(
    domain: &Domain,
    reason: &Enum<Reason, i32>,
) -> std::result::Result<bool, VirtError> {
    let Enum::Known(Reason::Shutoff(Enum::Known(Ended::Shutdown | Ended::Crashed))) = reason else {
        return Ok(false);
    };
    Ok(job(domain)? == Job::Running)
}

fn is_broken(reason: &Enum<Reason, i32>) -> bool {
    matches!(reason, Enum::Known(Reason::Running(Enum::Known(Running::PostCopyFailed))))
}

fn paused(reason: Paused, job: Job) -> State {
    State::Paused(match reason {
        Paused::Crashed => return State::Crashed,
        Paused::ShuttingDown => return State::Dying,
        Paused::User | Paused::FromSnapshot => Pause::Admin,
        Paused::IOError => Pause::IoError,
        Paused::Migration | Paused::StartingUp if job == Job::Incoming => Pause::Incoming,
        Paused::Migration | Paused::PostCopy => Pause::Outgoing,
        Paused::PostCopyFailed => Pause::PostcopyFailed,
        Paused::Save | Paused::Dump | Paused::Snapshot | Paused::StartingUp => Pause::Job,
        Paused::Watchdog => Pause::Watchdog,
        Paused::APIError | Paused::Unknown => Pause::Unknown,
    })
}

/// The job that holds the domain. libvirt has statistics of a migration only on its source; on its
/// target it calls the question unsupported, and that is how an incoming one is known. For a domain that
/// is not active it calls the question invalid.
fn job(domain: &Domain) -> std::result::Result<Job, VirtError> {
    match domain.job_info() {
        Ok(info) => Ok(match u32::try_from(info.r#type) {
            Ok(sys::VIR_DOMAIN_JOB_NONE) => Job::None,
            Ok(sys::VIR_DOMAIN_JOB_FAILED | sys::VIR_DOMAIN_JOB_CANCELLED) => Job::Ending,
            _ => Job::Running,
        }),
        Err(error) if is(&error, ErrorNumber::OperationUnsupported) => Ok(Job::Incoming),
        Err(error)
            if is_gone(&error)
                || is(&error, ErrorNumber::OperationInvalid)
                || is(&error, ErrorNumber::NoSupport) =>
        {
            Ok(Job::None)
        }
        Err(error) => Err(error),
    }
}

/// Aborts the job that holds the domain, where its driver can, and waits until it is over.
pub fn abort_job(libvirt: &Libvirt, session: &Session, guest: &Name, by: Deadline) -> Result<()> {
    loop {
        let job = libvirt.sight(guest, by)?.job;
        if !job.holds() {
            return Ok(());
        }
        if job == Job::Running && session.is_qemu() {
            let name = guest.clone();
            let aborted = session.ask("abort the guest's job", by, move |connect| {
                active(connect, &name)?.map_or(Ok(()), |domain| ffi::abort_job(&domain))
            });
            // A job in its last phase refuses to be aborted, and ends by itself.
            if let Err(error) = aborted
                && (error.is_silence() || by.expired())
            {
                return Err(error);
            }
        }
        if !by.pause(POLL) {
            let words = match session.is_qemu() {
                true => "it was told to end and still runs",
                false => {
                    "libvirt's driver for such guests has no order for that, and it still runs"
                }
            };
            return Err(Error::Refused { what: "abort the guest's job", words: words.to_owned() });
        }
    }
}
