//! A machine of its own that a real systemd boots and takes down: a container, and no node of a lab.

use crate::fixture::{lack, skip};
use crate::journal::Journal;
use crate::{Turn, eventually, install, soon};
use exec::{Child, Tool};
use nix::fcntl::{Flock, FlockArg};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use std::fs::{self, File};
use std::io;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

const PROGRAMS: [&str; 4] = ["systemd-nspawn", "libvirtd", "pacemakerd", "qemu-system-x86_64"];

/// Where systemd-nspawn makes its control groups, which two machines would share.
const CGROUPS: &str = "/sys/fs/cgroup";

/// The machine's file system: another one, and over it what the machine writes.
const ROOT: &str = "/run/root";

/// The port of the lab's switch that a machine is plugged into.
const PORT: &str = "machine";

/// What of the installed tree the machine sees.
const INSTALLED: [&str; 2] = ["/usr/lib/ocf/resource.d/hawser", "/usr/libexec/hawser"];

/// Boots a machine and waits until it has shut itself down. It has this machine's files, none of its enabled
/// units, and the files that are given by path and content. Nothing of it remains but its journal.
///
/// `None` when this machine cannot run such a one: that has been said then, and the test is to end.
///
/// # Panics
/// When the machine is not off after 120 s, or skipping is not allowed.
#[must_use]
pub fn boot(files: &[(&str, &str)]) -> Option<Journal> {
    let mut programs = install::PROGRAMS.iter().chain(&PROGRAMS);
    if let Some(lack) = programs.find_map(|it| lack(it)) {
        return skip(&lack);
    }
    if !nix::unistd::geteuid().is_root() {
        return skip(&"a machine with systemd needs root");
    }
    let tree = install::tree();
    let _turn = lock_cgroups();
    let booted = apart(|| boot_apart(files, tree));
    remove_cgroups();
    match booted {
        Ok(journal) => Some(journal),
        Err(why) => skip(&format!("no machine with systemd can be made: {why}")),
    }
}

/// Does something on a thread of its own, whose mounts end with it and with what it has started.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let done = thread::scope(|scope| scope.spawn(work).join());
    done.unwrap_or_else(|panic| resume_unwind(panic))
}

fn lock_cgroups() -> Flock<File> {
    let turn = File::open(CGROUPS).expect("control groups");
    Flock::lock(turn, FlockArg::LockExclusive)
        .map_err(|(_, error)| error)
        .expect("the control groups can be locked")
}

fn nspawn() -> Tool {
    Tool::new("systemd-nspawn")
        .args(["--boot", "--register=no", "--keep-unit", "--private-network"])
        .args(["--console=read-only", "--directory", ROOT])
}

fn boot_apart(files: &[(&str, &str)], tree: &Path) -> Result<Journal, String> {
    isolate(Path::new("/")).map_err(|error| error.to_string())?;
    fs::remove_dir_all(Path::new(ROOT).join("etc/systemd/system")).expect("units");
    prepare(files).expect("the machine's files can be written");
    let binds = INSTALLED.map(|path| format!("--bind-ro={}{path}:{path}", tree.display()));
    let output = nspawn().args(binds).output(eventually()).expect("the machine shuts down");
    if output.status.success() {
        Ok(Journal::read(&Path::new(ROOT).join("var/log/journal")))
    } else {
        Err(output.error_text().trim().replace('\n', "; "))
    }
}

fn isolate(lower: &Path) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    // This hides from systemd-nspawn where it would leave something behind.
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))?;
    for directory in ["/run/upper", "/run/work", ROOT] {
        fs::create_dir(directory)?;
    }
    let layers = format!("lowerdir={},upperdir=/run/upper,workdir=/run/work", lower.display());
    mount(Some("overlay"), ROOT, Some("overlay"), MsFlags::empty(), Some(layers.as_str()))?;
    Ok(())
}

fn prepare(files: &[(&str, &str)]) -> io::Result<()> {
    let root = Path::new(ROOT);
    fs::create_dir_all(root.join("var/log/journal"))?;
    for (path, content) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a file's path"))?;
        fs::write(path, content)?;
    }
    Ok(())
}

/// A machine that runs in a lab's network, until it is dropped.
pub struct Machine {
    nspawn: Child,
    _turn: Flock<File>,
}

impl Machine {
    /// Boots the system in a directory, which stays as it is, with the files that are given by path and content. Its
    /// network interface is `ens3`.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn boot(lab: &Turn, system: &Path, files: &[(&str, &str)]) -> Self {
        let turn = lock_cgroups();
        let network = lab.observer().expect("the lab answers").network();
        let nspawn = apart(|| {
            let network = File::open(network).expect("the lab's network");
            setns(network, CloneFlags::CLONE_NEWNET).expect("the lab's network");
            isolate(system).expect("a machine of its own");
            prepare(files).expect("the machine's files can be written");
            nspawn().arg(format!("--network-veth-extra={PORT}:ens3")).spawn(None)
        });
        let machine = Self { nspawn: nspawn.expect("systemd-nspawn"), _turn: turn };
        let ip = |arguments: &[&str]| {
            let tool = lab.observer().expect("the lab answers").tool("ip");
            tool.args(arguments).output(soon()).expect("ip").status.success()
        };
        let plug = ["link", "set", PORT, "master", "switch", "up"];
        crate::wait_until("the machine is plugged in", eventually(), || ip(&plug));
        machine
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // systemd-nspawn has the machine shut itself down then.
        self.nspawn.terminate();
        let _ = self.nspawn.wait(eventually());
        self.nspawn.kill();
        remove_cgroups();
    }
}

/// Removes the control groups that systemd-nspawn made in this process's own, in whichever hierarchies.
fn remove_cgroups() {
    let own = fs::read_to_string("/proc/self/cgroup").expect("own control groups");
    for line in own.lines() {
        let path = line.rsplit(':').next().unwrap_or_default().trim_start_matches('/');
        for hierarchy in ["systemd", "unified", ""] {
            for group in ["payload", "supervisor"] {
                remove(&Path::new(CGROUPS).join(hierarchy).join(path).join(group));
            }
        }
    }
}

fn remove(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        remove(&entry.path());
    }
    // What else is in there, files that are no directories, goes with it.
    let _ = fs::remove_dir(group);
}
