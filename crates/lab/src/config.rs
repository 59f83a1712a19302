//! The configuration of a node's daemons, as text.

use crate::place::Settings;
use crate::plan::{OBSERVER, Plan};
use crate::{Name, fence};

/// /etc/corosync/corosync.conf.
///
/// Realtime scheduling, the default, is off: with few processors Corosync then keeps its own logging
/// thread from running and spins for seconds on a lock of it. The best nice value has to do. The token
/// is short so that a dead node is noticed within about 2 s; on emulated processors it is not, or nodes
/// that are merely slow would be taken for dead. Two nodes keep quorum when one dies
/// (`two_node`), and neither has it before both have met: a node that was fenced and boots cut off
/// would fence the survivor otherwise, and so on for ever.
pub fn corosync(settings: &Settings) -> String {
    let nodes = Plan::of(settings.nodes);
    let token = if settings.xen.is_some() { 10_000 } else { 1_000 };
    let lab = &settings.name;
    let list: String = nodes
        .iter()
        .map(|it| {
            let (address, name, number) = (it.address(), it.name(), it.number());
            format!("  node {{\n    ring0_addr: {address}\n    name: {name}\n    nodeid: {number}\n  }}\n")
        })
        .collect();
    let two_node = u8::from(nodes.len() == 2);
    format!(
        "totem {{
  version: 2
  cluster_name: {lab}
  transport: knet
  crypto_cipher: aes256
  crypto_hash: sha256
  token: {token}
}}

nodelist {{
{list}}}

quorum {{
  provider: corosync_votequorum
  two_node: {two_node}
  wait_for_all: {two_node}
}}

system {{
  sched_rr: no
  priority: max
}}

logging {{
  to_stderr: no
  to_logfile: yes
  logfile: /var/log/corosync/corosync.log
  to_syslog: yes
  timestamp: on
}}
"
    )
}

/// /etc/hosts, the same for all nodes and the observer.
pub fn hosts(nodes: &[Plan]) -> String {
    let list: String = nodes.iter().map(|it| format!("{} {}\n", it.address(), it.name())).collect();
    format!("127.0.0.1 localhost\n{list}{OBSERVER} observer\n")
}

/// /etc/libvirt/libvirtd.conf. Whoever is in the lab may use any libvirt in it: there is no other
/// way in, and migrations over TCP need no keys.
pub fn libvirtd(node: Plan) -> String {
    format!(
        r#"listen_tls = 0
listen_tcp = 1
listen_addr = "0.0.0.0"
auth_tcp = "none"
auth_unix_rw = "none"
host_uuid = "{}"
"#,
        node.host_uuid()
    )
}

/// /etc/libvirt/qemu.conf. A node has no cgroups, no virtlogd and no security driver, and its guests'
/// files are root's.
pub const QEMU: &str = r#"security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
"#;

/// The cluster's configuration at its first start.
///
/// `dc-deadtime` is how long the first node waits for others before it elects itself, 20 s by
/// default. `load-threshold` and `node-action-limit` keep Pacemaker from running one action at a time
/// when the machine is busy, which says nothing about its nodes.
pub fn cib(lab: &Name, nodes: &[Plan]) -> String {
    let hosts = nodes.iter().map(|it| it.name()).collect::<Vec<_>>().join(" ");
    let agent = fence::NAME;
    format!(
        r#"<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0">
  <configuration>
    <crm_config>
      <cluster_property_set id="cib-bootstrap-options">
        <nvpair id="cluster-name" name="cluster-name" value="{lab}"/>
        <nvpair id="dc-deadtime" name="dc-deadtime" value="3s"/>
        <nvpair id="stonith-enabled" name="stonith-enabled" value="true"/>
        <nvpair id="load-threshold" name="load-threshold" value="0%"/>
        <nvpair id="node-action-limit" name="node-action-limit" value="16"/>
      </cluster_property_set>
    </crm_config>
    <nodes/>
    <resources>
      <primitive id="fence" class="stonith" type="{agent}">
        <instance_attributes id="fence-parameters">
          <nvpair id="fence-hosts" name="pcmk_host_list" value="{hosts}"/>
        </instance_attributes>
        <operations>
          <op id="fence-monitor" name="monitor" interval="60s" timeout="20s"/>
        </operations>
      </primitive>
    </resources>
    <constraints/>
  </configuration>
  <status/>
</cib>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stack;

    fn lab() -> Name {
        "demo".parse().unwrap()
    }

    fn settings(nodes: u8) -> Settings {
        let (stack, xen, link_speed, roots) = (Stack::Cluster, None, None, Vec::new());
        Settings { name: lab(), nodes, stack, xen, link_speed, roots }
    }

    #[test]
    fn only_two_nodes_are_told_that_they_are_two() {
        for (count, line) in [(1, "two_node: 0"), (2, "two_node: 1"), (3, "two_node: 0")] {
            let text = corosync(&settings(count));
            assert!(text.contains(line), "{text}");
            assert_eq!(text.matches("ring0_addr").count(), usize::from(count));
        }
    }

    #[test]
    fn every_libvirt_has_a_host_uuid_of_its_own() {
        let texts: Vec<_> = Plan::of(5).into_iter().map(libvirtd).collect();
        for (index, text) in texts.iter().enumerate() {
            assert!(!texts[..index].contains(text), "{text}");
        }
    }

    #[test]
    fn pacemaker_accepts_the_configuration() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), cib(&lab(), &Plan::of(3))).unwrap();
        let deadline = exec::Deadline::after(std::time::Duration::from_secs(20));
        let tool = exec::Tool::new("crm_verify").args(["--verbose", "--xml-file"]).arg(file.path());
        let output = tool.output(deadline).unwrap();
        assert!(output.status.success(), "{}", output.error_text());
    }
}
