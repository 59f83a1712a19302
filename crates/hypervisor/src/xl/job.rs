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

/// Every xl that is at work on the guest, in a domain of that number if it has one.
pub fn of(guest: &Name, id: Option<u16>) -> Vec<Task> {
    let task = |process: Process| {
        let work = work(&process.command_line()?, guest, id)?;
        // The xl that has built a domain stays as its keeper, with the same words.
        let is_over = work == Work::Build && keeps(process, guest);
        (!is_over).then_some(Task { work, process })
    };
    Process::all().filter_map(task).collect()
}

/// Every xl that builds a domain for the guest, which may not be there yet. It outlives an agent that is killed.
pub fn builders(guest: &Name) -> Vec<Process> {
    let builds = |task: &Task| task.work == Work::Build;
    of(guest, None).into_iter().filter(builds).map(|task| task.process).collect()
}

/// Whether a guest may be just coming into the domain of that number from another host. The xl that lets it in names
/// neither; its helper, which is there for as long as memory comes, names the domain.
pub fn receives(id: u16) -> bool {
    let all: Vec<_> = Process::all().filter_map(|it| Some((it, it.command_line()?))).collect();
    let helped = |receiver: Process| {
        let children = all.iter().filter(move |(it, _)| it.parent() == Some(receiver.pid));
        children.filter_map(|(_, line)| restored(line)).next()
    };
    let mut receivers = all.iter().filter(|(it, line)| is_receiver(line) && kept(*it).is_none());
    receivers.any(|(receiver, _)| helped(*receiver).is_none_or(|domain| domain == id))
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
    let names = [guest.to_string(), incoming(guest)];
    kept(process).is_some_and(|guest| names.contains(&guest))
}

/// The name of the guest for which a process logs, if it is a keeper.
fn kept(process: Process) -> Option<String> {
    guest_of_log(&std::fs::read_link(format!("/proc/{}/fd/1", process.pid)).ok()?)
}

/// The name of the guest for which a keeper logs to that file, as the guest was called when it was started. libxl
/// gives the log of one before another name (`.log.1`), or removes it, and where all of them are was said when Xen
/// was built.
fn guest_of_log(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let name = name.strip_suffix(" (deleted)").unwrap_or(name);
    let numbered = name.rsplit_once('.').filter(|(_, number)| number.parse::<u32>().is_ok());
    let name = numbered.map_or(name, |(name, _)| name);
    Some(name.strip_prefix("xl-")?.strip_suffix(".log")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_is_known_by_its_log_whatever_has_become_of_that() {
        let guest = |file: &str| guest_of_log(Path::new(file));
        for log in ["g1.log", "g1.log.1", "g1.log.12 (deleted)"] {
            assert_eq!(guest(&format!("/var/log/xen/xl-{log}")).as_deref(), Some("g1"), "{log}");
            assert_eq!(guest(&format!("/opt/xen/log/xl-{log}")).as_deref(), Some("g1"), "{log}");
        }
        assert_eq!(guest("/var/log/xen/xl-g1--incoming.log").as_deref(), Some("g1--incoming"));
        for other in ["xl-g1", "g1.log", "xl-g1.log.", "pipe:[11831]", "/"] {
            assert_eq!(guest(other), None, "{other}");
        }
    }

    #[test]
    fn an_xl_that_lets_a_guest_in_and_the_domain_for_it_are_known() {
        let line = |line: &str| line.replace(' ', "\0").into_bytes();
        assert!(is_receiver(&line("/usr/lib/xen-4.17/bin/xl migrate-receive ")));
        assert!(
            !is_receiver(&line("ssh n2 xl migrate-receive ")) && !is_receiver(&line("xl list "))
        );
        let helper =
            "/usr/lib/xen-4.17/bin/libxl-save-helper --restore-domain 11 20 3 1 0 2 0 768 0 ";
        assert_eq!(restored(&line(helper)), Some(3));
        assert_eq!(restored(&line(&helper.replace("restore", "save"))), None);
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
