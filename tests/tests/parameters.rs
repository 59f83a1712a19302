//! What the parameters do, with a real guest.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use lab::Guest;
use lab_guest::Command;
use live::{Agent, Fixture, Turn};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::Duration;

static LAB: Fixture = Fixture::bare("parameters", 1);

/// How libvirt says that the guest last ended: `shutdown` by itself, or `destroyed`.
fn ending(lab: &Turn, guest: &Guest) -> String {
    let log = lab.exec("n1", "cat", &[&format!("/var/log/libvirt/qemu/{}.log", guest.name)]);
    let last = log.rsplit("shutting down, reason=").next().unwrap_or_default();
    last.lines().next().unwrap_or_default().to_owned()
}

fn placed(lab: &Turn, name: &str, number: u8, command_line: &str) -> Guest {
    let mut guest = Guest::new(name, number);
    command_line.clone_into(&mut guest.command_line);
    lab.place(&guest);
    guest
}

#[test]
fn a_guest_deaf_to_its_power_button_is_shut_down_by_its_agent() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = placed(&lab, "deaf", 0, "hawser.acpi=ignore");
    let agent = Agent::new(&lab, "n1", &guest).set("shutdown_mode", "acpi,agent").timeout(24);
    agent.start();
    lab.boot(&guest);
    agent.stop();
    assert_eq!(ending(&lab, &guest), "shutdown");
}

#[test]
fn a_guest_that_does_not_listen_is_destroyed_in_time() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = placed(&lab, "stubborn", 1, "hawser.acpi=ignore hawser.agent=off");
    let agent = Agent::new(&lab, "n1", &guest).set("shutdown_mode", "acpi,agent").timeout(24);
    agent.start();
    lab.boot(&guest);
    let answer = agent.stop();
    assert!(answer.took > Duration::from_secs(5), "it was given no time: {answer:?}");
    assert_eq!(ending(&lab, &guest), "destroyed");
    assert!(lab.copies(&guest).is_empty());
}

#[test]
fn a_saved_guest_goes_on_where_it_was() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = placed(&lab, "asleep", 2, "");
    let agent = Agent::new(&lab, "n1", &guest).set("snapshot", "/srv/shared");
    agent.start();
    let before = lab.tell(&guest, Command::Dirty { rate: 5, size: 4 });
    agent.stop();
    let saved = lab.shared().join("asleep.state");
    assert!(saved.exists());
    assert!(lab.copies(&guest).is_empty());
    agent.start();
    let after = lab.tell(&guest, Command::Check);
    assert_eq!((after.boot_id, after.corrupt, after.size), (before.boot_id, 0, 4));
    assert!(!saved.exists(), "memory must not be resumed from twice");
    agent.set("snapshot", "").stop();
}

#[test]
fn an_overlay_names_its_format_and_is_kept_unless_the_guest_is_stateless() {
    let Some(lab) = LAB.turn(&["qemu-img"]) else { return };
    let guest = Guest::new("overlaid", 3);
    lab.place_as(&guest, |xml| {
        xml.replace("type='raw'", "type='qcow2'").replace("overlaid.img", "overlaid.qcow2")
    });
    let overlay = lab.shared().join("overlaid.qcow2");
    let backing = guest.file("img").display().to_string();
    let agent = Agent::new(&lab, "n1", &guest).set("backingfile", &backing);
    agent.start();
    let path = guest.file("qcow2").display().to_string();
    let info = lab.exec("n1", "qemu-img", &["info", "-U", "--output=json", &path]);
    assert!(info.contains("\"backing-filename-format\": \"raw\""), "{info}");
    lab.tell(&guest, Command::DiskWrite { size: 1 });
    agent.stop();

    let first = fs::metadata(&overlay).unwrap();
    agent.start();
    agent.stop();
    let second = fs::metadata(&overlay).unwrap();
    assert_eq!(first.ino(), second.ino());
    assert!(second.blocks() * 512 > 1 << 20, "what the guest wrote is gone");
    let stateless = agent.set("stateless", "true");
    stateless.start();
    stateless.stop();
    assert!(fs::metadata(&overlay).unwrap().blocks() * 512 < 1 << 20, "the guest did not forget");
}

#[test]
fn a_monitor_script_that_fails_is_the_reason_for_a_failed_monitor() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = placed(&lab, "scripted", 4, "");
    let script = lab.shared().join("check");
    fs::write(&script, "#!/bin/sh\ncat /srv/shared/service\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let agent = Agent::new(&lab, "n1", &guest).set("monitor_scripts", "/srv/shared/check");
    let service = lab.shared().join("service");
    fs::write(&service, "").unwrap();
    agent.start();
    assert_eq!(agent.monitor().code, 0);
    fs::remove_file(&service).unwrap();
    for code in [190, 1] {
        let answer = agent.monitor();
        assert_eq!(answer.code, code);
        assert!(answer.reason.contains("/srv/shared/service: No such file"), "{answer:?}");
    }
    assert_eq!(agent.clone().set("OCF_CHECK_LEVEL", "0").monitor().code, 0);
    // Each level is judged by itself.
    assert_eq!(agent.clone().set("OCF_CHECK_LEVEL", "20").monitor().code, 190);
    agent.stop();
}

#[test]
fn check_level_10_is_a_sign_of_life_from_the_guest_agent() {
    let Some(lab) = LAB.turn(&[]) else { return };
    for (name, number, command_line, code) in
        [("lively", 5, "", 0), ("speechless", 6, "hawser.agent=off", 1)]
    {
        let guest = placed(&lab, name, number, command_line);
        let agent = Agent::new(&lab, "n1", &guest);
        let agent = agent.set("check_failures", "1").set("check_grace", "0");
        agent.start();
        lab.boot(&guest);
        let answer = agent.clone().set("OCF_CHECK_LEVEL", "10").monitor();
        assert_eq!(answer.code, code, "{name}: {answer:?}");
        assert_eq!(answer.reason.contains("no sign of life"), code == 1, "{answer:?}");
        assert_eq!(agent.monitor().code, 0);
        agent.set("force_stop", "true").stop();
    }
}

#[test]
fn a_check_that_fails_says_nothing_while_file_systems_are_frozen() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = placed(&lab, "frozen", 9, "");
    let agent = Agent::new(&lab, "n1", &guest);
    let agent = agent.set("check_failures", "1").set("check_grace", "0");
    agent.start();
    lab.boot(&guest);
    let failing = agent.clone().set("monitor_scripts", "/bin/false");
    lab.exec("n1", "virsh", &["domfsfreeze", &guest.name]);
    assert_eq!([failing.monitor().code, failing.monitor().code], [190, 190]);
    lab.exec("n1", "virsh", &["domfsthaw", &guest.name]);
    assert_eq!(failing.monitor().code, 1);
    agent.stop();
}

#[test]
fn the_pool_of_a_guest_s_disk_is_started_on_demand() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new("pooled", 7);
    let volume = "<source pool='images' volume='pooled.img'/>";
    lab.place_as(&guest, |xml| {
        xml.replace("type='file'", "type='volume'")
            .replace("<source file='/srv/shared/pooled.img'/>", volume)
    });
    lab.exec("n1", "virsh", &["pool-define-as", "images", "dir", "--target", "/srv/shared"]);
    let agent = Agent::new(&lab, "n1", &guest);
    let refused = agent.call(comparison::Action::Start);
    assert_eq!(refused.code, 5);
    assert!(refused.reason.contains("images"), "{refused:?}");
    let agent = agent.set("start_resources", "true");
    agent.start();
    assert!(lab.exec("n1", "virsh", &["pool-list", "--name"]).contains("images"));
    agent.stop();
}

#[test]
fn a_saved_configuration_is_the_guest_s_own_and_for_root_alone() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = placed(&lab, "saved", 8, "");
    let file = lab.shared().join("saved.xml");
    let (before, handwritten) = (fs::metadata(&file).unwrap(), fs::read(&file).unwrap());
    let agent = Agent::new(&lab, "n1", &guest);
    agent.start();
    agent.stop();
    assert_eq!(fs::read(&file).unwrap(), handwritten, "nobody asked for that");

    let agent = agent.set("save_config_on_stop", "true");
    agent.start();
    let title = ["desc", "saved", "--live", "--title", "changed while it ran"];
    lab.exec("n1", "virsh", &title);
    agent.stop();
    let after = fs::metadata(&file).unwrap();
    assert_eq!(after.permissions().mode() & 0o777, 0o600);
    assert_ne!(after.ino(), before.ino(), "it was written in place");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("changed while it ran") && text.contains(&guest.uuid()), "{text}");
    agent.start();
    lab.boot(&guest);
    agent.stop();
}
