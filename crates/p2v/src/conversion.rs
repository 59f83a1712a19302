use crate::adapt::{self, Adaptation};
use crate::copy::Copy;
use crate::definition::{Definition, Hypervisor};
use crate::disk::Disk;
use crate::exclusion::Exclusion;
use crate::interface::{Device, Interface};
use crate::machine::Machine;
use crate::source::Source;
use crate::survey::Survey;
use crate::table::Disks;
use crate::units::Units;
use crate::word::Word;
use crate::{Error, Result};
use exec::Deadline;
use nix::sys::statvfs::statvfs;
use nix::unistd::geteuid;
use provision::Image;
use std::path::{Path, PathBuf};

/// The programs of this host that it takes, for a machine and for an image.
const FOR_A_MACHINE: &[&str] =
    &["blkid", "guestfish", "losetup", "mke2fs", "mount", "rsync", "sfdisk", "ssh"];
const FOR_AN_IMAGE: &[&str] = &["guestfish", "losetup", "qemu-img"];

/// What a guest gets that was made from an image, which does not say: memory in MiB, and processors.
const USUAL: (u64, u32) = (2048, 2);

/// What a disk has beside its files, in bytes, and an eighth of what they take.
const SPARE: u64 = 256 << 20;

/// Where what is done is told, with how much of it is, in percent, where that is known.
pub type Note<'a> = &'a (dyn Fn(&str, Option<u8>) + Sync);

/// What is to become a guest, and what guest.
#[derive(Debug)]
pub struct Conversion {
    /// What is converted.
    pub source: Source,
    /// The guest's name, which is also its files'.
    pub name: Word,
    /// The directory that gets the guest's files, under the path that the nodes have it.
    pub output: PathBuf,
    /// How large a machine's disk is to be, in bytes; otherwise it is as large as the file systems that are copied.
    pub size: Option<u64>,
    /// The bridge that the guest is attached to.
    pub bridge: Word,
    /// What the guest is to run on.
    pub hypervisor: Hypervisor,
    /// What of a machine is left out.
    pub exclude: Vec<Exclusion>,
    /// The units of a machine that are stopped before the last pass.
    pub stop: Vec<String>,
    /// The network interfaces; otherwise they are the machine's.
    pub interfaces: Vec<Interface>,
}

/// A disk with all that is on the source, and what is known of that.
struct Copied {
    disk: Disk,
    adaptation: Adaptation,
    memory: u64,
    processors: u32,
}

impl Conversion {
    /// Does it. The disk gets its name when all is done, and only then. What was interrupted is gone on with.
    ///
    /// # Errors
    /// Any of [`Error`]. A source that cannot become a guest is refused before anything is written.
    pub fn perform(&self, by: Deadline, note: Note<'_>) -> Result<()> {
        let directory = self.check()?;
        match &self.source {
            Source::Machine(machine) => self.convert_machine(machine, &directory, by, note),
            Source::Image(path) => {
                let copied = self.copy_image(path, &directory, by, note)?;
                self.finish(copied, &directory, by, note)
            }
        }
    }

    /// Makes a guest of what was copied.
    fn finish(&self, copied: Copied, directory: &Path, by: Deadline, note: Note<'_>) -> Result<()> {
        let Copied { disk, adaptation, memory, processors } = copied;
        note("adapting the system", None);
        disk.wait_unused()?;
        adaptation.perform(disk.path(), by)?;
        let definition = self.definition(directory, memory, processors, &adaptation.devices);
        definition.write()?;
        disk.finish(&definition.file("img"))
    }

    fn definition<'a>(
        &'a self,
        directory: &'a Path,
        memory: u64,
        processors: u32,
        devices: &'a [Device],
    ) -> Definition<'a> {
        Definition {
            name: &self.name,
            hypervisor: self.hypervisor,
            directory,
            memory,
            processors,
            devices,
            bridge: &self.bridge,
        }
    }

    /// What can be known without the source; the directory with its whole path.
    fn check(&self) -> Result<PathBuf> {
        if !geteuid().is_root() {
            return Err(Error::NotRoot);
        }
        let programs = match self.source {
            Source::Machine(_) => FOR_A_MACHINE,
            Source::Image(_) => FOR_AN_IMAGE,
        };
        programs.iter().try_for_each(|it| exec::find(it).map(drop)).map_err(Error::Lack)?;
        self.check_options()?;
        let path = self.output.canonicalize().map_err(Error::file("find", &self.output))?;
        let is_plain = |it: char| it.is_ascii_alphanumeric() || "/._-".contains(it);
        if path.to_str().is_some_and(|it| it.chars().all(is_plain)) {
            self.check_absent(&path)?;
            Ok(path)
        } else {
            Err(Error::Directory { path })
        }
    }

    fn check_options(&self) -> Result<()> {
        // It is the id of a resource too.
        let name = self.name.to_string();
        if !name.starts_with(|it: char| it.is_ascii_alphabetic()) {
            return Err(Error::Name { found: name });
        }
        let of_machines = [
            ("--stop", !self.stop.is_empty()),
            ("--exclude", !self.exclude.is_empty()),
            ("--size", self.size.is_some()),
        ];
        let given = of_machines.into_iter().find(|(_, given)| *given);
        match (&self.source, given) {
            (Source::Image(_), Some((option, _))) => Err(Error::Meaningless { option }),
            _ => Ok(()),
        }
    }

    /// Refuses to take a guest's files, but for those that a conversion which was interrupted has written.
    fn check_absent(&self, directory: &Path) -> Result<()> {
        let definition = self.definition(directory, 0, 0, &[]);
        let is_there = |path: &PathBuf| path.symlink_metadata().is_ok();
        let (disk, part) = (definition.file("img"), definition.file("img.hawser-part"));
        let others = [definition.configuration(), definition.file("crm")];
        let taken = [disk].into_iter().chain(others.into_iter().filter(|_| !is_there(&part)));
        taken.into_iter().find(is_there).map_or(Ok(()), |path| Err(Error::Exists { path }))
    }

    /// The disk on which this, and no other process, works.
    fn open(&self, directory: &Path) -> Result<Disk> {
        let disk = Disk::open(&directory.join(format!("{}.img.hawser-part", self.name)))?;
        // Another process may have had it until now, and finished it.
        self.check_absent(directory)?;
        Ok(disk)
    }

    fn convert_machine(
        &self,
        machine: &Machine,
        directory: &Path,
        by: Deadline,
        note: Note<'_>,
    ) -> Result<()> {
        note(&format!("asking {machine} what it is"), None);
        let survey = Survey::take(machine, &self.interfaces, &self.exclude, by)?;
        Units::check(machine, &self.stop, by)?;
        let (least, size) = self.size_for(&survey)?;
        let disk = self.open(directory)?;
        check_space(directory, &survey, &disk)?;
        let size = if self.size.is_some() { size } else { disk.size_from(least, size)? };
        let uuid = disk.lay_out(size, &survey.mounts[0], by)?;
        let copy = Copy { machine, survey: &survey, excluded: &self.exclude, disk: disk.path() };
        copy.pass("first pass", by, note)?;
        disk.wait_unused()?;
        note("trying the appliance that is to adapt the system", None);
        adapt::rehearse(disk.path(), by)?;
        disk.wait_unused()?;
        let units = Units::stop(machine, &self.stop, by, note)?;
        let copied = copy.pass("second pass", by, note);
        let Survey { memory, processors, system, fstab, crypttab, devices, .. } = survey;
        let adaptation =
            Adaptation { system, disks: Disks::Merged(uuid), fstab, crypttab, devices };
        let copied = copied.map(|()| Copied { disk, adaptation, memory, processors });
        let done = copied.and_then(|copied| self.finish(copied, directory, by, note));
        if done.is_err() {
            units.start(note);
        }
        done
    }

    fn copy_image(
        &self,
        path: &Path,
        directory: &Path,
        by: Deadline,
        note: Note<'_>,
    ) -> Result<Copied> {
        let path = &path.canonicalize().map_err(Error::file("find", path))?;
        note(&format!("looking into {}", path.display()), None);
        let image = Image::look(path, by)?;
        let devices = Device::choose("[]", &self.interfaces)?;
        let adaptation = Adaptation::look(path, self.hypervisor.disk(), devices, by)?;
        let disk = self.open(directory)?;
        image.flatten(disk.path(), by, &mut |percent| note("copying the image", Some(percent)))?;
        let (memory, processors) = USUAL;
        Ok(Copied { disk, adaptation, memory, processors })
    }

    /// The least that a disk needs in bytes, with what a file system takes for itself, and what it is to have.
    fn size_for(&self, survey: &Survey) -> Result<(u64, u64)> {
        let used = survey.used();
        let least = (used + used / 8 + SPARE).next_multiple_of(1 << 20);
        let size = self.size.unwrap_or(survey.size().max(least)) & !((1 << 20) - 1);
        if size < least { Err(Error::TooSmall { size, used, least }) } else { Ok((least, size)) }
    }
}

/// Refuses to begin a copy for which there is no space.
fn check_space(directory: &Path, survey: &Survey, disk: &Disk) -> Result<()> {
    let failed = Error::file("look at", directory);
    let space = statvfs(directory).map_err(|error| failed(error.into()))?;
    let free = space.blocks_available() * space.fragment_size();
    let needed = survey.used().saturating_sub(disk.allocated()?);
    if free < needed {
        Err(Error::NoSpace { path: directory.to_owned(), free, needed })
    } else {
        Ok(())
    }
}
