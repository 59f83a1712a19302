//! Keeping the configuration file as the guest is.

use crate::instance::Instance;
use exec::Tool;
use guest::Change;
use hypervisor::Definition;
use std::io;
use std::path::Path;
use std::time::Duration;

/// What may be spent on this: it is never the reason for which an action is late.
const SLICE: Duration = Duration::from_secs(5);

impl Instance<'_> {
    /// Writes the definition of a guest that is active back to its file, if that is wanted and it
    /// differs. Failures are logged and are no others: the guest does not depend on this.
    pub fn save_config(&self) {
        if !(self.config.save_config || self.config.sync_config) {
            return;
        }
        match self.observe().map(|(seen, _)| seen.sight) {
            // For a guest with a persistent definition libvirt tells that one, not what runs.
            Ok(Some(sight)) if sight.persistent => ocf::log::info(format_args!(
                "guest {} has a persistent definition: {} is left as it is",
                self.identity.name,
                self.config.config.display()
            )),
            Ok(Some(sight)) if sight.state.is_active() => self.save(),
            _ => {}
        }
    }

    fn save(&self) {
        let name = &self.identity.name;
        let by = self.by.slice(SLICE);
        let xml = match self.hypervisor.definition(name, by) {
            Ok(xml) => xml,
            Err(error) => return ocf::log::warn(format_args!("{error}")),
        };
        if !Definition::from_xml(&xml).is_ok_and(|it| it.identity.name == *name) {
            return;
        }
        let path = self.config.config.clone();
        // The file may lie on a share whose server is gone.
        match by.bound(move || replace_if_other(&path, &xml)) {
            Some(Ok(Change::Already)) => {}
            Some(Ok(Change::Done)) => self.sync_config(),
            failed => {
                let path = self.config.config.display();
                let late = || io::ErrorKind::TimedOut.into();
                let error = failed.and_then(Result::err).unwrap_or_else(late);
                ocf::log::warn(format_args!("cannot write {path}: {error}"));
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

/// Replaces a file that is there and has another content. A link stays a link: what it points to is
/// what is replaced.
fn replace_if_other(path: &Path, content: &str) -> io::Result<Change> {
    let target = path.canonicalize()?;
    if std::fs::read(&target)? == content.as_bytes() {
        return Ok(Change::Already);
    }
    file::replace(&target, content.as_bytes(), 0o600)?;
    Ok(Change::Done)
}
