//! The installed tree that the nodes of every lab see.

use exec::{Deadline, Tool};
use nix::fcntl::{Flock, FlockArg};
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// What `make install` needs that Rust does not bring.
pub const PROGRAMS: [&str; 2] = ["make", "xsltproc"];

/// How long `make install` may take: it builds for release.
const BUILD_TIME: Duration = Duration::from_secs(900);

/// The tree, installed by the first test of this process that asks. It holds what a user's machine gets:
/// agents without the pretend hypervisor that this very build may have in them.
pub fn tree() -> &'static Path {
    static TREE: OnceLock<PathBuf> = OnceLock::new();
    TREE.get_or_init(install)
}

fn install() -> PathBuf {
    let own = env::current_exe().expect("/proc/self/exe can be read");
    // Cargo runs target/PROFILE/deps/NAME.
    let target = own.ancestors().nth(3).expect("the target directory");
    let tree = target.join("live-root");
    fs::create_dir_all(&tree).expect("the target directory can be written");
    // Another process may be about to run what this one would replace.
    let lock = File::open(&tree).expect("the tree can be opened");
    let _lock = Flock::lock(lock, FlockArg::LockExclusive)
        .map_err(|(_, error)| error)
        .expect("the tree can be locked");
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).expect("the project");
    Tool::new("make")
        .args(["install", "PREFIX=/usr"])
        .arg(format!("DESTDIR={}", tree.display()))
        .arg(format!("TARGET={}", target.display()))
        .arg(format!("CARGO={}", env!("CARGO")))
        .inherit_environment()
        .env("CARGO_TARGET_DIR", target)
        .directory(project)
        .run(Deadline::after(BUILD_TIME))
        .expect("make install");
    tree
}
