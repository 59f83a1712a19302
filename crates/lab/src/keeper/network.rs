//! The lab's network: the keeper's own network namespace is the switch, and the observer stands on it.

use nix::unistd::Pid;
use std::time::Duration;

use crate::Error;
use crate::plan::{MIGRATION_PORTS, OBSERVER, PREFIX, Plan};
use crate::protocol::Link;
use exec::{Deadline, Tool};

/// How long `ip` and `tc` may take.
const IP_TIME: Duration = Duration::from_secs(10);

/// Runs commands for `ip`, one per line.
pub fn ip(commands: &str) -> Result<(), Error> {
    Tool::new("ip").args(["-batch", "-"]).input(commands).run(Deadline::after(IP_TIME))?;
    Ok(())
}

/// Makes the switch.
pub fn raise_switch() -> Result<(), Error> {
    ip(&format!(
        "link set lo up
link add switch type bridge stp_state 0 forward_delay 0
address add {OBSERVER}/{PREFIX} dev switch
link set switch up
"
    ))
}

/// Lays a cable from the switch to the node whose init this is; it is `eth0` at the node's end.
pub fn plug(node: Plan, init: Pid, link: Link) -> Result<(), Error> {
    let port = node.name();
    ip(&format!(
        "link add {port} type veth peer name eth0 netns {init}
link set {port} master switch
"
    ))?;
    set_link(node, link)
}

/// Lays a cable from the switch to a machine that will be started: it is a tap, of the node's name.
pub fn lay(node: Plan, link: Link) -> Result<(), Error> {
    let port = node.name();
    ip(&format!(
        "tuntap add dev {port} mode tap
link set {port} master switch
"
    ))?;
    set_link(node, link)
}

/// Removes the cable of a node that is off. The kernel does it by itself, some time after the node's
/// last process has ended; done here, the port's name is free again.
pub fn unplug(node: Plan) {
    let delete = Tool::new("ip").args(["link", "delete", &node.name()]);
    // It fails only when the kernel was faster.
    let _ = delete.output(Deadline::after(IP_TIME));
}

/// Takes the switch's port up or down.
pub fn set_link(node: Plan, link: Link) -> Result<(), Error> {
    let state = match link {
        Link::Up => "up",
        Link::Cut => "down",
    };
    ip(&format!("link set {} {state}\n", node.name()))
}

/// Within a node: puts `eth0` into the bridge that guests join too, and gives it the node's address.
pub fn configure_node(node: Plan) -> Result<(), Error> {
    ip(&format!(
        "link set lo up
link add br0 address {mac} type bridge stp_state 0 forward_delay 0
link set eth0 master br0 up
address add {address}/{PREFIX} dev br0
link set br0 up
",
        mac = node.mac(),
        address = node.address(),
    ))
}

/// Within a Xen host: its side entrance, the address that QEMU gives what it lets in (QEMU's
/// documentation of `-netdev user`).
pub fn configure_side() -> Result<(), Error> {
    ip("address add 10.0.2.15/24 dev eth1
link set eth1 up
")
}

/// Within a node: has what it sends of its guests' migrations share `speed` Mbit/s. What the filter does
/// not find has no class, and HTB lets it pass at once. The quantum, in bytes, matters between classes
/// only; HTB warns of the one that it computes from a high rate.
pub fn limit_migrations(speed: u32) -> Result<(), Error> {
    let (first, last) = (MIGRATION_PORTS.start(), MIGRATION_PORTS.end());
    // A match is of bits: the range is one of a power of two, from a multiple of it.
    let mask = !(first ^ last);
    let commands = format!(
        "qdisc add dev eth0 root handle 1: htb
class add dev eth0 parent 1: classid 1:1 htb rate {speed}mbit ceil {speed}mbit quantum 60000
filter add dev eth0 parent 1: protocol ip u32 match ip protocol 6 0xff match ip dport {first} {mask:#x} flowid 1:1
"
    );
    Tool::new("tc").args(["-batch", "-"]).input(commands).run(Deadline::after(IP_TIME))?;
    Ok(())
}
