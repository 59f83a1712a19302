use crate::interface::Device;
use crate::word::Word;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// What the guest is to run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hypervisor {
    /// QEMU, by libvirt.
    Kvm,
    /// Xen, by xl.
    Xen,
}

impl Hypervisor {
    /// What the guest's first disk is called in it.
    pub(crate) fn disk(self) -> &'static str {
        match self {
            Self::Kvm => "vda",
            Self::Xen => "xvda",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Kvm => "xml",
            Self::Xen => "cfg",
        }
    }
}

/// What the hypervisor and the cluster are told of the guest.
#[derive(Debug)]
pub struct Definition<'a> {
    /// The guest's name.
    pub name: &'a Word,
    /// What it runs on.
    pub hypervisor: Hypervisor,
    /// The directory with its files, which has no characters that mean something in any of these.
    pub directory: &'a Path,
    /// Its memory in MiB.
    pub memory: u64,
    /// How many processors it has.
    pub processors: u32,
    /// Its network interfaces.
    pub devices: &'a [Device],
    /// The bridge that they are attached to.
    pub bridge: &'a Word,
}

impl Definition<'_> {
    /// Writes the guest's configuration, and the resource's beside it.
    pub fn write(&self) -> Result<()> {
        let uuid = new_uuid()?;
        let configuration = match self.hypervisor {
            Hypervisor::Kvm => self.xml(&uuid),
            Hypervisor::Xen => self.xl(&uuid),
        };
        for (path, text) in [(self.configuration(), configuration), (self.file("crm"), self.crm())]
        {
            file::replace(&path, text.as_bytes(), 0o644).map_err(Error::file("write", &path))?;
        }
        Ok(())
    }

    /// One of the guest's files.
    pub fn file(&self, extension: &str) -> PathBuf {
        self.directory.join(format!("{}.{extension}", self.name))
    }

    /// The guest's configuration.
    pub fn configuration(&self) -> PathBuf {
        self.file(self.hypervisor.extension())
    }

    /// The machine is the one that the oldest systems know.
    fn xml(&self, uuid: &str) -> String {
        let Self { name, memory, processors, .. } = self;
        let (kind, cpu) = match Path::new("/dev/kvm").exists() {
            true => ("kvm", "host-model"),
            false => ("qemu", "maximum"),
        };
        let interfaces = self.devices.iter().map(|it| interface(it, self.bridge));
        format!(
            "<domain type='{kind}'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>{processors}</vcpu>
  <cpu mode='{cpu}'/>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <boot dev='hd'/>
  </os>
  <features><acpi/><apic/></features>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='none' discard='unmap'/>
      <source file='{disk}'/>
      <target dev='vda' bus='virtio'/>
    </disk>{interfaces}
    <serial type='pty'/>
    <channel type='unix'>
      <target type='virtio' name='org.qemu.guest_agent.0'/>
    </channel>
    <graphics type='vnc' listen='127.0.0.1'/>
    <video><model type='vga'/></video>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
</domain>
",
            disk = self.file("img").display(),
            interfaces = interfaces.collect::<String>(),
        )
    }

    fn xl(&self, uuid: &str) -> String {
        let Self { name, memory, processors, bridge, .. } = self;
        let interfaces =
            self.devices.iter().map(|it| format!("\"mac={},bridge={bridge}\"", it.mac));
        format!(
            "name = \"{name}\"
uuid = \"{uuid}\"
type = \"hvm\"
memory = {memory}
vcpus = {processors}
disk = [ \"format=raw,vdev=xvda,access=rw,target={disk}\" ]
vif = [ {interfaces} ]
serial = \"pty\"
vnc = 1
",
            disk = self.file("img").display(),
            interfaces = interfaces.collect::<Vec<_>>().join(", "),
        )
    }

    /// The resource of examples/kvm.crm and xen.crm.
    fn crm(&self) -> String {
        let Self { name, memory, processors, .. } = self;
        let (agent, parameter, start, from) = match self.hypervisor {
            Hypervisor::Kvm => ("kvm", "config", 90, 60),
            Hypervisor::Xen => ("xen", "xmfile", 60, 120),
        };
        let parameter = format!("{parameter}={}", self.configuration().display());
        let operations = [
            format!("start timeout={start}s interval=0"),
            "stop timeout=90s interval=0".to_owned(),
            "monitor timeout=30s interval=10s".to_owned(),
            "migrate_to timeout=120s interval=0".to_owned(),
            format!("migrate_from timeout={from}s interval=0"),
        ];
        let pcs = operations.iter().map(|it| format!(" op {}", it.trim_end_matches(" interval=0")));
        let crm = operations.each_ref().map(|it| format!("\n    op {it}")).join(" \\");
        format!(
            "# Load with: crm configure load update {file}
# Or, with pcs: pcs resource create {name} ocf:hawser:{agent} {parameter}{pcs} meta allow-migrate=true
primitive {name} ocf:hawser:{agent} \\
    params {parameter} \\
    meta allow-migrate=true \\
    utilization cpu={processors} host_memory={memory} \\{crm}
",
            file = self.file("crm").display(),
            pcs = pcs.collect::<String>(),
        )
    }
}

fn interface(Device { mac, .. }: &Device, bridge: &Word) -> String {
    format!(
        "
    <interface type='bridge'>
      <mac address='{mac}'/>
      <source bridge='{bridge}'/>
      <model type='virtio'/>
    </interface>"
    )
}

/// A UUID that nothing else has.
pub fn new_uuid() -> Result<String> {
    let path = Path::new("/proc/sys/kernel/random/uuid");
    let uuid = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
    Ok(uuid.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_like_the_one_in_the_examples() {
        for (hypervisor, example) in [
            (Hypervisor::Kvm, include_str!("../../../examples/kvm.crm")),
            (Hypervisor::Xen, include_str!("../../../examples/xen.crm")),
        ] {
            let devices =
                [Device { name: "eno1".parse().unwrap(), mac: "52:54:00:00:00:01".to_owned() }];
            let definition = Definition {
                name: &"vm1".parse().unwrap(),
                hypervisor,
                directory: Path::new("/srv/shared"),
                memory: 512,
                processors: 1,
                devices: &devices,
                bridge: &"br0".parse().unwrap(),
            };
            let (crm, xl) = (definition.crm(), definition.xl("4711"));
            let (_, resource) = example.split_once("primitive").unwrap();
            for line in resource.lines() {
                assert!(crm.lines().any(|it| it.ends_with(line)), "{line} is not in:\n{crm}");
            }
            assert!(xl.contains("\nvif = [ \"mac=52:54:00:00:00:01,bridge=br0\" ]\n"), "{xl}");
        }
    }
}
