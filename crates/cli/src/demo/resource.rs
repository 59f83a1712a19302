use std::path::Path;

/// The guest as a resource of the cluster, as pcs is told.
pub struct Resource(Vec<String>);

impl Resource {
    /// The lab's storage is shared, which libvirt cannot know: hence --unsafe.
    pub fn kvm(config: &Path) -> Self {
        Self::new(
            "ocf:hawser:kvm",
            &format!("config={}", config.display()),
            "migration_transport=tcp migrate_options=--unsafe op monitor interval=10s timeout=30s",
        )
    }

    /// Emulated processors need their time.
    pub fn xen(config: &Path) -> Self {
        Self::new(
            "ocf:hawser:xen",
            &format!("xmfile={}", config.display()),
            "op monitor interval=60s timeout=600s start timeout=600s stop timeout=600s \
             migrate_to timeout=900s migrate_from timeout=600s",
        )
    }

    fn new(agent: &str, config: &str, operations: &str) -> Self {
        let meta = ["meta", "allow-migrate=true", "resource-stickiness=100"];
        let words = [agent, config].into_iter().chain(operations.split(' ')).chain(meta);
        Self(words.map(str::to_owned).collect())
    }

    /// The words after `pcs` that make it a resource of that name.
    pub fn creation<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        ["resource", "create", name].into_iter().chain(self.0.iter().map(String::as_str)).collect()
    }
}
