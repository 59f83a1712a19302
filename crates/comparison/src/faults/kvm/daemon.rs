//! libvirt's daemon on a node.

use crate::Error;
use crate::faults::stage::{POLL, Stage, TOOL_TIME, late, signal};
use exec::Deadline;
use lab::Node;
use std::time::Duration;

/// How long a daemon may take to see that all guests are gone, before it is taken for stuck.
const NOTICE_TIME: Duration = Duration::from_secs(5);

/// The processes of a node's libvirt daemon: one, or none.
pub fn processes(node: &Node<'_>) -> Result<Vec<String>, Error> {
    let output = node.tool("pidof")?.arg("libvirtd").output(Deadline::after(TOOL_TIME))?;
    Ok(output.text().split_whitespace().map(str::to_owned).collect())
}

/// Ends a node's libvirt daemon with a signal and waits until it is gone.
pub fn end(node: &Node<'_>, by: &str) -> Result<(), Error> {
    let deadline = Deadline::after(TOOL_TIME);
    signal(node, by, &processes(node)?)?;
    while !processes(node)?.is_empty() {
        if !deadline.pause(POLL) {
            return Err(late("the end of libvirtd"));
        }
    }
    Ok(())
}

/// Starts a node's libvirt daemon, as the lab does, and returns when it serves.
pub fn start(node: &Node<'_>) -> Result<(), Error> {
    Stage::run(node, "libvirtd", &["--listen", "--daemon"])?;
    if lists(node, |_| true)? { Ok(()) } else { Err(late("the start of libvirtd")) }
}

/// Kills a node's libvirt daemon, however stuck, and starts it again.
pub fn restart(node: &Node<'_>) -> Result<(), Error> {
    end(node, "KILL")?;
    start(node)
}

/// Whether a node's libvirt daemon answers in time, with a list of guests as it should be.
pub fn lists(node: &Node<'_>, fits: impl Fn(&str) -> bool) -> Result<bool, Error> {
    let deadline = Deadline::after(NOTICE_TIME);
    loop {
        let list = node.tool("virsh")?.args(["list", "--name"]).run(deadline);
        if list.is_ok_and(|it| fits(it.text().trim())) {
            return Ok(true);
        }
        if !deadline.pause(POLL) {
            return Ok(false);
        }
    }
}
