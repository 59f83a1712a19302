//! The contract that every agent keeps, and what only this one has to keep.

#![allow(clippy::unwrap_used, reason = "tests")]

mod disks;
mod front;
mod io_error;
mod memory;
mod migration;
mod parameters;

use contract::{Agent, Call};
use std::path::Path;

static KVM: Agent = Agent {
    name: "kvm",
    program: env!("CARGO_BIN_EXE_kvm"),
    config: "config",
    define,
    on,
    by_force: ("force_stop", "1"),
    mistyped: ("migration_speed", "fast", "100"),
    resume: "virsh resume",
    asks_guest: true,
};

fn define(name: &str, disks: &[&Path]) -> String {
    let escaped = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let disk = |file: &&Path| format!("<disk><source file='{}'/></disk>", file.display());
    let disks: String = disks.iter().map(disk).collect();
    format!("<domain type='kvm'><name>{escaped}</name><devices>{disks}</devices></domain>")
}

fn on(call: Call, host: &Path) -> Call {
    let uri = |path: &Path| format!("scripted://{}", path.display());
    call.set("hypervisor", uri(host)).set("remoteuri", uri(&host.with_file_name("%n.json")))
}

mod clauses {
    contract::suite!(crate::KVM);
}
