//! What can be wrong on any hypervisor.

use super::fault::{Condition, Fault};
use super::injection::nothing;
use super::stage::Stage;
use crate::Error;
use std::fs;
use std::path::Path;

pub const NOTHING_WRONG: Fault =
    Fault::of_call("nothing-wrong", "No fault, for comparison.", |call| call);

pub const CONFIG_GONE: Fault = Fault::new(
    "config-gone",
    "The guest's configuration file is moved away on the shared storage.",
    hide_config,
    show_config,
);

pub const TARGET_UNREACHABLE: Fault = Fault::new(
    "target-unreachable",
    "The other node's network cable is unplugged.",
    cut_target,
    join_target,
);

fn hide_config(stage: &mut Stage, condition: Condition) -> Result<(), Error> {
    nothing(stage, condition)?;
    rename(&stage.config(), &stage.config().with_extension("gone"))
}

fn show_config(stage: &mut Stage) -> Result<(), Error> {
    rename(&stage.config().with_extension("gone"), &stage.config())
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|source| Error::Install { path: to.to_owned(), source })
}

fn cut_target(stage: &mut Stage, condition: Condition) -> Result<(), Error> {
    nothing(stage, condition)?;
    Ok(stage.there()?.cut_off()?)
}

fn join_target(stage: &mut Stage) -> Result<(), Error> {
    Ok(stage.there()?.reconnect()?)
}
