//! A guest that is there only as a recipe until it is started, and one whose system is made anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use comparison::Action;
use lab::{Guest, SHARED};
use lab_guest::Command;
use live::{Agent, Fixture, Turn};
use std::fs;

static LAB: Fixture = Fixture::bare("provision", 1);

/// What the shared storage holds, as this machine sees it.
fn content(lab: &Turn, name: &str) -> Vec<u8> {
    fs::read(lab.shared().join(name)).unwrap()
}

/// What old disks of the guest are kept.
fn old_disks(lab: &Turn, guest: &Guest) -> Vec<String> {
    let prefix = format!("{}.img.hawser-old-", guest.name);
    let entries = fs::read_dir(lab.shared()).unwrap();
    let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(&prefix)).collect()
}

/// Places a guest whose disk is yet to be made, from a template of 8 MiB. Its recipe is `/srv/shared/NAME.toml`.
fn place(lab: &Turn, guest: &Guest) {
    lab.place(guest);
    fs::remove_file(lab.shared().join(format!("{}.img", guest.name))).unwrap();
    fs::write(lab.shared().join("template"), vec![0x54; 8 << 20]).unwrap();
    let recipe = format!(
        "[[disk]]\npath = \"{}\"\ntemplate = \"/srv/shared/template\"\nmethod = \"copy\"\n\
         [up]\nby = \"guest-agent\"\nwithin = 100\n",
        guest.file("img").display()
    );
    fs::write(lab.shared().join(format!("{}.toml", guest.name)), recipe).unwrap();
}

#[test]
fn a_guest_on_demand_can_be_made_by_an_installer() {
    let Some(lab) = LAB.turn(&["qemu-img"]) else { return };
    let guest = Guest::new("installed", 1);
    lab.place(&guest);
    fs::remove_file(lab.shared().join("installed.img")).unwrap();
    let recipe = |size: &str| {
        let recipe = format!(
            "[[disk]]\npath = \"{}\"\nsize = \"{size}\"\n[disk.installer]\nkernel = \"{SHARED}/vmlinuz\"\n\
             initrd = \"{SHARED}/initramfs\"\nemulated = true\ncommand_line = \"console=ttyS0 panic=-1 hawser.install=2\"\n",
            guest.file("img").display()
        );
        fs::write(lab.shared().join("installed.toml"), recipe).unwrap();
    };
    let agent = Agent::new(&lab, "n1", &guest);
    let agent = agent.set("recipe", &guest.file("toml").display().to_string()).timeout(150);

    // It finds no room, and panics.
    recipe("4K");
    let failed = agent.call(Action::Start);
    assert_eq!(failed.code, 1);
    assert!(failed.reason.contains("cannot install /srv/shared/installed.img"), "{failed:?}");
    assert!(!lab.shared().join("installed.img").exists());

    recipe("8M");
    agent.start();
    let disk = content(&lab, "installed.img");
    assert!(disk.len() == 8 << 20 && disk[..2 << 20] == vec![0x48; 2 << 20]);
    assert!(disk[2 << 20..].iter().all(|it| *it == 0));
    lab.boot(&guest);
    agent.stop();
}

#[test]
fn a_guest_on_demand_comes_up_and_is_the_same_guest_when_it_was_made_anew() {
    let Some(lab) = LAB.turn(&["qemu-img"]) else { return };
    let guest = Guest::new("demanded", 0);
    place(&lab, &guest);
    let recipe = guest.file("toml").display().to_string();
    let agent = Agent::new(&lab, "n1", &guest).set("recipe", &recipe).timeout(150);
    agent.start();
    // A start that has made a disk waits for the guest's own word, so it can be asked at once.
    lab.exec("n1", "virsh", &["qemu-agent-command", "demanded", "{\"execute\": \"guest-ping\"}"]);
    let template = content(&lab, "template");
    let boot = lab.tell(&guest, Command::DiskWrite { size: 1 }).boot_id;
    assert!(content(&lab, "demanded.img") != template);

    let refused = lab.output("n1", "hawser", &["provision", &recipe, "--reinstall"]);
    assert!(refused.error_text().contains("demanded.img is in use"), "{refused:?}");
    assert_eq!(lab.tell(&guest, Command::DiskRead { size: 1 }).boot_id, boot);

    agent.stop();
    let used = content(&lab, "demanded.img");
    lab.exec("n1", "hawser", &["provision", &recipe, "--reinstall"]);
    assert!(content(&lab, "demanded.img") == template);
    let old = old_disks(&lab, &guest);
    assert!(old.len() == 1 && content(&lab, &old[0]) == used, "{old:?}");
    agent.start();
    lab.tell(&guest, Command::DiskRead { size: 1 });
    assert!(lab.exec("n1", "virsh", &["domuuid", "demanded"]).contains(&guest.uuid()));
    agent.stop();
}
