//! Where a guest migrates to.

use crate::config::Config;
use crate::error::Error;
use agent::{Instance, on_network};
use cluster::Pacemaker;
use guest::{Link, Order, Rank};
use hypervisor::{Deadline, Migration};
use std::time::Duration;

/// How long asking the cluster for a node's attribute may take.
const ATTRIBUTE_SLICE: Duration = Duration::from_secs(5);

/// What is wanted of the migration, by the parameters.
pub fn order<'a>(
    instance: &Instance<'_, Config>,
    node: &str,
    link: &'a Link,
) -> Result<Order<'a>, Error> {
    let config = &instance.config;
    let host = host(config, node, instance.by);
    let size = instance.observe().map_err(agent::Error::from)?.0.sight.map_or(0, |it| it.memory);
    let migration = Migration { destination: config.address(&host), ..Migration::default() };
    let rank = Rank { priority: config.migration_priority, size };
    Ok(Order { migration, link: Some((link, rank)), ..Order::default() })
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
