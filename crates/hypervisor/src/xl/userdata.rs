//! The files in which libxl keeps what it knows of each domain.

use super::hypercall::Info;
use super::listing::Configuration;
use crate::identity::Uuid;
use std::path::PathBuf;

fn path(id: u16, uuid: &Uuid) -> PathBuf {
    format!("/var/lib/xen/userdata-d.{id}.{}.libxl-json", uuid.as_str()).into()
}

/// Whether libxl has finished building that domain: only then it writes down what it has built. True when that
/// cannot be told.
pub fn is_there(id: u16, uuid: &Uuid) -> bool {
    path(id, uuid).try_exists().unwrap_or(true)
}

/// The same of a domain of which the hypervisor tells.
pub fn is_built(info: &Info) -> bool {
    is_there(info.domain.id, &info.domain.uuid())
}

/// The name that a domain had when it was made, as libxl's own file has it, without asking anybody. `None` for one
/// that is not libxl's, or is being built.
pub fn name(domain: &Info) -> Option<String> {
    let file = std::fs::read(path(domain.domain.id, &domain.domain.uuid())).ok()?;
    let configuration: Configuration = serde_json::from_slice(&file).ok()?;
    Some(configuration.c_info.name)
}
