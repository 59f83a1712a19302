//! The guest for real: booted by QEMU's emulation, reached through QEMU's own network stack.
//!
//! Needs `qemu-system-x86_64` and a guest kernel (installed, in the lab's cache, or to be had from
//! apt); it needs no root, no KVM and no namespaces.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use exec::{Child, Deadline, Tool};
use lab::image::{COMMAND_LINE, Hypervisor, Image};
use lab_guest::{Command, READY, Reply, Status};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);
/// Emulation on a busy machine; it takes two seconds on an idle one.
const BOOT: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(20);

struct Guest {
    qemu: Child,
    console: PathBuf,
    echo: u16,
    control: u16,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.qemu.kill();
    }
}

impl Guest {
    fn boot(directory: &Path) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_lab-guest"));
        let cache = directory.join("cache");
        let cache = if Path::new(lab::image::CACHE).is_dir() {
            lab::image::CACHE.as_ref()
        } else {
            &*cache
        };
        let image = Image::build(directory, program, Hypervisor::Kvm, cache, Deadline::after(BOOT))
            .unwrap();
        let console = directory.join("console");
        let (echo, control) = (free_port(), free_port());
        let network = format!(
            "user,id=net,hostfwd=udp:127.0.0.1:{echo}-:7,hostfwd=tcp:127.0.0.1:{control}-:8"
        );
        let qemu = Tool::new("qemu-system-x86_64")
            .args(["-machine", "pc,accel=tcg", "-m", "96", "-nodefaults", "-display", "none"])
            .args([
                "-no-reboot",
                "-device",
                "virtio-net-pci,netdev=net,romfile=",
                "-netdev",
                &network,
            ])
            .arg("-kernel")
            .arg(&image.kernel)
            .arg("-initrd")
            .arg(&image.initramfs)
            .args(["-append", &format!("{COMMAND_LINE} hawser.ip=10.0.2.15/24"), "-serial"])
            .arg(format!("file:{}", console.display()))
            .spawn(None)
            .unwrap();
        let guest = Self { qemu, console, echo, control };
        let deadline = Deadline::after(BOOT);
        while !guest.console().contains(READY) {
            assert!(deadline.pause(LOOK), "guest did not come up: {}", guest.console());
        }
        guest
    }

    fn console(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.console).unwrap_or_default()).into_owned()
    }

    fn probe(&self, sequence: u64) -> Reply {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        socket.send_to(&sequence.to_le_bytes(), (Ipv4Addr::LOCALHOST, self.echo)).unwrap();
        let mut bytes = [0; Reply::LENGTH];
        assert_eq!(socket.recv(&mut bytes).unwrap(), Reply::LENGTH);
        Reply::from_bytes(&bytes)
    }

    fn connect(&self) -> BufReader<TcpStream> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.control)).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        BufReader::new(stream)
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn tell(control: &mut BufReader<TcpStream>, line: &str) -> String {
    control.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    control.read_line(&mut answer).unwrap();
    answer
}

fn status(control: &mut BufReader<TcpStream>, command: Command) -> Status {
    let answer = tell(control, &command.to_string());
    answer.strip_prefix("ok ").unwrap_or_else(|| panic!("{answer}")).parse().unwrap()
}

#[test]
fn it_answers_counts_checks_its_memory_and_powers_off() {
    let directory = tempfile::tempdir().unwrap();
    let mut guest = Guest::boot(directory.path());

    let (first, second) = (guest.probe(7), guest.probe(8));
    assert_eq!((first.sequence, second.sequence), (7, 8));
    assert_eq!(first.boot_id, second.boot_id);
    assert!(second.counter > first.counter && second.uptime >= first.uptime);

    let mut control = guest.connect();
    let begun = status(&mut control, Command::Dirty { rate: 8, size: 4 });
    assert_eq!((begun.boot_id, begun.size), (first.boot_id, 4));
    let deadline = Deadline::after(SOON);
    let dirtied = loop {
        let now = status(&mut control, Command::Check);
        if now.written > 2 * 1024 {
            break now;
        }
        assert!(deadline.pause(LOOK), "{now}");
    };
    assert!(dirtied.checked > dirtied.written, "{dirtied}");
    assert_eq!(dirtied.corrupt, 0);

    assert!(tell(&mut control, "dirty 1 4000").starts_with("error cannot dirty 4000 MiB"));
    assert!(tell(&mut control, "disk read 1").starts_with("error the first disk: "));
    assert!(tell(&mut control, "frob").starts_with("error command \"frob\" is not one of"));

    control.get_mut().write_all(b"poweroff\n").unwrap();
    assert!(guest.qemu.wait(Deadline::after(SOON)).is_some_and(|it| it.success()));
}
