//! Whether this node can reach the guest's disks.

use crate::error::Error;
use crate::{Instance, Resource};
use hypervisor::{Disk, open};
use std::time::Duration;
use storage::{Finding, Reach};

/// How long storage is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at disks and logs what was found of each. The guests of a hypervisor on another host have none here.
///
/// # Errors
/// [`Error::Disks`] names all that are out of reach and without which the guest does not start.
pub fn reach<'a, R: Resource>(
    instance: &Instance<'_, R>,
    disks: impl IntoIterator<Item = &'a Disk>,
) -> Result<(), Error> {
    if !open::is_here(&instance.uri) {
        return Ok(());
    }
    let disks: Vec<Disk> = disks.into_iter().cloned().collect();
    let by = instance.by.slice(PATIENCE.min(instance.by.remaining() / 2));
    let findings = storage::look(&disks, &*instance.hypervisor, by);
    for finding in &findings {
        match finding.reach {
            Reach::Out(_) | Reach::Untold(Some(_)) => ocf::log::warn(finding),
            Reach::In | Reach::Untold(None) => ocf::log::info(finding),
        }
    }
    if instance.config.is_hooked() {
        return Ok(());
    }
    let out: Vec<Finding> = findings.into_iter().filter(Finding::is_in_the_way).collect();
    if out.is_empty() { Ok(()) } else { Err(Error::Disks(out)) }
}
