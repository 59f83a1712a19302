use nix::unistd::Pid;
use std::path::PathBuf;
use std::time::Duration;

use crate::protocol::{Link, Request};
use crate::xen::ssh;
use crate::{Error, Lab};
use exec::Tool;

/// How long switching a node may take: what the keeper allows for it, and some more for the way.
const SWITCH_TIME: Duration = Duration::from_secs(250);

/// How long a clean shutdown may take: what the keeper allows for it, and some more for the way.
const STOP_TIME: Duration = Duration::from_secs(310);

/// One node of a lab.
#[derive(Debug)]
pub struct Node<'a> {
    lab: &'a Lab,
    name: String,
}

impl<'a> Node<'a> {
    pub(crate) fn new(lab: &'a Lab, name: String) -> Self {
        Self { lab, name }
    }

    /// The node's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A program that runs in the node, given by its name or by its absolute path there.
    ///
    /// ```no_run
    /// # use exec::Deadline;
    /// # use std::time::Duration;
    /// # fn f(lab: &lab::Lab) -> Result<(), lab::Error> {
    /// let deadline = Deadline::after(Duration::from_secs(10));
    /// let status = lab.node("n1")?.tool("crm_mon")?.arg("-1").run(deadline)?.text();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Off`], and when the keeper does not answer.
    pub fn tool(&self, program: &str) -> Result<Tool, Error> {
        let keeper = self.lab.keeper()?;
        let init = self.init()?;
        if self.lab.settings()?.xen.is_some() {
            return Ok(ssh::tool(&self.lab.place, self.lab.name(), keeper, &self.name).arg(program));
        }
        // The keeper's own /proc counts processes as the keeper does.
        let namespaces = format!("/proc/{keeper}/root/proc/{init}/ns");
        let kinds =
            [("mount", "mnt"), ("pid", "pid"), ("net", "net"), ("uts", "uts"), ("ipc", "ipc")];
        let options = kinds.map(|(option, file)| format!("--{option}={namespaces}/{file}"));
        Ok(Tool::new("nsenter").args(options).arg("--").arg(program))
    }

    /// A file of the node as this process sees it, for those directories that a node has on a disk of
    /// its own, such as `var/log`. It can be read while the node is off.
    #[must_use]
    pub fn file(&self, path: &str) -> PathBuf {
        self.lab.disk(&self.name).join(path.trim_start_matches('/'))
    }

    /// Switches the node on. Nothing happens when it runs.
    ///
    /// # Errors
    /// When it does not boot.
    pub fn start(&self) -> Result<(), Error> {
        self.lab.order(&Request::Start(self.name.clone()), SWITCH_TIME)
    }

    /// Shuts the node down: Pacemaker stops its resources and leaves the cluster, then Corosync and
    /// libvirtd end. Takes 5 minutes at most.
    ///
    /// # Errors
    /// When it has not ended by then.
    pub fn stop(&self) -> Result<(), Error> {
        self.lab.order(&Request::Stop(self.name.clone()), STOP_TIME)
    }

    /// Switches the node off, like pulling its plug. No process of it is left when this returns.
    ///
    /// # Errors
    /// When a process of it has not ended in time.
    pub fn kill(&self) -> Result<(), Error> {
        self.lab.order(&Request::Kill(self.name.clone()), SWITCH_TIME)
    }

    /// Cuts the node off from the network, like pulling its network cable; it stays so when it is
    /// switched off and on. Its fence device is not in this network.
    ///
    /// # Errors
    /// When the keeper does not answer.
    pub fn cut_off(&self) -> Result<(), Error> {
        self.lab.order(&Request::Link(self.name.clone(), Link::Cut), SWITCH_TIME)
    }

    /// Connects the node with the network again.
    ///
    /// # Errors
    /// When the keeper does not answer.
    pub fn reconnect(&self) -> Result<(), Error> {
        self.lab.order(&Request::Link(self.name.clone(), Link::Up), SWITCH_TIME)
    }

    fn init(&self) -> Result<Pid, Error> {
        let nodes = self.lab.nodes()?;
        let init = nodes.iter().find(|it| it.name == self.name).and_then(|it| it.init);
        init.map(Pid::from_raw).ok_or_else(|| Error::Off { node: self.name.clone() })
    }
}

/// The place from which a lab is watched: a host in the nodes' network that is no node.
#[derive(Debug)]
pub struct Observer {
    keeper: Pid,
}

impl Observer {
    pub(crate) fn new(keeper: Pid) -> Self {
        Self { keeper }
    }

    /// The observer's network namespace, for `setns`.
    #[must_use]
    pub fn network(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/ns/net", self.keeper))
    }

    /// A program that runs on the observer. It sees the machine's files, and ends with the lab.
    #[must_use]
    pub fn tool(&self, program: &str) -> Tool {
        let keeper = self.keeper.to_string();
        let options = ["--mount", "--pid", "--net", "--uts", "--target"];
        Tool::new("nsenter").args(options).args([keeper.as_str(), "--", program])
    }
}
