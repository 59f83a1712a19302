use super::Domain;
use super::accelerator::Accelerator;
use super::domain::odd;

impl Domain {
    /// The arguments of a QEMU that is this guest without libvirt, its network device being the tap of
    /// that name. A guest agent's channel is left out: it leads nowhere. The console is discarded.
    #[must_use]
    pub fn arguments(&self, tap: &str) -> Vec<String> {
        let accelerator = match self.accelerator {
            Accelerator::Kvm => "kvm",
            Accelerator::Emulation => "tcg",
        };
        let kib = odd(self.memory);
        let mut arguments: Vec<String> = [
            ("-name", self.name.clone()),
            ("-uuid", self.uuid.clone()),
            ("-object", format!("memory-backend-ram,id=oddram,size={kib}K")),
            ("-m", format!("{kib}k")),
            ("-machine", format!("pc,accel={accelerator},memory-backend=oddram")),
            ("-kernel", self.image.kernel.display().to_string()),
            ("-initrd", self.image.initramfs.display().to_string()),
            ("-append", self.kernel_arguments()),
            ("-netdev", format!("tap,id=lan,ifname={tap},script=no,downscript=no")),
            ("-device", format!("virtio-net-pci,netdev=lan,mac={},romfile=", self.mac)),
            ("-display", "none".to_owned()),
            ("-serial", "null".to_owned()),
        ]
        .into_iter()
        .flat_map(|(option, value)| [option.to_owned(), value])
        .collect();
        arguments.extend(["-nodefaults", "-no-user-config"].map(str::to_owned));
        if let Some(disk) = &self.disk {
            let options = "format=raw,if=virtio,cache=none,werror=stop,rerror=stop";
            arguments.extend(["-drive".to_owned(), format!("file={},{options}", disk.display())]);
        }
        arguments
    }
}
