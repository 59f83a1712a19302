use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::Duration;

use super::network;
use crate::Error;
use crate::plan::Plan;
use crate::protocol::{Connection, Link};
use exec::{Child, Deadline};

/// How long a killed node's processes may take to end.
const KILL_TIME: Duration = Duration::from_secs(10);

/// What the power switch knows of a node.
pub struct Machine {
    pub plan: Plan,
    pub link: Link,
    pub running: Option<Running>,
}

/// A node that was switched on.
pub struct Running {
    /// QEMU, whose end is the end of the machine; or `unshare`, which waits for the node's init. The
    /// kernel lets it see the end of a namespace's init only after every other process of the namespace
    /// has ended, so its own end is the proof that nothing of the node runs.
    pub process: Child,
    pub init: Pid,
    /// Whether it has booted.
    pub ready: bool,
    /// Where its init is told to shut down.
    pub line: Connection,
}

impl Machine {
    /// A node that is off.
    pub fn new(plan: Plan) -> Self {
        Self { plan, link: Link::Up, running: None }
    }

    /// The node's init, while it runs.
    pub fn init(&mut self) -> Option<Pid> {
        let running = self.running.as_mut()?;
        if running.process.ended().is_some() { None } else { Some(running.init) }
    }

    /// Whether it runs and has booted.
    pub fn is_ready(&self) -> bool {
        self.running.as_ref().is_some_and(|it| it.ready)
    }

    /// Ends it, and returns when nothing of it is left.
    pub fn kill(&mut self) -> Result<(), Error> {
        if let Some(running) = &mut self.running {
            // It fails only for a node that has ended already.
            let _ = kill(running.init, Signal::SIGKILL);
            if running.process.wait(Deadline::after(KILL_TIME)).is_none() {
                return Err(Error::Lingering { node: self.plan.name() });
            }
        }
        self.running = None;
        network::unplug(self.plan);
        Ok(())
    }
}
