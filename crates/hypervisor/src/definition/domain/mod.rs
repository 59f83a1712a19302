//! A guest's libvirt domain XML.

mod content;
mod disk;
mod xml;

pub use content::Content;
pub(crate) use xml::attribute;

use super::Disk;
use crate::error::{Error, Result};
use crate::identity::Uuid;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};
use std::collections::BTreeSet;
use std::fmt;
use xml::{Place, malformed, tag, write};

/// What a guest runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Platform {
    /// The kind of hypervisor: `kvm`, `qemu`, `xen`.
    pub kind: Option<String>,
    /// The emulator's program.
    pub emulator: Option<String>,
    /// The processor architecture.
    pub arch: Option<String>,
    /// The machine type.
    pub machine: Option<String>,
    /// Whether it has an emulated TPM.
    pub emulates_tpm: bool,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        let (kind, arch, machine) = (part(&self.kind), part(&self.arch), part(&self.machine));
        write!(f, "machine type {machine} of {kind} for {arch}")?;
        self.emulator.as_ref().map_or(Ok(()), |emulator| write!(f, " by {emulator}"))
    }
}

/// A guest's libvirt domain XML, read as far as an agent needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    xml: String,
    /// What it runs on.
    pub platform: Platform,
    /// The `<cpu>` element of a guest whose processor is described by one.
    pub cpu: Option<String>,
    /// Its disks.
    pub disks: Vec<Disk>,
    /// The storage pools that its disks come from.
    pub pools: BTreeSet<String>,
    /// The virtual networks that it is connected to.
    pub networks: BTreeSet<String>,
}

impl Domain {
    /// The same guest where another document says what it runs on and what it uses there.
    pub(super) fn relocated(self, document: Self) -> Self {
        let Self { platform, disks, pools, networks, .. } = document;
        Self { platform, disks, pools, networks, ..self }
    }

    /// The document as a transient guest is to be started from it.
    ///
    /// Two things are added where the document leaves them open. The `uuid` that is given for a document
    /// without one: libvirt would make one up, which then clashes with a persistent definition of the same
    /// name. And
    /// `persistent_state='yes'` at an emulated TPM: without it libvirt deletes the TPM's state when a
    /// transient domain ends, and with it the guest's disk encryption keys (libvirt,
    /// `qemuTPMEmulatorCleanupHost`).
    ///
    /// # Errors
    /// [`Error::Definition`] as [`super::Definition::from_xml`].
    pub fn for_start(&self, missing: Option<&Uuid>) -> Result<String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Definition;

    const UUID: &str = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";

    #[test]
    fn the_domain_s_own_name_counts_and_no_other() {
        let xml = "<domain><metadata><name>other</name></metadata><name>a&amp;b &#x3c;1&gt;</name>\
                   <devices><disk><source pool='fast &amp; big' volume='v'/></disk>\
                   <interface><source network='default'/></interface></devices></domain>";
        let definition = Definition::from_xml(xml).unwrap();
        assert_eq!(definition.identity.name.as_str(), "a&b <1>");
        assert_eq!(definition.identity.uuid, None);
        assert_eq!(definition.domain().unwrap().pools, BTreeSet::from(["fast & big".to_owned()]));
        assert_eq!(definition.domain().unwrap().networks, BTreeSet::from(["default".to_owned()]));
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
            let error = Definition::from_xml(xml).unwrap_err().to_string();
            assert!(error.contains(reason), "{xml}: {error}");
        }
    }

    #[test]
    fn what_a_guest_needs_of_a_host_is_found() {
        let cpu = "<cpu mode='custom' match='exact'><model>qemu64</model></cpu>";
        let xml = format!(
            "<domain type='qemu'><name>a</name><os>\
             <type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os> {cpu} <devices>\
             <emulator>/usr/bin/qemu</emulator><tpm><backend type='emulator'/></tpm></devices></domain>"
        );
        let definition = Definition::from_xml(&xml).unwrap();
        let domain = definition.domain().unwrap();
        assert_eq!(domain.cpu.as_deref(), Some(cpu));
        assert!(domain.platform.emulates_tpm);
        assert_eq!(
            domain.platform.to_string(),
            "machine type pc-i440fx-7.2 of qemu for x86_64 by /usr/bin/qemu"
        );
        let host = "<domain><name>a</name><cpu mode='host-model'/></domain>";
        assert_eq!(Definition::from_xml(host).unwrap().domain().unwrap().cpu, None);
    }

    #[test]
    fn a_start_keeps_the_tpm_and_the_uuid() {
        let uuid = Uuid::parse(UUID);
        let xml = "<domain type='kvm'>\n  <name>a &amp; b</name>\n  <devices>\
                   <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm></devices></domain>";
        let definition = Definition::from_xml(xml).unwrap();
        let start = definition.domain().unwrap().for_start(uuid.as_ref()).unwrap();
        assert!(start.contains("persistent_state=\"yes\""), "{start}");
        let again = Definition::from_xml(&start).unwrap();
        assert_eq!(again.identity.uuid, uuid);
        assert_eq!(again.identity.name.as_str(), "a & b");
        // Nothing to add: nothing is changed.
        assert_eq!(again.domain().unwrap().for_start(None).unwrap(), start);
    }

    #[test]
    fn a_choice_of_the_admin_stands() {
        let xml = format!(
            "<domain><name>a</name><uuid>{UUID}</uuid><devices><tpm>\
             <backend type='emulator' persistent_state='no'/></tpm></devices></domain>"
        );
        let definition = Definition::from_xml(&xml).unwrap();
        let start = definition.domain().unwrap().for_start(None).unwrap();
        assert_eq!(start, xml);
    }
}
