use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::place::Settings;
use crate::xen::toolstack;
use crate::{Error, Stack, program, reaper};
use exec::{Deadline, Tool};

/// How long a daemon may take to accept connections: a few hundred milliseconds on an idle machine, and
/// some seconds on an emulated one.
const LISTEN_TIME: Duration = Duration::from_secs(60);

/// Corosync, with stacks of 1 MiB for its threads: it locks all of its memory, and would use the usual 8 MiB of
/// each in full.
const COROSYNC: [&str; 4] = ["--stack=1048576", "--", "corosync", "-f"];

/// The daemons of a node, in the order in which they were started. None is ever restarted: a daemon
/// that ends is what somebody wanted to see.
pub struct Services {
    running: Vec<(&'static str, Pid)>,
    signals: SigSet,
}

impl Services {
    pub fn start(settings: &Settings) -> Result<Self, Error> {
        let mut running = match settings.xen {
            Some(_) => {
                toolstack::start()?;
                vec![start("sshd", &["-D"])?]
            }
            None => vec![start("libvirtd", &["--listen"])?],
        };
        if settings.stack == Stack::Cluster {
            running.push(spawn("corosync", Tool::new("prlimit").args(COROSYNC))?);
            // Pacemaker would wait whole seconds for it.
            wait_until(corosync_listens);
            running.push(start("pacemakerd", &[])?);
        }
        wait_until(match settings.xen {
            Some(_) => ssh_listens,
            None => libvirt_listens,
        });
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGCHLD);
        signals.add(Signal::SIGTERM);
        // Only now: children inherit what is blocked.
        signals.thread_block().map_err(Error::kernel("block signals"))?;
        Ok(Self { running, signals })
    }

    /// Reaps what ends, and upon SIGTERM stops the daemons one after the other, the last one first.
    pub fn supervise(mut self) -> Result<(), Error> {
        let mut stopping = None;
        loop {
            self.reap();
            if let Some(told) = &mut stopping {
                match self.running.last() {
                    None => return Ok(()),
                    Some((_, pid)) if *told != Some(*pid) => {
                        kill(*pid, Signal::SIGTERM).map_err(Error::kernel("stop a daemon"))?;
                        *told = Some(*pid);
                    }
                    Some(_) => {}
                }
            }
            let signal = self.signals.wait().map_err(Error::kernel("wait for a signal"))?;
            if signal == Signal::SIGTERM && stopping.is_none() {
                stopping = Some(None);
            }
        }
    }

    fn reap(&mut self) {
        let running = &mut self.running;
        reaper::reap_ended(|pid, status| {
            if let Some(index) = running.iter().position(|it| it.1 == pid) {
                let (name, _) = running.remove(index);
                program::note(&format_args!("{name} ended: {status:?}"));
            }
        });
    }
}

/// Starts a daemon, whose output has a log of its own.
pub fn start(name: &'static str, arguments: &[&str]) -> Result<(&'static str, Pid), Error> {
    spawn(name, Tool::new(name).args(arguments))
}

fn spawn(name: &'static str, tool: Tool) -> Result<(&'static str, Pid), Error> {
    let log = PathBuf::from(format!("/var/log/{name}.log"));
    let child = tool.spawn(Some(&log))?;
    Ok((name, Pid::from_raw(child.id().cast_signed())))
}

/// Waits until a daemon that was just started accepts connections. One that never does says why in its
/// log, and the node runs without it.
pub fn wait_until(listens: impl Fn() -> bool) {
    let deadline = Deadline::after(LISTEN_TIME);
    while !listens() && deadline.pause(Duration::from_millis(5)) {}
}

/// Whether the abstract socket of Corosync's configuration map is there; the kernel lists its name
/// padded.
fn corosync_listens() -> bool {
    fs::read_to_string("/proc/net/unix").is_ok_and(|it| it.contains(" @cmap@"))
}

fn ssh_listens() -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, 22)).is_ok()
}

fn libvirt_listens() -> bool {
    Path::new("/run/libvirt/libvirt-sock").exists()
}
