use crate::error::Result;
use crate::image::Image;
use crate::installer::Installer;
use crate::lvm;
use crate::place::Place;
use crate::size::Size;
use crate::volume::Note;
use exec::Deadline;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A disk with a system.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Words")]
pub struct Disk {
    /// Where the guest's definition has it.
    pub path: PathBuf,
    origin: Origin,
    size: Option<Size>,
}

/// What a disk is made from.
#[derive(Debug)]
enum Origin {
    /// What is on it at first, and how it gets there.
    Template(PathBuf, Method),
    /// What puts something on it.
    Installer(Installer),
}

/// A disk in a recipe's words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    path: PathBuf,
    template: Option<PathBuf>,
    method: Option<Method>,
    installer: Option<Installer>,
    size: Option<Size>,
}

impl TryFrom<Words> for Disk {
    type Error = &'static str;

    fn try_from(words: Words) -> std::result::Result<Self, &'static str> {
        let Words { path, template, method, installer, size } = words;
        let origin = match (template, method, installer) {
            (Some(template), Some(method), None) => Origin::Template(template, method),
            (None, None, Some(installer)) => Origin::Installer(installer),
            _ => return Err("expected a disk with template and method, or with an installer"),
        };
        match (&origin, size) {
            (Origin::Installer(_), None) => Err("expected a size, which an installer cannot know"),
            _ => Ok(Self { path, origin, size }),
        }
    }
}

/// How a disk is made from a template.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Method {
    /// A file with all of it, in the template's format.
    Copy,
    /// A file in qcow2 with what the guest writes; the rest is read from the template.
    Backing,
    /// A logical volume: a snapshot of the template if that is a thin volume of the same group, else a copy.
    Lvm,
}

impl Disk {
    /// What is read to make it.
    pub fn sources(&self) -> impl Iterator<Item = &Path> {
        let (template, installer) = match &self.origin {
            Origin::Template(template, _) => (Some(template.as_path()), None),
            Origin::Installer(installer) => (None, Some(installer.sources())),
        };
        template.into_iter().chain(installer.into_iter().flatten())
    }

    /// Whether it is a logical volume.
    pub fn is_lvm(&self) -> bool {
        matches!(self.origin, Origin::Template(_, Method::Lvm))
    }

    /// Its volume group and its name there, if it is a logical volume.
    pub fn logical_volume(&self) -> Option<(&str, &str)> {
        self.is_lvm().then(|| lvm::volume_at(&self.path)).flatten()
    }

    /// Makes it at `target`, which is not there yet.
    pub fn make(&self, place: &Place, target: &str, by: Deadline, note: Note<'_>) -> Result<()> {
        let size = self.size.map_or(0, |Size(size)| size);
        match &self.origin {
            Origin::Installer(installer) => installer.run(&place.path(target), size, by, note),
            Origin::Template(template, method) => {
                copy(template, *method, size, (place, target), by, note)
            }
        }
    }
}

/// Makes a disk from its template, at least so large, in bytes.
fn copy(
    template: &Path,
    method: Method,
    size: u64,
    (place, target): (&Place, &str),
    by: Deadline,
    note: Note<'_>,
) -> Result<()> {
    let file = place.path(target);
    if let Place::Group(group) = place
        && let Some(origin) = group.thin_volume(template, by)?
    {
        group.snapshot(&origin, target, by)?;
        return if size > 0 { group.grow(target, size, by) } else { Ok(()) };
    }
    let template = Image::look(template, by)?;
    let size = template.size.max(size);
    match (place, method) {
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
