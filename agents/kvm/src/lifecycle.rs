//! start and stop.

use crate::error::Error;
use crate::instance::Instance;
use crate::memory::{self, Memory};
use crate::{monitor, ordering, overlay};
use guest::{Change, Shutdown};
use hypervisor::{Definition, Hypervisor, State};
use ocf::{Answer, Request};

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
    not_renamed(&instance, definition)?;
    instance.identity = definition.identity.clone();
    let (seen, _) = instance.observe()?;
    if !seen.state.is_active() {
        instance.announce()?;
        prepare(&instance, definition)?;
        instance.guest().answering()?;
        instance.ask()?;
    }
    match bring_up(&instance, definition) {
        Ok(Change::Already) => {
            ocf::log::info(format_args!("guest {} runs already", instance.identity.name));
        }
        Ok(Change::Done | Change::Saved) => {
            monitor::scripts_succeed(&instance).inspect_err(|_| abandon(&instance))?;
            ocf::log::info(format_args!("guest {} started", instance.identity.name));
        }
        Err(error) if error.is_silence() => return Err(error),
        Err(error) => {
            instance.announce()?;
            return Err(error);
        }
    }
    let (seen, stamp) = instance.observe()?;
    instance.remember(&seen, stamp);
    Ok(Answer::Success)
}

/// Refuses to start what the configuration names now while the guest that it named before still runs.
fn not_renamed(instance: &Instance, definition: &Definition) -> Result<(), Error> {
    let (was, is) = (&instance.identity.name, &definition.identity.name);
    if was != is && instance.observe()?.0.state.is_active() {
        let path = instance.config.config.clone();
        return Err(Error::Renamed { was: was.clone(), is: is.clone(), path });
    }
    Ok(())
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
    let Some(memory) = memory::claim(instance)? else {
        return Ok(guest.start(definition, None)?);
    };
    match guest.start(definition, Some(&memory)) {
        Ok(change) => {
            memory::discard(&memory);
            Ok(change)
        }
        Err(guest::Error::Hypervisor { source, .. }) if !source.is_silence() => {
            let memory = memory.display();
            ocf::log::error(format_args!("{source}; the guest boots, and {memory} is of no use"));
            Ok(guest.start(definition, None)?)
        }
        Err(error) => Err(error.into()),
    }
}

pub fn stop(instance: Instance) -> Result<Answer, Error> {
    instance.save_config();
    let memory = Memory::of(&instance);
    let how = Shutdown {
        modes: instance.config.shutdown_modes.clone(),
        force: instance.config.force_stop,
        save: memory.file(),
    };
    let change = instance.guest().stop(&how)?;
    let name = &instance.identity.name;
    match change {
        Change::Already => {}
        Change::Done => ocf::log::info(format_args!("guest {name} stopped")),
        Change::Saved => {
            memory.keep();
            ocf::log::info(format_args!("guest {name} stopped, and its memory is saved"));
        }
    }
    instance.forget();
    Ok(Answer::Success)
}
