use crate::error::{Error, Result};
use crate::identity::{Identity, Name, Uuid};
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};
use std::collections::BTreeSet;

/// A guest's libvirt domain XML, read as far as an agent needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    xml: String,
    /// The guest that it defines.
    pub identity: Identity,
    /// The storage pools that its disks come from.
    pub pools: BTreeSet<String>,
    /// The virtual networks that it is connected to.
    pub networks: BTreeSet<String>,
}

/// Where in the document the reader stands: the names of the open elements.
#[derive(Default)]
struct Place(Vec<String>);

impl Place {
    fn is(&self, path: &[&str]) -> bool {
        self.0.iter().eq(path)
    }

    fn starts_with(&self, path: &[&str]) -> bool {
        self.0.len() >= path.len() && self.0.iter().zip(path).all(|(open, want)| open == want)
    }
}

impl Definition {
    /// Reads a domain XML document.
    ///
    /// # Errors
    /// [`Error::Definition`] for what is no XML, is no `<domain>`, has no name of its own or has one
    /// that is impossible. What libvirt alone can judge is left to libvirt.
    pub fn parse(xml: &str) -> Result<Self> {
        if let Some(at) = xml.find('\0') {
            return Err(Error::Definition { what: format!("a NUL byte at byte {at}") });
        }
        let mut reader = Reader::from_str(xml);
        let mut place = Place::default();
        let (mut name, mut uuid) = (String::new(), String::new());
        let (mut pools, mut networks) = (BTreeSet::new(), BTreeSet::new());
        loop {
            let event = reader.read_event().map_err(|error| malformed(&reader, &error))?;
            match &event {
                Event::Start(element) | Event::Empty(element) => {
                    place.0.push(tag(element));
                    if place.0.first().is_some_and(|root| root != "domain") {
                        let what = format!("the root element is <{}>, not <domain>", place.0[0]);
                        return Err(Error::Definition { what });
                    }
                    if place.starts_with(&["domain", "devices"]) {
                        pools.extend(attribute(element, "pool"));
                        networks.extend(attribute(element, "network"));
                    }
                    if matches!(event, Event::Empty(_)) {
                        place.0.pop();
                    }
                }
                Event::End(_) => {
                    place.0.pop();
                }
                Event::Eof => break,
                other if place.is(&["domain", "name"]) => name.push_str(&content(other)?),
                other if place.is(&["domain", "uuid"]) => uuid.push_str(&content(other)?),
                _ => {}
            }
        }
        if !place.0.is_empty() {
            let what = format!("the document ends inside <{}>", place.0.join("><"));
            return Err(Error::Definition { what });
        }
        if name.is_empty() {
            return Err(Error::Definition { what: "it has no <name>".to_owned() });
        }
        let uuid = match uuid.trim() {
            "" => None,
            text => Some(Uuid::parse(text).ok_or_else(|| Error::Definition {
                what: format!("its <uuid> {text:?} is no UUID"),
            })?),
        };
        let identity = Identity { name: Name::try_from(name)?, uuid };
        Ok(Self { xml: xml.to_owned(), identity, pools, networks })
    }

    /// The document as it was read.
    #[must_use]
    pub fn xml(&self) -> &str {
        &self.xml
    }

    /// The document as a transient guest is to be started from it.
    ///
    /// Two things are added where the document leaves them open. A `uuid`: libvirt would make one
    /// up, which then clashes with a persistent definition of the same name. And
    /// `persistent_state='yes'` at an emulated TPM: without it libvirt deletes the TPM's state when a
    /// transient domain ends, and with it the guest's disk encryption keys (libvirt,
    /// `qemuTPMEmulatorCleanupHost`).
    ///
    /// # Errors
    /// [`Error::Definition`] as [`Definition::parse`].
    pub fn for_start(&self, uuid: Option<&Uuid>) -> Result<String> {
        let missing = uuid.filter(|_| self.identity.uuid.is_none());
        let mut reader = Reader::from_str(&self.xml);
        let mut writer = Writer::new(Vec::new());
        let mut place = Place::default();
        loop {
            let event = reader.read_event().map_err(|error| malformed(&reader, &error))?;
            let (event, opens) = match event {
                Event::Start(element) => {
                    place.0.push(tag(&element));
                    (Event::Start(keep_tpm_state(&place, element)), true)
                }
                Event::Empty(element) => {
                    place.0.push(tag(&element));
                    let element = keep_tpm_state(&place, element);
                    place.0.pop();
                    (Event::Empty(element), false)
                }
                Event::End(element) => {
                    place.0.pop();
                    (Event::End(element), false)
                }
                Event::Eof => break,
                other => (other, false),
            };
            write(&mut writer, event)?;
            if let (true, true, Some(uuid)) = (opens, place.is(&["domain"]), missing) {
                write(&mut writer, Event::Start(BytesStart::new("uuid")))?;
                write(&mut writer, Event::Text(BytesText::new(uuid.as_str())))?;
                write(&mut writer, Event::End(BytesEnd::new("uuid")))?;
            }
        }
        String::from_utf8(writer.into_inner())
            .map_err(|error| Error::Definition { what: error.to_string() })
    }
}

fn keep_tpm_state<'a>(place: &Place, mut element: BytesStart<'a>) -> BytesStart<'a> {
    let emulated = attribute(&element, "type").as_deref() == Some("emulator");
    if place.is(&["domain", "devices", "tpm", "backend"])
        && emulated
        && attribute(&element, "persistent_state").is_none()
    {
        element.push_attribute(("persistent_state", "yes"));
    }
    element
}

fn write(writer: &mut Writer<Vec<u8>>, event: Event<'_>) -> Result<()> {
    writer.write_event(event).map_err(|error| Error::Definition { what: error.to_string() })
}

fn malformed(reader: &Reader<&[u8]>, error: &quick_xml::Error) -> Error {
    Error::Definition { what: format!("{error} (at byte {})", reader.error_position()) }
}

fn tag(element: &BytesStart<'_>) -> String {
    String::from_utf8_lossy(element.name().as_ref()).into_owned()
}

/// An attribute's value; `None` when it is not there, and when it cannot be read: libvirt, which gets
/// the same document, is the one to complain.
pub(crate) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok().flatten()?;
    let raw = std::str::from_utf8(&attribute.value).ok()?;
    quick_xml::escape::unescape(raw).ok().map(std::borrow::Cow::into_owned)
}

/// The text of an event inside an element that has nothing but text.
fn content(event: &Event<'_>) -> Result<String> {
    let bad = |what: String| Error::Definition { what };
    match event {
        Event::Text(text) => {
            text.decode().map(|it| it.into_owned()).map_err(|error| bad(error.to_string()))
        }
        Event::CData(text) => {
            text.decode().map(|it| it.into_owned()).map_err(|error| bad(error.to_string()))
        }
        Event::GeneralRef(reference) => {
            let entity = String::from_utf8_lossy(reference).into_owned();
            quick_xml::escape::unescape(&format!("&{entity};"))
                .map(|it| it.into_owned())
                .map_err(|error| bad(error.to_string()))
        }
        _ => Ok(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";

    #[test]
    fn the_domain_s_own_name_counts_and_no_other() {
        let xml = "<domain><metadata><name>other</name></metadata><name>a&amp;b &#x3c;1&gt;</name>\
                   <devices><disk><source pool='fast &amp; big' volume='v'/></disk>\
                   <interface><source network='default'/></interface></devices></domain>";
        let definition = Definition::parse(xml).unwrap();
        assert_eq!(definition.identity.name.as_str(), "a&b <1>");
        assert_eq!(definition.identity.uuid, None);
        assert_eq!(definition.pools, BTreeSet::from(["fast & big".to_owned()]));
        assert_eq!(definition.networks, BTreeSet::from(["default".to_owned()]));
    }

    #[test]
    fn what_is_no_domain_is_refused_with_the_reason() {
        for (xml, reason) in [
            ("", "no <name>"),
            ("<domain>", "ends inside <domain>"),
            ("<network><name>x</name></network>", "root element is <network>"),
            ("<domain><name></name></domain>", "no <name>"),
            ("<domain><name>a/b</name></domain>", "no possible guest name"),
            ("<domain><name>a</name><uuid>zz</uuid></domain>", "no UUID"),
            ("<domain><name>a</nome></domain>", "expected `</name>`"),
            ("<domain><name>&bomb;</name></domain>", "bomb"),
        ] {
            let error = Definition::parse(xml).unwrap_err().to_string();
            assert!(error.contains(reason), "{xml}: {error}");
        }
    }

    #[test]
    fn a_start_keeps_the_tpm_and_the_uuid() {
        let uuid = Uuid::parse(UUID);
        let xml = "<domain type='kvm'>\n  <name>a &amp; b</name>\n  <devices>\
                   <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm></devices></domain>";
        let start = Definition::parse(xml).unwrap().for_start(uuid.as_ref()).unwrap();
        assert!(start.contains("persistent_state=\"yes\""), "{start}");
        let again = Definition::parse(&start).unwrap();
        assert_eq!(again.identity.uuid, uuid);
        assert_eq!(again.identity.name.as_str(), "a & b");
        // Nothing to add: nothing is changed.
        assert_eq!(again.for_start(uuid.as_ref()).unwrap(), start);
    }

    #[test]
    fn a_choice_of_the_admin_stands() {
        let xml = format!(
            "<domain><name>a</name><uuid>{UUID}</uuid><devices><tpm>\
             <backend type='emulator' persistent_state='no'/></tpm></devices></domain>"
        );
        let start = Definition::parse(&xml).unwrap().for_start(Uuid::parse(UUID).as_ref()).unwrap();
        assert_eq!(start, xml);
    }
}
