//! Keeping the configuration file as the guest is.

use crate::config::Config;
use agent::Instance;
use exec::Tool;
use guest::Change;
use hypervisor::Definition;
use std::io;
use std::path::Path;
use std::time::Duration;

/// What may be spent on this: it is never the reason for which an action is late.
const SLICE: Duration = Duration::from_secs(5);

/// Writes the definition of a guest that is active back to its file, if that is wanted and it
/// differs. Failures are logged and are no others: the guest does not depend on this.
pub fn save_config(instance: &Instance<'_, Config>) {
    if !(instance.config.save_config || instance.config.sync_config) {
        return;
    }
    match instance.observe().map(|(seen, _)| seen.sight) {
        // For a guest with a persistent definition libvirt tells that one, not what runs.
        Ok(Some(sight)) if sight.persistent => ocf::log::info(format_args!(
            "guest {} has a persistent definition: {} is left as it is",
            instance.identity.name,
            instance.config.settings.key.config.display()
        )),
        Ok(Some(sight)) if sight.state.is_active() => save(instance),
        _ => {}
    }
}

fn save(instance: &Instance<'_, Config>) {
    let name = &instance.identity.name;
    let by = instance.by.slice(SLICE);
    let xml = match instance.hypervisor.definition(name, by) {
        Ok(xml) => xml,
        Err(error) => return ocf::log::warn(format_args!("{error}")),
    };
    if !Definition::from_xml(&xml).is_ok_and(|it| it.identity.name == *name) {
        return;
    }
    let path = instance.config.settings.key.config.clone();
    // The file may lie on a share whose server is gone.
    match by.bound(move || replace_if_other(&path, &xml)) {
        Some(Ok(Change::Already)) => {}
        Some(Ok(Change::Done)) => sync_config(instance),
        failed => {
            let path = instance.config.settings.key.config.display();
            let late = || io::ErrorKind::TimedOut.into();
            let error = failed.and_then(Result::err).unwrap_or_else(late);
            ocf::log::warn(format_args!("cannot write {path}: {error}"));
        }
    }
}

fn sync_config(instance: &Instance<'_, Config>) {
    let path = instance.config.settings.key.config.display();
    ocf::log::info(format_args!("saved guest {} to {path}", instance.identity.name));
    if instance.config.sync_config {
        let tool = Tool::new("csync2").arg("-x").arg(&instance.config.settings.key.config);
        if let Err(error) = tool.run(instance.by.slice(SLICE)) {
            ocf::log::warn(format_args!("{path} is not on the other nodes: {error}"));
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
