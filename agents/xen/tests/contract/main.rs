//! The contract that every agent keeps, and what only this one has to keep.

#![allow(clippy::unwrap_used, reason = "tests")]

mod migration;
mod parameters;

use contract::{Agent, Call};
use hypervisor::scripted::HOST;
use std::path::Path;

static XEN: Agent = Agent {
    name: "xen",
    program: env!("CARGO_BIN_EXE_xen"),
    config: "xmfile",
    define,
    on,
    by_force: ("shutdown_timeout", "0"),
    mistyped: ("shutdown_timeout", "soon", "0"),
    resume: "xl unpause",
    asks_guest: false,
};

fn define(name: &str, disks: &[&Path]) -> String {
    let escaped = name.replace('\\', r"\\").replace('"', "\\\"");
    let disk = |file: &&Path| format!("'{},raw,xvda,rw', ", file.display());
    let disks: String = disks.iter().map(disk).collect();
    format!("name = \"{escaped}\"\ntype = \"pvh\"\ndisk = [ {disks}]\n")
}

fn on(call: Call, host: &Path) -> Call {
    call.env(HOST, host)
}

mod clauses {
    contract::suite!(crate::XEN);
}
