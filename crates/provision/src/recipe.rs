use crate::disk::Disk;
use crate::error::{Error, Flaw, Result};
use crate::seed::Seed;
use crate::volume::Volume;
use exec::Deadline;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// How large a recipe, or a file that goes into a seed, may be, in bytes.
const LIMIT: u64 = 1 << 20;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What a guest's system is made from, and how.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    #[serde(skip)]
    pub(crate) path: PathBuf,
    #[serde(default, rename = "disk")]
    disks: Vec<Disk>,
    seed: Option<Seed>,
    /// For how many days old volumes are kept aside.
    #[serde(default = "a_week")]
    keep_old: u32,
    /// How the guest says that it is up.
    pub up: Option<Up>,
}

/// How a guest says itself that it is up, once it was made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Up {
    /// By what.
    pub by: Sign,
    /// Within how many seconds after its start.
    pub within: u32,
}

/// A guest's sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// The guest agent in it answers.
    GuestAgent,
    /// It takes a connection there.
    Tcp(SocketAddr),
}

fn a_week() -> u32 {
    7
}

impl Recipe {
    /// Reads a recipe.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Recipe`], which names the line.
    pub fn read(path: &Path, by: Deadline) -> Result<Self> {
        let text = read(path, by)?;
        let flawed = |source| Error::Recipe { path: path.to_owned(), source };
        let recipe: Self = toml::from_str(&text).map_err(|error| flawed(syntax(&text, &error)))?;
        recipe.check().map_err(flawed)?;
        Ok(Self { path: path.to_owned(), ..recipe })
    }

    /// Whether a volume at that path is made by this recipe.
    #[must_use]
    pub fn makes(&self, path: &Path) -> bool {
        self.volumes().any(|volume| volume.path() == path)
    }

    /// What it makes volumes from.
    pub fn sources(&self, of: impl Fn(&Path) -> bool) -> impl Iterator<Item = &Path> {
        self.disks.iter().filter(move |disk| of(&disk.path)).flat_map(Disk::sources)
    }

    pub(crate) fn volumes(&self) -> impl Iterator<Item = Volume<'_>> {
        self.disks.iter().map(Volume::Disk).chain(self.seed.as_ref().map(Volume::Seed))
    }

    pub(crate) fn keep_old(&self) -> Duration {
        DAY * self.keep_old
    }

    /// Refuses what would destroy something, or mean something else than it seems to.
    fn check(&self) -> std::result::Result<(), Flaw> {
        if self.disks.is_empty() {
            return Err(Flaw::NoDisk);
        }
        let seed = self.seed.as_ref();
        let read = self.sources(|_| true).chain(seed.into_iter().flat_map(Seed::sources));
        let mut named: Vec<&Path> = read.collect();
        for volume in self.volumes() {
            let path = volume.path();
            if named.contains(&path) {
                return Err(Flaw::Overwritten { path: path.to_owned() });
            }
            named.push(path);
        }
        if let Some(path) = named.into_iter().find(|path| !is_plain(path)) {
            return Err(Flaw::Path { path: path.to_owned() });
        }
        let is_lvm = |volume: &Volume<'_>| matches!(volume, Volume::Disk(disk) if disk.is_lvm());
        let mut others = self.volumes().filter(|it| !is_lvm(it)).map(|it| it.path());
        if let Some(path) = others.find(|path| path.starts_with("/dev")) {
            return Err(Flaw::Device { path: path.to_owned() });
        }
        let has_no_volume = |disk: &&Disk| disk.is_lvm() && disk.logical_volume().is_none();
        if let Some(disk) = self.disks.iter().find(has_no_volume) {
            return Err(Flaw::NoLogicalVolume { path: disk.path.clone() });
        }
        seed.map_or(Ok(()), Seed::check)
    }
}

/// Whether a path is absolute, names a file, and can be compared with others as it is.
fn is_plain(path: &Path) -> bool {
    let is_plain = |it| matches!(it, Component::RootDir | Component::Normal(_));
    let text = path.to_string_lossy();
    path.is_absolute()
        && path.file_name().is_some()
        && path.components().all(is_plain)
        && !text.contains("/./")
        && !text.contains("//")
        && !text.ends_with('/')
}

fn syntax(text: &str, error: &toml::de::Error) -> Flaw {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text.get(..at).unwrap_or_default().matches('\n').count();
    Flaw::Syntax {
        line: line + 1,
        text: text.lines().nth(line).unwrap_or_default().to_owned(),
        message: error.message().replace('\n', ", "),
    }
}

/// Reads a text file that the administrator has written.
pub(crate) fn read(path: &Path, by: Deadline) -> Result<String> {
    let file = path.to_owned();
    // A read from a share whose server is gone cannot be interrupted.
    let text = by.bound(move || {
        let mut text = String::new();
        File::open(file)?.take(LIMIT + 1).read_to_string(&mut text)?;
        if text.len() as u64 > LIMIT { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
    });
    text.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|source| Error::Read { path: path.to_owned(), source })
}
