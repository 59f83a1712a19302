use std::net::Ipv4Addr;

/// How many nodes a lab may have.
pub const NODES: std::ops::RangeInclusive<u8> = 1..=5;

/// The observer's address. The lab's network is 10.77.0.0/24 and exists only inside the lab, so that
/// every lab has the same one; addresses from 10.77.0.100 to 10.77.0.199 are free for guests.
pub const OBSERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 250);

/// Where guests that migrate are received: libvirt's own range (qemu.conf, `migration_port_min`).
pub const MIGRATION_PORTS: std::ops::RangeInclusive<u16> = 49152..=49215;

/// The length of the lab's network prefix, in bits.
pub const PREFIX: u8 = 24;

/// What is fixed about a node before it runs: all of it follows from its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan(u8);

impl Plan {
    /// The plans of a lab with `count` nodes.
    pub fn of(count: u8) -> Vec<Self> {
        (1..=count).map(Self).collect()
    }

    /// The plan that belongs to a node's name.
    pub fn named(name: &str) -> Option<Self> {
        NODES.map(Self).find(|it| it.name() == name)
    }

    /// The node's Corosync id, counted from 1.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The node's host name, its name in the cluster, and the name of its port on the switch.
    pub fn name(self) -> String {
        format!("n{}", self.0)
    }

    /// The node's address.
    pub fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, self.0)
    }

    /// The address of the node's bridge: fixed, or the bridge would change it whenever a guest's tap
    /// with a lower one joins.
    pub fn mac(self) -> String {
        format!("52:54:00:77:00:{:02x}", self.0)
    }

    /// The address of a Xen host's network device, which is a port of its bridge.
    pub fn port_mac(self) -> String {
        format!("52:54:00:77:02:{:02x}", self.0)
    }

    /// The UUID that the node's libvirt takes for its host's: libvirt refuses to migrate between two
    /// hosts of the same UUID, and would read the same one from the machine's firmware everywhere.
    pub fn host_uuid(self) -> String {
        format!("6861776c-6162-4000-8000-0000000000{:02x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_plans_are_two_ways_of_saying_the_same() {
        let plans = Plan::of(*NODES.end());
        assert_eq!(plans.len(), 5);
        for plan in plans {
            assert_eq!(Plan::named(&plan.name()), Some(plan));
        }
        for stranger in ["n0", "n6", "n01", "observer", ""] {
            assert_eq!(Plan::named(stranger), None, "{stranger}");
        }
    }
}
