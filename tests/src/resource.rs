//! What is done with resources of the cluster.

use crate::{Turn, soon, wait_for, wait_until};
use comparison::Subject;
use lab::Guest;

impl Turn {
    /// Puts the lab back to what it was: nodes on, online, connected and not in standby, and no resource
    /// but the fence device.
    pub(crate) fn clear(&self) {
        for node in self.nodes().expect("the lab answers") {
            let node = self.node(&node.name);
            node.reconnect().expect("the node can be connected");
            node.start().expect("the node can be started");
        }
        if !self.is_cluster() {
            return;
        }
        self.wait_online(self.eventually()).expect("all nodes are online");
        // pcs would take a minute for each of these on an emulated node.
        for node in self.nodes().expect("the lab answers") {
            self.tell_cluster("crm_standby", &["--node", &node.name, "--delete"]);
        }
        let resources = self.tell_cluster("crm_resource", &["--list-raw"]);
        for resource in resources.lines().filter(|it| *it != "fence") {
            let stopped = ["--set-parameter", "target-role", "--parameter-value", "Stopped"];
            self.tell_cluster(
                "crm_resource",
                &[&["--resource", resource, "--meta"], &stopped[..]].concat(),
            );
        }
        // That it is idle does not say yet that it has seen the last change.
        self.exec("n1", "crm_resource", &["--wait"]);
        for leftovers in ["constraints/*", "resources/*[@id!='fence']"] {
            let path = format!("/cib/configuration/{leftovers}");
            self.tell_cluster("cibadmin", &["--delete-all", "--force", "--xpath", &path]);
        }
        self.exec("n1", "crm_resource", &["--wait"]);
    }

    /// Runs a program of the cluster's and returns what it prints.
    fn tell_cluster(&self, program: &str, arguments: &[&str]) -> String {
        let output =
            self.run(program, arguments).unwrap_or_else(|error| panic!("{}", error.chain()));
        output.text()
    }

    /// Runs pcs on the first node that is on.
    ///
    /// # Panics
    /// When it fails.
    pub fn pcs(&self, arguments: &[&str]) -> String {
        self.tell_cluster("pcs", arguments)
    }

    /// Makes a guest a resource of the same name, with a monitor every 2 s, and waits until it runs.
    /// Returns where.
    ///
    /// # Panics
    /// When it does not come to run.
    pub fn create(&self, agent: Subject, guest: &Guest, parameters: &[&str]) -> String {
        let usual = agent.parameters(guest);
        let usual: Vec<String> =
            usual.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut words: Vec<&str> = usual.iter().map(String::as_str).collect();
        words.extend(parameters);
        words.extend(["op", "monitor", "interval=2s", "timeout=30s"]);
        self.manage(guest, &agent.to_string(), &words)
    }

    /// Makes a guest a resource of the same name that an agent manages as the words after its name tell pcs,
    /// and waits until it runs. Returns where.
    ///
    /// # Panics
    /// When it does not come to run.
    pub fn manage(&self, guest: &Guest, agent: &str, words: &[&str]) -> String {
        let create = ["resource", "create", &guest.name, agent];
        let meta = ["meta", "allow-migrate=true", "resource-stickiness=100"];
        self.pcs(&[&create, words, &meta].concat());
        self.located(guest, |_| true)
    }

    /// Waits until the cluster says that the guest runs on a node that fits, and has nothing more to do.
    ///
    /// # Panics
    /// At a deadline of 120 s, or 15 minutes on Xen.
    pub fn located(&self, guest: &Guest, fits: impl Fn(&str) -> bool) -> String {
        match self.wait_located(&guest.name, fits, self.eventually()) {
            Ok(node) => node,
            Err(error) => {
                let status = self.run("crm_mon", &["-1"]).map(|it| it.text()).unwrap_or_default();
                panic!("{}\n{status}", error.chain())
            }
        }
    }

    /// Waits until the cluster has nothing to do. One that does not answer, as on a node that is busy, is asked
    /// again.
    ///
    /// # Panics
    /// At a deadline of 120 s, or 15 minutes on Xen.
    pub fn settle(&self) {
        wait_until("the cluster is idle", self.eventually(), || self.is_idle().unwrap_or(false));
    }

    /// What the cluster shows of itself.
    ///
    /// # Panics
    /// When crm_mon fails.
    #[must_use]
    pub fn status(&self) -> String {
        self.run("crm_mon", &["-1", "--inactive", "--show-node-attributes"])
            .expect("crm_mon")
            .text()
    }

    /// The other one of the two nodes.
    #[must_use]
    pub fn other(node: &str) -> &'static str {
        if node == "n1" { "n2" } else { "n1" }
    }

    /// Waits until a node's system log has a line with that text in it, and returns the first.
    ///
    /// # Panics
    /// At a deadline of 30 s.
    pub fn wait_logged(&self, node: &str, text: &str) -> String {
        wait_for(&format!("{text:?} in the log of {node}"), soon(), || {
            self.logged(node, text).into_iter().next()
        })
    }
}
