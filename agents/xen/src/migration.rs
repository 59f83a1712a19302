//! Where a guest migrates to.

use crate::config::Config;
use agent::{Instance, on_network};
use cluster::Pacemaker;
use guest::Order;
use hypervisor::{Deadline, Migration};
use std::time::Duration;

/// How long asking the cluster for a node's attribute may take.
const ATTRIBUTE_SLICE: Duration = Duration::from_secs(5);

/// What is wanted of the migration, by the parameters.
pub fn order(instance: &Instance<'_, Config>, node: &str) -> Order<'static> {
    let config = &instance.config;
    let destination = config.address(&host(config, node, instance.by));
    let migration = Migration { destination, ..Migration::default() };
    Order { migration, ..Order::default() }
}

/// The target's address: what its node attribute says, or its name on the migration network.
fn host(config: &Config, node: &str, by: Deadline) -> String {
    let named = || on_network(node, &config.migration_network_suffix);
    let attribute = config.node_ip_attribute.as_str();
    if attribute.is_empty() {
        return named();
    }
    match Pacemaker::local().node_attribute(node, attribute, by.slice(ATTRIBUTE_SLICE)) {
        Ok(Some(address)) => address,
        Ok(None) => named(),
        Err(error) => {
            ocf::log::warn(format_args!("{error}; going to {node} by its name"));
            named()
        }
    }
}
