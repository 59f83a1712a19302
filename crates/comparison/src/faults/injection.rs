//! How the faults that every hypervisor can have are made and undone.

use super::fault::Condition;
use super::judgement::Before;
use super::stage::{POLL, Stage, late};
use crate::Error;
use lab::Node;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Where a node keeps what faults are made of.
pub const FAULT: &str = "/run/fault";

/// How long a fault may take to show.
pub const EFFECT_TIME: Duration = Duration::from_secs(20);

/// What a guest that breaks at a command has for answering it.
pub const LAST_WORDS: Duration = Duration::from_millis(500);

/// Makes the guest be as it is to be.
pub fn nothing(stage: &mut Stage, condition: Condition) -> Result<(), Error> {
    match condition {
        Condition::Running => stage.raise(),
        Condition::Stopped => stage.lower(),
    }
}

/// Leaves everything as it is.
pub fn leave(_stage: &mut Stage) -> Result<(), Error> {
    Ok(())
}

pub fn hide_config(stage: &mut Stage, condition: Condition) -> Result<(), Error> {
    nothing(stage, condition)?;
    rename(&stage.config(), &stage.config().with_extension("gone"))
}

pub fn show_config(stage: &mut Stage) -> Result<(), Error> {
    rename(&stage.config().with_extension("gone"), &stage.config())
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|source| Error::Install { path: to.to_owned(), source })
}

/// Takes a program away from a directory of a node, which is covered by an overlay with a whiteout in it.
pub fn hide_program(node: &Node<'_>, directory: &str, program: &str) -> Result<(), Error> {
    let run = |program, arguments: &[&str]| Stage::run(node, program, arguments).map(drop);
    let (upper, whiteout) = (format!("{FAULT}/bin"), format!("{FAULT}/bin/{program}"));
    run("mkdir", &["-p", &upper])?;
    run("rm", &["-f", &whiteout])?;
    run("mknod", &[&whiteout, "c", "0", "0"])?;
    let layers = format!("ro,lowerdir={upper}:{directory}");
    run("mount", &["-t", "overlay", "-o", &layers, "overlay", directory])
}

/// Takes away what covers a path. Programs may still run from it.
pub fn unmount(node: &Node<'_>, target: &str) -> Result<(), Error> {
    Stage::run(node, "umount", &["--lazy", target]).map(drop)
}

pub fn cut_target(stage: &mut Stage, condition: Condition) -> Result<(), Error> {
    nothing(stage, condition)?;
    Ok(stage.there()?.cut_off()?)
}

pub fn join_target(stage: &mut Stage) -> Result<(), Error> {
    Ok(stage.there()?.reconnect()?)
}

/// Waits until nothing of the guest is left anywhere.
pub fn until_off(stage: &Stage) -> Result<(), Error> {
    let deadline = stage.within(EFFECT_TIME);
    while stage.before()? != Before::Off {
        if !deadline.pause(POLL) {
            return Err(late("the end of the guest"));
        }
    }
    Ok(())
}
