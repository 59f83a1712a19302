use crate::error::{Error, Result};
use crate::id::Id;
use crate::lineage::Lineage;
use crate::recipe::Recipe;
use crate::volume::Note;
use exec::Deadline;
use file::Flock;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long another process that works on the same recipe is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is to be done with a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// It is left as it is.
    Leave,
    /// It is not there, and is made.
    Make,
    /// Another one is made, and this one is put aside.
    Replace,
    /// Another one was made in a reinstallation that was interrupted, and takes its place.
    Finish,
}

/// The work on a recipe. As long as this is there, no other process of this node does any, and no node if they share the
/// recipe's file and its file system has locks for all of them.
pub struct Provision<'a> {
    lineages: Vec<Lineage<'a>>,
    recipe: &'a Recipe,
    by: Deadline,
    note: Note<'a>,
    _lock: Flock<File>,
}

impl<'a> Provision<'a> {
    /// Looks at what is there of a recipe's volumes. All that is done is told to `note`.
    ///
    /// # Errors
    /// [`Error::Busy`], and what keeps it from looking.
    pub fn begin(recipe: &'a Recipe, by: Deadline, note: Note<'a>) -> Result<Self> {
        let busy = |source| Error::Busy { path: recipe.path.clone(), source };
        let lock = file::lock(&recipe.path, by.slice(PATIENCE)).map_err(busy)?;
        let lineages = recipe.volumes().map(|volume| Lineage::find(volume, by));
        let lineages = lineages.collect::<Result<_>>()?;
        Ok(Self { lineages, recipe, by, note, _lock: lock })
    }

    /// A reinstallation that was begun, and has changed nothing of the guest yet.
    #[must_use]
    pub fn attempt(&self) -> Option<Id> {
        self.lineages.iter().flat_map(Lineage::attempts).find(|id| **id != Id::first()).cloned()
    }

    /// What [`Provision::perform`] would do, volume by volume.
    #[must_use]
    pub fn plan(&self, reinstallation: Option<&Id>) -> Vec<(&'a Path, Plan)> {
        let begun = self.begun();
        let replaced = reinstallation.is_some_and(|id| !self.is_done(id));
        let plan = |it: &Lineage<'_>| match begun.iter().any(|id| it.has_new(id)) {
            true => Plan::Finish,
            false if !it.is_current() => Plan::Make,
            false if replaced => Plan::Replace,
            false => Plan::Leave,
        };
        self.lineages.iter().map(|it| (it.path(), plan(it))).collect()
    }

    /// Finishes a reinstallation that was interrupted when it had begun to replace volumes. Then it makes those that are
    /// missing, or with the id of a reinstallation that is not done yet all of them anew. Whatever ends it on the way, it
    /// can be done again, here or on another node.
    ///
    /// # Errors
    /// What is in the way. The guest's own volumes are then what they were, or new, or all that is missing is to
    /// do this again.
    pub fn perform(mut self, reinstallation: Option<&Id>) -> Result<()> {
        for id in self.begun() {
            self.replace(&id)?;
        }
        match reinstallation.filter(|id| !self.is_done(id)) {
            Some(id) => {
                self.renew(id)?;
                self.expire(id)
            }
            None => {
                self.lineages.retain(|it| !it.is_current());
                self.renew(&Id::first())
            }
        }
    }

    /// The reinstallations that have replaced one volume, and another one not.
    fn begun(&self) -> Vec<Id> {
        let replaced = self.lineages.iter().flat_map(Lineage::replacements);
        let mut begun: Vec<Id> =
            replaced.filter(|id| self.lineages.iter().any(|it| it.has_new(id))).cloned().collect();
        begun.dedup();
        begun
    }

    fn is_done(&self, id: &Id) -> bool {
        self.lineages.iter().flat_map(Lineage::replacements).any(|it| it == id)
    }

    /// Makes new volumes, and then has them take their places.
    fn renew(&mut self, id: &Id) -> Result<()> {
        let (by, note) = (self.by, self.note);
        self.check_replaceable()?;
        for lineage in &mut self.lineages {
            lineage.sweep(id, by, note)?;
        }
        for lineage in &mut self.lineages {
            lineage.make(id, by, note)?;
        }
        self.replace(id)
    }

    /// Removes the volumes that have been kept for long enough, now that the guest has others.
    fn expire(&mut self, id: &Id) -> Result<()> {
        let kept_since = now().saturating_sub(self.recipe.keep_old().as_secs());
        let (by, note) = (self.by, self.note);
        self.lineages.iter_mut().try_for_each(|it| it.expire(id, kept_since, by, note))
    }

    /// Has the new volumes take their places. The first has to be one that puts an old one aside, which is what says that
    /// this was begun.
    fn replace(&mut self, id: &Id) -> Result<()> {
        self.check_replaceable()?;
        let (by, note, now) = (self.by, self.note, now());
        self.lineages.sort_by_key(|it| !it.is_current());
        let mut waiting = self.lineages.iter_mut().filter(|it| it.has_new(id));
        waiting.try_for_each(|lineage| lineage.swap(id, now, by, note))
    }

    fn check_replaceable(&self) -> Result<()> {
        self.lineages.iter().try_for_each(|it| it.check_replaceable(self.by))
    }
}

/// Seconds after 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
