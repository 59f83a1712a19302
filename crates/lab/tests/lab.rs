//! Real labs on this machine. They need root and the packages of a node.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use exec::{Deadline, Tool};
use lab::{Error, Lab, MIGRATION_PORTS, Name, Stack};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

/// The variable that makes a second instance of this program the owner of a lab with this name.
const OWNED: &str = "LAB_TEST_OWNED";

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

/// A loaded machine with two processors may need most of this for a fencing and a boot.
fn eventually() -> Deadline {
    Deadline::after(Duration::from_secs(180))
}

/// Waits until something holds.
fn wait_until(what: &str, deadline: Deadline, mut holds: impl FnMut() -> bool) {
    while !holds() {
        assert!(deadline.pause(Duration::from_millis(20)), "never: {what}");
    }
}

/// A name that no other run of these tests has; none, with a word about it, without root. With
/// `HAWSER_NO_SKIP=1` that is a failure.
fn name(test: &str) -> Option<Name> {
    if nix::unistd::geteuid().is_root() {
        return Some(format!("{test}-{}", process::id()).parse().unwrap());
    }
    assert!(std::env::var_os("HAWSER_NO_SKIP").is_none(), "a lab needs root");
    let _ = std::io::stderr().write_all(b"skipped: a lab needs root\n");
    None
}

/// What a lab is made of, to be looked for after its end.
struct Traces {
    name: Name,
    namespaces: BTreeSet<PathBuf>,
}

const KINDS: [&str; 3] = ["mnt", "net", "pid"];

impl Traces {
    fn of(lab: &Lab) -> Self {
        let files = KINDS.map(|it| format!("/proc/self/ns/{it}"));
        let mut tools = vec![lab.observer().unwrap().tool("readlink")];
        for node in lab.nodes().unwrap() {
            tools.push(lab.node(&node.name).unwrap().tool("readlink").unwrap());
        }
        let mut namespaces = BTreeSet::new();
        for tool in tools {
            let text = tool.args(&files).run(soon()).unwrap().text();
            namespaces.extend(text.lines().map(PathBuf::from));
        }
        assert!(!Self::in_use(&namespaces).is_empty());
        Self { name: lab.name().clone(), namespaces }
    }

    /// The processes that are in one of the namespaces.
    fn in_use(namespaces: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
        let processes = fs::read_dir("/proc").unwrap().flatten().map(|it| it.path());
        let inside = |process: &PathBuf| {
            let mut files = KINDS.iter().map(|it| process.join("ns").join(it));
            files.any(|it| fs::read_link(it).is_ok_and(|it| namespaces.contains(&it)))
        };
        processes.filter(inside).collect()
    }

    /// Waits until no process is left in the lab's namespaces, and then looks for the rest.
    fn vanish(self) {
        wait_until("all processes have ended", soon(), || {
            Self::in_use(&self.namespaces).is_empty()
        });
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(self.name.as_str()), "{mounts}");
        for port in ["switch", "n1", "n2"] {
            assert!(!Path::new("/sys/class/net").join(port).exists(), "{port}");
        }
        assert!(!Lab::list().unwrap().contains(&self.name));
        assert!(!Path::new("/var/lib/hawser/lab").join(self.name.as_str()).exists());
    }
}

/// The process that runs this part of a lab's program.
fn process(part: &str, lab: &Name) -> Pid {
    let pattern = format!("/lab-keeper {part} {lab}$");
    let found = Tool::new("pgrep").args(["--oldest", "--full", &pattern]).run(soon()).unwrap();
    Pid::from_raw(found.text().trim().parse().unwrap())
}

#[test]
fn a_killed_node_is_fenced_and_comes_back_and_a_killed_keeper_leaves_nothing() {
    let Some(name) = name("cluster") else { return };
    let lab = Lab::builder(name.clone()).start(|_| {}).unwrap();
    lab.wait_online(eventually()).unwrap();

    let n2 = lab.node("n2").unwrap();
    n2.kill().unwrap();
    assert!(matches!(n2.tool("true"), Err(Error::Off { .. })));
    let power = || lab.nodes().unwrap()[1].init;
    wait_until("n2 is switched on by its fencing", eventually(), || power().is_some());
    lab.wait_online(eventually()).unwrap();
    let history = lab.node("n1").unwrap().tool("stonith_admin").unwrap();
    let history = history.args(["--history", "n2", "--verbose"]).run(soon()).unwrap().text();
    assert!(history.contains("reboot of n2 successful"), "{history}");

    let traces = Traces::of(&lab);
    kill(process("keep", &name), Signal::SIGKILL).unwrap();
    traces.vanish();
    assert!(matches!(lab.nodes(), Err(Error::Silent { .. })));
}

#[test]
fn a_clean_stop_leaves_the_cluster_first() {
    let Some(name) = name("stop") else { return };
    let lab = Lab::builder(name).start(|_| {}).unwrap();
    lab.wait_online(eventually()).unwrap();
    let n2 = lab.node("n2").unwrap();
    n2.stop().unwrap();
    let log = fs::read_to_string(n2.file("/var/log/console.log")).unwrap();
    let ends: Vec<&str> = log.lines().filter(|it| it.contains(" ended: ")).collect();
    assert_eq!(ends.len(), 3, "{log}");
    for (line, daemon) in ends.iter().zip(["pacemakerd", "corosync", "libvirtd"]) {
        assert!(line.starts_with(daemon) && line.contains("Exited"), "{log}");
    }
    assert_eq!(lab.online().unwrap(), ["n1"]);
    let history = lab.node("n1").unwrap().tool("stonith_admin").unwrap();
    let history = history.args(["--history", "*"]).run(soon()).unwrap().text();
    assert!(!history.contains("n2"), "a node that stopped cleanly was fenced: {history}");
}

#[test]
fn a_node_has_a_disk_a_network_and_the_agents_of_a_tree() {
    let Some(name) = name("bare") else { return };
    let tree = tempfile::tempdir().unwrap();
    let agent = "usr/lib/ocf/resource.d/hawser/example";
    fs::create_dir_all(tree.path().join(agent).parent().unwrap()).unwrap();
    fs::write(tree.path().join(agent), "agent").unwrap();
    let builder = Lab::builder(name.clone()).stack(Stack::Bare);
    let lab = builder.root(tree.path()).start(|_| {}).unwrap();
    let again = Lab::builder(name.clone()).start(|_| {});
    assert!(matches!(again, Err(Error::AlreadyRunning { .. })), "{again:?}");
    let n1 = lab.node("n1").unwrap();
    let run = |program: &str, argument: &str| n1.tool(program).unwrap().arg(argument).run(soon());
    assert!(run("cat", "/no/such/file").is_err());

    assert_eq!(run("cat", &format!("/{agent}")).unwrap().text(), "agent");
    assert!(run("ls", "/usr/lib/ocf/resource.d/heartbeat/Dummy").is_ok());
    fs::write(lab.shared().join("file"), "shared").unwrap();
    assert_eq!(run("cat", "/srv/shared/file").unwrap().text(), "shared");
    run("touch", "/run/volatile").unwrap();
    run("touch", "/var/lib/libvirt/kept").unwrap();
    run("logger", "a line for the log").unwrap();
    let log = n1.file("var/log/syslog");
    let logged = || fs::read_to_string(&log).is_ok_and(|it| it.contains("a line for the log\n"));
    wait_until("the line is in the log", soon(), logged);

    let pings = || {
        let ping = lab.observer().unwrap().tool("ping").args(["-c1", "-W1", "n1"]);
        ping.output(soon()).unwrap().status.success()
    };
    assert!(pings());
    n1.cut_off().unwrap();
    assert!(!pings());
    n1.kill().unwrap();
    n1.start().unwrap();
    assert!(!pings(), "a cut cable does not heal by a reboot");
    n1.reconnect().unwrap();
    wait_until("n1 answers again", soon(), pings);

    assert!(run("ls", "/run/volatile").is_err());
    assert!(run("ls", "/var/lib/libvirt/kept").is_ok());
    let uri = "qemu+tcp://n2/system";
    let virsh = n1.tool("virsh").unwrap().args(["--connect", uri, "hostname"]);
    assert_eq!(virsh.run(soon()).unwrap().text().trim(), "n2");
    let traces = Traces::of(&lab);
    lab.down().unwrap();
    traces.vanish();
}

/// How long some bytes take from one network namespace to a port of the observer.
fn transfer(from: &Path, observer: &Path, port: u16, bytes: &[u8]) -> Duration {
    let enter = |path| setns(fs::File::open(path).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
    thread::scope(|scope| {
        let listener = scope.spawn(|| {
            enter(observer);
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap()
        });
        let listener = listener.join().unwrap();
        let begun = Instant::now();
        scope.spawn(|| {
            enter(from);
            let address = (Ipv4Addr::new(10, 77, 0, 250), port);
            TcpStream::connect(address).unwrap().write_all(bytes).unwrap();
        });
        let received = io::copy(&mut listener.accept().unwrap().0, &mut io::sink()).unwrap();
        assert_eq!(received, bytes.len() as u64);
        begun.elapsed()
    })
}

#[test]
fn only_migrations_queue_for_the_link() {
    let Some(name) = name("link") else { return };
    let builder = Lab::builder(name).nodes(1).stack(Stack::Bare).link_speed(100);
    let lab = builder.start(|_| {}).unwrap();
    let observer = lab.observer().unwrap().network();
    // Whoever enters a node is in its network: this one stays there.
    let mut inside = lab.node("n1").unwrap().tool("sleep").unwrap().arg("60").spawn(None).unwrap();
    let n1 = PathBuf::from(format!("/proc/{}/ns/net", inside.id()));
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    wait_until("n1 is entered", soon(), || fs::read_link(&n1).unwrap() != own);

    let bytes = vec![0; 2_000_000];
    let ports = [*MIGRATION_PORTS.start(), *MIGRATION_PORTS.end(), MIGRATION_PORTS.end() + 1];
    let [first, last, other] = ports.map(|port| transfer(&n1, &observer, port, &bytes));
    // 16 Mbit take 160 ms at 100 Mbit/s.
    let limit = Duration::from_millis(130);
    assert!(first > limit && last > limit, "{first:?} {last:?}");
    assert!(other < limit, "{other:?}");
    inside.kill();
}

#[test]
fn a_lab_ends_with_its_owner() {
    let Some(name) = name("owned") else { return };
    let owner = Tool::new(env::current_exe().unwrap()).env(OWNED, name.as_str());
    let test = ["--exact", "an_owner_that_never_ends", "--ignored"];
    let mut owner = owner.args(test).spawn(None).unwrap();
    wait_until("the lab runs", eventually(), || Lab::list().unwrap().contains(&name));
    let lab = Lab::open(name).unwrap();
    let on = || lab.nodes().unwrap().iter().all(|it| it.init.is_some());
    wait_until("the nodes run", eventually(), on);
    let traces = Traces::of(&lab);
    owner.kill();
    traces.vanish();
}

#[test]
#[ignore = "is run by a_lab_ends_with_its_owner, and killed by it"]
fn an_owner_that_never_ends() {
    let Ok(name) = env::var(OWNED) else { return };
    let _lab = Lab::builder(name.parse().unwrap()).stack(Stack::Bare).start(|_| {}).unwrap();
    loop {
        std::thread::park();
    }
}
