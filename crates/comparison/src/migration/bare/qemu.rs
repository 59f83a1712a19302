//! A guest without libvirt: a QEMU process that is migrated to another one by their monitors.

use super::monitor::Monitor;
use crate::stage::{self, BOOT_TIME, NODES};
use crate::{Error, resource};
use exec::{Child, Deadline};
use lab::{BRIDGE, Guest, Lab, MIGRATION_PORTS, SHARED};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// The guest's network device, as its node sees it.
const TAP: &str = "bare0";

/// How long `ip` may take.
const IP_TIME: Duration = Duration::from_secs(10);

/// How long QEMU may take to start, or to end.
const PROCESS_TIME: Duration = Duration::from_secs(20);

/// How long a migration may take until it is given up. Those that converge take 5 s or so.
const MIGRATION_TIME: Duration = Duration::from_secs(20);

/// How often a migration is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// As good as no limit, in bytes per second.
const BANDWIDTH: u64 = 10 << 30;

/// For how long the guest may stand still, in milliseconds.
const DOWNTIME: u64 = 30;

/// The guest, wherever it runs now.
pub struct Qemu {
    arguments: Vec<String>,
    process: Process,
}

impl Qemu {
    pub fn start(lab: &Lab, guest: &Guest) -> Result<Self, Error> {
        lab.place(guest, Deadline::after(BOOT_TIME))?;
        let arguments = lab.domain(guest, Deadline::after(BOOT_TIME))?.arguments(TAP);
        for node in NODES {
            let commands =
                format!("tuntap add dev {TAP} mode tap\nlink set {TAP} master {BRIDGE} up\n");
            let ip = lab.node(node)?.tool("ip")?.args(["-batch", "-"]).input(commands);
            ip.run(Deadline::after(IP_TIME))?;
        }
        let process = Process::start(lab, NODES[0], &arguments)?;
        resource::wait_up(lab, guest, Deadline::after(BOOT_TIME))?;
        Ok(Self { arguments, process })
    }

    pub fn migrate(&mut self, lab: &Lab) -> Result<Option<Duration>, Error> {
        let away = stage::other(self.process.node);
        let port = MIGRATION_PORTS.end();
        let incoming = ["-incoming".to_owned(), format!("tcp:0.0.0.0:{port}")];
        let mut target = Process::start(lab, away, &[&self.arguments[..], &incoming].concat())?;
        let source = &mut self.process.monitor;
        let limits = json!({ "max-bandwidth": BANDWIDTH, "downtime-limit": DOWNTIME });
        source.execute("migrate-set-parameters", limits)?;
        source.execute("migrate", json!({ "uri": format!("tcp:{away}:{port}") }))?;
        if !completes(source)? {
            target.end();
            return Ok(None);
        }
        let took = source.execute("query-migrate", json!({}))?["total-time"].as_u64();
        let deadline = Deadline::after(PROCESS_TIME);
        while target.monitor.query("query-status", "status")? != "running" {
            if !deadline.pause(LOOK) {
                return Err(stage::late("the start of the bare guest on its target"));
            }
        }
        std::mem::replace(&mut self.process, target).end();
        Ok(took.map(Duration::from_millis))
    }
}

/// Waits for the end of a migration, or cancels it at its deadline. Whether it has succeeded.
fn completes(source: &mut Monitor) -> Result<bool, Error> {
    let deadline = Deadline::after(MIGRATION_TIME);
    loop {
        match source.query("query-migrate", "status")?.as_str() {
            "completed" => return Ok(true),
            "failed" | "cancelled" => return Ok(false),
            "cancelling" => {}
            _ if deadline.expired() => {
                source.execute("migrate_cancel", json!({}))?;
            }
            _ => {}
        }
        std::thread::sleep(LOOK);
    }
}

/// A QEMU on a node. It ends with the lab at the latest.
struct Process {
    node: &'static str,
    process: Child,
    monitor: Monitor,
}

impl Process {
    fn start(lab: &Lab, node: &'static str, arguments: &[String]) -> Result<Self, Error> {
        let socket = format!("bare-{node}.qmp");
        let log = lab.shared().join(format!("bare-{node}.log"));
        let server =
            format!("unix:{},server=on,wait=off", Path::new(SHARED).join(&socket).display());
        // An old socket would take a connection that nobody answers.
        let path = lab.shared().join(socket);
        let _ = std::fs::remove_file(&path);
        let qemu = lab.node(node)?.tool("qemu-system-x86_64")?;
        let process = qemu.args(arguments).args(["-qmp", &server]).spawn(Some(&log))?;
        let monitor = Monitor::open(&path, Deadline::after(PROCESS_TIME))?;
        Ok(Self { node, process, monitor })
    }

    fn end(mut self) {
        // It hangs up before it answers, or it is killed.
        let _ = self.monitor.execute("quit", json!({}));
        if self.process.wait(Deadline::after(PROCESS_TIME)).is_none() {
            self.process.kill();
        }
    }
}
