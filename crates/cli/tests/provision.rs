//! `hawser provision`, killed at random moments.

#![allow(clippy::unwrap_used, reason = "tests")]

use exec::{Deadline, Tool};
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The template's size and how much is on it, in bytes.
const SIZE: u64 = 2 << 30;
const CONTENT: u64 = 96 << 20;
const CHUNK: u64 = 4 << 20;

const KILLS: u64 = 20;

/// A number that is another one each time.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(600))
}

/// A guest with a system, made from a template, and a data disk beside it.
struct Guest(TempDir);

impl Guest {
    fn new() -> Self {
        // It is larger than what a file system in memory may have room for.
        let guest = Self(TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
        let mut template = File::create(guest.path("template")).unwrap();
        template.set_len(SIZE).unwrap();
        let mut noise = File::open("/dev/urandom").unwrap();
        let mut chunk = vec![0; usize::try_from(CHUNK).unwrap()];
        for number in 0..CONTENT / CHUNK {
            noise.read_exact(&mut chunk).unwrap();
            template.seek(SeekFrom::Start(number * (SIZE / CONTENT) * CHUNK)).unwrap();
            template.write_all(&chunk).unwrap();
        }
        fs::write(guest.path("data"), &chunk).unwrap();
        let disk = |name: &str, method: &str| {
            let (path, template) = (guest.path(name), guest.path("template"));
            format!("[[disk]]\npath = {path:?}\ntemplate = {template:?}\nmethod = \"{method}\"\n")
        };
        let recipe = format!("{}{}", disk("system", "copy"), disk("more", "backing"));
        fs::write(guest.path("recipe"), recipe).unwrap();
        guest
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn provision(&self) -> Tool {
        Tool::new(env!("CARGO_BIN_EXE_hawser"))
            .args(["provision", "--reinstall"])
            .arg(self.path("recipe"))
    }

    fn is_same(&self, a: &str, b: &str) -> bool {
        let compare = Tool::new("qemu-img").args(["compare", a, b]).directory(self.0.path());
        compare.output(soon()).unwrap().status.success()
    }

    /// The names with that in them.
    fn names(&self, part: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains(part)).collect()
    }

    /// Writes to the disks, as a system that runs does.
    fn use_system(&self) {
        for disk in ["system", "more"] {
            let format = if disk == "system" { "raw" } else { "qcow2" };
            let write = Tool::new("qemu-io").args(["-f", format, "-c", "write -P 7 1M 1M"]);
            write.arg(self.path(disk)).run(soon()).unwrap();
        }
        assert!(!self.is_same("system", "template") && !self.is_same("more", "template"));
    }
}

fn is_at_work(on: &Path) -> bool {
    let find = Tool::new("pgrep").args(["-f", &format!("qemu-img.*{}", on.display())]);
    find.output(soon()).unwrap().status.success()
}

#[test]
fn a_reinstallation_that_is_killed_at_any_moment_is_gone_on_with() {
    let guest = Guest::new();
    let data = fs::read(guest.path("data")).unwrap();
    let begun = Instant::now();
    guest.provision().run(soon()).unwrap();
    let whole = begun.elapsed();
    for round in 0..KILLS {
        guest.use_system();
        let old = guest.names(".hawser-old-").len();
        let moment = whole.mul_f64((random() % 1000) as f64 / 1000.0);
        let told = format!("round {round}, killed after {moment:?} of {whole:?}");
        let mut killed = guest.provision().spawn(None).unwrap();
        killed.wait(Deadline::after(moment));
        // Not its group: what it has started is to end with it.
        let pid = killed.id().to_string();
        let _ = Tool::new("kill").args(["-KILL", &pid]).output(soon()).unwrap();
        assert!(killed.wait(soon()).is_some(), "{told}");
        let by = soon();
        while is_at_work(guest.0.path()) {
            assert!(by.pause(Duration::from_millis(10)), "{told}: what it started goes on");
        }
        // Whatever has a disk's own name is the old one or the new one, and never half of one.
        let replaced = guest.names(".hawser-old-").len() - old;
        if guest.path("system").exists() && replaced == 2 {
            assert!(guest.is_same("system", "template"), "{told}");
        }
        if replaced < 2 || !guest.names(".hawser-new-").is_empty() {
            guest.provision().run(soon()).unwrap();
        }
        assert!(guest.is_same("system", "template") && guest.is_same("more", "template"), "{told}");
        assert!(
            guest.names(".hawser-part-").is_empty() && guest.names(".hawser-new-").is_empty(),
            "{told}"
        );
        assert_eq!(guest.names(".hawser-old-").len(), old + 2, "{told}");
        assert!(fs::read(guest.path("data")).unwrap() == data, "{told}");
        for name in guest.names(".hawser-old-") {
            fs::remove_file(guest.path(&name)).unwrap();
        }
    }
}
