//! Whether a guest could come in on this host, as far as libvirt knows without trying.
//!
//! What only the host's own QEMU can find out (whether a disk's file can be opened, whether a bridge is
//! there) libvirt tries in the first step of a migration, before a byte of the guest has moved, and says
//! then.

use super::{ffi, lacks_emulator};
use crate::definition::{Definition, Document, Domain, Platform};
use crate::error::{Error, Result};
use crate::identity::Name;
use virt::connect::Connect;
use virt::domain::Domain as Active;
use virt::error::{Error as VirtError, ErrorNumber};
use virt::sys;

/// The guest's definition as it runs now, and of what it demands of a host that which can be asked of
/// another one.
pub fn live_definition(
    connect: &Connect,
    name: &Name,
) -> std::result::Result<Result<Definition>, VirtError> {
    let domain = connect.lookup_domain_by_name(name.as_str())?;
    // Not the migratable one: that describes the processor that was asked for, and this the one that the
    // guest has.
    let definition = Definition::from_xml(&domain.xml_desc(0)?);
    let memory = resident_memory(&domain).unwrap_or_default();
    Ok(definition.map(|mut it| {
        // A comparison that the guest's own host does not pass says nothing of another one.
        if let Document::Domain(Domain { cpu, platform, .. }) = &mut it.document {
            cpu.take_if(|cpu| !ffi::compare_cpu(connect, platform, cpu).unwrap_or(false));
        }
        it.memory = memory;
        it
    }))
}

/// What the guest holds of its host's memory, in bytes: what it never touched it does not need on another
/// host either, and what comes out of huge pages is not counted.
fn resident_memory(domain: &Active) -> Option<u64> {
    let figures = domain.memory_stats(0).ok()?;
    let resident = figures.iter().find(|it| it.tag == sys::VIR_DOMAIN_MEMORY_STAT_RSS)?;
    Some(resident.val << 10)
}

/// Everything that stands between the guest and this host, the first of it.
pub fn admit(connect: &Connect, definition: &Definition) -> Result<()> {
    let domain = definition.domain()?;
    no_double(connect, definition)?;
    machine(connect, &domain.platform)?;
    processor(connect, domain)?;
    for network in &domain.networks {
        let active = connect.lookup_network_by_name(network).and_then(|it| it.is_active());
        present(format!("network {network}"), &active)?;
    }
    for name in &domain.pools {
        pool(connect, name)?;
    }
    memory(connect, definition)
}

fn pool(connect: &Connect, name: &str) -> Result<()> {
    let active = connect.lookup_storage_pool_by_name(name).and_then(|it| it.is_active());
    present(format!("storage pool {name}"), &active)
}

/// What a volume of a storage pool is on the host.
pub fn volume(
    connect: &Connect,
    pool_name: &str,
    name: &str,
) -> std::result::Result<Result<String>, VirtError> {
    if let Err(lack) = pool(connect, pool_name) {
        return Ok(Err(lack));
    }
    let found = connect.lookup_storage_pool_by_name(pool_name)?.lookup_storage_vol_by_name(name);
    match found.and_then(|it| it.path()) {
        Err(error) if is_any(&error, &[ErrorNumber::NoStorageVolume]) => {
            Ok(Err(missing(format!("volume {name}"), error.message())))
        }
        answer => answer.map(Ok),
    }
}

fn missing(item: impl Into<String>, words: impl Into<String>) -> Error {
    Error::NotAdmitted { item: item.into(), words: words.into() }
}

fn present(item: String, active: &std::result::Result<bool, VirtError>) -> Result<()> {
    match active {
        Ok(false) => Err(missing(item, "it is not active there")),
        Err(error) if is_any(error, &[ErrorNumber::NoNetwork, ErrorNumber::NoStoragePool]) => {
            Err(missing(item, error.message()))
        }
        // Whoever cannot tell has not said no.
        Ok(true) | Err(_) => Ok(()),
    }
}

/// Refuses a host that knows another guest by this one's name or UUID, active or not.
fn no_double(connect: &Connect, definition: &Definition) -> Result<()> {
    let Some(uuid) = &definition.identity.uuid else { return Ok(()) };
    let name = definition.identity.name.as_str();
    if let Ok(domain) = connect.lookup_domain_by_uuid_string(uuid.as_str())
        && let Ok(other) = domain.name()
        && other != name
    {
        return Err(missing(
            format!("UUID {}", uuid.as_str()),
            format!("guest {other} has it there"),
        ));
    }
    if let Ok(domain) = connect.lookup_domain_by_name(name)
        && let Ok(other) = domain.uuid_string()
        && other != uuid.as_str()
    {
        let words = format!("a guest of that name, with UUID {other}, is defined there");
        return Err(missing(format!("guest {name}"), words));
    }
    Ok(())
}

/// The emulator, the machine type and the TPM's emulation.
fn machine(connect: &Connect, platform: &Platform) -> Result<()> {
    let found = connect.domain_capabilities(
        platform.emulator.as_deref(),
        platform.arch.as_deref(),
        platform.machine.as_deref(),
        platform.kind.as_deref(),
        0,
    );
    match found {
        Ok(found) if platform.emulates_tpm && lacks_tpm(&found) => {
            let words = "libvirt can emulate none there; install swtpm and swtpm-tools";
            Err(missing("the emulated TPM", words))
        }
        Err(error) if is_any(&error, &[ErrorNumber::InvalidArg]) || lacks_emulator(&error) => {
            Err(missing(platform.to_string(), error.message()))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether these capabilities of a host tell of TPMs (since libvirt 8.0), but of no emulated one.
fn lacks_tpm(capabilities: &str) -> bool {
    let tpm = capabilities.split_once("<tpm ").and_then(|(_, rest)| rest.split_once("</tpm>"));
    let none = capabilities.contains("<tpm supported='no'/>");
    none || tpm.is_some_and(|(tpm, _)| !tpm.contains("<value>emulator</value>"))
}

/// The processor that the guest sees, as far as it is described; what `host-passthrough` gives it is not.
fn processor(connect: &Connect, domain: &Domain) -> Result<()> {
    let Some(cpu) = &domain.cpu else { return Ok(()) };
    match ffi::compare_cpu(connect, &domain.platform, cpu) {
        Ok(false) => Err(missing(
            "the guest's processor",
            "the host's lacks features that the guest has seen",
        )),
        Ok(true) | Err(_) => Ok(()),
    }
}

fn is_any(error: &VirtError, numbers: &[ErrorNumber]) -> bool {
    error.code().is_known_and(|code| numbers.contains(&code))
}

/// Refuses what would end in the host's out-of-memory killer. Not all that is not called free is used:
/// the kernel does not count ZFS's cache among its own. So what counts is what is free or what guests
/// leave, whichever is more.
fn memory(connect: &Connect, definition: &Definition) -> Result<()> {
    // A host that does not say has not said no.
    let Ok(figures) = ffi::memory_stats(connect) else { return Ok(()) };
    let figure = |name: &std::ffi::CStr| {
        figures
            .iter()
            .find(|(known, _)| known.as_bytes() == name.to_bytes())
            .map(|(_, bytes)| *bytes)
    };
    let parts = [
        sys::VIR_NODE_MEMORY_STATS_FREE,
        sys::VIR_NODE_MEMORY_STATS_BUFFERS,
        sys::VIR_NODE_MEMORY_STATS_CACHED,
    ];
    let free: Option<u64> = parts.into_iter().map(figure).sum();
    let (Some(free), Some(total)) = (free, figure(sys::VIR_NODE_MEMORY_STATS_TOTAL)) else {
        return Ok(());
    };
    if free >= definition.memory {
        return Ok(());
    }
    let Ok(guests) = connect.list_all_domains(sys::VIR_CONNECT_LIST_DOMAINS_ACTIVE) else {
        return Ok(());
    };
    let held = guests.iter().filter_map(|it| it.info().ok()).map(|it| it.memory << 10).sum();
    let left = free.max(total.saturating_sub(held));
    if left >= definition.memory {
        return Ok(());
    }
    let (wanted, left) = (definition.memory >> 20, left >> 20);
    Err(missing("memory", format!("the guest holds {wanted} MiB, and {left} MiB are free there")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tpm_is_missed_only_where_libvirt_tells_of_tpms() {
        let backends = |names: &str| format!("<tpm supported='yes'><enum>{names}</enum></tpm>");
        let (passed, emulated) = ("<value>passthrough</value>", "<value>emulator</value>");
        assert!(lacks_tpm(&backends(passed)));
        assert!(lacks_tpm("<tpm supported='no'/>"));
        assert!(!lacks_tpm(&backends(&format!("{passed}{emulated}"))));
        assert!(!lacks_tpm(&format!("<redirdev supported='yes'>{passed}</redirdev>")));
    }
}
