use crate::turn::Turn;
use crate::{install, patience};
use lab::{Error, Lab, Stack};
use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::{env, io, process, thread};

/// The variable that makes a skipped test a failed one.
const NO_SKIP: &str = "HAWSER_NO_SKIP";

/// The lab of one file of tests, made by the first test that wants it. Tests take turns with it, each with
/// guests of its own; one that fails takes the lab with it, and the next has a new one.
pub struct Fixture {
    name: &'static str,
    nodes: u8,
    stack: Stack,
    xen: bool,
    link_speed: Option<u32>,
    lab: Mutex<Option<Lab>>,
}

impl Fixture {
    /// A cluster of so many nodes.
    #[must_use]
    pub const fn cluster(name: &'static str, nodes: u8) -> Self {
        Self::new(name, nodes, Stack::Cluster)
    }

    /// So many nodes with the hypervisor's daemons alone.
    #[must_use]
    pub const fn bare(name: &'static str, nodes: u8) -> Self {
        Self::new(name, nodes, Stack::Bare)
    }

    const fn new(name: &'static str, nodes: u8, stack: Stack) -> Self {
        Self { name, nodes, stack, xen: false, link_speed: None, lab: Mutex::new(None) }
    }

    /// The same of Xen hosts.
    #[must_use]
    pub const fn xen(mut self) -> Self {
        self.xen = true;
        self
    }

    /// The same with a link of this speed, in Mbit/s, for migrations.
    #[must_use]
    pub const fn link_speed(mut self, speed: u32) -> Self {
        self.link_speed = Some(speed);
        self
    }

    /// The lab, for the test that asks, and the cluster as it was before the first resource. `needs` are the
    /// programs, and by their absolute paths the files, that the test needs beside the lab's own. `None` when
    /// this machine cannot run the test: that has been said then, and the test is to end.
    ///
    /// # Panics
    /// When something fails that is no lack of this machine, or skipping is not allowed.
    #[must_use]
    pub fn turn(&'static self, needs: &[&str]) -> Option<Turn> {
        if let Some(lack) = install::PROGRAMS.iter().chain(needs).find_map(|need| lack(need)) {
            return skip(&lack);
        }
        let mut lab = self.lab.lock().unwrap_or_else(PoisonError::into_inner);
        if lab.is_none() {
            match self.make() {
                Ok(made) => *lab = Some(made),
                Err(error @ (Error::NotRoot | Error::Absent(_) | Error::Namespaces { .. })) => {
                    return skip(&error);
                }
                Err(error) => panic!("{}", error.chain()),
            }
        }
        let turn = Turn::new(lab, self.stack, self.xen);
        turn.clear();
        Some(turn)
    }

    fn make(&self) -> Result<Lab, Error> {
        if !nix::unistd::geteuid().is_root() {
            return Err(Error::NotRoot);
        }
        let name = format!("live-{}-{}", self.name, process::id()).parse()?;
        let builder = Lab::builder(name).nodes(self.nodes).stack(self.stack);
        let builder = self.link_speed.into_iter().fold(builder, lab::Builder::link_speed);
        let builder = if self.xen { builder.xen() } else { builder };
        let lab = builder.root(install::tree()).start(|_| {})?;
        if self.stack == Stack::Cluster {
            lab.wait_online(patience(self.xen))?;
        }
        Ok(lab)
    }
}

/// What is to be said when the machine does not have a program, or a file.
pub(crate) fn lack(need: &str) -> Option<String> {
    if need.starts_with('/') {
        (!Path::new(need).exists()).then(|| format!("file {need} not found"))
    } else {
        exec::find(need).err().map(|error| error.to_string())
    }
}

pub(crate) fn skip<T>(why: &dyn Display) -> Option<T> {
    let thread = thread::current();
    let test = thread.name().unwrap_or_default();
    let allowed = env::var_os(NO_SKIP).is_none_or(|it| it != "1");
    assert!(allowed, "skipped, which {NO_SKIP} forbids: {why}");
    // Straight to the terminal, since the test harness shows nothing of tests that pass; in one piece and
    // on a line of its own, since several tests write there.
    let line = format!("\nskipped {test}: {why}\n");
    let _ = io::stderr().lock().write_all(line.as_bytes());
    None
}
