//! A migration that is to be encrypted sends nothing of the guest in the clear, or nothing at all. Whoever
//! listens on the wire is the judge.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use comparison::Action;
use lab::Guest;
use lab_guest::Command;
use live::{Agent, Fault, Fixture, Side, Turn, soon, wait_until};
use std::fs;
use std::time::Duration;

static LAB: Fixture = Fixture::bare("security", 2);

const NODES: [&str; 2] = ["n1", "n2"];

/// What the memory of every guest of the lab has in it, since its program does, and no other message.
const SECRET: &str = "dirty RATE_MIB_S SIZE_MIB";

/// What the guests write to their disks, again and again, and the disk, which each node has for itself.
const WRITTEN: &str = "HHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHH";
const DISK: &str = "/var/lib/libvirt/own.img";

/// What the guests dirty, in MiB: at least that much is seen on the wire.
const SIZE: u32 = 8;

/// How long a migration that cannot be encrypted may take to say so.
const PROMPT: Duration = Duration::from_secs(10);

fn write(lab: &Turn, node: &str, path: &str, content: impl AsRef<[u8]>) {
    let path = lab.node(node).file(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Whether what a guest has in memory, or wrote to its disk, is to be read on the wire while something is done
/// that sends it.
fn is_read_on_the_wire(lab: &Turn, act: impl FnOnce()) -> bool {
    let log = lab.shared().join("tcpdump.log");
    let spy = lab.tool("n1", "tcpdump").args(["-i", "eth0", "-Z", "root", "-B", "65536"]);
    let mut spy = spy.args(["-w", "/tmp/spied", "tcp"]).spawn(Some(&log)).unwrap();
    let listens = || fs::read_to_string(&log).is_ok_and(|it| it.contains("listening on"));
    wait_until("tcpdump listens", soon(), listens);
    act();
    lab.exec("n1", "pkill", &["-TERM", "--exact", "tcpdump"]);
    assert!(spy.wait(soon()).is_some());
    fs::remove_file(log).unwrap();
    let size = lab.exec("n1", "stat", &["--format=%s", "/tmp/spied"]);
    assert!(size.trim().parse::<u32>().unwrap() > SIZE << 20, "only {size} bytes were sent");
    let found = [SECRET, WRITTEN].iter().any(|it| has(lab, "/tmp/spied", it));
    lab.exec("n1", "rm", &["/tmp/spied"]);
    found
}

/// Whether a file on the first node has a text in it.
fn has(lab: &Turn, file: &str, text: &str) -> bool {
    let search = ["--quiet", "--text", "--fixed-strings", text, file];
    lab.output("n1", "grep", &search).status.success()
}

/// Starts a guest on the first node, and shows that without encryption its memory can be read; it ends on
/// the second.
fn start_in_the_clear(lab: &Turn, guest: &Guest) -> lab_guest::Status {
    lab.place_as(guest, |xml| xml.replace(&guest.file("img").display().to_string(), DISK));
    for node in NODES {
        lab.exec(node, "rm", &["-f", DISK]);
        lab.exec(node, "truncate", &["--size", "8M", DISK]);
    }
    let agent = Agent::new(lab, "n1", guest);
    agent.start();
    let before = lab.tell(guest, Command::Dirty { rate: 1, size: SIZE });
    assert!(is_read_on_the_wire(lab, || agent.migrate("n2")), "nobody could read it anyway");
    before
}

fn is_unharmed(lab: &Turn, guest: &Guest, before: &lab_guest::Status) {
    let after = lab.tell(guest, Command::Check);
    assert_eq!((after.boot_id, after.corrupt), (before.boot_id, 0), "{after}");
}

/// Has a migration fail for reasons that are named, with the guest staying where it is.
fn refused(lab: &Turn, agent: &Agent<'_>, guest: &Guest, target: &str, reasons: &[&str]) {
    let answer = agent.call(Action::MigrateTo { target: target.to_owned() });
    assert_eq!(answer.code, 1, "{answer:?}");
    let named = reasons.iter().all(|it| answer.reason.contains(it));
    assert!(named, "{reasons:?}: {answer:?}");
    assert!(answer.took < PROMPT, "{answer:?}");
    let source = Turn::other(target);
    assert_eq!(lab.state(source, guest), "running");
    wait_until("no copy is left", soon(), || lab.copies(guest) == [source]);
}

/// Makes a CA.
fn make_authority(lab: &Turn) {
    let directory = lab.shared().join("pki");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("ca.info"), "cn = lab\nca\ncert_signing_key\n").unwrap();
    certtool(lab, "--generate-privkey --bits 2048 --outfile ca-key.pem");
    certtool(
        lab,
        "--generate-self-signed --template ca.info --load-privkey ca-key.pem --outfile ca.pem",
    );
}

/// Makes a certificate of the CA for a name, and returns it and its key.
fn certify(lab: &Turn, name: &str) -> [Vec<u8>; 2] {
    let directory = lab.shared().join("pki");
    let template = format!(
        "cn = {name}\ndns_name = {name}\ntls_www_server\ntls_www_client\nencryption_key\nsigning_key\n"
    );
    fs::write(directory.join("node.info"), template).unwrap();
    certtool(lab, "--generate-privkey --bits 2048 --outfile key.pem");
    certtool(
        lab,
        "--generate-certificate --template node.info --load-privkey key.pem \
         --load-ca-certificate ca.pem --load-ca-privkey ca-key.pem --outfile cert.pem",
    );
    ["cert.pem", "key.pem"].map(|it| fs::read(directory.join(it)).unwrap())
}

fn certtool(lab: &Turn, arguments: &str) {
    let at = |it: &str| match it.ends_with(".pem") || it.ends_with(".info") {
        true => format!("/srv/shared/pki/{it}"),
        false => it.to_owned(),
    };
    let arguments: Vec<String> = arguments.split_whitespace().map(at).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    lab.exec("n1", "certtool", &arguments);
}

/// Gives QEMU on a node its certificate.
fn certify_qemu(lab: &Turn, node: &str, [certificate, key]: &[Vec<u8>; 2]) {
    let authority = fs::read(lab.shared().join("pki/ca.pem")).unwrap();
    write(lab, node, "etc/pki/qemu/ca-cert.pem", authority);
    for end in ["client", "server"] {
        write(lab, node, &format!("etc/pki/qemu/{end}-cert.pem"), certificate);
        write(lab, node, &format!("etc/pki/qemu/{end}-key.pem"), key);
    }
}

/// Gives libvirt on a node its certificate, and has it listen for TLS.
fn certify_libvirt(lab: &Turn, node: &str, [certificate, key]: &[Vec<u8>; 2]) {
    let authority = fs::read(lab.shared().join("pki/ca.pem")).unwrap();
    write(lab, node, "etc/pki/CA/cacert.pem", authority);
    for end in ["client", "server"] {
        write(lab, node, &format!("etc/pki/libvirt/{end}cert.pem"), certificate);
        write(lab, node, &format!("etc/pki/libvirt/private/{end}key.pem"), key);
    }
    let configuration = lab.node(node).file("etc/libvirt/libvirtd.conf");
    let text = fs::read_to_string(configuration).unwrap();
    write(lab, node, "etc/libvirt/libvirtd.conf", text.replace("listen_tls = 0", "listen_tls = 1"));
    Fault::DaemonRestarts(Side::Target).strike(lab, (Turn::other(node), node));
}

#[test]
fn tls_encrypts_the_memory_or_the_guest_stays() {
    let Some(lab) = LAB.turn(&["tcpdump", "certtool"]) else { return };
    let guest = Guest::new("tls", 0);
    let before = start_in_the_clear(&lab, &guest);
    let agent = Agent::new(&lab, "n1", &guest);
    let preset = agent.clone().set("migration_security", "tls");
    refused(&lab, &preset.on("n2"), &guest, "n1", &["tls does not go with the transport tcp"]);
    let preset = preset.set("migration_transport", "tls");
    refused(&lab, &preset.on("n2"), &guest, "n1", &["qemu+tls://n1/system"]);

    make_authority(&lab);
    for node in NODES {
        let own = certify(&lab, node);
        certify_libvirt(&lab, node, &own);
        certify_qemu(&lab, node, &own);
    }
    lab.tell(&guest, Command::DiskWrite { size: SIZE });
    let with_disk = preset.clone().set("migrate_options", "--unsafe --copy-storage-all");
    assert!(!is_read_on_the_wire(&lab, || with_disk.on("n2").migrate("n1")));
    assert!(has(&lab, DISK, WRITTEN), "the disk did not go along");
    let by_option = agent.set("migrate_options", "--unsafe --tls");
    assert!(!is_read_on_the_wire(&lab, || by_option.migrate("n2")));

    let certificate = certify(&lab, "elsewhere");
    certify_qemu(&lab, "n1", &certificate);
    let reasons = ["/etc/pki/qemu", "the name that it has in qemu+tls://n1/system"];
    refused(&lab, &preset.on("n2"), &guest, "n1", &reasons);
    let named = preset.clone().set("migrate_options", "--unsafe --tls-destination elsewhere");
    assert!(!is_read_on_the_wire(&lab, || named.on("n2").migrate("n1")));

    fs::remove_dir_all(lab.node("n2").file("etc/pki/qemu")).unwrap();
    refused(&lab, &preset, &guest, "n2", &["/etc/pki/qemu/ca-cert.pem"]);
    certify_libvirt(&lab, "n2", &certificate);
    refused(&lab, &preset, &guest, "n2", &["qemu+tls://n2/system", "verify peer's certificate"]);
    lab.wait_logged("n1", "owner does not match the hostname n2");
    is_unharmed(&lab, &guest, &before);
    Agent::new(&lab, "n1", &guest).stop();
}

/// Has the nodes' roots log into each other, as far as they know each other's host keys.
fn open_ssh(lab: &Turn) -> String {
    let directory = lab.shared().join("ssh");
    fs::create_dir(&directory).unwrap();
    let generate = |path: &str| {
        lab.exec("n1", "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", path]);
    };
    generate("/srv/shared/ssh/user");
    let read = |name: &str| fs::read(directory.join(name)).unwrap();
    let mut known = String::new();
    for node in NODES {
        let host = format!("host-{node}");
        generate(&format!("/srv/shared/ssh/{host}"));
        let key = String::from_utf8(read(&format!("{host}.pub"))).unwrap();
        known.push_str(&format!("{node} {key}"));
        let client = "IdentityFile /etc/ssh/lab/user\nUserKnownHostsFile /etc/ssh/lab/known\n";
        write(lab, node, "etc/ssh/ssh_config.d/lab.conf", client);
        write(lab, node, "etc/ssh/lab/authorized", read("user.pub"));
        write(lab, node, "etc/ssh/lab/known", "");
        for (from, to) in [("user", "user"), (host.as_str(), "host")] {
            write(lab, node, &format!("etc/ssh/lab/{to}"), read(from));
            lab.exec(node, "chmod", &["0600", &format!("/etc/ssh/lab/{to}")]);
        }
        lab.exec(node, "mkdir", &["-p", "/run/sshd"]);
        let daemon = ["-f", "/dev/null", "-h", "/etc/ssh/lab/host", "-o"];
        let daemon = [&daemon[..], &["AuthorizedKeysFile=/etc/ssh/lab/authorized"]].concat();
        lab.exec(node, "/usr/sbin/sshd", &daemon);
    }
    known
}

#[test]
fn ssh_carries_the_memory_too_or_the_guest_stays() {
    let needs = ["tcpdump", "iptables", "ssh", "sshd", "ssh-keygen"];
    let Some(lab) = LAB.turn(&needs) else { return };
    let guest = Guest::new("ssh", 1);
    let before = start_in_the_clear(&lab, &guest);
    let preset = Agent::new(&lab, "n1", &guest)
        .set("migration_security", "ssh")
        .set("migration_transport", "ssh");
    let known = open_ssh(&lab);
    for node in NODES {
        let ports = ["-A", "INPUT", "-p", "tcp", "--dport", "49152:49215", "-j", "DROP"];
        lab.exec(node, "iptables", &ports);
    }
    let unknown = ["qemu+ssh://n1/system", "Host key verification failed"];
    refused(&lab, &preset.on("n2"), &guest, "n1", &unknown);
    // The host that answers says that it is another one's.
    let other = known.lines().find_map(|it| it.strip_prefix("n2 ")).unwrap();
    write(&lab, "n2", "etc/ssh/lab/known", format!("n1 {other}\n"));
    refused(&lab, &preset.on("n2"), &guest, "n1", &unknown);
    for node in NODES {
        write(&lab, node, "etc/ssh/lab/known", &known);
    }
    fs::remove_file(lab.node("n1").file("etc/ssh/lab/authorized")).unwrap();
    refused(&lab, &preset.on("n2"), &guest, "n1", &["Permission denied"]);
    let key = fs::read(lab.shared().join("ssh/user.pub")).unwrap();
    write(&lab, "n1", "etc/ssh/lab/authorized", key);

    assert!(!is_read_on_the_wire(&lab, || preset.on("n2").migrate("n1")));
    is_unharmed(&lab, &guest, &before);
    let both = preset.clone().set("migrate_options", "--unsafe --copy-storage-all");
    refused(&lab, &both, &guest, "n2", &["ssh does not go with --copy-storage-all"]);
    for node in NODES {
        lab.exec(node, "iptables", &["-F", "INPUT"]);
    }
    Agent::new(&lab, "n1", &guest).stop();
}
