//! How each fault of libvirt and its guests is made and undone.

use super::daemon;
use crate::faults::fault::Condition;
use crate::faults::injection::{
    EFFECT_TIME, FAULT, LAST_WORDS, hide_program, nothing, unmount, until,
};
use crate::faults::judgement::Before;
use crate::faults::stage::{POLL, Stage, late, signal};
use crate::{Error, Subject};
use exec::Deadline;
use lab_guest::Command;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

const PROGRAMS: &str = "/usr/bin";
const FULL_AGENT: &str = "/usr/libexec/hawser";
const SOCKETS: &str = "/run/libvirt";
const SOCKET_NAMES: [&str; 3] = ["libvirt-sock", "libvirt-sock-ro", "libvirt-admin-sock"];

/// Between what libvirtd has (160 MiB, the stacks of its threads mostly) and what QEMU needs (1.3 GiB
/// when it emulates, 350 MiB when it does not), in bytes.
const DAEMON_DATA: u64 = 256 << 20;

/// Where the storage server listens: NBD's own port, on the observer.
const STORAGE: (&str, u16) = ("10.77.0.250", 10809);

pub fn hide_client(stage: &mut Stage, condition: Condition) -> Result<(), Error> {
    nothing(stage, condition)?;
    let node = stage.here()?;
    let run = |program, arguments: &[&str]| Stage::run(&node, program, arguments).map(drop);
    match stage.subject {
        Subject::Ours(_) => {
            let empty = format!("{FAULT}/empty-directory");
            run("mkdir", &["-p", &empty])?;
            run("mount", &["--bind", &empty, FULL_AGENT])
        }
        Subject::Stock(_) => hide_program(&node, PROGRAMS, "virsh"),
    }
}

pub fn show_client(stage: &mut Stage) -> Result<(), Error> {
    let covered = match stage.subject {
        Subject::Ours(_) => FULL_AGENT,
        Subject::Stock(_) => PROGRAMS,
    };
    unmount(&stage.here()?, covered)
}

pub fn hide_library(stage: &mut Stage, condition: Condition) -> Result<(), Error> {
    nothing(stage, condition)?;
    let node = stage.here()?;
    let empty = format!("{FAULT}/empty");
    Stage::run(&node, "mkdir", &["-p", FAULT])?;
    Stage::run(&node, "touch", &[&empty])?;
    Stage::run(&node, "mount", &["--bind", &empty, &library(stage)?])?;
    Ok(())
}

pub fn show_library(stage: &mut Stage) -> Result<(), Error> {
    unmount(&stage.here()?, &library(stage)?)
}

/// libvirt's client library, as the loader finds it.
fn library(stage: &Stage) -> Result<String, Error> {
    let cache = Stage::run(&stage.here()?, "ldconfig", &["--print-cache"])?;
    let line = cache.lines().find(|it| it.trim_start().starts_with("libvirt.so.0 "));
    let path = line.and_then(|it| it.split(" => ").nth(1));
    let path = path.ok_or_else(|| Error::Unsuccessful {
        what: "looking for libvirt.so.0 in ldconfig's cache".to_owned(),
    })?;
    Ok(path.trim().to_owned())
}

pub fn hide_sockets(stage: &mut Stage, condition: Condition) -> Result<(), Error> {
    nothing(stage, condition)?;
    Stage::run(&stage.here()?, "mkdir", &["-p", FAULT])?;
    move_sockets(stage, SOCKETS, FAULT)
}

pub fn show_sockets(stage: &mut Stage) -> Result<(), Error> {
    move_sockets(stage, FAULT, SOCKETS)
}

fn move_sockets(stage: &Stage, from: &str, to: &str) -> Result<(), Error> {
    let files = SOCKET_NAMES.map(|name| format!("{from}/{name}"));
    let [read_write, read_only, admin] = files.each_ref().map(String::as_str);
    Stage::run(&stage.here()?, "mv", &[read_write, read_only, admin, to]).map(drop)
}

pub fn stop_daemon(stage: &mut Stage, condition: Condition) -> Result<(), Error> {
    nothing(stage, condition)?;
    daemon::end(&stage.here()?, "TERM")
}

pub fn start_daemon(stage: &mut Stage) -> Result<(), Error> {
    daemon::start(&stage.here()?)
}

pub fn freeze_daemon(stage: &mut Stage, condition: Condition) -> Result<(), Error> {
    nothing(stage, condition)?;
    let node = stage.here()?;
    signal(&node, "STOP", &daemon::processes(&node)?)
}

/// A daemon that just went on would do what it was asked in the meantime, behind the next cell's back.
pub fn replace_daemon(stage: &mut Stage) -> Result<(), Error> {
    daemon::restart(&stage.here()?)
}

pub fn lose_storage(stage: &mut Stage, condition: Condition) -> Result<(), Error> {
    serve_storage(stage)?;
    nothing(stage, condition)?;
    end_storage(stage)?;
    match condition {
        Condition::Running => {
            // What it was told to write is not written, so it does not answer.
            stage.tell(Command::DiskWrite { size: 1 }, Deadline::after(LAST_WORDS));
            until_state(stage, "paused (I/O error)")
        }
        Condition::Stopped => Ok(()),
    }
}

pub fn restore_storage(stage: &mut Stage) -> Result<(), Error> {
    end_storage(stage)?;
    stage.clear()?;
    stage.place()
}

/// Serves the guest's disk from the observer, and makes the guest's configuration say so.
fn serve_storage(stage: &mut Stage) -> Result<(), Error> {
    stage.clear()?;
    let (address, port) = STORAGE;
    let server = stage.lab().observer()?.tool("qemu-nbd");
    let server = server
        .args(["--fork", "--persistent", "--shared=8", "--format=raw", "--cache=none"])
        .args([format!("--bind={address}"), format!("--port={port}")])
        .args([OsStr::new("--pid-file"), storage_pid(stage).as_os_str()])
        .arg(stage.config().with_extension("img"));
    server.run(Deadline::after(EFFECT_TIME))?;
    let path = stage.config();
    let file = stage.guest.file("img").display().to_string();
    let network = format!("protocol='nbd' name=''><host name='{address}' port='{port}'/></source>");
    let xml = fs::read_to_string(&path)
        .map_err(|source| Error::Read { path: path.clone(), source })?
        .replace("<disk type='file'", "<disk type='network'")
        .replace(&format!("file='{file}'/>"), &network);
    fs::write(&path, xml).map_err(|source| Error::Install { path, source })
}

/// Kills the storage server, if there is one.
fn end_storage(stage: &Stage) -> Result<(), Error> {
    let kill = stage.lab().observer()?.tool("pkill");
    let kill = kill.args(["-KILL", "--pidfile"]).arg(storage_pid(stage));
    kill.output(Deadline::after(EFFECT_TIME))?;
    Ok(())
}

fn storage_pid(stage: &Stage) -> PathBuf {
    stage.config().with_extension("pid")
}

pub fn crash(stage: &mut Stage, condition: Condition) -> Result<(), Error> {
    stage.raise()?;
    if condition == Condition::Running {
        // It has no time to answer.
        stage.tell(Command::Panic, Deadline::after(LAST_WORDS));
        return until_state(stage, "crashed (panicked)");
    }
    let node = stage.here()?;
    signal(&node, "KILL", &super::processes(&node, &stage.guest)?)?;
    until(stage, Before::Off)
}

/// Waits until libvirt, which is well, says that the guest is in that state.
fn until_state(stage: &Stage, state: &str) -> Result<(), Error> {
    let deadline = Deadline::after(EFFECT_TIME);
    let node = stage.here()?;
    while Stage::run(&node, "virsh", &["domstate", "--reason", &stage.guest.name])?.trim() != state
    {
        if !deadline.pause(POLL) {
            return Err(late(&format!("the guest's state \"{state}\"")));
        }
    }
    Ok(())
}

pub fn limit_guests(stage: &mut Stage, condition: Condition) -> Result<(), Error> {
    nothing(stage, condition)?;
    limit_data(stage, &DAEMON_DATA.to_string())
}

pub fn unlimit_guests(stage: &mut Stage) -> Result<(), Error> {
    limit_data(stage, "unlimited")
}

fn limit_data(stage: &Stage, soft: &str) -> Result<(), Error> {
    for node in [stage.here()?, stage.there()?] {
        for pid in daemon::processes(&node)? {
            Stage::run(&node, "prlimit", &["--pid", &pid, &format!("--data={soft}:unlimited")])?;
        }
    }
    Ok(())
}
