//! What faults of any hypervisor are made and undone with.

use super::fault::Condition;
use super::judgement::Before;
use super::stage::{POLL, Stage, late};
use crate::Error;
use lab::Node;
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

/// Waits until the guest is like that.
pub fn until(stage: &Stage, wanted: Before) -> Result<(), Error> {
    let deadline = stage.within(EFFECT_TIME);
    while stage.before()? != wanted {
        if !deadline.pause(POLL) {
            return Err(late(&format!("the guest to be {wanted:?}")));
        }
    }
    Ok(())
}
