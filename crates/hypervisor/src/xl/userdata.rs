//! The files in which libxl keeps what it knows of each domain.

use super::hypercall::Info;
use super::listing::Configuration;
use crate::identity::Name;

/// The name of a domain, as libxl's own file has it, without asking anybody. `None` for a domain that is not
/// one of libxl's, or is being built.
pub fn name(domain: &Info) -> Option<Name> {
    let path = format!(
        "/var/lib/xen/userdata-d.{}.{}.libxl-json",
        domain.domain.id,
        domain.domain.uuid().as_str()
    );
    let configuration: Configuration = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let name = configuration.c_info.name;
    // It came by a migration.
    let name = name.strip_suffix("--incoming").map(str::to_owned).unwrap_or(name);
    Name::try_from(name).ok()
}
