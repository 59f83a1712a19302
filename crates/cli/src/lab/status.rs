use lab::{Lab, Link, NodeStatus};

use crate::error::Error;
use crate::terminal::answer;

pub fn list() -> Result<(), Error> {
    Lab::list()?.iter().try_for_each(|it| answer(it.as_str()))
}

pub fn show(lab: &Lab) -> Result<(), Error> {
    let online = lab.online()?;
    answer(&format!("{:5} {:12} {:6} {:8} cluster", "node", "address", "power", "network"))?;
    lab.nodes()?.iter().try_for_each(|it| answer(&line(it, &online)))
}

fn line(node: &NodeStatus, online: &[String]) -> String {
    let power = if node.init.is_some() { "on" } else { "off" };
    let network = match node.link {
        Link::Up => "up",
        Link::Cut => "cut off",
    };
    let cluster = if online.contains(&node.name) { "online" } else { "offline" };
    format!("{:5} {:12} {power:6} {network:8} {cluster}", node.name, node.address.to_string())
}
