//! A machine of its own that a real systemd boots and takes down: a container, and no node of a lab.

use crate::fixture::{lack, skip};
use crate::journal::Journal;
use crate::{eventually, install};
use exec::Tool;
use nix::fcntl::{Flock, FlockArg};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::fs::{self, File};
use std::io;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

const PROGRAMS: [&str; 4] = ["systemd-nspawn", "libvirtd", "pacemakerd", "qemu-system-x86_64"];

/// Where systemd-nspawn makes its control groups, which two machines would share.
const CGROUPS: &str = "/sys/fs/cgroup";

/// The machine's file system: this machine's own, and over it what the machine writes.
const ROOT: &str = "/run/root";
const LAYERS: &str = "lowerdir=/,upperdir=/run/upper,workdir=/run/work";

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
    let turn = File::open(CGROUPS).expect("control groups");
    let _turn = Flock::lock(turn, FlockArg::LockExclusive)
        .map_err(|(_, error)| error)
        .expect("the control groups can be locked");
    // The mounts are the thread's own, and end with it.
    let booted = thread::scope(|scope| scope.spawn(|| boot_apart(files, tree)).join());
    remove_cgroups();
    match booted.unwrap_or_else(|panic| resume_unwind(panic)) {
        Ok(journal) => Some(journal),
        Err(why) => skip(&format!("no machine with systemd can be made: {why}")),
    }
}

fn boot_apart(files: &[(&str, &str)], tree: &Path) -> Result<Journal, String> {
    isolate().map_err(|error| error.to_string())?;
    prepare(files).expect("the machine's files can be written");
    let binds = INSTALLED.map(|path| format!("--bind-ro={}{path}:{path}", tree.display()));
    let output = Tool::new("systemd-nspawn")
        .args(["--boot", "--register=no", "--keep-unit", "--private-network"])
        .args(["--console=read-only", "--directory", ROOT])
        .args(binds)
        .output(eventually())
        .expect("the machine shuts down");
    if output.status.success() {
        Ok(Journal::read(&Path::new(ROOT).join("var/log/journal")))
    } else {
        Err(output.error_text().trim().replace('\n', "; "))
    }
}

fn isolate() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    // This hides from systemd-nspawn where it would leave something behind.
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))?;
    for directory in ["/run/upper", "/run/work", ROOT] {
        fs::create_dir(directory)?;
    }
    mount(Some("overlay"), ROOT, Some("overlay"), MsFlags::empty(), Some(LAYERS))?;
    Ok(())
}

fn prepare(files: &[(&str, &str)]) -> io::Result<()> {
    let root = Path::new(ROOT);
    fs::remove_dir_all(root.join("etc/systemd/system"))?;
    fs::create_dir_all(root.join("var/log/journal"))?;
    for (path, content) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a file's path"))?;
        fs::write(path, content)?;
    }
    Ok(())
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
