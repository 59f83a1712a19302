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
        let Self { name, uuid, memory, address, prefix, mac, bridge, .. } = self;
        let kvm = self.accelerator == Accelerator::Kvm;
        let command_line =
            format!("{COMMAND_LINE} hawser.ip={address}/{prefix} {}", self.command_line);
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
            command_line = escape(&command_line),
            disk = self.disk.as_deref().map(disk).unwrap_or_default(),
            console = self.console.as_deref().map(log).unwrap_or_default(),
            agent = if self.agent { AGENT } else { "" },
            odd_memory = odd_memory(*memory),
        )
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

fn odd_memory(memory: u32) -> String {
    let kib = memory * 1024 + ODD;
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
