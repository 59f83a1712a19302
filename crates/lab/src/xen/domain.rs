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
