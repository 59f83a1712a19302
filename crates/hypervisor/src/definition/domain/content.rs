use super::disk::Reading;
use super::xml::{Place, attribute, content, malformed, tag};
use super::{Domain, Platform};
use crate::definition::{Definition, Document};
use crate::error::{Error, Result};
use crate::identity::{Identity, Name, Uuid};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeSet;

/// What is found in a document, as it is read.
#[derive(Default)]
pub struct Content {
    name: String,
    uuid: String,
    emulator: String,
    platform: Platform,
    disks: Vec<Reading>,
    pools: BTreeSet<String>,
    networks: BTreeSet<String>,
    /// The bytes of the document that are a `<cpu>` with a description.
    cpu: Option<std::ops::Range<usize>>,
}

impl Content {
    pub fn read(xml: &str) -> Result<Self> {
        if let Some(at) = xml.find('\0') {
            return Err(Error::Definition { what: format!("a NUL byte at byte {at}") });
        }
        let mut reader = Reader::from_str(xml);
        let (mut found, mut place) = (Self::default(), Place::default());
        loop {
            let begin = position(&reader);
            let event = reader.read_event().map_err(|error| malformed(&reader, &error))?;
            match &event {
                Event::Start(element) | Event::Empty(element) => {
                    place.0.push(tag(element));
                    if place.0.first().is_some_and(|root| root != "domain") {
                        let what = format!("the root element is <{}>, not <domain>", place.0[0]);
                        return Err(Error::Definition { what });
                    }
                    found.element(&place, element, begin);
                    if matches!(event, Event::Empty(_)) {
                        place.0.pop();
                    }
                }
                Event::End(_) => {
                    if let (true, Some(cpu)) = (place.is(&["domain", "cpu"]), &mut found.cpu) {
                        cpu.end = position(&reader);
                    }
                    place.0.pop();
                }
                Event::Eof => break,
                text => found.text(&place, text)?,
            }
        }
        if !place.0.is_empty() {
            let what = format!("the document ends inside <{}>", place.0.join("><"));
            return Err(Error::Definition { what });
        }
        Ok(found)
    }

    fn element(&mut self, place: &Place, element: &BytesStart<'_>, begin: usize) {
        let path: Vec<&str> = place.0.iter().map(String::as_str).collect();
        match path[..] {
            ["domain"] => self.platform.kind = attribute(element, "type"),
            ["domain", "os", "type"] => {
                self.platform.arch = attribute(element, "arch");
                self.platform.machine = attribute(element, "machine");
            }
            ["domain", "devices", "disk"] => self.disks.push(Reading::begin(element)),
            ["domain", "devices", "disk", ref below @ ..] => {
                // A disk that is read is the one whose element was opened last.
                if let Some(disk) = self.disks.last_mut() {
                    disk.element(below, element);
                }
            }
            ["domain", "cpu"] if attribute(element, "mode").as_deref() == Some("custom") => {
                self.cpu = Some(begin..begin);
            }
            ["domain", "devices", "tpm", "backend"] => {
                let kind = attribute(element, "type");
                self.platform.emulates_tpm |= kind.as_deref() == Some("emulator");
            }
            _ => {}
        }
        if place.starts_with(&["domain", "devices"]) {
            self.pools.extend(attribute(element, "pool"));
            self.networks.extend(attribute(element, "network"));
        }
    }

    fn text(&mut self, place: &Place, text: &Event<'_>) -> Result<()> {
        let path: Vec<&str> = place.0.iter().map(String::as_str).collect();
        let field = match path[..] {
            ["domain", "name"] => &mut self.name,
            ["domain", "uuid"] => &mut self.uuid,
            ["domain", "devices", "emulator"] => &mut self.emulator,
            _ => return Ok(()),
        };
        field.push_str(&content(text)?);
        Ok(())
    }

    pub fn definition(self, xml: &str) -> Result<Definition> {
        if self.name.is_empty() {
            return Err(Error::Definition { what: "it has no <name>".to_owned() });
        }
        let uuid = match self.uuid.trim() {
            "" => None,
            text => Some(Uuid::parse(text).ok_or_else(|| Error::Definition {
                what: format!("its <uuid> {text:?} is no UUID"),
            })?),
        };
        let identity = Identity { name: Name::try_from(self.name)?, uuid };
        let document = Document::Domain(Domain {
            xml: xml.to_owned(),
            platform: Platform {
                emulator: Some(self.emulator).filter(|it| !it.is_empty()),
                ..self.platform
            },
            cpu: self.cpu.and_then(|at| xml.get(at)).filter(|it| !it.is_empty()).map(str::to_owned),
            disks: self.disks.into_iter().filter_map(Reading::finish).collect(),
            pools: self.pools,
            networks: self.networks,
        });
        Ok(Definition { identity, memory: 0, document })
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}
