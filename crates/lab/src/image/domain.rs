use super::accelerator::Accelerator;
use super::error::Error;
use super::{COMMAND_LINE, Image};
use quick_xml::escape::escape;
use std::fmt;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The guest's memory as libvirt is told, in MiB: 80 boot, 72 do not.
pub const MEMORY: u32 = 96;

/// What QEMU gets on top, in KiB. QEMU before 9.0 (commit 03bfc2188f06) loses writes of an emulated
/// guest that migrates live when its memory begins and ends on 256 KiB: a fast path clears the dirty
/// bits but not the emulator's TLB. libvirt rounds to MiB, so the odd size is given to QEMU directly.
const ODD: u32 = 8;

const AGENT: &str = "
    <channel type='unix'>
      <target type='virtio' name='org.qemu.guest_agent.0'/>
    </channel>";

/// An Ethernet address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for MacAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::MacAddress { found: text.to_owned() };
        let mut address = [0; 6];
        let mut pairs = text.split(':');
        for byte in &mut address {
            let pair = pairs.next().filter(|it| it.len() == 2).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        if pairs.next().is_none() { Ok(Self(address)) } else { Err(wrong()) }
    }
}

/// A lab guest as libvirt defines it. All paths are paths in the nodes.
#[derive(Debug, Clone)]
pub struct Domain {
    /// The domain's name.
    pub name: String,
    /// The domain's UUID, as libvirt reads it.
    pub uuid: String,
    /// Kernel and initramfs.
    pub image: Image,
    /// What runs the guest's processor.
    pub accelerator: Accelerator,
    /// Memory in MiB, [`MEMORY`] or more; a little is added, see above.
    pub memory: u32,
    /// The guest's address.
    pub address: Ipv4Addr,
    /// The length of its network's prefix, in bits.
    pub prefix: u8,
    /// The address of its network device.
    pub mac: MacAddress,
    /// The bridge that it is attached to.
    pub bridge: String,
    /// A raw disk image; an I/O error pauses the guest.
    pub disk: Option<PathBuf>,
    /// Where its serial console is logged.
    pub console: Option<PathBuf>,
    /// Whether it has a guest agent's channel. The guest answers there unless told `hawser.agent=off`.
    pub agent: bool,
    /// What else goes on its kernel command line, such as `hawser.acpi=ignore` or `hawser.agent=off`.
    pub command_line: String,
}

impl Domain {
    /// The definition. A guest whose kernel crashes is kept as it is, so that the crash can be seen.
    #[must_use]
    pub fn xml(&self) -> String {
        let Self { name, uuid, memory, mac, bridge, .. } = self;
        let kvm = self.accelerator == Accelerator::Kvm;
        format!(
            "<domain type='{kind}' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{kernel}</kernel>
    <initrd>{initramfs}</initrd>
    <cmdline>{command_line}</cmdline>
  </os>
  <features><acpi/></features>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>preserve</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>{disk}
    <interface type='bridge'>
      <mac address='{mac}'/>
      <source bridge='{bridge}'/>
      <model type='virtio'/>
      <rom enabled='no'/>
    </interface>
    <serial type='pty'>{console}</serial>{agent}
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <panic model='isa'/>
  </devices>{odd_memory}
</domain>
",
            kind = if kvm { "kvm" } else { "qemu" },
            name = escape(name),
            uuid = escape(uuid),
            bridge = escape(bridge),
            kernel = text(&self.image.kernel),
            initramfs = text(&self.image.initramfs),
            command_line = escape(self.kernel_arguments()),
            disk = self.disk.as_deref().map(disk).unwrap_or_default(),
            console = self.console.as_deref().map(log).unwrap_or_default(),
            agent = if self.agent { AGENT } else { "" },
            odd_memory = odd_memory(*memory),
        )
    }

    /// All of the kernel's command line.
    pub(super) fn kernel_arguments(&self) -> String {
        let Self { address, prefix, command_line, .. } = self;
        let line = format!("{COMMAND_LINE} hawser.ip={address}/{prefix} {command_line}");
        line.trim_end().to_owned()
    }
}

fn text(path: &Path) -> String {
    escape(path.to_string_lossy()).into_owned()
}

fn disk(path: &Path) -> String {
    format!(
        "
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='none' error_policy='stop'/>
      <source file='{}'/>
      <target dev='vda' bus='virtio'/>
    </disk>",
        text(path)
    )
}

fn log(path: &Path) -> String {
    format!("<log file='{}' append='on'/>", text(path))
}

/// The memory that QEMU gets, in KiB.
pub(super) fn odd(memory: u32) -> u32 {
    memory * 1024 + ODD
}

fn odd_memory(memory: u32) -> String {
    let kib = odd(memory);
    let bytes = u64::from(kib) * 1024;
    format!(
        "
  <qemu:commandline>
    <qemu:arg value='-object'/>
    <qemu:arg value='memory-backend-ram,id=oddram,size={bytes}'/>
    <qemu:arg value='-m'/>
    <qemu:arg value='{kib}k'/>
    <qemu:arg value='-machine'/>
    <qemu:arg value='memory-backend=oddram'/>
  </qemu:commandline>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use quick_xml::Reader;
    use quick_xml::events::Event;

    fn domain() -> Domain {
        Domain {
            name: "a <b> & 'c' \"d\"".to_owned(),
            uuid: "68617773-6572-4c00-8000-000000000000".to_owned(),
            image: Image { kernel: "/k'1".into(), initramfs: "/i&1".into() },
            accelerator: Accelerator::Emulation,
            memory: MEMORY,
            address: Ipv4Addr::new(10, 77, 0, 100),
            prefix: 24,
            mac: MacAddress([0x52, 0x54, 0, 0x77, 1, 0xff]),
            bridge: "br0".to_owned(),
            disk: Some("/srv/a'/><evil/>.img".into()),
            console: None,
            agent: true,
            command_line: "hawser.acpi=ignore".to_owned(),
        }
    }

    /// The names of all elements, and the text of the element that is asked for.
    fn parse(xml: &str, wanted: &str) -> (Vec<String>, String) {
        let (mut names, mut text) = (Vec::new(), String::new());
        let mut reader = Reader::from_str(xml);
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => {
                    names.push(String::from_utf8(start.name().as_ref().to_vec()).unwrap());
                    if names.last().unwrap() == wanted {
                        text =
                            reader.read_text(start.name()).unwrap().decode().unwrap().into_owned();
                    }
                }
                Event::Empty(start) => {
                    names.push(String::from_utf8(start.name().as_ref().to_vec()).unwrap());
                }
                Event::Eof => return (names, text),
                _ => {}
            }
        }
    }

    #[test]
    fn names_and_paths_with_xml_characters_stay_text() {
        let xml = domain().xml();
        let (names, name) = parse(&xml, "name");
        assert!(!names.iter().any(|it| it == "evil" || it == "b"), "{names:?}");
        assert_eq!(quick_xml::escape::unescape(&name).unwrap(), domain().name);
        assert!(parse(&xml, "cmdline").1.ends_with("hawser.ip=10.77.0.100/24 hawser.acpi=ignore"));
    }

    #[test]
    fn memory_is_no_multiple_of_what_loses_writes() {
        let xml = domain().xml();
        let size = xml.split_once("size=").unwrap().1.split_once('\'').unwrap().0;
        let size: u64 = size.parse().unwrap();
        assert_ne!(size % (256 << 10), 0);
        assert!(xml.contains(&format!("<qemu:arg value='{}k'/>", size / 1024)));
    }

    #[test]
    fn disk_and_agent_are_there_only_when_asked_for() {
        let all = parse(&domain().xml(), "").0;
        let bare = parse(&Domain { disk: None, agent: false, ..domain() }.xml(), "").0;
        for element in ["disk", "channel"] {
            assert!(all.iter().any(|it| it == element), "{element}");
            assert!(!bare.iter().any(|it| it == element), "{element}");
        }
    }

    #[test]
    fn a_mac_address_survives_its_text_and_nonsense_is_refused() {
        let mac: MacAddress = "52:54:00:77:01:ff".parse().unwrap();
        assert_eq!(mac, domain().mac);
        assert_eq!(mac.to_string(), "52:54:00:77:01:ff");
        for wrong in
            ["", "52:54:00:77:01", "52:54:00:77:01:ff:0", "52:54:00:77:01:f", "5g:54:00:77:01:ff"]
        {
            assert!(wrong.parse::<MacAddress>().is_err(), "{wrong}");
        }
    }
}
