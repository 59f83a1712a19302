//! A pretend node, and the agent called on it.

use crate::{Agent, Call};
use exec::{Deadline, Tool};
use hypervisor::State;
use hypervisor::scripted::Host;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// The guest and the resource, unless a test says otherwise. A call with a broken hypervisor asks this
/// machine's own one, which must not know a guest of that name.
pub const GUEST: &str = "contract-vm1";

/// A node with a host of its own, and another one that a guest can migrate to.
pub struct Node {
    agent: Agent,
    directory: TempDir,
    /// The program that is called.
    pub program: PathBuf,
}

impl Node {
    /// A node with that host; the other one is empty.
    pub(crate) fn new(agent: &Agent, host: &Host) -> Self {
        let directory = TempDir::new().unwrap();
        let node = Self { agent: *agent, directory, program: PathBuf::from(agent.program) };
        node.put(host);
        Host::default().write(&node.path("there.json")).unwrap();
        node.define(&node.config(), GUEST);
        node
    }

    /// A file of the test.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The host that it is on.
    pub fn host(&self) -> Host {
        Host::read(&self.path("here.json")).unwrap()
    }

    /// Replaces that host.
    pub fn put(&self, host: &Host) {
        host.write(&self.path("here.json")).unwrap();
    }

    /// Changes that host.
    pub fn change(&self, change: impl FnOnce(&mut Host)) {
        Host::update(&self.path("here.json"), change).unwrap();
    }

    /// The other host.
    pub fn there(&self) -> Host {
        Host::read(&self.path("there.json")).unwrap()
    }

    /// Replaces the other host.
    pub fn put_there(&self, host: &Host) {
        host.write(&self.path("there.json")).unwrap();
    }

    /// The state of the one copy that is here; nothing when there is none.
    pub fn state(&self) -> Option<State> {
        only_state(&self.host())
    }

    /// The guest's configuration file.
    pub fn config(&self) -> PathBuf {
        self.path("contract-vm1.conf")
    }

    /// What the agent remembers of the guest.
    pub fn record(&self) -> PathBuf {
        self.path(&format!("run/hawser-{}-contract-vm1.json", self.agent.name))
    }

    /// Writes a guest's configuration file.
    pub fn define(&self, path: &Path, name: &str) {
        std::fs::write(path, (self.agent.define)(name, &[])).unwrap();
    }

    /// Gives the guest disks that are these files.
    pub fn give_disks(&self, files: &[&Path]) {
        std::fs::write(self.config(), (self.agent.define)(GUEST, files)).unwrap();
    }

    /// What the agent has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// A call of the agent as Pacemaker's executor makes it, its time being 4 s.
    pub fn call(&self, action: &str) -> Call {
        let call = Call::new(&self.program, action)
            .env("OCF_ROOT", "/usr/lib/ocf")
            .env("OCF_RESOURCE_INSTANCE", GUEST)
            .env("HA_RSCTMP", self.path("run"))
            .env("HA_VARLIB", self.path("lib"))
            .env("HA_LOGFACILITY", "none")
            .env("HA_LOGFILE", self.path("log"))
            .set(self.agent.config, self.config())
            .timeout(4000);
        (self.agent.on)(call, &self.path("here.json"))
    }

    /// A call of the agent on the other host.
    pub fn call_there(&self, action: &str) -> Call {
        let call = self.call(action).env("HA_RSCTMP", self.path("run-there"));
        (self.agent.on)(call, &self.path("there.json"))
    }

    /// A recurring monitor.
    pub fn monitor(&self) -> Call {
        self.call("monitor").set("CRM_meta_interval", "10000")
    }

    /// A probe as Pacemaker makes it, which gives no interval then.
    pub fn probe(&self) -> Call {
        self.call("monitor").set("CRM_meta_on_node", "here")
    }

    /// An action with what a migration needs to know.
    pub fn migrate_or(&self, action: &str) -> Call {
        self.call(action).set("CRM_meta_migrate_target", "there")
    }

    /// A migration to the other host.
    pub fn migrate(&self) -> Call {
        self.migrate_or("migrate_to")
    }
}

/// The state of the one copy on a host; nothing when there is none.
pub fn only_state(host: &Host) -> Option<State> {
    assert!(host.processes.len() <= 1, "more than one copy: {host:?}");
    host.processes.first().map(|process| process.state)
}

/// Makes an executable file that is another's copy, `input` being what is in `/dev/stdin`. Another
/// program does it: a file that a thread of this one has open for writing, while a second one forks,
/// cannot be executed.
pub fn install(from: &Path, to: &Path, input: &str) {
    let install = Tool::new("install").arg("--mode=755").args([from, to]).input(input);
    install.run(Deadline::after(Duration::from_secs(20))).unwrap();
}
