//! start, stop, reload-agent and validate-all.

use crate::config::Config;
use crate::error::Error;
use crate::instance::Instance;
use crate::{monitor, ordering, overlay};
use guest::{Change, Shutdown};
use hypervisor::{Definition, Hypervisor, State};
use ocf::{Answer, Request};
use std::path::{Path, PathBuf};

/// Starts the guest. What is wrong with its configuration is in the way of starting it, and no reason to
/// have it restarted elsewhere while it runs.
pub fn start(
    request: &Request,
    open: &dyn Fn(&str) -> Box<dyn Hypervisor>,
) -> Result<Answer, Error> {
    let defined =
        Instance::strict(request, open).and_then(|instance| Ok((instance.definition()?, instance)));
    match defined {
        Ok((definition, instance)) => start_from(instance, &definition),
        Err(error) if runs(&Instance::lenient(request, open)) => {
            ocf::log::error(format_args!("{error}; the guest runs already and is left as it is"));
            Ok(Answer::Success)
        }
        Err(error) => Err(error),
    }
}

fn runs(instance: &Instance) -> bool {
    instance.observe().is_ok_and(|(seen, _)| matches!(seen.state, State::Running | State::Alive))
}

fn start_from(mut instance: Instance, definition: &Definition) -> Result<Answer, Error> {
    instance.identity = definition.identity.clone();
    let (seen, _) = instance.observe()?;
    if !seen.state.is_active() {
        instance.announce()?;
        prepare(&instance, definition)?;
    }
    match bring_up(&instance, definition)? {
        Change::Already => {
            ocf::log::info(format_args!("guest {} runs already", instance.identity.name));
        }
        Change::Done => {
            monitor::scripts_succeed(&instance).inspect_err(|_| abandon(&instance))?;
            ocf::log::info(format_args!("guest {} started", instance.identity.name));
        }
    }
    let (seen, stamp) = instance.observe()?;
    instance.remember(&seen, stamp);
    Ok(Answer::Success)
}

/// Makes what the guest needs before it can be started.
fn prepare(instance: &Instance, definition: &Definition) -> Result<(), Error> {
    ordering::arrange(instance.by);
    if instance.config.start_resources {
        let started = instance.hypervisor.start_resources(definition, instance.by);
        let guest = || instance.identity.name.clone();
        started.map_err(|source| guest::Error::Hypervisor { guest: guest(), source })?;
    }
    overlay::prepare(&instance.config, instance.by)
}

/// Ends a guest that was started and never got ready.
fn abandon(instance: &Instance) {
    let force = Shutdown { force: true, ..Shutdown::default() };
    match instance.guest().stop(&force) {
        Ok(_) => instance.forget(),
        Err(error) => ocf::log::error(format_args!("{error}")),
    }
}

/// Starts the guest, from its saved memory if there is any.
fn bring_up(instance: &Instance, definition: &Definition) -> Result<Change, Error> {
    let guest = instance.guest();
    if let Some(file) = saved_memory(instance).filter(|file| file.exists()) {
        match guest.start(definition, Some(&file)) {
            Ok(change) => {
                discard(&file);
                return Ok(change);
            }
            Err(guest::Error::Hypervisor { source, .. }) if !source.is_silence() => {
                ocf::log::error(format_args!("{source}; booting instead"));
                set_aside(&file)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(guest.start(definition, None)?)
}

fn saved_memory(instance: &Instance) -> Option<PathBuf> {
    let directory = instance.config.snapshot.as_ref()?;
    Some(directory.join(format!("{}.state", instance.identity.name)))
}

/// Memory that was resumed from once must never be resumed from again: the disks have moved on.
fn discard(file: &Path) {
    if let Err(error) = std::fs::remove_file(file) {
        ocf::log::error(format_args!("cannot remove {}: {error}", file.display()));
    }
}

fn set_aside(file: &Path) -> Result<(), Error> {
    let aside = file.with_extension("state.failed");
    std::fs::rename(file, &aside).map_err(|source| Error::Write { path: aside, source })
}

pub fn stop(instance: Instance) -> Result<Answer, Error> {
    instance.save_config();
    let how = Shutdown {
        modes: instance.config.shutdown_modes.clone(),
        force: instance.config.force_stop,
        save: saved_memory(&instance),
    };
    let change = instance.guest().stop(&how)?;
    if change == Change::Done {
        ocf::log::info(format_args!("guest {} stopped", instance.identity.name));
    }
    instance.forget();
    Ok(Answer::Success)
}

/// Takes changed parameters over. They are read anew by every action, so all there is to do is to
/// tell the cluster of the guest's utilization if that is wanted now.
///
/// This never fails: Pacemaker would restart a healthy guest, and with code 6 stop it everywhere, for a
/// mistyped value. What is wrong is logged, here and by every action after it.
pub fn reload(instance: &Instance) -> Answer {
    if let Ok((seen, _)) = instance.observe()
        && let (true, Some(sight)) = (seen.state.is_active(), &seen.sight)
    {
        instance.tell(sight, None);
    }
    Answer::Success
}

/// Checks what can be checked: at level 0 the parameters, which are wrong or right on every node; at 10
/// and above also what this node needs for starting the guest.
pub fn validate(
    request: &Request,
    open: &dyn Fn(&str) -> Box<dyn Hypervisor>,
) -> Result<Answer, Error> {
    let config = Config::strict(request)?;
    if request.check_level().is_some_and(|level| level >= 10) {
        let instance = Instance::strict(request, open)?;
        let definition = instance.definition()?;
        open(&config.hypervisor)
            .look(&definition.identity.name, instance.by)
            .map_err(|source| Error::NoHypervisor { source })?;
    }
    Ok(Answer::Success)
}
