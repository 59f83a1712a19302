//! Keeping the configuration file as the guest is.

use crate::instance::Instance;
use exec::Tool;
use hypervisor::Definition;
use std::time::Duration;

/// What may be spent on this: it is never the reason for which an action is late.
const SLICE: Duration = Duration::from_secs(5);

impl Instance<'_> {
    /// Writes the definition of a guest that is active back to its file, if that is wanted and it
    /// differs. Failures are logged and are no others: the guest does not depend on this.
    pub fn save_config(&self) {
        if !(self.config.save_config || self.config.sync_config)
            || !self.observe().is_ok_and(|(seen, _)| seen.state.is_active())
        {
            return;
        }
        let name = &self.identity.name;
        let path = &self.config.config;
        let xml = match self.hypervisor.definition(name, self.by.slice(SLICE)) {
            Ok(xml) => xml,
            Err(error) => return ocf::log::warn(format_args!("{error}")),
        };
        if Definition::parse(&xml).is_ok_and(|it| it.identity.name == *name)
            && std::fs::read_to_string(path).is_ok_and(|found| found != xml)
        {
            // A link stays a link: what it points to is what is replaced.
            let target = path.canonicalize().unwrap_or_else(|_| path.clone());
            match file::replace(&target, xml.as_bytes(), 0o600) {
                Ok(()) => self.sync_config(),
                Err(error) => {
                    ocf::log::warn(format_args!("cannot write {}: {error}", path.display()));
                }
            }
        }
    }

    fn sync_config(&self) {
        let path = self.config.config.display();
        ocf::log::info(format_args!("saved guest {} to {path}", self.identity.name));
        if self.config.sync_config {
            let tool = Tool::new("csync2").arg("-x").arg(&self.config.config);
            if let Err(error) = tool.run(self.by.slice(SLICE)) {
                ocf::log::warn(format_args!("{path} is not on the other nodes: {error}"));
            }
        }
    }
}
