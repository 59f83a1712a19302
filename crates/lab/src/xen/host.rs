//! The init of a host's control domain: from the initramfs that it came in to a node of the lab.

use lab_guest::{boot, port};
use nix::mount::MsFlags;
use nix::sys::reboot::{RebootMode, reboot};
use nix::unistd::{chdir, chroot, sethostname, sync};
use std::fs::{self, File};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::machine::{BOOT_PORT, LAB_SHARE, LAB_WORD, NODE_WORD, root_share};
use super::relay::Relay;
use crate::place::Place;
use crate::protocol::Connection;
use crate::services::Services;
use crate::{Error, Name, init, keeper, mounts, program};
use exec::{Deadline, Tool};

/// What the initramfs calls the program that is this one.
pub const NAME: &str = "init";

const ETC: &str = "etc";

/// How long copying the node's part of /etc may take.
const COPY_TIME: Duration = Duration::from_secs(120);

/// Runs the host until it is shut down, or cannot be booted, and switches it off.
pub fn main() -> ExitCode {
    let ended = run();
    if let Err(error) = ended {
        program::complain(&error);
    }
    sync();
    // It does not return when it succeeds.
    let _ = reboot(RebootMode::RB_POWER_OFF);
    ExitCode::FAILURE
}

fn run() -> Result<(), Error> {
    boot::mount_filesystems()?;
    boot::load_modules()?;
    let words = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let lab: Name = word(&words, LAB_WORD).parse()?;
    let node = word(&words, NODE_WORD);
    let keeper = Connection::new(open_port(BOOT_PORT)?);
    init::serve(&lab, keeper, || bring_up(&Place::new(&lab), node))
}

/// The value of a word on the kernel's command line.
fn word<'a>(words: &'a str, name: &str) -> &'a str {
    let mut values = words.split_ascii_whitespace().filter_map(|it| it.split_once('='));
    values.find(|(it, _)| *it == name).map_or("", |(_, value)| value)
}

/// Opens a serial port that the machine must have.
pub fn open_port(name: &'static str) -> Result<File, Error> {
    port::open(name)?.ok_or(Error::NoPort { name })
}

fn bring_up(place: &Place, node: &str) -> Result<Services, Error> {
    enter_disk()?;
    share(LAB_SHARE, place.directory(), MsFlags::empty(), "none")?;
    let settings = place.settings()?;
    for (number, root) in settings.roots.iter().enumerate() {
        share(&root_share(number), root, MsFlags::MS_RDONLY, "loose")?;
    }
    let plan = init::plan(&settings, node)?;
    sethostname(node).map_err(Error::kernel("set the node's name"))?;
    // The disk forgets, and so does this copy; what is read with every program is better not shared.
    let etc = place.disk(node).join(ETC).join(".");
    Tool::new("cp").arg("--archive").arg(etc).arg("/etc").run(Deadline::after(COPY_TIME))?;
    let private: Vec<&str> = keeper::PRIVATE.iter().copied().filter(|it| *it != ETC).collect();
    mounts::furnish(place, &settings, node, &private)?;
    keeper::configure_node(plan)?;
    keeper::configure_side()?;
    let relay = Relay::open()?;
    let services = init::start(&settings)?;
    relay.serve();
    Ok(services)
}

/// Makes the disk the root of everything, with the kernel's file systems in it.
fn enter_disk() -> Result<(), Error> {
    let root = Path::new("/root");
    mounts::create(root)?;
    mounts::attach_from("/dev/vda", "ext4", root, MsFlags::empty(), "")?;
    for directory in ["dev", "proc", "sys"] {
        mounts::put(&Path::new("/").join(directory), &root.join(directory), MsFlags::MS_MOVE)?;
    }
    chdir(root).map_err(Error::kernel("enter the disk"))?;
    mounts::put(Path::new("."), Path::new("/"), MsFlags::MS_MOVE)?;
    chroot(".").map_err(Error::kernel("enter the disk"))?;
    let terminals = Path::new("/dev/pts");
    mounts::create(terminals)?;
    mounts::attach("devpts", terminals, MsFlags::MS_NOSUID, "ptmxmode=666,gid=5")?;
    mounts::tmpfs("/dev/shm", 0o1777)?;
    mounts::link_devices()
}

/// Mounts a directory that the machine is given, at the path that it has outside.
fn share(name: &str, path: &Path, flags: MsFlags, cache: &str) -> Result<(), Error> {
    mounts::create(path)?;
    let options = format!("trans=virtio,version=9p2000.L,msize=262144,cache={cache}");
    mounts::attach_from(name, "9p", path, flags, options)
}
