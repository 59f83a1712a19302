//! The machine that a host is, as QEMU's arguments.

use std::path::Path;

use super::HostImage;
use crate::image::{archive, write_atomically};
use crate::place::{Place, Settings};
use crate::plan::Plan;
use crate::{Error, Name};
use exec::{Deadline, Tool};

/// A machine's memory in MiB, and the part of it that the control domain has; guests have the rest, but
/// for some 60 MiB of the hypervisor's.
const MEMORY: u32 = 1024;
const CONTROL_MEMORY: u32 = 512;

/// A machine's processor. Xen wants nested page tables to run guests that are fully virtual, and Linux
/// waits with most things for random numbers. The rest makes encryption faster.
const PROCESSOR: &str = "qemu64,+npt,+rdrand,+ssse3,+sse4.1,+sse4.2,+aes,+pclmulqdq";

/// The names of a machine's serial ports: the one over which its init talks with the keeper, and the
/// one for those who want something of the keeper.
pub const BOOT_PORT: &str = "hawser.boot";
pub const KEEPER_PORT: &str = "hawser.keeper";

/// What a machine sees the lab's own directory as, and the installed trees, by their number.
pub const LAB_SHARE: &str = "lab";
pub fn root_share(number: usize) -> String {
    format!("root{number}")
}

/// The words of the kernel's command line that name the lab and the node.
pub const LAB_WORD: &str = "hawser.lab";
pub const NODE_WORD: &str = "hawser.node";

/// Xen's command line. What it does against speculation costs an emulated processor much and gains it
/// nothing.
const HYPERVISOR: &str = "com1=115200,8n1 console=com1 spec-ctrl=no xpti=off dom0_max_vcpus=1";

/// The port of this machine at which a host's ssh is reached from the observer, whatever becomes of the
/// cluster's network.
pub fn ssh_port(node: Plan) -> u16 {
    2200 + u16::from(node.number())
}

/// Writes what all hosts of a lab boot: an initramfs with this lab's own program as its init.
pub fn prepare(place: &Place, image: &HostImage, deadline: Deadline) -> Result<(), Error> {
    let archive = archive(&place.program(), &image.kernel()?, deadline)?;
    Ok(write_atomically(&place.initramfs(), &archive)?)
}

/// The QEMU that is a host. It reaches for the node's boot socket when it starts, and has the tap
/// of the node's name for its network device.
pub fn qemu(
    place: &Place,
    settings: &Settings,
    image: &HostImage,
    node: Plan,
) -> Result<Tool, Error> {
    let name = node.name();
    let tool = Tool::new("qemu-system-x86_64")
        .args(["-name", &name, "-machine", "pc", "-accel", "tcg,tb-size=256", "-cpu", PROCESSOR])
        .args(["-smp", "1", "-m", &MEMORY.to_string(), "-nodefaults", "-no-user-config"])
        .args(["-display", "none", "-no-reboot"])
        .args(kernel(place, settings, image, &name)?)
        .args(disk(image))
        .args(ports(place, &name))
        .args(network(node));
    let shares =
        settings.roots.iter().enumerate().map(|(number, root)| {
            share(&root_share(number), root, "security_model=none,readonly=on")
        });
    let lab = share(LAB_SHARE, place.directory(), "security_model=passthrough");
    Ok(shares.chain([lab]).fold(tool, Tool::args))
}

fn kernel(
    place: &Place,
    settings: &Settings,
    image: &HostImage,
    node: &str,
) -> Result<Vec<String>, Error> {
    let xen = format!("{HYPERVISOR} dom0_mem={CONTROL_MEMORY}M,max:{CONTROL_MEMORY}M");
    let linux = command_line(&settings.name, node);
    let module = |file: &Path| escaped(&file.display().to_string());
    let modules = format!(
        "{} {},{}",
        module(&image.kernel()?.image),
        escaped(&linux),
        module(&place.initramfs())
    );
    let kernel = image.hypervisor().display().to_string();
    Ok(["-kernel".to_owned(), kernel, "-append".to_owned(), xen, "-initrd".to_owned(), modules]
        .into())
}

fn command_line(lab: &Name, node: &str) -> String {
    format!("console=hvc0 quiet panic=-1 mitigations=off {LAB_WORD}={lab} {NODE_WORD}={node}")
}

/// Commas separate what QEMU's options list.
fn escaped(text: &str) -> String {
    text.replace(',', ",,")
}

/// What a host writes to its disk is gone when it is off; what it keeps is in the lab's directory.
fn disk(image: &HostImage) -> [String; 2] {
    let file = escaped(&image.disk().display().to_string());
    ["-drive".to_owned(), format!("file={file},format=raw,if=virtio,snapshot=on")]
}

fn ports(place: &Place, node: &str) -> Vec<String> {
    let console = place.disk(node).join("var/log/console.log");
    let console = escaped(&console.display().to_string());
    let socket = |id: &str, path: &Path| {
        format!("socket,id={id},path={}", escaped(&path.display().to_string()))
    };
    let port = |id: &str, name: &str| format!("virtserialport,chardev={id},name={name}");
    [
        ("-chardev", format!("file,id=console,path={console},append=on")),
        ("-serial", "chardev:console".to_owned()),
        ("-device", "virtio-serial-pci".to_owned()),
        ("-chardev", socket("boot", &place.boot_socket(node))),
        ("-device", port("boot", BOOT_PORT)),
        ("-chardev", socket("keeper", &place.socket())),
        ("-device", port("keeper", KEEPER_PORT)),
    ]
    .into_iter()
    .flat_map(|(option, value)| [option.to_owned(), value])
    .collect()
}

fn network(node: Plan) -> Vec<String> {
    let (name, port) = (node.name(), ssh_port(node));
    [
        ("-netdev", format!("tap,id=lan,ifname={name},script=no,downscript=no")),
        ("-device", format!("virtio-net-pci,netdev=lan,mac={},romfile=", node.port_mac())),
        ("-netdev", format!("user,id=side,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22")),
        ("-device", "virtio-net-pci,netdev=side,romfile=".to_owned()),
    ]
    .into_iter()
    .flat_map(|(option, value)| [option.to_owned(), value])
    .collect()
}

fn share(name: &str, directory: &Path, options: &str) -> [String; 4] {
    let path = escaped(&directory.display().to_string());
    [
        "-fsdev".to_owned(),
        format!("local,id={name},path={path},{options}"),
        "-device".to_owned(),
        format!("virtio-9p-pci,fsdev={name},mount_tag={name}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_a_path_do_not_separate() {
        let image: HostImage = serde_json::from_str("\"/c,d\"").unwrap();
        let shared = share(&root_share(0), Path::new("/a,b"), "readonly=on").join(" ");
        assert!(shared.contains("path=/a,,b,readonly=on"), "{shared}");
        let disk = disk(&image).join(" ");
        assert!(disk.contains("file=/c,,d/disk.img,format=raw"), "{disk}");
    }
}
