use crate::{patience, soon, wait_for};
use exec::{Deadline, Output, Tool};
use guest::{Entry, History};
use lab::image::Accelerator;
use lab::probe::{Control, Namespace};
use lab::{Guest, Lab, Node, Stack};
use lab_guest::{BootId, Command, Status};
use std::io::Write;
use std::ops::Deref;
use std::sync::MutexGuard;
use std::{fs, io, thread};

/// A test's turn with its lab.
pub struct Turn {
    lab: MutexGuard<'static, Option<Lab>>,
    stack: Stack,
    xen: bool,
}

impl Turn {
    pub(crate) fn new(lab: MutexGuard<'static, Option<Lab>>, stack: Stack, xen: bool) -> Self {
        Self { lab, stack, xen }
    }

    /// The deadline for what takes a boot, a migration or a fencing in this lab.
    #[must_use]
    pub fn eventually(&self) -> Deadline {
        patience(self.xen)
    }

    /// Whether there is a cluster.
    pub(crate) fn is_cluster(&self) -> bool {
        self.stack == Stack::Cluster
    }

    /// A node by its name.
    ///
    /// # Panics
    /// When there is none of that name.
    #[must_use]
    pub fn node(&self, name: &str) -> Node<'_> {
        Lab::node(self, name).expect("a node of the lab")
    }

    /// A program that is to be run in a node.
    ///
    /// # Panics
    /// When the node is off.
    #[must_use]
    pub fn tool(&self, node: &str, program: &str) -> Tool {
        self.node(node).tool(program).expect("a node that is on")
    }

    /// Runs a program in a node, whatever it ends with.
    ///
    /// # Panics
    /// When it does not end within 120 s, or 15 minutes on Xen.
    #[must_use]
    pub fn output(&self, node: &str, program: &str, arguments: &[&str]) -> Output {
        self.tool(node, program).args(arguments).output(self.eventually()).expect(program)
    }

    /// Runs a program in a node and returns what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn exec(&self, node: &str, program: &str, arguments: &[&str]) -> String {
        let output = self.output(node, program, arguments);
        let (out, err) = (output.text(), output.error_text());
        assert!(output.status.success(), "{program} {arguments:?} on {node}: {out}{err}");
        out
    }

    /// Puts a guest's files on the shared storage.
    ///
    /// # Panics
    /// When that fails.
    pub fn place(&self, guest: &Guest) {
        Lab::place(self, guest, self.eventually()).expect("the guest can be placed");
    }

    /// The same, with the guest's definition changed before anybody sees it.
    ///
    /// # Panics
    /// When that fails, or changes nothing.
    pub fn place_as(&self, guest: &Guest, change: impl FnOnce(&str) -> String) {
        let placed = Lab::place(self, guest, self.eventually()).expect("the guest can be placed");
        let file = self.shared().join(placed.file_name().expect("a file"));
        let definition = fs::read_to_string(&file).expect("the placed definition");
        let changed = change(&definition);
        assert_ne!(definition, changed);
        fs::write(file, changed).expect("the shared storage can be written");
    }

    /// What runs the processors of the lab's guests.
    ///
    /// # Panics
    /// When that cannot be told.
    #[must_use]
    pub fn accelerator(&self) -> Accelerator {
        let guest = self.domain(&Guest::new("any", 0), self.eventually());
        guest.expect("a guest can be made").accelerator
    }

    /// Tells a guest something, as soon as it can be reached.
    ///
    /// # Panics
    /// When it does not answer within 120 s, or 15 minutes on Xen.
    pub fn tell(&self, guest: &Guest, command: Command) -> Status {
        let mut last;
        let by = self.eventually();
        loop {
            let told = self.control(guest).and_then(|mut it| it.tell(command, soon()));
            match told {
                Ok(status) => return status,
                Err(error) => last = error.to_string(),
            }
            assert!(by.pause(crate::POLL), "guest {} does not answer: {last}", guest.name);
        }
    }

    /// Tells a guest something that it does not live to answer.
    ///
    /// # Panics
    /// When it cannot be reached.
    pub fn order(&self, guest: &Guest, command: Command) {
        let by = soon();
        let mut control = wait_for("the guest can be reached", by, || self.control(guest).ok());
        let answer = control.tell(command, Deadline::after(crate::POLL));
        assert!(answer.is_err(), "{command} was answered: {answer:?}");
    }

    /// Which boot of the guest answers, as soon as one does.
    ///
    /// # Panics
    /// When none does within 120 s, or 15 minutes on Xen.
    pub fn boot(&self, guest: &Guest) -> BootId {
        self.tell(guest, Command::Status).boot_id
    }

    fn control(&self, guest: &Guest) -> Result<Control, lab::probe::Error> {
        let network = self.observer().expect("the lab answers").network();
        Control::connect(&Namespace::open(&network)?, guest.address(), soon())
    }

    /// The nodes on which the process table shows a copy of the guest, in order.
    ///
    /// # Panics
    /// When the lab does not answer.
    #[must_use]
    pub fn copies(&self, guest: &Guest) -> Vec<String> {
        let nodes = self.nodes().expect("the lab answers");
        let on = nodes.into_iter().filter(|it| it.init.is_some()).map(|it| it.name);
        on.filter(|node| self.process(node, guest).is_some()).collect()
    }

    /// The guest's QEMU process on a node, as the node numbers it.
    ///
    /// # Panics
    /// When the process table shows two of them.
    #[must_use]
    pub fn process(&self, node: &str, guest: &Guest) -> Option<i32> {
        let table = self.output(node, "ps", &["-C", "qemu-system-x86", "-o", "pid=,args="]).text();
        let name = format!(" guest={},", guest.name);
        let mut found = table.lines().filter(|line| line.contains(&name));
        let line = found.next()?;
        assert_eq!(found.next(), None, "two copies of {} on {node}", guest.name);
        line.split_whitespace().next()?.parse().ok()
    }

    /// The names of the domains that a Xen host has, but for the control domain.
    ///
    /// # Panics
    /// When xl fails.
    #[must_use]
    pub fn domains(&self, node: &str) -> Vec<String> {
        let list = self.exec(node, "xl", &["list"]);
        let names = list.lines().skip(2).filter_map(|line| line.split_whitespace().next());
        names.map(str::to_owned).collect()
    }

    /// What libvirt says that the guest's state is, such as `running`.
    #[must_use]
    pub fn state(&self, node: &str, guest: &Guest) -> String {
        self.output(node, "virsh", &["domstate", &guest.name]).text().trim().to_owned()
    }

    /// What is remembered of the last migration that began on a node.
    ///
    /// # Panics
    /// When there was none.
    #[must_use]
    pub fn last_migration(&self, node: &str) -> Entry {
        let history = History::new(self.node(node).file("var/lib/hawser/migrations/history.jsonl"));
        let mut entries = history.entries().expect("the history can be read");
        entries.pop().expect("a migration")
    }

    /// The lines of a node's system log that have a text in them.
    ///
    /// # Panics
    /// When there is no log.
    #[must_use]
    pub fn logged(&self, node: &str, text: &str) -> Vec<String> {
        let log = fs::read(self.node(node).file("var/log/syslog")).expect("a system log");
        let log = String::from_utf8_lossy(&log);
        log.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }
}

impl Deref for Turn {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        self.lab.as_ref().expect("a turn has a lab")
    }
}

impl Drop for Turn {
    /// A test that fails shows what the agents logged, and leaves no lab to the next.
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        let Some(lab) = self.lab.take() else { return };
        for node in lab.nodes().into_iter().flatten() {
            let log = lab.node(&node.name).map(|it| it.file("var/log/syslog"));
            let log = log.ok().and_then(|it| fs::read(it).ok()).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let agents =
                |line: &&str| [" kvm(", " xen(", " node("].iter().any(|it| line.contains(it));
            for line in log.lines().filter(agents) {
                let _ = writeln!(io::stderr().lock(), "{}: {line}", node.name);
            }
        }
    }
}
