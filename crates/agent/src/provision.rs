//! The guest's disks out of its recipe: those that are missing, or all of them anew.

use crate::error::Error;
use crate::instance::Instance;
use crate::{Resource, Service, memory};
use exec::Deadline;
use hypervisor::{Disk, Source, open};
use provision::{Id, Plan, Provision, Recipe, Sign, Up};
use std::fmt::Arguments;
use std::path::Path;
use std::time::Duration;
use storage::{Finding, Obstacle, Reach};

/// How long looking for disks that may have to be made may take.
const LOOK_SLICE: Duration = Duration::from_secs(10);

/// How long one sign of life may take, and how long the next one is waited for.
const SIGN_SLICE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(500);

/// What is to be made before the guest can start, and of what.
pub struct Preparation {
    recipe: Option<Recipe>,
    foundations: Vec<Disk>,
}

impl Preparation {
    /// Reads the guest's recipe, if it has one and this node has its disks.
    ///
    /// # Errors
    /// What is wrong with the recipe.
    pub fn of<R: Resource>(
        instance: &Instance<'_, R>,
        foundations: Vec<Disk>,
    ) -> Result<Self, Error> {
        let path = instance.settings().recipe.as_deref().filter(|_| open::is_here(&instance.uri));
        let recipe = path.map(|path| Recipe::read(path, instance.by)).transpose()?;
        Ok(Self { recipe, foundations })
    }

    /// The disks that must be in reach before anything is made: the templates or installers of those that are missing, and of the guest's
    /// own all that the recipe does not make, or that is there.
    ///
    /// # Errors
    /// [`Error::Disks`] names those that the recipe makes and that cannot be made here, since what they would be on is not
    /// there: on what is there instead, the guest would begin anew.
    pub fn foundations<R: Resource>(&self, instance: &Instance<'_, R>) -> Result<Vec<Disk>, Error> {
        let Some(recipe) = &self.recipe else { return Ok(self.foundations.clone()) };
        let is_ours = |disk: &&Disk| disk.path().is_some_and(|path| recipe.makes(path));
        let (ours, others): (Vec<&Disk>, Vec<&Disk>) = self.foundations.iter().partition(is_ours);
        let ours: Vec<Disk> = ours.into_iter().cloned().collect();
        let by = instance.by.slice(LOOK_SLICE.min(instance.by.remaining() / 4));
        let looked = storage::look(&ours, &*instance.hypervisor, by).into_iter();
        let (missing, looked): (Vec<Finding>, Vec<Finding>) =
            looked.partition(|it| can_be_made(&it.disk, &it.reach));
        let (out, there): (Vec<Finding>, Vec<Finding>) =
            looked.into_iter().partition(|it| matches!(it.reach, Reach::Out(_)));
        if !out.is_empty() {
            return Err(Error::Disks(out));
        }
        let there = there.into_iter().map(|it| it.disk);
        let is_missing = |path: &Path| missing.iter().any(|it| it.disk.path() == Some(path));
        let sources = recipe.sources(is_missing).map(|path| Disk {
            name: "source".to_owned(),
            source: Source::Path(path.to_owned()),
            writable: false,
            optional: false,
        });
        Ok(others.into_iter().cloned().chain(there).chain(sources).collect())
    }

    /// Makes the disks that are missing, or with the id of a reinstallation that is not done yet all that the recipe names
    /// anew. Returns how the guest is to say that it is up, if anything was made and the recipe has it.
    ///
    /// # Errors
    /// What is in the way. It can be done again, here or on another node.
    pub fn carry_out<R: Resource>(
        &self,
        instance: &Instance<'_, R>,
        reinstallation: Option<&str>,
    ) -> Result<Option<Up>, Error> {
        let Some(recipe) = &self.recipe else { return Ok(None) };
        let id = reinstallation.map(Id::try_from).transpose()?;
        // What is left is for the guest's boot.
        let by = instance.by.less(instance.by.remaining() / 4);
        let note = |text: Arguments<'_>| ocf::log::info(text);
        let provision = Provision::begin(recipe, by, &note)?;
        if provision.plan(id.as_ref()).iter().all(|(_, plan)| *plan == Plan::Leave) {
            return Ok(None);
        }
        // It would destroy what is made now.
        if let Some(memory) = memory::claim(instance)? {
            memory::discard(&memory, instance.by);
        }
        provision.perform(id.as_ref())?;
        Ok(recipe.up)
    }
}

/// Whether a disk is not there, and what it would be on is.
fn can_be_made(disk: &Disk, reach: &Reach) -> bool {
    match reach {
        Reach::Out(Obstacle::NoFile { nearest, .. }) => {
            disk.path().and_then(Path::parent) == Some(nearest)
        }
        Reach::Out(Obstacle::NoDevice { .. }) => true,
        _ => false,
    }
}

/// Waits for the guest's own word that it is up.
///
/// # Errors
/// [`Error::NotHeard`], with what there was instead.
pub fn hear<R: Resource>(instance: &Instance<'_, R>, up: &Up) -> Result<(), Error> {
    let within = Duration::from_secs(up.within.into());
    // What is left must suffice for ending a guest that never says it.
    let by = instance.by.less(instance.by.remaining() / 4).slice(within);
    loop {
        match ask(instance, up.by, by.slice(SIGN_SLICE)) {
            Ok(()) => return Ok(()),
            Err(_) if by.pause(POLL) => {}
            Err(found) => {
                return Err(Error::NotHeard { guest: instance.identity.name.clone(), found });
            }
        }
    }
}

fn ask<R: Resource>(instance: &Instance<'_, R>, sign: Sign, by: Deadline) -> Result<(), String> {
    match sign {
        Sign::GuestAgent => {
            let pinged = instance.hypervisor.ping_agent(&instance.identity.name, by);
            pinged.map_err(|error| error.to_string())
        }
        Sign::Tcp(address) => {
            let service = Service::Tcp(address.to_string());
            let asked = service.ask(by);
            asked.map_err(|source| ocf::reason(&Error::Service { service, source }))
        }
    }
}
