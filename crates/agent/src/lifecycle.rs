//! start and stop.

use crate::error::Error;
use crate::instance::Instance;
use crate::memory::{self, Memory};
use crate::provision::{self, Preparation};
use crate::{Open, Resource, checks, disks, ladder};
use guest::{Change, Shutdown};
use hypervisor::{Definition, State};
use ocf::{Answer, Request};

/// Starts the guest. What is wrong with its configuration is in the way of starting it, and no reason to
/// have it restarted elsewhere while it runs.
pub fn start<R: Resource>(request: &Request, open: Open<'_>) -> Result<Answer, R::Error> {
    let defined = Instance::<R>::strict(request, open)
        .and_then(|instance| Ok((instance.definition()?, instance)));
    match defined {
        Ok((definition, instance)) => start_from(instance, &definition),
        Err(error) if runs(&Instance::<R>::lenient(request, open)) => {
            let error = ocf::reason(&error);
            ocf::log::error(format_args!("{error}; the guest runs already and is left as it is"));
            Ok(Answer::Success)
        }
        Err(error) => Err(error),
    }
}

fn runs<R: Resource>(instance: &Instance<'_, R>) -> bool {
    instance.observe().is_ok_and(|(seen, _)| matches!(seen.state, State::Running | State::Alive))
}

fn start_from<R: Resource>(
    mut instance: Instance<'_, R>,
    definition: &Definition,
) -> Result<Answer, R::Error> {
    not_renamed(&instance, definition)?;
    instance.identity = definition.identity.clone();
    let cleared = instance.guest().cleared();
    let seen = cleared.map_err(|error| match error {
        guest::Error::StillActive { .. } => failed(&mut instance, error.into()),
        error => Error::from(error).into(),
    })?;
    let mut fresh = None;
    if !seen.state.is_active() {
        let reinstallation = ladder::admit(&instance)?;
        let preparation = Preparation::of(&instance, instance.config.foundations(definition))?;
        let foundations = preparation.foundations(&instance)?;
        disks::reach(&instance, &foundations)?;
        instance.announce()?;
        R::ORDERING.arrange(instance.by);
        fresh = preparation.carry_out(&instance, reinstallation.as_deref())?;
        let mut prepare = || -> Result<(), R::Error> {
            R::prepare(&instance, definition)?;
            let made = definition.disks().iter().filter(|disk| !foundations.contains(disk));
            disks::reach(&instance, made)?;
            instance.guest().answering(&seen).map_err(Error::from)?;
            Ok(instance.ask()?)
        };
        prepare().inspect_err(|_| R::changed(&instance))?;
    }
    let brought_up = bring_up(&instance, definition);
    R::changed(&instance);
    match brought_up {
        Ok(Change::Already) => {
            ocf::log::info(format_args!("guest {} runs already", instance.identity.name));
        }
        Ok(Change::Done | Change::Saved) => {
            fresh
                .map_or(Ok(()), |up| provision::hear(&instance, &up))
                .and_then(|()| checks::services_are_up(&instance))
                .inspect_err(|_| {
                    abandon(&instance);
                    ladder::climb(&instance);
                })?;
            // One whose services are up has booted.
            if !instance.settings().has_services() {
                instance.give_grace();
            }
            ocf::log::info(format_args!("guest {} started", instance.identity.name));
        }
        Err(error) => return Err(failed(&mut instance, error)),
    }
    let (seen, stamp) = instance.observe().map_err(Error::from)?;
    instance.remember(&seen, stamp);
    Ok(Answer::Success)
}

/// Takes note of a guest that could not be started.
fn failed<R: Resource>(instance: &mut Instance<'_, R>, error: Error) -> R::Error {
    if error.is_silence() {
        return error.into();
    }
    if let Err(error) = instance.announce() {
        return error.into();
    }
    ladder::climb(instance);
    error.into()
}

/// Refuses to start what the configuration names now while the guest that it named before still runs.
fn not_renamed<R: Resource>(
    instance: &Instance<'_, R>,
    definition: &Definition,
) -> Result<(), Error> {
    let (was, is) = (&instance.identity.name, &definition.identity.name);
    if was != is && instance.observe()?.0.state.is_active() {
        let path = instance.settings().key.config.clone();
        return Err(Error::Renamed { was: was.clone(), is: is.clone(), path });
    }
    Ok(())
}

/// Ends a guest that was started and never got ready.
fn abandon<R: Resource>(instance: &Instance<'_, R>) {
    let force = Shutdown { force: true, ..Shutdown::default() };
    match instance.guest().stop(&force) {
        Ok(_) => instance.forget(),
        Err(error) => ocf::log::error(format_args!("{error}")),
    }
}

/// Starts the guest, from its saved memory if there is any.
fn bring_up<R: Resource>(
    instance: &Instance<'_, R>,
    definition: &Definition,
) -> Result<Change, Error> {
    let guest = instance.guest();
    let Some(memory) = memory::claim(instance)? else {
        return Ok(guest.start(definition, None)?);
    };
    match guest.start(definition, Some(&memory)) {
        Ok(change) => {
            memory::discard(&memory, instance.by);
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

pub fn stop<R: Resource>(instance: &Instance<'_, R>) -> Result<Answer, Error> {
    R::keep(instance);
    let (settings, memory) = (instance.settings(), Memory::of(instance));
    let how = Shutdown {
        modes: settings.shutdown_modes.clone(),
        time: settings.shutdown_time,
        force: settings.force_stop,
        save: memory.file(),
    };
    let change = instance.guest().stop(&how)?;
    let name = &instance.identity.name;
    match change {
        Change::Already => {}
        Change::Done => ocf::log::info(format_args!("guest {name} stopped")),
        Change::Saved => {
            memory.keep(instance.by);
            ocf::log::info(format_args!("guest {name} stopped, and its memory is saved"));
        }
    }
    instance.forget();
    R::changed(instance);
    Ok(Answer::Success)
}
