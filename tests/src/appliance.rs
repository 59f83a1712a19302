use crate::Turn;
use lab::image::{self, Accelerator};
use std::fs;
use std::path::{Path, PathBuf};

/// The kernel tree that the lab has unpacked for its guests; none where it uses the machine's own kernel.
fn unpacked_kernel() -> Option<PathBuf> {
    let mut packages = fs::read_dir(image::CACHE).ok()?.map_while(Result::ok);
    packages
        .find(|it| it.file_name().as_encoded_bytes().starts_with(b"linux-image-"))
        .map(|it| it.path())
}

/// Gives a node what libguestfs needs of a machine: a kernel with its modules, a place for the appliance that it makes of
/// them, and no KVM that does not work. One that has it already keeps it.
///
/// # Panics
/// When that fails.
pub fn equip_libguestfs(lab: &Turn, node: &str) {
    let mount = |arguments: &[&str]| lab.exec(node, "mount", arguments);
    let appliance = lab.shared().join("appliance");
    if appliance.exists() {
        return;
    }
    fs::create_dir(appliance).expect("the shared storage can be written");
    mount(&["--bind", "/srv/shared/appliance", "/var/tmp"]);
    if lab.accelerator() == Accelerator::Emulation && Path::new("/dev/kvm").exists() {
        lab.exec(node, "umount", &["/dev/kvm"]);
    }
    let Some(tree) = unpacked_kernel() else { return };
    mount(&["--bind", &tree.join("boot").display().to_string(), "/boot"]);
    lab.exec(node, "mkdir", &["/tmp/upper", "/tmp/work", "/tmp/agents"]);
    // What is mounted below /usr/lib is covered with the rest.
    let agents = "/usr/lib/ocf/resource.d";
    mount(&["--bind", agents, "/tmp/agents"]);
    let lower = format!("lowerdir={}/lib:/usr/lib", tree.display());
    let layers = format!("{lower},upperdir=/tmp/upper,workdir=/tmp/work");
    mount(&["-t", "overlay", "-o", &layers, "libraries", "/usr/lib"]);
    mount(&["--bind", "/tmp/agents", agents]);
    for version in fs::read_dir(tree.join("lib/modules")).expect("the kernel's modules") {
        let version = version.expect("the kernel's modules").file_name();
        lab.exec(node, "depmod", &[version.to_str().expect("a version")]);
    }
}
