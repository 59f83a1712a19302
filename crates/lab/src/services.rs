use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Error, Stack, program, reaper};
use exec::{Deadline, Tool};

/// How long Corosync may take to accept connections; Pacemaker would wait whole seconds for it.
const COROSYNC_TIME: Duration = Duration::from_secs(5);

/// The daemons of a node, in the order in which they were started. None is ever restarted: a daemon
/// that ends is what somebody wanted to see.
pub struct Services {
    running: Vec<(&'static str, Pid)>,
    signals: SigSet,
}

impl Services {
    pub fn start(stack: Stack) -> Result<Self, Error> {
        let mut running = vec![start("libvirtd", &["--listen"])?];
        if stack == Stack::Cluster {
            running.push(start("corosync", &["-f"])?);
            wait_for_corosync();
            running.push(start("pacemakerd", &[])?);
        }
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

fn start(name: &'static str, arguments: &[&str]) -> Result<(&'static str, Pid), Error> {
    let log = PathBuf::from(format!("/var/log/{name}.log"));
    let child = Tool::new(name).args(arguments).spawn(Some(&log))?;
    Ok((name, Pid::from_raw(child.id().cast_signed())))
}

/// Waits for the abstract socket of Corosync's configuration map, whose name the kernel lists padded.
/// Without it Pacemaker still comes up, later, or says itself what is wrong.
fn wait_for_corosync() {
    let deadline = Deadline::after(COROSYNC_TIME);
    let listens =
        || fs::read_to_string(Path::new("/proc/net/unix")).is_ok_and(|it| it.contains(" @cmap@"));
    while !listens() && deadline.pause(Duration::from_millis(5)) {}
}
