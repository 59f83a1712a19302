//! The `<disk>` elements of a domain XML, by libvirt's formatdomain.

use super::xml::attribute;
use crate::definition::{Disk, Source};
use quick_xml::events::BytesStart;
use std::path::PathBuf;

/// One of them, as it is read.
pub struct Reading {
    kind: String,
    device: Option<String>,
    target: Option<String>,
    source: Option<BytesStart<'static>>,
    servers: Vec<(String, Option<u16>)>,
    read_only: bool,
}

impl Reading {
    pub fn begin(disk: &BytesStart<'_>) -> Self {
        Self {
            kind: attribute(disk, "type").unwrap_or_else(|| "file".to_owned()),
            device: attribute(disk, "device"),
            target: None,
            source: None,
            servers: Vec::new(),
            read_only: false,
        }
    }

    /// Takes an element, of which `path` is the way from the disk to it. What is below the image, such as
    /// a backing store, is not the disk.
    pub fn element(&mut self, path: &[&str], element: &BytesStart<'_>) {
        match path {
            ["source"] => self.source = Some(element.to_owned()),
            ["source", "host"] => self.servers.extend(server(element)),
            ["target"] => self.target = attribute(element, "dev"),
            ["readonly"] => self.read_only = true,
            _ => {}
        }
    }

    /// The disk; `None` for a drive without a medium.
    pub fn finish(self) -> Option<Disk> {
        let of = |name| self.source.as_ref().and_then(|it| attribute(it, name));
        let path = |name| of(name).filter(|it| !it.is_empty()).map(PathBuf::from).map(Source::Path);
        let source = match self.kind.as_str() {
            "file" => path("file"),
            "block" => path("dev"),
            "dir" => path("dir"),
            "volume" => {
                of("pool").zip(of("volume")).map(|(pool, volume)| Source::Volume { pool, volume })
            }
            "network" => of("protocol").map(|protocol| Source::Network {
                protocol,
                image: of("name").unwrap_or_default(),
                servers: self.servers.clone(),
            }),
            other => Some(Source::Opaque(other.to_owned())),
        }?;
        Some(Disk {
            source,
            optional: of("startupPolicy").as_deref() == Some("optional"),
            writable: !self.read_only && self.device.as_deref() != Some("cdrom"),
            name: self.target.unwrap_or_else(|| "without a name".to_owned()),
        })
    }
}

/// A server that is reached by TCP, which is what is meant where nothing is said.
fn server(host: &BytesStart<'_>) -> Option<(String, Option<u16>)> {
    let port = attribute(host, "port").and_then(|it| it.parse().ok());
    let by_tcp = attribute(host, "transport").is_none_or(|it| it == "tcp");
    attribute(host, "name").filter(|_| by_tcp).map(|name| (name, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Definition;

    fn read(disk: &str) -> Vec<Disk> {
        let xml = format!("<domain><name>a</name><devices>{disk}</devices></domain>");
        Definition::from_xml(&xml).unwrap().disks().to_vec()
    }

    fn path(path: &str) -> Source {
        Source::Path(PathBuf::from(path))
    }

    #[test]
    fn what_is_behind_a_disk_is_found() {
        let network = |servers: &[(&str, Option<u16>)]| Source::Network {
            protocol: "rbd".to_owned(),
            image: "pool/vm1".to_owned(),
            servers: servers.iter().map(|(name, port)| ((*name).to_owned(), *port)).collect(),
        };
        let volume = Source::Volume { pool: "fast".to_owned(), volume: "v & w".to_owned() };
        for (kind, source, expected) in [
            ("file", "<source file='/srv/a&amp;b.img'/>", path("/srv/a&b.img")),
            ("block", "<source dev='/dev/vg/a'/>", path("/dev/vg/a")),
            ("dir", "<source dir='/srv'/>", path("/srv")),
            ("volume", "<source pool='fast' volume='v &amp; w'/>", volume),
            ("network", "<source protocol='rbd' name='pool/vm1'/>", network(&[])),
            (
                "network",
                "<source protocol='rbd' name='pool/vm1'><host name='m1' port='6789'/>\
                 <host name='m2'/><host transport='unix' socket='/run/x'/></source>",
                network(&[("m1", Some(6789)), ("m2", None)]),
            ),
            (
                "vhostuser",
                "<source type='unix' path='/run/x'/>",
                Source::Opaque("vhostuser".to_owned()),
            ),
        ] {
            let below = "<backingStore type='file'><source file='/below'/></backingStore>";
            let disk = format!("<disk type='{kind}'>{source}{below}<target dev='vda'/></disk>");
            let disk = &read(&disk)[..];
            let [Disk { name, source, writable: true, optional: false }] = disk else {
                panic!("{kind}: {disk:?}")
            };
            assert_eq!((name.as_str(), source), ("vda", &expected));
        }
    }

    #[test]
    fn a_drive_may_be_empty_and_a_disk_is_not_always_needed_or_written_to() {
        assert_eq!(read("<disk type='file' device='cdrom'><target dev='hda'/></disk>"), []);
        assert_eq!(read("<disk type='block' device='cdrom'><source dev=''/></disk>"), []);
        let disks = read(
            "<disk device='cdrom'><source file='/a.iso' startupPolicy='optional'/></disk>\
             <disk><source file='/b.img' startupPolicy='requisite'/><readonly/></disk>\
             <disk device='floppy'><source file='/c.img'/></disk>",
        );
        let told: Vec<_> = disks.iter().map(|it| (it.writable, it.optional)).collect();
        assert_eq!(told, [(false, true), (false, false), (true, false)]);
    }
}
