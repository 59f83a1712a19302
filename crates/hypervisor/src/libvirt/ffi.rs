//! The libvirt calls that the `virt` crate does not wrap: the only unsafe code of this crate.

#![allow(unsafe_code, reason = "calls into C")]

use crate::definition::Platform;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::Error;
use virt::sys;

type Result<T> = std::result::Result<T, Error>;

fn check(code: std::ffi::c_int) -> Result<()> {
    if code < 0 { Err(Error::last_error()) } else { Ok(()) }
}

/// `virDomainAbortJob`.
pub fn abort_job(domain: &Domain) -> Result<()> {
    // SAFETY: the pointer is valid for as long as `domain` is borrowed.
    check(unsafe { sys::virDomainAbortJob(domain.as_ptr()) })
}

/// `virDomainMigrateStartPostCopy`.
pub fn start_postcopy(domain: &Domain) -> Result<()> {
    // SAFETY: the pointer is valid for as long as `domain` is borrowed.
    check(unsafe { sys::virDomainMigrateStartPostCopy(domain.as_ptr(), 0) })
}

/// `virDomainSave`: saves the memory to a file and ends the domain.
pub fn save(domain: &Domain, file: &Path) -> Result<()> {
    let file = CString::new(file.as_os_str().as_bytes()).unwrap_or_default();
    // SAFETY: both pointers are valid for as long as `domain` is borrowed and `file` lives. A path
    // with a NUL in it, which cannot exist, became the empty one, which libvirt refuses.
    check(unsafe { sys::virDomainSave(domain.as_ptr(), file.as_ptr()) })
}

/// `virConnectCompareHypervisorCPU`: whether a host's hypervisor can give a guest that processor.
pub fn compare_cpu(connect: &Connect, platform: &Platform, cpu: &str) -> Result<bool> {
    let text = |text: &str| CString::new(text).unwrap_or_default();
    let [emulator, arch, machine, kind] =
        [&platform.emulator, &platform.arch, &platform.machine, &platform.kind]
            .map(|it| it.as_deref().map(text));
    let cpu = text(cpu);
    let pointer = |it: &Option<CString>| it.as_ref().map_or(std::ptr::null(), |it| it.as_ptr());
    // SAFETY: every pointer is null, where libvirt allows it, or to a string that lives until the end.
    let result = unsafe {
        sys::virConnectCompareHypervisorCPU(
            connect.as_ptr(),
            pointer(&emulator),
            pointer(&arch),
            pointer(&machine),
            pointer(&kind),
            cpu.as_ptr(),
            0,
        )
    };
    check(result).map(|()| result != sys::VIR_CPU_COMPARE_INCOMPATIBLE)
}

/// `virNodeGetMemoryStats`: what a host tells of its memory, by libvirt's names and in bytes.
pub fn memory_stats(connect: &Connect) -> Result<Vec<(String, u64)>> {
    let cells = sys::VIR_NODE_MEMORY_STATS_ALL_CELLS;
    let mut count = 0;
    // SAFETY: without an array libvirt only says how many figures there are.
    check(unsafe {
        sys::virNodeGetMemoryStats(connect.as_ptr(), cells, std::ptr::null_mut(), &raw mut count, 0)
    })?;
    let blank = sys::virNodeMemoryStats { field: [0; 80], value: 0 };
    let mut figures = vec![blank; usize::try_from(count).unwrap_or_default()];
    // SAFETY: the array has room for as many figures as libvirt is told.
    check(unsafe {
        sys::virNodeGetMemoryStats(connect.as_ptr(), cells, figures.as_mut_ptr(), &raw mut count, 0)
    })?;
    let name = |field: &[std::ffi::c_char]| {
        field.iter().map(|it| char::from(it.cast_unsigned())).take_while(|it| *it != '\0').collect()
    };
    Ok(figures.iter().map(|it| (name(&it.field), it.value << 10)).collect())
}
