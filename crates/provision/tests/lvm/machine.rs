use exec::{Deadline, Tool};
use lab::image::{CACHE, COMMAND_LINE, Kernel};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// In loading order.
const MODULES: &[&str] = &[
    "loop",
    "dax",
    "dm-mod",
    "libcrc32c",
    "dm-bufio",
    "dm-bio-prison",
    "dm-persistent-data",
    "dm-thin-pool",
];

const PROGRAMS: &[&str] = &["busybox", "lvm", "losetup", "qemu-img"];

/// Which programs LVM and busybox are.
const NAMES: &[(&str, &[&str])] = &[
    ("busybox", &["sh", "mount", "insmod", "poweroff"]),
    ("lvm", &["vgcreate", "lvs", "lvcreate", "lvrename", "lvremove", "lvextend"]),
];

/// There is no udev in the machine.
const LVM: &str = "activation { udev_sync=0\n udev_rules=0 }\n";

fn script(test: &str) -> String {
    format!(
        "#!/usr/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod $module; done
/test --ignored --exact {test} --nocapture
poweroff -f
"
    )
}

/// Boots a machine that runs an ignored test of this program, and returns what was on its console when it has ended.
pub fn run(test: &str) -> String {
    let by = Deadline::after(Duration::from_secs(300));
    let directory = tempfile::tempdir().unwrap();
    let (root, initramfs) = (directory.path().join("root"), directory.path().join("initramfs"));
    let console = directory.path().join("console");
    let kernel = Kernel::obtain(Path::new(CACHE), MODULES, by).unwrap();
    fill(&root, &kernel, &script(test), by);
    let names = Tool::new("find").arg(".").directory(&root).run(by).unwrap().stdout;
    let pack = Tool::new("busybox").args(["cpio", "-o", "-H", "newc", "-F"]).arg(&initramfs);
    pack.directory(&root).input(names).run(by).unwrap();
    Tool::new("qemu-system-x86_64")
        .args(["-machine", "pc,accel=tcg", "-m", "768", "-nodefaults", "-display", "none"])
        .args(["-no-reboot", "-serial", &format!("file:{}", console.display())])
        .args([Path::new("-kernel"), &kernel.image, Path::new("-initrd"), &initramfs])
        .args(["-append", COMMAND_LINE])
        .run(by)
        .unwrap();
    String::from_utf8_lossy(&fs::read(console).unwrap()).into_owned()
}

/// Puts all that the machine has below `root`.
fn fill(root: &Path, kernel: &Kernel, script: &str, by: Deadline) {
    for name in ["dev", "proc", "sys", "tmp", "run/lock/lvm", "etc/lvm", "modules", "usr/bin"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    for program in PROGRAMS {
        install(root, &exec::find(program).unwrap(), by);
    }
    for (program, names) in NAMES {
        let program = exec::find(program).unwrap();
        names.iter().for_each(|name| symlink(&program, root.join("usr/bin").join(name)).unwrap());
    }
    for (index, module) in kernel.modules.iter().enumerate() {
        fs::copy(module, root.join(format!("modules/{index}.ko"))).unwrap();
    }
    let own = std::env::current_exe().unwrap();
    install(root, &own, by);
    fs::copy(own, root.join("test")).unwrap();
    fs::write(root.join("etc/lvm/lvm.conf"), LVM).unwrap();
    fs::write(root.join("init"), script).unwrap();
    fs::set_permissions(root.join("init"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// Puts a program below `root`, and the libraries that it is linked to.
fn install(root: &Path, program: &Path, by: Deadline) {
    let linked = Tool::new("ldd").arg(program).output(by).unwrap().text();
    let libraries = linked.split_whitespace().filter(|it| it.starts_with('/')).map(PathBuf::from);
    for file in libraries.chain([program.to_owned()]) {
        let to = root.join(file.strip_prefix("/").unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(file, to).unwrap();
    }
}
