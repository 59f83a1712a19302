use crate::error::{Error, Result};
use crate::volume::Note;
use exec::{Deadline, Tool};
use serde::Deserialize;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What no system does without, in bytes: with less on its disk, an installer that ended has crashed.
const SYSTEM: u64 = 1 << 20;

/// What puts a system on an empty disk: it is booted once, in a machine that has nothing but that disk and a way out to the
/// network, and is done when it switches that machine off or boots it again.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Words")]
pub struct Installer {
    medium: Medium,
    format: Format,
    memory: u32,
    emulated: bool,
}

/// What the machine boots.
#[derive(Debug)]
enum Medium {
    Cdrom(PathBuf),
    Kernel { kernel: PathBuf, initrd: Option<PathBuf>, command_line: String },
}

/// The format of the disk that is made.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Raw,
    Qcow2,
}

/// An installer in a recipe's words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    cdrom: Option<PathBuf>,
    kernel: Option<PathBuf>,
    initrd: Option<PathBuf>,
    command_line: Option<String>,
    #[serde(default)]
    format: Format,
    /// In MiB.
    #[serde(default = "a_gibibyte")]
    memory: u32,
    /// Where KVM is there and is of no use, as in some virtual machines.
    #[serde(default)]
    emulated: bool,
}

fn a_gibibyte() -> u32 {
    1024
}

impl TryFrom<Words> for Installer {
    type Error = &'static str;

    fn try_from(words: Words) -> std::result::Result<Self, &'static str> {
        let Words { cdrom, kernel, initrd, command_line, format, memory, emulated } = words;
        let medium = match (cdrom, kernel) {
            (Some(cdrom), None) if initrd.is_none() && command_line.is_none() => {
                Medium::Cdrom(cdrom)
            }
            (None, Some(kernel)) => {
                let command_line = command_line.unwrap_or_default();
                Medium::Kernel { kernel, initrd, command_line }
            }
            _ => {
                return Err(
                    "expected an installer with cdrom, or with kernel, and then initrd and \
                            command_line",
                );
            }
        };
        Ok(Self { medium, format, memory, emulated })
    }
}

impl Installer {
    /// What it is read from.
    pub fn sources(&self) -> impl Iterator<Item = &Path> {
        let (first, second) = match &self.medium {
            Medium::Cdrom(cdrom) => (cdrom, None),
            Medium::Kernel { kernel, initrd, .. } => (kernel, initrd.as_deref()),
        };
        [first.as_path()].into_iter().chain(second)
    }

    /// Has it put a system on a disk of `size` bytes, which is made for that. It ends with this process: nobody could tell
    /// when it is done.
    pub fn run(&self, disk: &Path, size: u64, by: Deadline, note: Note<'_>) -> Result<()> {
        let format = self.format.name();
        let failed = |source| Error::Tool { verb: "install", path: disk.to_owned(), source };
        let make = Tool::new("qemu-img").args(["create", "-q", "-f", format]).arg(disk);
        make.arg(size.to_string()).run(by).map_err(failed)?;
        note(format_args!("{} is being installed", disk.display()));
        let machine = if self.emulated { "pc,accel=tcg" } else { "pc,accel=kvm:tcg" };
        // Nobody else has the disk, and what is made of it counts once all of it is written: see Place::settle.
        let drive = format!("file={},format={format},if=virtio,cache=unsafe", escaped(disk));
        let ended = Tool::new("qemu-system-x86_64")
            .args(["-nodefaults", "-no-user-config", "-display", "none"])
            .args(["-sandbox", "on", "-runas", "nobody"])
            .args(["-machine", machine, "-cpu", "max", "-smp", "2"])
            .args(["-m", &self.memory.to_string(), "-drive", &drive])
            .args(["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net"])
            .args(["-device", "virtio-rng-pci"])
            .args(["-no-reboot", "-device", "pvpanic", "-action", "panic=exit-failure"])
            .args(self.medium.arguments())
            .ends_with_us()
            .run(by)
            .map_err(failed)?;
        check(disk, &ended.error_text())
    }
}

/// Whether an installer that ended, of which QEMU has said something or nothing, has installed anything.
fn check(disk: &Path, said: &str) -> Result<()> {
    let not = |found| Err(Error::NotInstalled { path: disk.to_owned(), found });
    // QEMU calls that a success.
    if said.contains("terminating on signal") {
        return not(said.trim().to_owned());
    }
    let look = |source| Error::File { verb: "look at", path: disk.to_owned(), source };
    let written = disk.metadata().map_err(look)?.blocks() * 512;
    if written < SYSTEM { not(format!("it takes {written} bytes")) } else { Ok(()) }
}

impl Medium {
    fn arguments(&self) -> Vec<String> {
        let file = |path: &Path| path.display().to_string();
        match self {
            Self::Cdrom(cdrom) => {
                let drive = format!("file={},format=raw,media=cdrom,readonly=on", escaped(cdrom));
                vec!["-drive".to_owned(), drive]
            }
            Self::Kernel { kernel, initrd, command_line } => {
                let mut words = vec!["-kernel".to_owned(), file(kernel)];
                words.extend(["-append".to_owned(), command_line.clone()]);
                words.extend(initrd.iter().flat_map(|it| ["-initrd".to_owned(), file(it)]));
                words
            }
        }
    }
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

/// A path in a list of QEMU's options, which commas separate.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
