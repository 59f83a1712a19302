use crate::disk::Disk;
use crate::error::Result;
use crate::lvm::Group;
use crate::place::Place;
use crate::seed::Seed;
use exec::Deadline;
use std::fmt::Arguments;
use std::path::Path;

/// What a recipe makes.
#[derive(Debug, Clone, Copy)]
pub enum Volume<'a> {
    /// A disk with a system.
    Disk(&'a Disk),
    /// What tells that system who it is.
    Seed(&'a Seed),
}

/// Where what is done is told.
pub type Note<'a> = &'a dyn Fn(Arguments<'_>);

impl<'a> Volume<'a> {
    /// Where the guest's definition has it.
    pub fn path(&self) -> &'a Path {
        match self {
            Self::Disk(disk) => &disk.path,
            Self::Seed(seed) => &seed.path,
        }
    }

    /// Where its generations are.
    pub fn place(&self) -> (Place, String) {
        let volume = match self {
            Self::Disk(disk) => disk.logical_volume(),
            Self::Seed(_) => None,
        };
        match volume {
            Some((group, name)) => (Place::Group(Group::new(group)), name.to_owned()),
            None => Place::of_file(self.path()),
        }
    }

    /// Makes it under that name, which is not taken yet.
    pub fn make(&self, place: &Place, target: &str, by: Deadline, note: Note<'_>) -> Result<()> {
        match self {
            Self::Disk(disk) => disk.make(place, target, by, note),
            Self::Seed(seed) => seed.make(&place.path(target), by),
        }
    }
}
