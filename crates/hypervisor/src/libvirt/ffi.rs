//! The libvirt calls that the `virt` crate does not wrap: the only unsafe code of this crate.

#![allow(unsafe_code, reason = "calls into C")]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
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
