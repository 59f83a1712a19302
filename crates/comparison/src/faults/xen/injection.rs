//! How each fault of Xen and its guests is made and undone.

use crate::Error;
use crate::faults::fault::Condition;
use crate::faults::injection::{LAST_WORDS, hide_program, nothing, unmount, until};
use crate::faults::judgement::Before;
use crate::faults::stage::{Stage, signal};
use lab::{Node, SHARED};
use lab_guest::Command;
use std::fs;
use std::path::Path;

const PROGRAMS: &str = "/usr/sbin";

/// By which the hypervisor is asked.
const DEVICES: [&str; 2] = ["/dev/xen/privcmd", "/dev/xen/hypercall"];

/// What a node is left with that is short of memory, in MiB: less than a guest needs.
const LEFT: u32 = 48;

/// The guest that has the rest. It runs nothing.
const FILLER: &str = "filler";

pub fn hide_client(stage: &Stage) -> Result<(), Error> {
    hide_program(&stage.here()?, PROGRAMS, "xl")
}

pub fn show_client(stage: &Stage) -> Result<(), Error> {
    unmount(&stage.here()?, PROGRAMS)
}

pub fn freeze_store(stage: &Stage) -> Result<(), Error> {
    signal_store(stage, "STOP")
}

pub fn thaw_store(stage: &Stage) -> Result<(), Error> {
    signal_store(stage, "CONT")
}

fn signal_store(stage: &Stage, name: &str) -> Result<(), Error> {
    let node = stage.here()?;
    let processes = Stage::run(&node, "pidof", &["oxenstored"])?;
    signal(&node, name, &[processes.trim().to_owned()])
}

pub fn hide_hypervisor(stage: &Stage) -> Result<(), Error> {
    let node = stage.here()?;
    let hide = |it| Stage::run(&node, "mount", &["--bind", "/dev/null", it]).map(drop);
    DEVICES.into_iter().try_for_each(hide)
}

pub fn show_hypervisor(stage: &Stage) -> Result<(), Error> {
    let node = stage.here()?;
    DEVICES.into_iter().try_for_each(|it| unmount(&node, it))
}

pub fn crash(stage: &mut Stage, _condition: Condition) -> Result<(), Error> {
    bring(stage, Before::Broken, |stage| {
        // It has no time to answer.
        stage.tell(Command::Panic, stage.within(LAST_WORDS));
        Ok(())
    })
}

pub fn pause(stage: &mut Stage, _condition: Condition) -> Result<(), Error> {
    bring(stage, Before::Paused, |stage| {
        Stage::run(&stage.here()?, "xl", &["pause", &stage.guest.name]).map(drop)
    })
}

pub fn abandon(stage: &mut Stage, _condition: Condition) -> Result<(), Error> {
    bring(stage, Before::Ended, |stage| {
        let node = stage.here()?;
        signal(&node, "KILL", &keepers(&node)?)?;
        stage.tell(Command::PowerOff, stage.within(LAST_WORDS));
        Ok(())
    })
}

/// Has a guest that runs get into a state. One that an action has left in it stays there.
fn bring(
    stage: &Stage,
    wanted: Before,
    act: impl Fn(&Stage) -> Result<(), Error>,
) -> Result<(), Error> {
    if stage.before()? == wanted {
        return Ok(());
    }
    stage.raise()?;
    act(stage)?;
    until(stage, wanted)
}

/// The xl that waits for the end of each guest that it started.
fn keepers(node: &Node<'_>) -> Result<Vec<String>, Error> {
    let processes = Stage::run(node, "pidof", &["xl"])?;
    Ok(processes.split_whitespace().map(str::to_owned).collect())
}

pub fn fill_memory(stage: &mut Stage, condition: Condition) -> Result<(), Error> {
    nothing(stage, condition)?;
    for node in [stage.here()?, stage.there()?] {
        let info = Stage::run(&node, "xl", &["info", "free_memory"])?;
        let free: u32 = info.trim().parse().unwrap_or_default();
        let name = format!("{FILLER}-{}.cfg", node.name());
        let path = stage.lab().shared().join(&name);
        let guest = fs::read_to_string(stage.config())
            .map_err(|source| Error::Read { path: stage.config(), source })?;
        let kept =
            |it: &&str| ["kernel", "ramdisk", "type"].iter().any(|word| it.starts_with(word));
        let kept: String = guest.lines().filter(kept).map(|it| format!("{it}\n")).collect();
        let memory = free.saturating_sub(LEFT);
        let text = format!("{kept}name = \"{FILLER}\"\nmemory = {memory}\n");
        fs::write(&path, text).map_err(|source| Error::Install { path, source })?;
        let file = Path::new(SHARED).join(&name).display().to_string();
        Stage::run(&node, "xl", &["create", "-p", &file])?;
    }
    Ok(())
}

pub fn free_memory(stage: &mut Stage) -> Result<(), Error> {
    for node in [stage.here()?, stage.there()?] {
        Stage::run(&node, "xl", &["destroy", FILLER])?;
    }
    Ok(())
}
