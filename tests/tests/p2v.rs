//! A machine that becomes a guest.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use exec::{Deadline, Output};
use lab::Guest;
use lab::image::Accelerator;
use live::{Agent, Fixture, Machine, Turn, debian, equip_libguestfs, eventually, wait_until};
use std::fs;
use std::path::Path;
use std::time::Duration;

static LAB: Fixture = Fixture::bare("p2v", 1);

const NEEDS: [&str; 6] =
    ["debootstrap", "guestfish", "rsync", "sfdisk", "systemd-nspawn", "depmod"];

/// Where the machine is, and then the guest.
const ADDRESS: &str = "10.77.0.150";

const INTERFACES: &str = "auto lo ens3
iface lo inet loopback
iface ens3 inet static
    address 10.77.0.150/24
";

/// What the machine mounts, of which only its root is in the guest.
const FSTAB: &str = "UUID=0b2c4f5e-9a43-4c62-9b0a-0d3a6a1f7c11 / xfs defaults 0 1
/dev/sda3 none swap sw 0 0
/dev/sdb1 /data ext4 defaults 0 2
";

/// A service that writes its last when it is stopped.
const SERVICE: &str = "[Service]
ExecStart=sleep infinity
ExecStop=touch /var/lib/last
";

const OPTIONS: [&str; 6] = ["--size", "3G", "--stop", "diary.service", "--interface", "ens3"];

/// How long a conversion may take on a machine that is busy with other tests.
const CONVERSION: Duration = Duration::from_secs(2400);

/// The key with which the node gets into the machine, and the machine's own, which the node knows.
fn make_key(lab: &Turn) -> String {
    let public = lab.node("n1").file("etc/ssh/p2v_key.pub");
    if !public.exists() {
        lab.exec("n1", "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/p2v_key"]);
    }
    fs::read_to_string(public).unwrap()
}

fn boot_machine(lab: &Turn, system: &Path) -> Machine {
    let key = make_key(lab);
    let host_key = fs::read_to_string(system.join("etc/ssh/ssh_host_ed25519_key.pub")).unwrap();
    let known = lab.node("n1").file("etc/ssh/ssh_known_hosts");
    fs::write(known, format!("{ADDRESS} {host_key}")).unwrap();
    let machine = Machine::boot(
        lab,
        system,
        &[
            ("etc/hostname", "source\n"),
            ("etc/fstab", FSTAB),
            ("etc/network/interfaces", INTERFACES),
            ("etc/systemd/system/diary.service", SERVICE),
            ("etc/systemd/system/multi-user.target.d/diary.conf", "[Unit]\nWants=diary.service\n"),
            ("root/.ssh/authorized_keys", &key),
        ],
    );
    wait_until("the machine's services are up", eventually(), || {
        ask(lab, "systemctl is-active diary.service").text() == "active\n"
    });
    machine
}

/// Runs a command on the machine, or on the guest that it has become.
fn ask(lab: &Turn, command: &str) -> Output {
    let options = ["-i", "/etc/ssh/p2v_key", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"];
    let target = format!("root@{ADDRESS}");
    lab.output("n1", "ssh", &[&options[..], &[&target, command]].concat())
}

fn convert(lab: &Turn, source: &str, name: &str, options: &[&str]) -> Output {
    let fixed = ["p2v", source, "--name", name, "--output", "/srv/shared"];
    let tool = lab.tool("n1", "hawser").args(fixed).args(["--identity", "/etc/ssh/p2v_key"]);
    tool.args(options).output(Deadline::after(CONVERSION)).unwrap()
}

/// Gives the node loop devices, which nodes have not.
fn equip_loops(lab: &Turn) {
    lab.exec("n1", "mknod", &["/dev/loop-control", "c", "10", "237"]);
    for number in 0..8 {
        let number = number.to_string();
        lab.exec("n1", "mknod", &[&format!("/dev/loop{number}"), "b", "7", &number]);
    }
}

/// Kills a conversion in the middle of its copy.
fn interrupt(lab: &Turn, source: &str) {
    let part = lab.shared().join("web.img.hawser-part");
    std::thread::scope(|scope| {
        let conversion = scope.spawn(|| convert(lab, source, "web", &OPTIONS));
        wait_until("much of it is copied", eventually(), || {
            use std::os::unix::fs::MetadataExt;
            part.metadata().is_ok_and(|it| it.blocks() * 512 > 100 << 20)
        });
        lab.exec("n1", "pkill", &["--signal", "KILL", "--exact", "hawser"]);
        assert!(!conversion.join().unwrap().status.success());
    });
    wait_until("nothing of it is left", eventually(), || {
        !lab.output("n1", "pgrep", &["--exact", "rsync"]).status.success()
    });
}

/// The UUID of the root file system on the guest's disk, which is a new one each time that one is made: ext4 has it at
/// 0x68 of its superblock, which is 1 KiB behind its beginning.
fn file_system(lab: &Turn, name: &str) -> [u8; 16] {
    use std::os::unix::fs::FileExt;
    let mut uuid = [0; 16];
    let disk = fs::File::open(lab.shared().join(name)).unwrap();
    disk.read_exact_at(&mut uuid, (2 << 20) + 1024 + 0x68).unwrap();
    uuid
}

/// Has a conversion fail when all is copied: the initramfs cannot be made.
fn fail(lab: &Turn, source: &str) {
    let (tool, aside) = ("/usr/sbin/update-initramfs", "/root/update-initramfs");
    let change = |command: &str| assert!(ask(lab, command).status.success(), "{command}");
    change(&format!("mv {tool} {aside} && ln -s /bin/false {tool}"));
    let failed = convert(lab, source, "web", &OPTIONS).error_text();
    assert!(failed.contains("cannot adapt the system on"), "{failed}");
    assert!(failed.contains("starting again"), "{failed}");
    assert_eq!(ask(lab, "systemctl is-active diary.service").text(), "active\n");
    change(&format!("mv {aside} {tool}"));
}

/// Has the lab's node be able to run the guest: its processors may be emulated, and its memory is a lab's.
fn fit(lab: &Turn) {
    let path = lab.shared().join("web.xml");
    let mut text = fs::read_to_string(&path).unwrap();
    if lab.accelerator() == Accelerator::Emulation {
        text = text.replace("<domain type='kvm'", "<domain type='qemu'");
        text = text.replace("host-model", "maximum");
    }
    let (before, rest) = text.split_once("<memory unit='MiB'>").unwrap();
    let (_, after) = rest.split_once('<').unwrap();
    fs::write(path, format!("{before}<memory unit='MiB'>512<{after}")).unwrap();
}

#[test]
fn a_machine_becomes_a_guest_that_does_what_it_did() {
    let Some(lab) = LAB.turn(&NEEDS) else { return };
    let Some(system) = debian() else { return };
    equip_libguestfs(&lab, "n1");
    equip_loops(&lab);
    let machine = boot_machine(&lab, &system);
    let address = ask(&lab, "cat /sys/class/net/ens3/address").text();
    let source = format!("ssh://{ADDRESS}");

    interrupt(&lab, &source);
    let begun = file_system(&lab, "web.img.hawser-part");
    fail(&lab, &source);
    let done = convert(&lab, &source, "web", &OPTIONS);
    assert!(done.status.success(), "{}", done.error_text());
    assert_eq!(file_system(&lab, "web.img"), begun, "it began anew");
    // The service was stopped for the second pass, and is to stay so.
    assert_eq!(ask(&lab, "systemctl is-active diary.service").text(), "inactive\n");
    drop(machine);
    let again = convert(&lab, &source, "web", &OPTIONS).error_text();
    assert!(again.contains("web.img is there"), "{again}");

    fit(&lab);
    let guest = Guest::new("web", 50);
    Agent::new(&lab, "n1", &guest).start();
    let by = Deadline::after(Duration::from_secs(600));
    wait_until("the guest's services are up", by, || {
        ask(&lab, "systemctl is-active diary.service").text() == "active\n"
    });
    let told = |command: &str| ask(&lab, command).text();
    assert_eq!(told("cat /sys/class/net/ens3/address"), address);
    assert_eq!(told("systemd-detect-virt --container; findmnt -no FSTYPE /"), "none\next4\n");
    assert_eq!(told("hostname; ls /var/lib/last"), "source\n/var/lib/last\n");
    assert!(told("cat /proc/cmdline").contains("console=ttyS0"));
    Agent::new(&lab, "n1", &guest).set("force_stop", "true").stop();
}

#[test]
fn what_cannot_become_a_guest_is_refused_with_a_reason() {
    let Some(lab) = LAB.turn(&NEEDS) else { return };
    let Some(system) = debian() else { return };
    equip_libguestfs(&lab, "n1");
    let _machine = boot_machine(&lab, &system);
    let refused = |source: &str, why: &str| {
        let options: &[&str] = if source.starts_with("ssh") { &OPTIONS } else { &[] };
        let output = convert(&lab, source, "refused", options);
        let text = output.error_text();
        assert!(!output.status.success() && text.contains(why), "{source}: {text}");
        assert!(!lab.shared().join("refused.img.hawser-part").exists(), "{source}");
    };
    refused("ssh://10.77.0.99", "port 22: No route to host");
    assert!(ask(&lab, "mv /usr/bin/rsync /root").status.success());
    refused(&format!("ssh://{ADDRESS}"), "install the package rsync on it");
    assert!(ask(&lab, "mv /root/rsync /usr/bin").status.success());
    assert!(
        ask(&lab, "rm /etc/systemd/system/diary.service; systemctl daemon-reload").status.success()
    );
    refused(&format!("ssh://{ADDRESS}"), "it has no unit diary.service");
    refused("/srv/shared/absent.qcow2", "cannot find /srv/shared/absent.qcow2");
    fs::write(lab.shared().join("blank.img"), vec![0; 1 << 20]).unwrap();
    refused("/srv/shared/blank.img", "no operating system was found");
    let xml = lab.shared().join("refused.xml");
    fs::write(&xml, "another guest's").unwrap();
    refused(&format!("ssh://{ADDRESS}"), "refused.xml is there");
    assert_eq!(fs::read_to_string(xml).unwrap(), "another guest's");
}
