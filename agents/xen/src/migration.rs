//! Where a guest migrates to.

use crate::config::Config;
use agent::{Instance, on_network};
use cluster::Pacemaker;
use guest::Order;
use hypervisor::{Migration, open};
use std::time::Duration;

/// How long asking the cluster for a node's attribute may take.
const ATTRIBUTE_SLICE: Duration = Duration::from_secs(5);

/// How long the host that an attribute leads to may take to say what it is called.
const NAME_SLICE: Duration = Duration::from_secs(20);

/// What is wanted of the migration, by the parameters.
pub fn order(instance: &Instance<'_, Config>, node: &str) -> Order<'static> {
    let destination = by_attribute(instance, node).unwrap_or_else(|| {
        let config = &instance.config;
        config.address(&on_network(node, &config.migration_network_suffix))
    });
    let migration = Migration { destination, ..Migration::default() };
    Order { migration, ..Order::default() }
}

/// The target's address by its node attribute, if there is one that leads to it.
fn by_attribute(instance: &Instance<'_, Config>, node: &str) -> Option<String> {
    let attribute = instance.config.node_ip_attribute.as_str();
    if attribute.is_empty() {
        return None;
    }
    let ask = |node: &str| {
        Pacemaker::local().node_attribute(node, attribute, instance.by.slice(ATTRIBUTE_SLICE))
    };
    let address = ask(node).unwrap_or_else(|error| {
        ocf::log::warn(format_args!("{error}; going to {node} by its name"));
        None
    })?;
    let destination = instance.config.address(&address);
    let is_node = |host: &str| ask(host).is_ok();
    // One that cannot be asked cannot be migrated to either, and that has its own error.
    let host = open::xl(&destination).host_name(instance.by.slice(NAME_SLICE));
    match host {
        // The cluster would look for the guest on the target only, and start it a second time.
        Ok(host) if !is_host_of(&host, node) && [&host, first(&host)].into_iter().any(is_node) => {
            ocf::log::error(format_args!(
                "attribute {attribute} of node {node} is {address}, which leads to node {host}; going to {node} by \
                 its own name"
            ));
            None
        }
        _ => Some(destination),
    }
}

/// Whether a host of that name is that node, as far as names tell: one of both may lack the domain.
fn is_host_of(host: &str, node: &str) -> bool {
    match host.contains('.') && node.contains('.') {
        true => host.eq_ignore_ascii_case(node),
        false => first(host).eq_ignore_ascii_case(first(node)),
    }
}

/// A name without its domain.
fn first(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_known_by_its_host_s_name() {
        assert!(is_host_of("n2", "n2") && is_host_of("N2", "n2.example.com"));
        assert!(is_host_of("n2.example.com", "n2"));
        assert!(!is_host_of("n3", "n2") && !is_host_of("n20.example.com", "n2"));
        assert!(!is_host_of("n2.east.example.com", "n2.west.example.com"));
    }
}
