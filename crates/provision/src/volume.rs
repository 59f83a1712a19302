use crate::error::Result;
use crate::image::Image;
use crate::lvm::{self, Group};
use crate::place::Place;
use crate::seed::Seed;
use exec::Deadline;
use serde::Deserialize;
use std::fmt::Arguments;
use std::path::{Path, PathBuf};

/// What a recipe makes.
#[derive(Debug, Clone, Copy)]
pub enum Volume<'a> {
    /// A disk with a system.
    Disk(&'a Disk),
    /// What tells that system who it is.
    Seed(&'a Seed),
}

/// A disk that is made from a template.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// Where the guest's definition has it.
    pub path: PathBuf,
    /// What is on it at first.
    pub template: PathBuf,
    /// How it is made.
    pub method: Method,
    size: Option<Size>,
}

/// How a disk is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// A file with all of it, in the template's format.
    Copy,
    /// A file in qcow2 with what the guest writes; the rest is read from the template.
    Backing,
    /// A logical volume: a snapshot of the template if that is a thin volume of the same group, else a copy.
    Lvm,
}

/// How large a disk is at least, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Size(u64);

impl TryFrom<String> for Size {
    type Error = &'static str;

    fn try_from(text: String) -> std::result::Result<Self, &'static str> {
        let shift = match text.chars().last() {
            Some('K') => 10,
            Some('M') => 20,
            Some('G') => 30,
            Some('T') => 40,
            _ => 0,
        };
        let digits = text.trim_end_matches(['K', 'M', 'G', 'T']);
        let is_number = digits.len() + usize::from(shift > 0) == text.len()
            && digits.chars().all(|it| it.is_ascii_digit());
        let size = digits.parse::<u64>().ok().filter(|_| is_number);
        let size = size.and_then(|number| number.checked_mul(1 << shift));
        size.map(Self).ok_or("expected a size such as \"20G\": bytes, or K, M, G or T of 1024")
    }
}

impl Disk {
    /// Its volume group and its name there, if its path is that of a logical volume.
    pub fn logical_volume(&self) -> Option<(&str, &str)> {
        lvm::volume_at(&self.path)
    }

    /// Makes it at `target`, which is not there yet.
    fn make(&self, place: &Place, target: &str, by: Deadline, note: Note<'_>) -> Result<()> {
        let file = place.path(target);
        let thin = match place {
            Place::Group(group) => group.thin_volume(&self.template, by)?,
            Place::Directory(_) => None,
        };
        if let (Place::Group(group), Some(origin)) = (place, thin) {
            group.snapshot(&origin, target, by)?;
            return self.size.map_or(Ok(()), |Size(size)| group.grow(target, size, by));
        }
        let template = Image::look(&self.template, by)?;
        let size = template.size.max(self.size.map_or(0, |Size(size)| size));
        match (place, self.method) {
            (Place::Group(group), _) => {
                group.create(target, size, by)?;
                template.write_to(&file, by, note)
            }
            (Place::Directory(_), Method::Backing) => template.overlay(&file, size, by),
            (Place::Directory(_), Method::Copy | Method::Lvm) => {
                template.copy_to(&file, size, by, note)
            }
        }
    }
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
            Self::Disk(disk) if disk.method == Method::Lvm => disk.logical_volume(),
            _ => None,
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
