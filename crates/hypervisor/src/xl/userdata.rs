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

/// The name that a domain had when it was made, as libxl's own file has it, without asking anybody. `None` for one
/// that is not libxl's, or is being built.
pub fn name(domain: &Info) -> Option<String> {
    written(&std::fs::read(path(domain.domain.id, &domain.domain.uuid())).ok()?)
}

fn written(file: &[u8]) -> Option<String> {
    // libxl writes the end of its string, too.
    let text = file.strip_suffix(b"\0").unwrap_or(file);
    let configuration: Configuration = serde_json::from_slice(text).ok()?;
    Some(configuration.c_info.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A guest that came in, as libxl 4.17 wrote it down.
    const FILE: &[u8] = include_bytes!("samples/libxl-json");

    #[test]
    fn the_name_is_read_as_libxl_wrote_it() {
        assert_eq!(written(FILE).as_deref(), Some("g1--incoming"));
        assert_eq!(written(&FILE[..FILE.len() / 2]), None);
        assert_eq!(written(b""), None);
    }
}
