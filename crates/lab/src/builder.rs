use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::handle::{Lab, Owner};
use crate::mounts::OVERLAID;
use crate::place::{self, Place, Settings};
use crate::protocol::{Connection, Reply, Request};
use crate::xen::HostImage;
use crate::{Error, Name, image, keeper_program, packages, plan};
use exec::{Child, Deadline, Tool};

/// How long the keeper may take to open its socket.
const KEEPER_TIME: Duration = Duration::from_secs(10);

/// How long the image of a Xen host may take to build.
const IMAGE_TIME: Duration = Duration::from_secs(900);

/// How long all nodes together may take to boot.
const MAKE_TIME: Duration = Duration::from_secs(300);

/// What runs on the nodes of a lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stack {
    /// The hypervisor's daemons, Corosync and Pacemaker.
    Cluster,
    /// The hypervisor's daemons alone.
    Bare,
}

/// What a lab is to be. [`crate::Lab::builder`] makes one.
#[derive(Debug, Clone)]
pub struct Builder {
    settings: Settings,
    xen: bool,
}

impl Builder {
    pub(crate) fn new(name: Name) -> Self {
        Self {
            settings: Settings {
                name,
                nodes: 2,
                stack: Stack::Cluster,
                xen: None,
                link_speed: None,
                roots: Vec::new(),
            },
            xen: false,
        }
    }

    /// How many nodes, from 1 to 5; 2 without this.
    #[must_use]
    pub fn nodes(mut self, count: u8) -> Self {
        self.settings.nodes = count;
        self
    }

    /// What runs on the nodes; the whole cluster stack without this.
    #[must_use]
    pub fn stack(mut self, stack: Stack) -> Self {
        self.settings.stack = stack;
        self
    }

    /// Makes each node a Xen host: a machine that QEMU emulates, with Debian's hypervisor and kernel. It
    /// needs 1 GiB of memory and a processor's time, and boots in some 20 s.
    #[must_use]
    pub fn xen(mut self) -> Self {
        self.xen = true;
        self
    }

    /// Gives each node a link of this speed, in Mbit/s, for the migrations that it sends: what goes to
    /// TCP ports [`crate::MIGRATION_PORTS`]. All else, such as the cluster's own and the guests' traffic, does
    /// not queue behind it. Without this nothing has a limit but the machine's own.
    #[must_use]
    pub fn link_speed(mut self, speed: u32) -> Self {
        self.settings.link_speed = Some(speed);
        self
    }

    /// Lays an installed tree, as `make install DESTDIR=` leaves one, over the nodes': they see its
    /// files in [`OVERLAID`] beside the machine's own. Of several trees the first one wins.
    #[must_use]
    pub fn root(mut self, directory: impl Into<PathBuf>) -> Self {
        self.settings.roots.push(directory.into());
        self
    }

    /// Makes the lab; it ends when the [`Lab`] is dropped, or when this process ends in any way. The
    /// nodes run when this returns, but need some seconds more to form a cluster: see
    /// [`Lab::wait_online`]. `progress` gets a sentence for every step.
    ///
    /// # Errors
    /// Without root, with programs missing, when a lab of this name runs, when the kernel permits no
    /// namespaces, and when a node does not boot.
    pub fn start(mut self, mut progress: impl FnMut(&str)) -> Result<Lab, Error> {
        self.check()?;
        let name = self.settings.name.clone();
        let place = Place::new(&name);
        // It may have to be made first, and nobody who wants a lab of another kind waits for that.
        if self.xen {
            let deadline = Deadline::after(IMAGE_TIME);
            let cache = Path::new(image::CACHE);
            let in_use = place::images(&place::lock()?)?;
            self.settings.xen = Some(HostImage::obtain(cache, &in_use, &mut progress, deadline)?);
        }
        let lock = place::lock()?;
        if place::sweep(&lock)?.contains(&name) {
            return Err(Error::AlreadyRunning { lab: name });
        }
        progress(&format!("making lab {name} with {} node(s)", self.settings.nodes));
        let (unshare, connection) = self.spawn(&place)?;
        drop(lock);
        let mut owner = Owner { unshare, connection };
        match follow(&name, &mut owner.connection, progress) {
            Ok(()) => Ok(Lab::owned(name, owner)),
            Err(error) => {
                owner.end();
                Err(error)
            }
        }
    }

    fn check(&mut self) -> Result<(), Error> {
        if !nix::unistd::geteuid().is_root() {
            return Err(Error::NotRoot);
        }
        let count = self.settings.nodes;
        if !plan::NODES.contains(&count) {
            return Err(Error::BadCount { count });
        }
        let absent = packages::absent(self.settings.stack, self.xen);
        if !absent.is_empty() {
            return Err(Error::Absent(absent));
        }
        for root in &mut self.settings.roots {
            if !OVERLAID.iter().any(|it| root.join(it).is_dir()) {
                return Err(Error::EmptyRoot { directory: root.clone() });
            }
            *root = root.canonicalize().map_err(Error::file("find", root))?;
        }
        Ok(())
    }

    /// Starts the keeper in namespaces of its own and connects to it.
    fn spawn(&self, place: &Place) -> Result<(Child, Connection), Error> {
        let program = keeper_program::find(&self.settings.roots)?;
        place.create(&self.settings)?;
        fs::copy(&program, place.program()).map_err(Error::file("copy", &program))?;
        let mut unshare = Tool::new("unshare")
            .args(["--mount", "--pid", "--net", "--uts", "--mount-proc"])
            .args(["--propagation", "private", "--fork", "--kill-child"])
            .arg(place.program())
            .args(["init", self.settings.name.as_str()])
            .spawn(Some(&place.log()))?;
        let deadline = Deadline::after(KEEPER_TIME);
        loop {
            if let Ok(connection) = Connection::open(&place.socket()) {
                return Ok((unshare, connection));
            }
            if unshare.ended().is_some() || !deadline.pause(Duration::from_millis(2)) {
                unshare.kill();
                let said = fs::read_to_string(place.log()).unwrap_or_default();
                let _ = place.clear();
                return Err(Error::Namespaces { said: said.trim().replace('\n', "; ") });
            }
        }
    }
}

/// Has the keeper make the lab, and passes on what it says meanwhile.
fn follow(
    lab: &Name,
    keeper: &mut Connection,
    mut progress: impl FnMut(&str),
) -> Result<(), Error> {
    let silent = |source| Error::Silent { lab: lab.clone(), source };
    let deadline = Deadline::after(MAKE_TIME);
    keeper.send(&Request::Own).map_err(silent)?;
    loop {
        match keeper.receive_by(deadline).map_err(silent)? {
            Some(Reply::Progress(step)) => progress(&step),
            Some(Reply::Done) => return Ok(()),
            Some(Reply::Failed(said)) => return Err(Error::Refused { lab: lab.clone(), said }),
            Some(Reply::Status(_)) | None => {
                return Err(silent(std::io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}
