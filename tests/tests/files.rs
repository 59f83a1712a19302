//! What other programs do with a guest's files for the agent: libguestfs and csync2.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use comparison::Action;
use lab::Guest;
use live::{Agent, Fixture, Turn, equip_libguestfs, soon, wait_until};
use std::fs;
use std::os::unix::fs::PermissionsExt;

static LAB: Fixture = Fixture::bare("files", 2);

/// Makes an image with as much in it as libguestfs takes for an operating system.
fn make_system(lab: &Turn, image: &str) {
    let tree = lab.shared().join("tree");
    for directory in ["bin", "etc"] {
        fs::create_dir_all(tree.join(directory)).unwrap();
    }
    fs::write(tree.join("etc/fstab"), "/dev/vda / ext4 defaults 0 1\n").unwrap();
    fs::write(tree.join("etc/os-release"), "ID=debian\n").unwrap();
    lab.exec("n1", "mke2fs", &["-q", "-t", "ext4", "-d", "/srv/shared/tree", image, "16M"]);
}

#[test]
fn files_are_copied_into_a_new_overlay_or_there_is_none() {
    let Some(lab) = LAB.turn(&["virt-copy-in", "mke2fs", "debugfs", "depmod"]) else { return };
    let guest = Guest::new("filled in", 0);
    lab.place_as(&guest, |xml| {
        xml.replace("type='raw'", "type='qcow2'").replace("filled in.img", "filled in.qcow2")
    });
    make_system(&lab, "/srv/shared/a system.img");
    let seed = lab.shared().join("seed");
    fs::create_dir(&seed).unwrap();
    fs::write(seed.join("greeting"), "welcome\n").unwrap();
    equip_libguestfs(&lab, "n1");
    let agent = Agent::new(&lab, "n1", &guest)
        .set("backingfile", "/srv/shared/a system.img")
        .set("force_stop", "true")
        .timeout(120);
    let refused = |files: &str, code: i32, why: &str| {
        let answer = agent.clone().set("copyindirs", files).call(Action::Start);
        assert_eq!(answer.code, code, "{answer:?}");
        assert!(answer.reason.contains(why), "{answer:?}");
        let left = fs::read_dir(lab.shared()).unwrap().map(|it| it.unwrap().file_name());
        let left: Vec<_> = left.filter(|it| it.to_string_lossy().contains("qcow2")).collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(lab.copies(&guest).is_empty());
    };

    refused("/srv/shared/seed /srv/shared/absent", 1, "/srv/shared/absent");
    let program = lab.exec("n1", "which", &["virt-copy-in"]);
    lab.exec("n1", "mount", &["--bind", "/dev/null", program.trim()]);
    refused("/srv/shared/seed", 5, "virt-copy-in not found");
    lab.exec("n1", "umount", &[program.trim()]);

    agent.clone().set("copyindirs", "/srv/shared/seed /srv/shared/tree/etc/fstab").start();
    assert_eq!(lab.copies(&guest), ["n1"]);
    agent.stop();
    let flat = "/srv/shared/flat.img";
    lab.exec("n1", "qemu-img", &["convert", "-O", "raw", "/srv/shared/filled in.qcow2", flat]);
    let content = |file: &str| lab.exec("n1", "debugfs", &["-R", &format!("cat {file}"), flat]);
    assert_eq!(content("/seed/greeting"), "welcome\n");
    assert_eq!(content("/fstab"), content("/etc/fstab"));
}

/// Where the nodes have the configuration of the guest that csync2 keeps the same on both.
const SYNCED: &str = "/etc/guests/synced.xml";

/// Has csync2 keep /etc/guests the same on both nodes.
fn configure_csync2(lab: &Turn) {
    let groups = "nossl * *;
group guests {
    host n1 n2;
    key /etc/csync2.key;
    include /etc/guests;
}
";
    lab.exec("n1", "csync2", &["-k", "/etc/csync2.key"]);
    let key = fs::read(lab.node("n1").file("etc/csync2.key")).unwrap();
    for node in ["n1", "n2"] {
        let file = |path| lab.node(node).file(path);
        fs::write(file("etc/csync2.cfg"), groups).unwrap();
        fs::write(file("etc/csync2.key"), &key).unwrap();
        fs::create_dir(file("etc/guests")).unwrap();
        lab.exec(node, "mount", &["-t", "tmpfs", "csync2", "/var/lib/csync2"]);
    }
}

#[test]
fn a_saved_configuration_is_copied_to_the_other_node() {
    let Some(lab) = LAB.turn(&["csync2"]) else { return };
    let guest = Guest::new("synced", 1);
    lab.place(&guest);
    configure_csync2(&lab);
    let here = lab.node("n1").file(SYNCED);
    let there = lab.node("n2").file(SYNCED);
    fs::copy(lab.shared().join("synced.xml"), &here).unwrap();
    let agent = Agent::new(&lab, "n1", &guest)
        .set("config", SYNCED)
        .set("sync_config_on_stop", "true")
        .set("force_stop", "true");
    let change = |title: &str| {
        agent.start();
        lab.exec("n1", "virsh", &["desc", &guest.name, "--live", "--title", title]);
        agent.stop();
        fs::read_to_string(&here).unwrap()
    };

    let alone = change("nobody listens");
    assert!(alone.contains("nobody listens"), "{alone}");
    assert!(!there.exists());
    assert!(!lab.logged("n1", &format!("{SYNCED} is not on the other nodes")).is_empty());

    let mut server = lab.tool("n2", "csync2").arg("-ii").spawn(None).unwrap();
    wait_until("the other node listens", soon(), || {
        lab.exec("n2", "ss", &["-Hltn", "sport = :30865"]).contains("LISTEN")
    });
    let both = change("both have it");
    server.kill();
    assert!(both.contains("both have it"), "{both}");
    assert_eq!(fs::read_to_string(&there).unwrap(), both);
    assert_eq!(fs::metadata(&there).unwrap().permissions().mode() & 0o777, 0o600);
    let there = agent.on("n2");
    there.start();
    there.stop();
}
