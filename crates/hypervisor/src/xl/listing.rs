//! A domain's configuration as libxl keeps it: what `xl list -l` prints, and its files on the node.

use crate::definition::{self, Config, Definition, Document, Kind, Source};
use crate::error::{Error, Result};
use crate::identity::{Identity, Name, Uuid};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One domain of the list.
#[derive(Debug, Deserialize)]
struct Listed {
    domid: u16,
    config: Configuration,
}

/// What libxl keeps of a domain.
#[derive(Debug, Deserialize)]
pub struct Configuration {
    /// The domain's own.
    pub c_info: Created,
    b_info: Built,
    #[serde(default)]
    disks: Vec<Disk>,
    #[serde(default)]
    nics: Vec<Nic>,
}

/// What a domain was created with.
#[derive(Debug, Deserialize)]
pub struct Created {
    /// The name that it had when it was created.
    pub name: String,
    #[serde(rename = "type")]
    kind: String,
    uuid: Option<String>,
}

/// What a domain was built with.
#[derive(Debug, Deserialize)]
struct Built {
    /// In KiB, as the next one.
    #[serde(default)]
    target_memkb: u64,
    #[serde(default)]
    max_memkb: u64,
    #[serde(default)]
    max_vcpus: u64,
}

#[derive(Debug, Deserialize)]
struct Disk {
    pdev_path: Option<PathBuf>,
    #[serde(default)]
    vdev: String,
    #[serde(default)]
    readwrite: i64,
    #[serde(flatten)]
    backend: Backend,
}

impl Disk {
    /// The disk, if it is a file or a device of the host.
    fn on_host(self) -> Option<definition::Disk> {
        let path = self.pdev_path.filter(|path| path.is_absolute() && self.backend.is_host())?;
        let source = Source::Path(path);
        let writable = self.readwrite != 0;
        Some(definition::Disk { name: self.vdev, source, writable, optional: false })
    }
}

#[derive(Debug, Deserialize)]
struct Nic {
    bridge: Option<String>,
    #[serde(flatten)]
    backend: Backend,
}

impl Nic {
    /// The bridge of the host that it is connected to.
    fn on_host(self) -> Option<String> {
        self.bridge.filter(|_| self.backend.is_host())
    }
}

/// Who serves a device.
#[derive(Debug, Deserialize)]
struct Backend {
    backend_domname: Option<String>,
    script: Option<String>,
}

impl Backend {
    fn is_host(&self) -> bool {
        definition::is_of_host(self.backend_domname.as_deref(), self.script.as_deref())
    }
}

fn shape(found: String) -> Error {
    Error::Shape { program: "xl list -l".to_owned(), found }
}

fn read(text: &str) -> Result<Vec<Listed>> {
    serde_json::from_str(text).map_err(|error| shape(error.to_string()))
}

/// The most memory that each guest of the list may have, in MiB. The first domain is none.
pub fn most(text: &str) -> Result<BTreeMap<u16, u64>> {
    let guests = read(text)?.into_iter().filter(|it| it.domid != 0);
    Ok(guests.map(|it| (it.domid, it.config.b_info.max_memkb >> 10)).collect())
}

/// The guest as it runs now, out of a list of it alone.
pub fn definition(text: &str, guest: &Name) -> Result<Definition> {
    let mut listed = read(text)?;
    let (Some(Listed { config, .. }), true) = (listed.pop(), listed.is_empty()) else {
        return Err(shape("not one domain".to_owned()));
    };
    let Configuration { c_info, b_info, disks, nics } = config;
    let kind = Kind::by_name(&c_info.kind).ok_or_else(|| shape(c_info.kind))?;
    let identity =
        Identity { name: guest.clone(), uuid: c_info.uuid.as_deref().and_then(Uuid::parse) };
    let config = Config {
        file: PathBuf::new(),
        kind,
        footprint: kind.footprint(
            b_info.target_memkb >> 10,
            b_info.max_memkb >> 10,
            b_info.max_vcpus,
        ),
        disks: disks.into_iter().filter_map(Disk::on_host).collect(),
        bridges: nics.into_iter().filter_map(Nic::on_host).collect(),
    };
    let memory = b_info.target_memkb << 10;
    Ok(Definition { identity, memory, document: Document::Xl(config) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_runs_is_read() {
        let text = include_str!("samples/list-l.json");
        assert_eq!(most(text).unwrap(), BTreeMap::from([(3, 96)]));
        let definition = definition(text, &Name::from_any("g1")).unwrap();
        assert_eq!(definition.identity.uuid, Uuid::parse("6b1f2a10-0000-4000-8000-0000000000a1"));
        assert_eq!(definition.memory, 96 << 20);
        let config = definition.xl().unwrap();
        assert_eq!((config.kind, &*config.bridges), (Kind::Pv, &["xenbr0".to_owned()][..]));
        assert_eq!(config.footprint, 97);
    }

    #[test]
    fn what_others_serve_is_not_looked_for_on_the_host() {
        let text = r#"[{"domid": 3, "config": {"c_info": {"type": "pvh", "name": "g1"}, "b_info": {},
            "disks": [{"pdev_path": "/dev/a", "vdev": "xvda", "backend_domname": "Domain-0"},
                      {"pdev_path": "/dev/b", "vdev": "xvdb", "backend_domname": "storage"},
                      {"pdev_path": "/dev/c", "vdev": "xvdc", "script": "block-iscsi"}],
            "nics": [{"bridge": "br0", "script": "vif-bridge"}, {"bridge": "br1", "backend_domname": "netvm"},
                     {"bridge": "br2.99", "script": "/etc/xen/scripts/vif-openvswitch"}]}}]"#;
        let definition = definition(text, &Name::from_any("g1")).unwrap();
        let config = definition.xl().unwrap();
        assert_eq!(config.bridges, ["br0"]);
        assert_eq!(config.disks.iter().map(|disk| &*disk.name).collect::<Vec<_>>(), ["xvda"]);
    }

    #[test]
    fn another_shape_is_an_error() {
        for text in
            ["", "[]", "{}", "[{\"domid\": 3}]", "[{\"config\": {\"c_info\": {}, \"b_info\": {}}}]"]
        {
            let error = definition(text, &Name::from_any("g1")).unwrap_err();
            assert!(matches!(error, Error::Shape { .. }), "{text}: {error}");
        }
    }
}
