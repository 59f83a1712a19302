//! What xl is doing with a domain: its processes on this node, whoever has started them.

use super::table::{incoming, name_setting};
use crate::identity::Name;
use crate::process::Process;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::Path;

/// What an xl does with a domain for as long as it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// It sends the guest to another host.
    Migrate,
    /// It saves the guest's memory.
    Save,
    /// It keeps a copy of the guest on another host up to date (Remus).
    Checkpoint,
    /// It destroys the domain.
    Destroy,
    /// It builds the domain, to boot the guest or to restore it, and lets it run then.
    Build,
}

/// An xl that is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    pub work: Work,
    pub process: Process,
}

/// What runs on this node at one moment, with the command lines.
pub struct Programs(Vec<(Process, Vec<u8>)>);

impl Programs {
    pub fn now() -> Self {
        Self(Process::all().filter_map(|it| Some((it, it.command_line()?))).collect())
    }

    /// Every xl that is at work on the guest, in a domain of that number if it has one.
    pub fn tasks(&self, guest: &Name, id: Option<u16>) -> Vec<Task> {
        let task = |(process, line): &(Process, Vec<u8>)| {
            let work = work(line, guest, id)?;
            // The xl that has built a domain stays as its keeper, with the same words.
            let is_over = work == Work::Build && keeps(*process, guest);
            (!is_over).then_some(Task { work, process: *process })
        };
        self.0.iter().filter_map(task).collect()
    }

    /// Every xl that builds a domain for the guest, which may not be there yet. It outlives an agent that is killed.
    pub fn builders(&self, guest: &Name) -> Vec<Process> {
        let builds = |task: &Task| task.work == Work::Build;
        self.tasks(guest, None).into_iter().filter(builds).map(|task| task.process).collect()
    }

    /// Whether the memory of a guest comes into the domain of that number from another host. The xl that lets it in
    /// names neither guest nor domain, but its helper, which is there for that long, names the domain.
    pub fn receive(&self, id: u16) -> bool {
        let receives =
            |pid: i32| self.0.iter().any(|(it, line)| it.pid == pid && is_receiver(line));
        let mut helpers = self.0.iter().filter(|(_, line)| restored(line) == Some(id));
        helpers.any(|(helper, _)| helper.parent().is_some_and(receives))
    }
}

impl Task {
    /// Whether it keeps the guest from being dealt with otherwise, and can be told to fail.
    pub fn holds(&self) -> bool {
        matches!(self.work, Work::Migrate | Work::Save)
    }

    /// Has it fail, and not end: an xl that ends leaves a guest that it has suspended as it is, and one whose
    /// stream breaks lets it run on. So it is its helper and its transport that are ended.
    pub fn fail(self) {
        let children = Process::all().filter(|it| it.parent() == Some(self.process.pid));
        for child in children {
            // It fails only when the process is gone, which is what was asked for.
            let _ = kill(Pid::from_raw(child.pid), Signal::SIGTERM);
        }
    }
}

/// The words of a command line after the program, if that is xl.
fn arguments(line: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let mut words = line.split(|byte| *byte == 0);
    let program = words.next()?.rsplit(|byte| *byte == b'/').next()?;
    (program == b"xl").then_some(words)
}

/// Whether a command line is that of an xl that lets a guest in, or of the keeper that it leaves behind.
fn is_receiver(line: &[u8]) -> bool {
    arguments(line).is_some_and(|mut words| words.any(|word| word == b"migrate-receive"))
}

/// The number of the domain into which a helper of libxl's restores a guest (libxl, `run_helper`: the mode, the
/// stream, the way back, and the domain).
fn restored(line: &[u8]) -> Option<u16> {
    let mut words = line.split(|byte| *byte == 0);
    words.find(|word| *word == b"--restore-domain")?;
    std::str::from_utf8(words.nth(2)?).ok()?.parse().ok()
}

/// What a command line does with a domain, if it is one of xl's that names it: by its name or its number, or by
/// what this suite tells an xl that is to build it.
fn work(line: &[u8], guest: &Name, id: Option<u16>) -> Option<Work> {
    let mut words = arguments(line)?;
    let id = id.map(|id| id.to_string());
    let is_domain = |word: &[u8]| {
        word == guest.as_str().as_bytes() || id.as_ref().is_some_and(|id| word == id.as_bytes())
    };
    let (work, named) = match words.find(|word| !word.starts_with(b"-"))? {
        b"migrate" => (Work::Migrate, words.any(is_domain)),
        b"save" => (Work::Save, words.any(is_domain)),
        b"remus" => (Work::Checkpoint, words.any(is_domain)),
        b"destroy" => (Work::Destroy, words.any(is_domain)),
        b"create" => {
            let name = name_setting(guest);
            (Work::Build, words.any(|word| word == name.as_bytes()))
        }
        b"restore" => {
            let memory = format!("/{}", guest.memory_file());
            (Work::Build, words.any(|word| word.ends_with(memory.as_bytes())))
        }
        _ => return None,
    };
    named.then_some(work)
}

/// The xl that brings a guest back when it reboots and clears it away when it ends. It was started with the
/// guest, here or by a migration, and logs to a file that has the guest's name.
pub fn keepers(guest: &Name) -> Vec<Process> {
    let is_xl =
        |process: &Process| process.command_line().is_some_and(|line| arguments(&line).is_some());
    Process::all().filter(|process| keeps(*process, guest) && is_xl(process)).collect()
}

fn keeps(process: Process, guest: &Name) -> bool {
    let log = std::fs::read_link(format!("/proc/{}/fd/1", process.pid)).ok();
    log.is_some_and(|log| is_log(&log, guest))
}

/// Whether xl logs to that file what it does for the guest. libxl gives the log of one before another name
/// (`.log.1`), or removes it, and where all of them are was said when Xen was built.
fn is_log(file: &Path, guest: &Name) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.strip_suffix(" (deleted)").unwrap_or(name);
    [guest.to_string(), incoming(guest)].iter().any(|guest| {
        name.strip_prefix(&format!("xl-{guest}.log")).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix('.').is_some_and(|it| it.parse::<u32>().is_ok())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_is_known_by_its_log_whatever_has_become_of_that() {
        let is_log = |name: &str| is_log(Path::new(name), &Name::from_any("g1"));
        for log in ["g1.log", "g1--incoming.log", "g1.log.1", "g1.log.12 (deleted)"] {
            assert!(is_log(&format!("/var/log/xen/xl-{log}")), "{log}");
            assert!(is_log(&format!("/opt/xen/log/xl-{log}")), "{log}");
        }
        for other in ["xl-g1.log.old.log", "xl-g10.log", "xl-g1", "g1.log", "xl-g1.log.", "/"] {
            assert!(!is_log(other), "{other}");
        }
    }

    #[test]
    fn an_xl_that_lets_a_guest_in_and_the_domain_for_it_are_known() {
        let line = |line: &str| line.replace(' ', "\0").into_bytes();
        let receiver = line("/usr/lib/xen-4.17/bin/xl migrate-receive ");
        let helper =
            line("/usr/lib/xen-4.17/bin/libxl-save-helper --restore-domain 11 20 3 1 0 2 0 768 0 ");
        // This process, and the one that has started it.
        let this = Process::of(std::process::id().cast_signed()).unwrap();
        let parent = Process::of(this.parent().unwrap()).unwrap();
        let receive = |parent_line: &[u8], line: &[u8], id| {
            Programs(vec![(parent, parent_line.to_vec()), (this, line.to_vec())]).receive(id)
        };
        assert!(receive(&receiver, &helper, 3));
        assert!(!receive(&receiver, &helper, 11), "another domain");
        assert!(!receive(&line("xl restore /srv/g1.state "), &helper, 3), "from a file");
        let save = line("libxl-save-helper --save-domain 11 20 3 0 0 ");
        assert!(!receive(&receiver, &save, 3), "to another host");
        // It waits for another xl, or for the word that the guest may run.
        assert!(!Programs(vec![(parent, receiver)]).receive(3));
    }

    #[test]
    fn an_xl_is_known_by_its_verb_and_its_domain() {
        let guest = Name::from_any("g1");
        let work = |line: &str| work(line.replace(' ', "\0").as_bytes(), &guest, Some(3));
        assert_eq!(work("/usr/sbin/xl migrate -s ssh 3 n2"), Some(Work::Migrate));
        assert_eq!(work("xl -v save g1 /srv/g1.state"), Some(Work::Save));
        assert_eq!(work("xl remus -Fnd g1 n2"), Some(Work::Checkpoint));
        assert_eq!(work("xl destroy 3"), Some(Work::Destroy));
        let build = "xl create -f /srv/a.cfg name=\"g1\"";
        assert_eq!(work(build), Some(Work::Build));
        assert_eq!(work("xl restore /srv/g1.migration.state"), Some(Work::Build));
        assert_eq!(work(&build.replace("g1", "g10")), None);
        assert_eq!(work("xl restore /srv/g10.migration.state"), None);
        for other in ["xl migrate g10 n2", "xl list 3", "grep xl migrate 3", "xl", "xl create g1"] {
            assert_eq!(work(other), None, "{other}");
        }
    }
}
