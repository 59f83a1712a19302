//! A pretend node, and the agent called on it.

use assert_cmd::Command;
use exec::{Deadline, Tool};
use hypervisor::State;
use hypervisor::scripted::Host;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The guest and the resource, unless a test says otherwise. A call with a broken hypervisor asks this
/// machine's own one, which must not know a guest of that name.
pub const GUEST: &str = "contract-vm1";

/// The codes of the OCF resource agent API that an agent without roles can give.
const CODES: [i32; 9] = [0, 1, 2, 3, 4, 5, 6, 7, 190];

/// A node with a host of its own, and another one that a guest can migrate to.
pub struct Node {
    directory: TempDir,
    pub front: PathBuf,
}

impl Node {
    /// A node with that host; the other one is empty.
    pub fn new(host: &Host) -> Self {
        let node = Self {
            directory: TempDir::new().unwrap(),
            front: PathBuf::from(env!("CARGO_BIN_EXE_kvm")),
        };
        node.put(host);
        Host::default().write(&node.path("there.json")).unwrap();
        node.define("contract-vm1.xml", GUEST);
        node
    }

    /// A node on which the guest was started by the agent.
    pub fn started() -> Self {
        let node = Self::new(&Host::default());
        node.call("start").gives(0);
        node
    }

    /// A node on which something else made the guest what it is.
    pub fn with(state: State) -> Self {
        Self::new(&Host::default().with(GUEST, state))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn host(&self) -> Host {
        Host::read(&self.path("here.json")).unwrap()
    }

    pub fn put(&self, host: &Host) {
        host.write(&self.path("here.json")).unwrap();
    }

    pub fn change(&self, change: impl FnOnce(&mut Host)) {
        Host::update(&self.path("here.json"), change).unwrap();
    }

    pub fn there(&self) -> Host {
        Host::read(&self.path("there.json")).unwrap()
    }

    pub fn put_there(&self, host: &Host) {
        host.write(&self.path("there.json")).unwrap();
    }

    /// The state of the one copy that is here; nothing when there is none.
    pub fn state(&self) -> Option<State> {
        only_state(&self.host())
    }

    /// Writes a guest's configuration file.
    pub fn define(&self, file: &str, name: &str) -> PathBuf {
        let escaped = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let path = self.path(file);
        let xml = format!("<domain type='kvm'><name>{escaped}</name></domain>");
        std::fs::write(&path, xml).unwrap();
        path
    }

    /// What the agent has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// A call of the agent as Pacemaker's executor makes it, its time being 4 s.
    pub fn call(&self, action: &str) -> Call {
        let mut command = Command::new(&self.front);
        command.env_clear().arg(action).current_dir("/");
        Call { command, action: action.to_owned(), limit: Duration::from_secs(20) }
            .env("OCF_ROOT", "/usr/lib/ocf")
            .env("OCF_RESOURCE_INSTANCE", GUEST)
            .env("HA_RSCTMP", self.path("run"))
            .env("HA_VARLIB", self.path("lib"))
            .env("HA_LOGFACILITY", "none")
            .env("HA_LOGFILE", self.path("log"))
            .set("config", self.path("contract-vm1.xml"))
            .set("hypervisor", uri(&self.path("here.json")))
            .set("remoteuri", uri(&self.path("%n.json")))
            .timeout(4000)
    }

    /// A recurring monitor.
    pub fn monitor(&self) -> Call {
        self.call("monitor").set("CRM_meta_interval", "10000")
    }

    pub fn probe(&self) -> Call {
        self.call("monitor").set("CRM_meta_interval", "0")
    }

    /// An action with what a migration needs to know.
    pub fn migrate_or(&self, action: &str) -> Call {
        self.call(action).set("CRM_meta_migrate_target", "there")
    }

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

fn uri(path: &Path) -> String {
    format!("scripted://{}", path.display())
}

/// One call of the agent.
pub struct Call {
    command: Command,
    action: String,
    limit: Duration,
}

impl Call {
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets a parameter.
    pub fn set(self, parameter: &str, value: impl AsRef<OsStr>) -> Self {
        self.env(format!("OCF_RESKEY_{parameter}"), value)
    }

    pub fn unset(mut self, parameter: &str) -> Self {
        self.command.env_remove(format!("OCF_RESKEY_{parameter}"));
        self
    }

    /// What Pacemaker gives the agent for the action, in milliseconds: the call fails when it is late.
    pub fn timeout(mut self, milliseconds: u64) -> Self {
        self.limit = Duration::from_millis(milliseconds);
        self.set("CRM_meta_timeout", OsString::from(milliseconds.to_string()))
    }

    /// Makes the call, and sees to it that it is one by the contract.
    pub fn run(mut self) -> Ended {
        let begun = Instant::now();
        let output = self.command.timeout(self.limit).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let told = format!(
            "{} gave {} after {:?}: {stderr:?}",
            self.action,
            output.status,
            begun.elapsed()
        );
        let code = output.status.code().unwrap_or_else(|| panic!("killed as late: {told}"));
        assert!(CODES.contains(&code), "{told}");
        assert!(!stderr.contains("panic") && !stderr.contains("a defect"), "{told}");
        assert_eq!(stdout, "", "{told}");
        // What does not run is no failure, so it may be said without a reason.
        if code == 0 || (code == 7 && stderr.is_empty()) {
            assert_eq!(stderr, "", "{told}");
        } else {
            let reason =
                stderr.strip_prefix("ocf-exit-reason:").and_then(|it| it.strip_suffix('\n'));
            assert!(reason.is_some_and(|it| !it.is_empty() && !it.contains('\n')), "{told}");
        }
        Ended { code, stderr, told }
    }

    /// Makes the call and asserts its code.
    pub fn gives(self, code: i32) -> Ended {
        let ended = self.run();
        assert_eq!(ended.code, code, "{}", ended.told);
        ended
    }
}

/// How a call ended.
pub struct Ended {
    pub code: i32,
    pub stderr: String,
    told: String,
}

impl Ended {
    /// Asserts what the administrator is told.
    pub fn because(self, words: &str) {
        assert!(self.stderr.contains(words), "{words:?} is not in what was told: {}", self.told);
    }

    /// Asserts that the code is one of several.
    pub fn is_one_of(&self, codes: &[i32]) {
        assert!(codes.contains(&self.code), "none of {codes:?}: {}", self.told);
    }
}
