use lab::Guest;
use std::collections::BTreeMap;
use std::fs;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often the processes are looked at.
const POLL: Duration = Duration::from_millis(20);

/// Processor time, in ticks of 10 ms, that an incoming copy may use before its guest runs there.
const IDLE: u64 = 3;

/// Watches every process on the machine that is a guest, and that no two of them run: neither libvirt's
/// word nor QEMU's is needed for that, since a guest that runs uses its processor.
pub struct Watch {
    end: Sender<()>,
    thread: JoinHandle<Option<String>>,
}

impl Watch {
    /// Begins to watch over a guest whose name no other has, in any lab.
    #[must_use]
    pub fn over(guest: &Guest) -> Self {
        let (end, ended) = channel();
        let name = format!("guest={},", guest.name);
        let thread = thread::spawn(move || {
            let (mut seen, mut double) = (BTreeMap::new(), None);
            while ended.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
                double = double.or(look(&name, &mut seen));
            }
            double
        });
        Self { end, thread }
    }

    /// Ends the watch.
    ///
    /// # Panics
    /// When two copies have run.
    pub fn end(self) {
        drop(self.end);
        let double = self.thread.join().expect("the watch ends");
        assert_eq!(double, None, "two copies of the guest have run");
    }
}

/// A process by its start, in ticks since boot, and its number: of two the later one is the copy.
type Process = (u64, u32);

/// Looks at each copy, and tells if an older one has run on after a newer one had begun to run.
fn look(name: &str, seen: &mut BTreeMap<Process, u64>) -> Option<String> {
    let before = seen.clone();
    let used: BTreeMap<Process, u64> = copies(name).collect();
    let mut newer = used.keys().filter(|it| before.get(it).is_some_and(|used| *used > IDLE));
    let newest = newer.next_back();
    let older = used.iter().find(|(process, used)| {
        let ran = before.get(process).is_some_and(|before| before < used);
        newest.is_some_and(|newest| *process < newest) && ran
    });
    let double = older.map(|_| format!("processor time before: {before:?}, and then: {used:?}"));
    *seen = used;
    double
}

fn copies(name: &str) -> impl Iterator<Item = (Process, u64)> {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = processes.filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(move |pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let is_guest = String::from_utf8_lossy(&command).contains(name)
            && command.starts_with(b"/usr/bin/qemu-system-");
        let start = is_guest.then(|| field(&format!("/proc/{pid}/stat"), START))??;
        let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
        let used = threads.filter_map(|it| {
            let stat = it.path().join("stat").display().to_string();
            let is_processor = fs::read_to_string(it.path().join("comm")).ok()?.starts_with("CPU ");
            is_processor.then(|| Some(field(&stat, USER)? + field(&stat, SYSTEM)?))?
        });
        Some(((start, pid), used.sum()))
    })
}

/// Fields of `/proc/PID/stat`, counted from the one after the name (proc(5)).
const USER: usize = 11;
const SYSTEM: usize = 12;
const START: usize = 19;

fn field(stat: &str, number: usize) -> Option<u64> {
    let text = fs::read_to_string(stat).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    fields.split_whitespace().nth(number)?.parse().ok()
}
