use nix::unistd::{Gid, Group, Uid, User, chown};
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::xen::ssh;
use crate::{Error, config};
use exec::{Deadline, Tool};

/// The directories that a node does not share with the machine. What is in them survives when the
/// node is killed, like on a disk.
pub const PRIVATE: &[&str] = &[
    "etc",
    "var/cache/libvirt",
    "var/lib/corosync",
    "var/lib/hawser/migrations",
    "var/lib/libvirt",
    "var/lib/pacemaker",
    "var/log",
];

/// Length of the cluster's keys in bytes, as `corosync-keygen` and pcs make them.
const KEY: usize = 256;

/// How long the machine's /etc may take to copy.
const COPY_TIME: Duration = Duration::from_secs(60);

/// The keys that the nodes of one cluster share.
pub struct Keys {
    corosync: Vec<u8>,
    pacemaker: Vec<u8>,
}

impl Keys {
    pub fn random() -> Result<Self, Error> {
        Ok(Self { corosync: random(KEY)?, pacemaker: random(KEY)? })
    }
}

fn random(length: usize) -> Result<Vec<u8>, Error> {
    let path = Path::new("/dev/urandom");
    let mut bytes = vec![0; length];
    let mut source = fs::File::open(path).map_err(Error::file("open", path))?;
    source.read_exact(&mut bytes).map_err(Error::file("read", path))?;
    Ok(bytes)
}

/// Who owns a file.
#[derive(Clone, Copy)]
enum Owner {
    Root,
    /// Pacemaker's daemons, which give up root.
    Pacemaker,
}

/// Lays out the disk of a node that has never run, of otherwise empty directories. Where nodes are
/// namespaces, /etc is a copy of the machine's, without what the machine's own cluster and guests have there.
/// A Xen host brings its own, and gets the same users and groups as the machine.
pub fn format(place: &Place, settings: &Settings, node: Plan, keys: &Keys) -> Result<(), Error> {
    let disk = Disk { root: place.disk(&node.name()), plans: Plan::of(settings.nodes) };
    for directory in PRIVATE.iter().filter(|it| **it != "etc") {
        disk.directory(directory, 0o755, Owner::Root)?;
    }
    match settings.xen {
        Some(_) => disk.xen(place)?,
        None => disk.libvirt(node)?,
    }
    disk.file("etc/hostname", 0o644, format!("{}\n", node.name()).as_bytes())?;
    disk.cluster(settings, keys)
}

struct Disk {
    root: std::path::PathBuf,
    plans: Vec<Plan>,
}

impl Disk {
    fn xen(&self, place: &Place) -> Result<(), Error> {
        for name in ["etc/ssh", "var/log/xen"] {
            self.directory(name, 0o755, Owner::Root)?;
        }
        for file in ["/etc/passwd", "/etc/group", "/etc/hosts"] {
            self.copy(Path::new(file), &file[1..], 0o644)?;
        }
        ssh::CONFIGURATION
            .iter()
            .try_for_each(|(name, content)| self.file(name, 0o644, content.as_bytes()))?;
        let public = place.key().with_extension("pub");
        self.copy(&place.key(), ssh::KEY, 0o600)?;
        self.copy(&public, ssh::AUTHORIZED, 0o644)?;
        let public = fs::read_to_string(&public).map_err(Error::file("read", &public))?;
        self.file(ssh::KNOWN_HOSTS, 0o644, format!("* {public}").as_bytes())
    }

    fn libvirt(&self, node: Plan) -> Result<(), Error> {
        let copy = Tool::new("cp").args(["--archive", "/etc"]).arg(self.root.join("etc"));
        copy.run(Deadline::after(COPY_TIME))?;
        for foreign in ["etc/corosync", "etc/libvirt", "etc/pacemaker"] {
            self.remove(foreign)?;
        }
        self.directory("etc/libvirt", 0o755, Owner::Root)?;
        self.file("etc/libvirt/libvirtd.conf", 0o644, config::libvirtd(node).as_bytes())?;
        self.file("etc/libvirt/qemu.conf", 0o600, config::QEMU.as_bytes())
    }

    fn cluster(&self, settings: &Settings, keys: &Keys) -> Result<(), Error> {
        self.directory("etc/corosync/uidgid.d", 0o755, Owner::Root)?;
        let corosync = config::corosync(settings);
        self.file("etc/corosync/corosync.conf", 0o644, corosync.as_bytes())?;
        self.file("etc/corosync/authkey", 0o400, &keys.corosync)?;
        self.directory("etc/pacemaker", 0o750, Owner::Pacemaker)?;
        self.file("etc/pacemaker/authkey", 0o400, &keys.pacemaker)?;
        self.own("etc/pacemaker/authkey", Owner::Pacemaker)?;
        for name in ["blackbox", "cib", "cores", "pengine"] {
            self.directory(&format!("var/lib/pacemaker/{name}"), 0o750, Owner::Pacemaker)?;
        }
        let cib = config::cib(&settings.name, &self.plans);
        self.file("var/lib/pacemaker/cib/cib.xml", 0o600, cib.as_bytes())?;
        self.own("var/lib/pacemaker/cib/cib.xml", Owner::Pacemaker)?;
        self.directory("var/log/pacemaker", 0o770, Owner::Pacemaker)?;
        for name in ["var/log/corosync", "var/log/crmsh", "var/log/pcsd"] {
            self.directory(name, 0o755, Owner::Root)?;
        }
        Ok(())
    }

    fn directory(&self, name: &str, mode: u32, owner: Owner) -> Result<(), Error> {
        let path = self.root.join(name);
        fs::create_dir_all(&path).map_err(Error::file("create", &path))?;
        fs::set_permissions(&path, Permissions::from_mode(mode))
            .map_err(Error::file("set the mode of", &path))?;
        self.own(name, owner)
    }

    fn file(&self, name: &str, mode: u32, content: &[u8]) -> Result<(), Error> {
        let path = self.root.join(name);
        fs::write(&path, content).map_err(Error::file("write", &path))?;
        fs::set_permissions(&path, Permissions::from_mode(mode))
            .map_err(Error::file("set the mode of", &path))
    }

    fn copy(&self, from: &Path, name: &str, mode: u32) -> Result<(), Error> {
        let content = fs::read(from).map_err(Error::file("read", from))?;
        self.file(name, mode, &content)
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.root.join(name);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::file("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// A machine without Pacemaker has no user for it, and then nothing on the disk needs one.
    fn own(&self, name: &str, owner: Owner) -> Result<(), Error> {
        let (user, group) = match owner {
            Owner::Root => (Uid::from_raw(0), Gid::from_raw(0)),
            Owner::Pacemaker => match pacemaker()? {
                Some(ids) => ids,
                None => return Ok(()),
            },
        };
        let path = self.root.join(name);
        chown(&path, Some(user), Some(group))
            .map_err(|source| Error::file("set the owner of", &path)(source.into()))
    }
}

/// The user and group that Pacemaker's daemons run as.
pub fn pacemaker() -> Result<Option<(Uid, Gid)>, Error> {
    let user = User::from_name("hacluster").map_err(Error::kernel("look up user hacluster"))?;
    let group = Group::from_name("haclient").map_err(Error::kernel("look up group haclient"))?;
    Ok(user.map(|it| it.uid).zip(group.map(|it| it.gid)))
}
