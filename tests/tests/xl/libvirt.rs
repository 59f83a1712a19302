//! Guests of Xen through libvirt: `ocf:hawser:kvm` with a `xen://` URI, as VirtualDomain takes it.

use crate::{LAB, diskless};
use comparison::Hypervisor;
use lab_guest::Command;
use live::{Agent, wait_until};
use std::fs;

const URI: &str = "xen:///system";

#[test]
fn a_guest_of_libvirt_s_is_started_watched_moved_and_stopped() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = diskless("through", 17);
    lab.place(&guest);
    for node in ["n1", "n2"] {
        // Its driver for Xen wants to know the host's processor, and the emulated one lacks what each that it knows has.
        lab.exec(node, "sed", &["--in-place", "/vme/d", "/usr/share/libvirt/cpu_map/x86_486.xml"]);
        lab.exec(node, "mkdir", &["/var/log/libvirt"]);
        lab.exec(node, "libvirtd", &["--daemon"]);
    }
    let config = guest.file("cfg").display().to_string();
    let convert = ["--connect", URI, "domxml-from-native", "--format", "xen-xl", &config];
    let definition = lab.exec("n1", "virsh", &convert);
    fs::write(lab.shared().join("through.xml"), definition).unwrap();

    let agent = Agent::made_for(Hypervisor::Kvm, &lab, "n1", &guest)
        .set("hypervisor", URI)
        .set("migration_transport", "ssh")
        // libxl's driver does not know the usual ones.
        .set("migrate_options", "");
    agent.start();
    let before = lab.tell(&guest, Command::Dirty { rate: 1, size: 4 });
    assert_eq!(agent.monitor().code, 0);

    agent.migrate("n2");
    let there = agent.on("n2");
    let after = lab.tell(&guest, Command::Check);
    assert_eq!((after.boot_id, after.corrupt), (before.boot_id, 0));
    assert_eq!((agent.probe().code, there.monitor().code), (7, 0));
    assert_eq!((lab.domains("n1"), lab.domains("n2")), (vec![], vec![guest.name.clone()]));

    // While it reboots there is no domain for some seconds, and it is there all the same.
    let number = || lab.output("n2", "xl", &["domid", &guest.name]).text();
    let first = number();
    lab.exec("n2", "virsh", &["--connect", URI, "reboot", &guest.name]);
    wait_until("it has rebooted", lab.eventually(), || {
        let (seen, now) = (there.probe(), number());
        assert_eq!(seen.code, 0, "{}", seen.reason);
        !now.is_empty() && now != first
    });
    assert_ne!(lab.boot(&guest), before.boot_id);
    assert_eq!(there.monitor().code, 0);

    // The hypervisor itself tells of it while libvirt's daemon hangs, also that it has crashed. That it is gone
    // nobody proves then, for the daemon might bring it back.
    let daemon = lab.exec("n2", "pidof", &["libvirtd"]);
    lab.exec("n2", "kill", &["-STOP", daemon.trim()]);
    let alive = there.monitor().code;
    lab.order(&guest, Command::Panic);
    wait_until("it has crashed", lab.eventually(), || there.monitor().code == 1);
    let elsewhere = agent.probe().code;
    lab.exec("n2", "kill", &["-CONT", daemon.trim()]);
    assert_eq!((alive, elsewhere), (0, 7));
    there.stop();
    assert_eq!((there.probe().code, lab.domains("n2")), (7, vec![]));
    for node in ["n1", "n2"] {
        lab.exec(node, "pkill", &["libvirtd"]);
    }
}
