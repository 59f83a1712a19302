use crate::image::Domain;

/// What the kernel of a guest on Xen is told: the same as on KVM, but for the console.
const COMMAND_LINE: &str = "console=hvc0 quiet panic=-1 mitigations=off nokaslr tsc=reliable";

/// A guest as xl takes it (xl.cfg(5)): fully virtual, but with no device that somebody has to emulate. A
/// guest whose kernel crashes is kept as it is, so that the crash can be seen.
pub fn configuration(domain: &Domain) -> String {
    let Domain { name, uuid, memory, mac, bridge, address, prefix, command_line, .. } = domain;
    let disk = domain.disk.as_deref().map(|file| {
        format!("disk = [ \"format=raw, vdev=xvda, access=rw, target={}\" ]\n", file.display())
    });
    format!(
        "name = \"{name}\"
uuid = \"{uuid}\"
type = \"pvh\"
memory = {memory}
vcpus = 1
kernel = \"{kernel}\"
ramdisk = \"{initramfs}\"
extra = \"{COMMAND_LINE} hawser.ip={address}/{prefix} {command_line}\"
vif = [ \"mac={mac}, bridge={bridge}\" ]
{disk}on_poweroff = \"destroy\"
on_reboot = \"restart\"
on_crash = \"preserve\"
",
        kernel = domain.image.kernel.display(),
        initramfs = domain.image.initramfs.display(),
        disk = disk.unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Accelerator, Image, MEMORY, MacAddress};
    use std::net::Ipv4Addr;

    #[test]
    fn a_guest_with_a_disk_has_one_and_another_has_none() {
        let domain = Domain {
            name: "vm1".to_owned(),
            uuid: "68617773-6572-4c00-8000-000000000001".to_owned(),
            image: Image { kernel: "/k".into(), initramfs: "/i".into() },
            accelerator: Accelerator::Emulation,
            memory: MEMORY,
            address: Ipv4Addr::new(10, 77, 0, 101),
            prefix: 24,
            mac: MacAddress([0x52, 0x54, 0, 0x77, 1, 1]),
            bridge: "br0".to_owned(),
            disk: Some("/srv/vm1.img".into()),
            console: None,
            agent: true,
            command_line: "hawser.acpi=ignore".to_owned(),
        };
        let text = configuration(&domain);
        for line in [
            "disk = [ \"format=raw, vdev=xvda, access=rw, target=/srv/vm1.img\" ]",
            "vif = [ \"mac=52:54:00:77:01:01, bridge=br0\" ]",
        ] {
            assert!(text.lines().any(|it| it == line), "{text}");
        }
        assert!(text.contains(" hawser.ip=10.77.0.101/24 hawser.acpi=ignore\"\n"), "{text}");
        assert!(!configuration(&Domain { disk: None, ..domain }).contains("target="));
    }
}
