use nix::fcntl::Flock;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::xen::HostImage;
use crate::{Error, Name, Stack};
use exec::Deadline;

/// Where labs keep their files. Not under /run: guests' disks are opened with `O_DIRECT`, which a
/// tmpfs refuses before Linux 6.6.
const ROOT: &str = "/var/lib/hawser/lab";

/// How long another command may hold the lock: it is held while a lab is created or cleared away.
const LOCK_TIME: Duration = Duration::from_secs(20);

/// The directory of one lab.
#[derive(Debug, Clone)]
pub struct Place {
    directory: PathBuf,
}

/// What a lab was asked to be; kept in its directory for the programs that make it so.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    pub name: Name,
    pub nodes: u8,
    pub stack: Stack,
    /// What the nodes boot from as Xen hosts; none where they are namespaces.
    pub xen: Option<HostImage>,
    /// What a node may send of its guests' migrations, in Mbit/s; none for no limit.
    pub link_speed: Option<u32>,
    /// Installed trees whose agents the nodes see, absolute, the first one wins.
    pub roots: Vec<PathBuf>,
}

impl Place {
    pub fn new(name: &Name) -> Self {
        Self { directory: Path::new(ROOT).join(name.as_str()) }
    }

    /// The directory itself.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The keeper's socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.join("keeper.sock")
    }

    /// What the keeper has to say when nobody is connected.
    pub fn log(&self) -> PathBuf {
        self.directory.join("keeper.log")
    }

    /// The lab's own copy of the keeper's program: it stays the same when the original is rebuilt.
    pub fn program(&self) -> PathBuf {
        self.directory.join("lab-keeper")
    }

    /// The tree that is laid over every node's: it holds the fence agent.
    pub fn tree(&self) -> PathBuf {
        self.directory.join("tree")
    }

    /// The storage that all nodes share.
    pub fn shared(&self) -> PathBuf {
        self.directory.join("shared")
    }

    /// The host names of the lab, as /etc/hosts has them.
    pub fn hosts(&self) -> PathBuf {
        self.directory.join("hosts")
    }

    /// What Xen hosts boot: an initramfs with the keeper's program.
    pub fn initramfs(&self) -> PathBuf {
        self.directory.join("initramfs")
    }

    /// The key of all Xen hosts and of their administrator; the public one beside it ends in `.pub`.
    pub fn key(&self) -> PathBuf {
        self.directory.join("key")
    }

    /// The disk of one node: the directories that it does not share with the machine.
    pub fn disk(&self, node: &str) -> PathBuf {
        self.directory.join(node)
    }

    /// Where a booting node meets the keeper.
    pub fn boot_socket(&self, node: &str) -> PathBuf {
        self.directory.join(format!("{node}.sock"))
    }

    /// Writes down what the lab is to be, in an otherwise empty directory.
    pub fn create(&self, settings: &Settings) -> Result<(), Error> {
        self.clear()?;
        fs::create_dir_all(self.shared()).map_err(Error::file("create", &self.shared()))?;
        let path = self.settings_file();
        let text = serde_json::to_vec(settings).map_err(Error::Message)?;
        fs::write(&path, text).map_err(Error::file("write", &path))
    }

    pub fn settings(&self) -> Result<Settings, Error> {
        let path = self.settings_file();
        let text = fs::read(&path).map_err(Error::file("read", &path))?;
        serde_json::from_slice(&text).map_err(Error::Message)
    }

    /// Removes everything. It must not be called while anything is mounted in the directory.
    pub fn clear(&self) -> Result<(), Error> {
        match fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::file("remove", &self.directory)(error))
            }
            _ => Ok(()),
        }
    }

    /// Whether a keeper answers: a directory without one is what a killed lab left behind.
    pub fn is_alive(&self) -> bool {
        UnixStream::connect(self.socket()).is_ok()
    }

    fn settings_file(&self) -> PathBuf {
        self.directory.join("settings.json")
    }
}

/// Held while a lab is created or cleared away; the lock is on the directory of all labs.
pub struct Lock {
    _directory: Flock<File>,
}

/// Takes the lock on the directory of all labs.
pub fn lock() -> Result<Lock, Error> {
    let root = Path::new(ROOT);
    fs::create_dir_all(root).map_err(Error::file("create", root))?;
    let locked = file::lock(root, Deadline::after(LOCK_TIME));
    locked.map(|it| Lock { _directory: it }).map_err(Error::file("lock", root))
}

/// The names of the labs that run, in order. What killed labs left behind is removed on the way.
pub fn sweep(_lock: &Lock) -> Result<Vec<Name>, Error> {
    let root = Path::new(ROOT);
    let entries = fs::read_dir(root).map_err(Error::file("read", root))?;
    let mut alive = Vec::new();
    for name in entries.flatten().filter_map(|it| it.file_name().to_str()?.parse::<Name>().ok()) {
        let place = Place::new(&name);
        if place.is_alive() {
            alive.push(name);
        } else {
            place.clear()?;
        }
    }
    alive.sort();
    Ok(alive)
}

/// What the hosts of the labs that run boot from.
pub fn images(lock: &Lock) -> Result<Vec<HostImage>, Error> {
    let settings = sweep(lock)?.into_iter().filter_map(|name| Place::new(&name).settings().ok());
    Ok(settings.filter_map(|it| it.xen).collect())
}
