//! `hawser provision`: a guest's disks out of its recipe.

use clap::Args;
use exec::Deadline;
use provision::{Id, Plan, Provision, Recipe};
use std::fmt::Arguments;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::Error;
use crate::terminal::{answer, note};

/// Make the disks of a guest that its recipe names and that are not there
///
/// The guest must not run, which is not looked at where it is one of Xen's. Whatever ends the command, it can be given
/// again, here or on another node that reaches the disks.
#[derive(Debug, Args)]
pub struct ProvisionArguments {
    /// The recipe, as in docs/provision.md
    #[arg(value_name = "RECIPE")]
    recipe: PathBuf,

    /// Make all of them anew, and keep the old ones aside
    #[arg(long)]
    reinstall: bool,

    /// Only print what would be done
    #[arg(long)]
    dry_run: bool,

    /// How long it may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    timeout: u64,
}

impl ProvisionArguments {
    pub fn run(self) -> Result<ExitCode, Error> {
        let by = Deadline::after(Duration::from_secs(self.timeout));
        let recipe = Recipe::read(&self.recipe, by)?;
        let tell = |text: Arguments<'_>| note(&text.to_string());
        let provision = Provision::begin(&recipe, by, &tell)?;
        let id = if self.reinstall { Some(reinstallation(&provision)?) } else { None };
        if !self.dry_run {
            provision.perform(id.as_ref())?;
            return Ok(ExitCode::SUCCESS);
        }
        for (path, plan) in provision.plan(id.as_ref()) {
            let what = match plan {
                Plan::Leave => "is there, and stays as it is",
                Plan::Make => "is not there, and would be made",
                Plan::Replace => "would be made anew, and the old one kept aside",
                Plan::Finish => "would be replaced by what an interrupted reinstallation has made",
            };
            answer(&format!("{} {what}", path.display()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The one that was interrupted, or another one.
fn reinstallation(provision: &Provision<'_>) -> Result<Id, provision::Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    provision.attempt().map_or_else(|| Id::try_from(&*format!("manual-{now}")), Ok)
}
