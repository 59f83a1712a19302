//! Whether a guest could come in on this host, as far as libvirt knows without trying.
//!
//! What only the host's own QEMU can find out (whether a disk's file can be opened, whether a bridge is
//! there) libvirt tries in the first step of a migration, before a byte of the guest has moved, and says
//! then.

use super::ffi;
use crate::definition::Definition;
use crate::error::{Error, Result};
use virt::connect::Connect;
use virt::error::{Error as VirtError, ErrorNumber};

/// Everything that stands between the guest and this host, the first of it.
pub fn admit(connect: &Connect, definition: &Definition) -> Result<()> {
    no_double(connect, definition)?;
    machine(connect, definition)?;
    processor(connect, definition)?;
    for network in &definition.networks {
        let active = connect.lookup_network_by_name(network).and_then(|it| it.is_active());
        present(format!("network {network}"), active)?;
    }
    for pool in &definition.pools {
        let active = connect.lookup_storage_pool_by_name(pool).and_then(|it| it.is_active());
        present(format!("storage pool {pool}"), active)?;
    }
    memory(connect, definition)
}

fn missing(item: impl Into<String>, words: impl Into<String>) -> Error {
    Error::NotAdmitted { item: item.into(), words: words.into() }
}

fn present(item: String, active: std::result::Result<bool, VirtError>) -> Result<()> {
    match active {
        Ok(true) => Ok(()),
        Ok(false) => Err(missing(item, "it is not active there")),
        Err(error) => Err(missing(item, error.message())),
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
fn machine(connect: &Connect, definition: &Definition) -> Result<()> {
    let platform = &definition.platform;
    let found = connect.domain_capabilities(
        platform.emulator.as_deref(),
        platform.arch.as_deref(),
        platform.machine.as_deref(),
        platform.kind.as_deref(),
        0,
    );
    let capabilities = match found {
        Ok(capabilities) => capabilities,
        Err(error) if is_unsupported(&error) => return Ok(()),
        Err(error) => return Err(missing(platform.to_string(), error.message())),
    };
    if platform.emulates_tpm && !capabilities.contains("<value>emulator</value>") {
        let words = "libvirt can emulate none there; install swtpm and swtpm-tools";
        return Err(missing("the emulated TPM", words));
    }
    Ok(())
}

/// The processor that the guest sees, as far as it is described; what `host-passthrough` gives it is not.
fn processor(connect: &Connect, definition: &Definition) -> Result<()> {
    let Some(cpu) = &definition.cpu else { return Ok(()) };
    match ffi::compare_cpu(connect, &definition.platform, cpu) {
        Ok(true) => Ok(()),
        Ok(false) => Err(missing("the guest's processor", "the host's cannot stand in for it")),
        Err(error) if is_unsupported(&error) => Ok(()),
        Err(error) => Err(missing("the guest's processor", error.message())),
    }
}

fn is_unsupported(error: &VirtError) -> bool {
    error.code().is_known_and(|code| {
        matches!(code, ErrorNumber::NoSupport | ErrorNumber::OperationUnsupported)
    })
}

/// Refuses what is sure to end in the host's out-of-memory killer: a guest that does not fit even if every
/// cached page were given up. A host may have promised more than it has; so what it promised is not
/// looked at.
fn memory(connect: &Connect, definition: &Definition) -> Result<()> {
    match ffi::available_memory(connect) {
        Ok(Some(available)) if available < definition.memory => {
            let (wanted, found) = (definition.memory >> 20, available >> 20);
            Err(missing(
                "memory",
                format!("the guest has {wanted} MiB, and {found} MiB are free there"),
            ))
        }
        // A host that does not say has not said no.
        Ok(_) | Err(_) => Ok(()),
    }
}
