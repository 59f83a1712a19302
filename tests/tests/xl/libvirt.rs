//! Guests of Xen through libvirt: `ocf:hawser:kvm` with a `xen://` URI, as VirtualDomain takes it.

use crate::{LAB, diskless, reboot};
use comparison::Hypervisor;
use lab_guest::Command;
use live::{Agent, wait_until};
use std::fs;

const URI: &str = "xen:///system";

#[test]
fn a_guest_of_libvirt_s_is_started_watched_moved_rebooted_and_stopped() {
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

    reboot(&lab, &there, &guest, "virsh", &["--connect", URI, "reboot", &guest.name]);

    // The hypervisor itself tells of it while libvirt's daemon hangs, also that it has crashed.
    lab.exec("n2", "pkill", &["-STOP", "libvirtd"]);
    let alive = there.monitor().code;
    lab.order(&guest, Command::Panic);
    wait_until("it has crashed", lab.eventually(), || there.monitor().code == 1);
    lab.exec("n2", "pkill", &["-CONT", "libvirtd"]);
    assert_eq!(alive, 0);
    there.stop();
    assert_eq!((there.probe().code, lab.domains("n2")), (7, vec![]));
    for node in ["n1", "n2"] {
        lab.exec(node, "pkill", &["libvirtd"]);
    }
}
