//! What a guest needs on the target of its migration is looked for before a byte of it has moved. Each
//! obstacle is named, and costs the guest nothing; nothing that is no obstacle is taken for one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use comparison::Action;
use guest::Ending;
use lab::Guest;
use lab_guest::Command;
use live::{Agent, Answer, Fixture, Turn, soon, wait_until};
use std::fs;
use std::io::{self, Write};
use std::time::Duration;

static LAB: Fixture = Fixture::bare("preflight", 2);

/// How long finding an obstacle may take where everybody answers: 2 s, and the rest for a machine that
/// does much else.
const PROMPT: Duration = Duration::from_secs(5);

/// The same where the target's daemon is given 10 s to answer.
const PATIENT: Duration = Duration::from_secs(15);

const BIOS: &str = "/usr/share/seabios/bios-256k.bin";

/// Where the second node has its emulator while another program stands in for it.
const EMULATOR: &str = "/run/qemu";

/// What is in the guest's way on the second node: what the reason names, how it is put there, and how it is
/// removed. Words are parted by spaces, and commands by semicolons.
const OBSTACLES: &[(&str, &str, &str)] = &[
    ("network inner: it is not active there", "virsh net-destroy inner", "virsh net-start inner"),
    (
        "no network with matching name 'inner'",
        "virsh net-destroy inner; virsh net-undefine inner",
        "virsh net-define /srv/shared/inner.xml; virsh net-start inner",
    ),
    ("storage pool images: it is not active there", "virsh pool-destroy images", START_POOL),
    (
        "no storage pool with matching name 'images'",
        "virsh pool-destroy images; virsh pool-undefine images",
        "virsh pool-define /srv/shared/images.xml; virsh pool-start images",
    ),
    ("'br1'", "ip link delete br1", "ip link add br1 type bridge; ip link set br1 up"),
    (
        "'/var/lib/libvirt/own.img'",
        "mv /var/lib/libvirt/own.img /var/lib/libvirt/other.img",
        "mv /var/lib/libvirt/other.img /var/lib/libvirt/own.img",
    ),
    (
        "/var/lib/libvirt/bios.bin",
        "mv /var/lib/libvirt/bios.bin /var/lib/libvirt/other.bin",
        "mv /var/lib/libvirt/other.bin /var/lib/libvirt/bios.bin",
    ),
    ("the emulated TPM", "mount --bind /dev/null /usr/bin/swtpm", "umount /usr/bin/swtpm"),
    (
        "QEMU binary /usr/bin/qemu-system-x86_64",
        "mount --bind /dev/null /usr/bin/qemu-system-x86_64",
        "umount /usr/bin/qemu-system-x86_64",
    ),
    (
        "the guest's processor",
        "mount --bind /srv/shared/qemu /usr/bin/qemu-system-x86_64",
        "umount /usr/bin/qemu-system-x86_64",
    ),
    (
        "memory: the guest holds",
        "mount --bind /srv/shared/small /proc/meminfo",
        "umount /proc/meminfo",
    ),
    (
        "guest needy: a guest of that name, with UUID 11111111-",
        "virsh define /srv/shared/namesake.xml",
        "virsh undefine needy",
    ),
    (
        "guest needy stays here: a guest of that name, with UUID 11111111-",
        "virsh create --paused /srv/shared/namesake.xml",
        "virsh destroy needy",
    ),
    ("guest double has it there", "virsh define /srv/shared/double.xml", "virsh undefine double"),
    (
        "guest double has it there",
        "virsh create --paused /srv/shared/double.xml",
        "virsh destroy double",
    ),
    (
        "the way to n2, TCP ports 49152 to 49215",
        "iptables -A INPUT -p tcp --dport 49152:49215 -j DROP",
        "iptables -F INPUT",
    ),
    ("n2:49152", "iptables -A INPUT -p tcp --dport 49152:49215 -j REJECT", "iptables -F INPUT"),
    ("address 'nowhere'", "hostname nowhere", "hostname n2"),
    (
        "cannot reach the hypervisor at qemu+tcp://n2/system",
        "pkill -KILL --exact libvirtd",
        "libvirtd --daemon --listen",
    ),
];

const START_POOL: &str = "virsh pool-start images";

fn run(lab: &Turn, node: &str, commands: &str) {
    for command in commands.split(';') {
        let words: Vec<&str> = command.split_whitespace().collect();
        lab.exec(node, words[0], &words[1..]);
    }
}

/// Places a guest that needs one of each of what a guest may need, and gives it all to both nodes.
fn place_needy(lab: &Turn) -> Guest {
    let guest = Guest::new("needy", 0);
    lab.place_as(&guest, |xml| {
        let firmware = "<os><loader type='rom'>/var/lib/libvirt/bios.bin</loader>";
        let devices =
            "<disk type='volume' device='disk'><driver name='qemu' type='raw' cache='none'/>
      <source pool='images' volume='data.img'/><target dev='vdb' bus='virtio'/></disk>
    <disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/>
      <source file='/var/lib/libvirt/own.img'/><target dev='vdc' bus='virtio'/></disk>
    <interface type='network'><source network='inner'/></interface>
    <interface type='bridge'><source bridge='br1'/></interface>
    <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm></devices>";
        let processor = "<cpu mode='custom'><model>Nehalem</model></cpu><devices>";
        xml.replace("<os>", firmware).replace("</devices>", devices).replace("<devices>", processor)
    });
    let write = |name: &str, text: &str| fs::write(lab.shared().join(name), text).unwrap();
    write(
        "inner.xml",
        "<network><name>inner</name><forward mode='bridge'/><bridge name='br0'/></network>",
    );
    write(
        "images.xml",
        "<pool type='dir'><name>images</name><target><path>/srv/shared/images</path></target></pool>",
    );
    for (file, name, uuid) in [
        ("namesake", "needy", "11111111-2222-4333-8444-555555555555"),
        ("double", "double", &guest.uuid()),
    ] {
        write(
            &format!("{file}.xml"),
            &format!(
                "<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory>1024</memory><os>\
             <type>hvm</type></os></domain>"
            ),
        );
    }
    write("small", "MemTotal: 65536 kB\nMemFree: 1024 kB\nBuffers: 0 kB\nCached: 0 kB\n");
    write("cached", "MemTotal: 65536000 kB\nMemFree: 1024 kB\nBuffers: 0 kB\nCached: 0 kB\n");
    // libvirt asks the emulator what the processor that has everything has.
    write(
        "qemu",
        &format!("#!/bin/sh\nexec {EMULATOR} \"$@\" -global max-x86_64-cpu.sse4.2=off\n"),
    );
    fs::create_dir(lab.shared().join("images")).unwrap();
    for node in ["n1", "n2"] {
        run(lab, node, "ip link add br1 type bridge; ip link set br1 up");
        run(lab, node, "virsh net-define /srv/shared/inner.xml; virsh net-start inner");
        run(lab, node, &format!("cp {BIOS} /var/lib/libvirt/bios.bin"));
        run(lab, node, "virsh pool-define /srv/shared/images.xml; virsh pool-start images");
        run(lab, node, "truncate --size 1M /var/lib/libvirt/own.img");
    }
    run(lab, "n1", "virsh vol-create-as images data.img 1M --format raw");
    run(lab, "n2", "virsh pool-refresh images");
    run(lab, "n2", "chmod 0755 /srv/shared/qemu; touch /run/qemu");
    run(lab, "n2", "mount --bind /usr/bin/qemu-system-x86_64 /run/qemu");
    guest
}

/// Has a migration to the second node refused, and sees that nothing has come of it.
fn refused(agent: &Agent<'_>, lab: &Turn, guest: &Guest, item: &str) -> Answer {
    let answer = agent.call(Action::MigrateTo { target: "n2".to_owned() });
    let took = answer.took.as_millis();
    let _ = writeln!(io::stderr().lock(), "\n{took} ms: {}", answer.reason);
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(answer.reason.contains(item), "{item:?} is not in {answer:?}");
    let entry = lab.last_migration("n1");
    assert_eq!((entry.ending, entry.memory, entry.storage), (Ending::Stayed, 0, 0), "{entry:?}");
    assert_eq!(lab.state("n1", guest), "running");
    let job = lab.exec("n1", "virsh", &["domjobinfo", &guest.name]);
    assert!(job.contains("None"), "{job}");
    answer
}

#[test]
fn an_obstacle_on_the_target_is_named_and_costs_nothing() {
    let needs = ["swtpm", "swtpm_setup", "iptables", BIOS];
    let Some(lab) = LAB.turn(&needs) else { return };
    let guest = place_needy(&lab);
    let agent = Agent::new(&lab, "n1", &guest).set("force_stop", "true");
    agent.start();
    let before = lab.tell(&guest, Command::Dirty { rate: 1, size: 4 });
    for (item, put, remove) in OBSTACLES {
        run(&lab, "n2", put);
        let answer = refused(&agent, &lab, &guest, item);
        assert!(answer.took < PROMPT, "{answer:?}");
        run(&lab, "n2", remove);
        wait_until("the second node is as it was", soon(), || {
            let shown = lab.output("n2", "virsh", &["list", "--all", "--name"]);
            shown.status.success() && shown.text().trim().is_empty()
        });
        assert_eq!(lab.copies(&guest), ["n1"]);
    }
    // With another definition for the target it is that which counts.
    let definition = lab.exec("n1", "virsh", &["dumpxml", &guest.name]);
    fs::write(lab.shared().join("there.xml"), definition.replace("pc-i440fx-", "pc-i440fx-9"))
        .unwrap();
    let other = agent.clone().set("migrate_options", "--unsafe --xml /srv/shared/there.xml");
    assert!(refused(&other, &lab, &guest, "machine type pc-i440fx-9").took < PROMPT);

    run(&lab, "n2", "pkill -STOP --exact libvirtd");
    let answer = refused(&agent, &lab, &guest, "does not answer");
    assert!(answer.took < PATIENT, "{answer:?}");
    run(&lab, "n2", "pkill -CONT --exact libvirtd");

    // What looks like an obstacle and is none: a node whose memory is full of what it can give up, and a
    // firewall that lets only some of the ports through.
    run(&lab, "n2", "mount --bind /srv/shared/cached /proc/meminfo");
    run(&lab, "n2", "iptables -A INPUT -p tcp --dport 49162:49215 -j DROP");
    agent.migrate("n2");
    let after = lab.tell(&guest, Command::Check);
    assert_eq!((after.boot_id, after.corrupt), (before.boot_id, 0));
    assert_eq!(lab.copies(&guest), ["n2"]);
    agent.on("n2").stop();
}

#[test]
fn firmware_that_is_not_on_the_target_is_named() {
    let Some(lab) = LAB.turn(&["/usr/share/OVMF/OVMF_VARS_4M.fd"]) else { return };
    let guest = Guest::new("firm", 1);
    let firmware = "<os>
    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
    <nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'>/var/lib/libvirt/vars/firm.fd</nvram>";
    lab.place_as(&guest, |xml| xml.replace("<os>", firmware));
    for node in ["n1", "n2"] {
        run(&lab, node, "mkdir /var/lib/libvirt/vars");
    }
    let agent = Agent::new(&lab, "n1", &guest).set("force_stop", "true");
    agent.start();
    let process = lab.process("n1", &guest);
    for (item, put, remove) in [
        ("/usr/share/OVMF/OVMF_", "mount -t tmpfs none /usr/share/OVMF", "umount /usr/share/OVMF"),
        (
            "/var/lib/libvirt/vars/firm.fd",
            "mv /var/lib/libvirt/vars /var/lib/libvirt/others",
            "mv /var/lib/libvirt/others /var/lib/libvirt/vars",
        ),
    ] {
        run(&lab, "n2", put);
        let answer = refused(&agent, &lab, &guest, item);
        assert!(answer.took < PROMPT, "{answer:?}");
        run(&lab, "n2", remove);
        assert_eq!(lab.process("n1", &guest), process);
    }
    agent.migrate("n2");
    agent.on("n2").stop();
}

#[test]
fn no_processor_that_the_target_has_is_refused() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new("seer", 2);
    let agent = Agent::new(&lab, "n1", &guest).set("force_stop", "true");
    // The last but one describes more than an emulated processor has, so that the guest gets less.
    for processor in [
        "<cpu mode='host-model'/>",
        "<cpu mode='custom' check='partial'><model>Nehalem</model></cpu>",
        "<cpu mode='custom'><model>Skylake-Client</model></cpu>",
        "<cpu mode='maximum'/>",
    ] {
        lab.place_as(&guest, |xml| xml.replace("<devices>", &format!("{processor}<devices>")));
        agent.start();
        agent.migrate("n2");
        agent.on("n2").stop();
    }
}
