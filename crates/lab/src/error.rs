use std::io;
use std::path::{Path, PathBuf};

use crate::Name;
use crate::packages::Absent;

/// Ways in which a lab can fail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Namespaces, mounts and bridges need root.
    #[error("a lab needs root: namespaces, mounts and bridges are made (try sudo)")]
    NotRoot,
    /// Programs that the nodes run are not installed.
    #[error("not installed: {}; apt-get install {}", Absent::programs(.0), Absent::packages(.0))]
    Absent(Vec<Absent>),
    /// Not a name for a lab.
    #[error(
        "{name:?} cannot be a lab's name: 1 to 32 lower-case letters, digits and hyphens, \
         a letter first"
    )]
    BadName {
        /// What was given.
        name: String,
    },
    /// Too few or too many nodes.
    #[error("a lab has 1 to 5 nodes, not {count}")]
    BadCount {
        /// What was asked for.
        count: u8,
    },
    /// The directory holds none of the trees that are laid over a node's.
    #[error(
        "{} holds no installed agents (expected {}): give the DESTDIR of make install",
        .directory.display(),
        crate::OVERLAID.join(" or ")
    )]
    EmptyRoot {
        /// The directory.
        directory: PathBuf,
    },
    /// A lab of this name runs already.
    #[error("lab {lab} is running already (hawser lab down --lab {lab} ends it)")]
    AlreadyRunning {
        /// Its name.
        lab: Name,
    },
    /// No lab of this name runs.
    #[error("no lab {lab} is running; running: {}", listed(.running))]
    UnknownLab {
        /// The name that was asked for.
        lab: Name,
        /// The labs that do run.
        running: Vec<Name>,
    },
    /// The lab has no such node.
    #[error("there is no node {node}; the nodes are {}", .nodes.join(" "))]
    UnknownNode {
        /// What was asked for.
        node: String,
        /// The lab's nodes.
        nodes: Vec<String>,
    },
    /// The node is off.
    #[error("node {node} is off (hawser lab start {node})")]
    Off {
        /// The node.
        node: String,
    },
    /// The program that labs are made of is neither installed nor built.
    #[error(
        "lab-keeper not found (looked for {}): install the whole suite, or cargo build --workspace",
        .candidates.iter().map(|it| it.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NoKeeper {
        /// Where it was looked for.
        candidates: Vec<PathBuf>,
    },
    /// The keeper ended before the lab was made.
    #[error("the lab's namespaces cannot be made: {said} (a container needs --privileged)")]
    Namespaces {
        /// What `unshare` or the keeper wrote.
        said: String,
    },
    /// A node did not come up.
    #[error("node {node} did not boot: {said}")]
    Boot {
        /// The node.
        node: String,
        /// What the node wrote.
        said: String,
    },
    /// A node did not end. Nothing may be concluded about what runs on it.
    #[error("node {node} did not end in time; a process that was entered into it may be stopped")]
    Lingering {
        /// The node.
        node: String,
    },
    /// The process that asked for a node to be fenced was itself fenced before its turn.
    #[error("the node that asked was switched off before its turn")]
    RequesterGone,
    /// The keeper could not do what it was asked for.
    #[error("lab {lab}: {said}")]
    Refused {
        /// The lab.
        lab: Name,
        /// The keeper's own error.
        said: String,
    },
    /// The keeper did not answer in time, or ended meanwhile.
    #[error("lab {lab} does not answer")]
    Silent {
        /// The lab.
        lab: Name,
        /// What the socket said.
        source: io::Error,
    },
    /// Nodes that run are no members of the cluster at the deadline.
    #[error("not online in time: {}; hawser lab logs shows why", .nodes.join(" "))]
    Offline {
        /// The nodes.
        nodes: Vec<String>,
    },
    /// `crm_mon` printed something else than its XML.
    #[error("crm_mon printed no status")]
    Status(#[source] quick_xml::Error),
    /// A file cannot be used.
    #[error("cannot {verb} {}", .path.display())]
    File {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file system cannot be mounted in a node.
    #[error("cannot mount {what} on {}", .target.display())]
    Mount {
        /// The kind of file system, or the directory that is bound.
        what: String,
        /// Where.
        target: PathBuf,
        /// Why not.
        source: nix::Error,
    },
    /// The kernel refused something else.
    #[error("cannot {what}")]
    Kernel {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: nix::Error,
    },
    /// A message or a settings file is not what this version writes.
    #[error("not understood; is the lab of another version of hawser?")]
    Message(#[source] serde_json::Error),
    /// A Xen host has not the serial port that it talks with the keeper over.
    #[error("no serial port {name}: is the machine one of a lab?")]
    NoPort {
        /// The port's name.
        name: &'static str,
    },
    /// A Xen host cannot be made ready to boot.
    #[error(transparent)]
    Initramfs(#[from] lab_guest::Error),
    /// A program failed.
    #[error(transparent)]
    Tool(#[from] exec::Error),
    /// The guests' image cannot be made.
    #[error(transparent)]
    Image(#[from] crate::image::Error),
    /// The guest cannot be measured.
    #[error(transparent)]
    Probe(#[from] crate::probe::Error),
    /// The cluster did not do in time what was waited for.
    #[error("{what} did not happen in time; hawser lab logs and crm_mon -1 in a node show why")]
    NotInTime {
        /// What was waited for.
        what: String,
    },
}

impl Error {
    /// For `map_err`: what was tried with a file.
    pub(crate) fn file(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { verb, path, source }
    }

    /// For `map_err`: what was asked of the kernel.
    pub(crate) fn kernel(what: &'static str) -> impl FnOnce(nix::Error) -> Self {
        move |source| Self::Kernel { what, source }
    }

    /// The error and everything that caused it, in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }
}

fn listed(labs: &[Name]) -> String {
    if labs.is_empty() {
        return "none (hawser lab up starts one)".to_owned();
    }
    labs.iter().map(Name::as_str).collect::<Vec<_>>().join(" ")
}
