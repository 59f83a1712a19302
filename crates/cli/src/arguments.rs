use clap::{Parser, Subcommand};
use std::process::ExitCode;

use crate::bench::Bench;
use crate::demo::Demo;
use crate::error::Error;
use crate::faults::Faults;
use crate::lab::LabArguments;
use crate::p2v::P2v;
use crate::provision::ProvisionArguments;
use crate::recovery::Recovery;

/// Keeps virtual machines available on Pacemaker clusters
#[derive(Debug, Parser)]
#[command(name = "hawser", version, propagate_version = true)]
pub struct Arguments {
    #[command(subcommand)]
    area: Area,
}

#[derive(Debug, Subcommand)]
enum Area {
    Lab(LabArguments),
    Demo(Demo),
    Faults(Faults),
    Bench(Bench),
    Recovery(Recovery),
    Provision(ProvisionArguments),
    P2v(P2v),
}

impl Arguments {
    pub fn run(self) -> Result<ExitCode, Error> {
        match self.area {
            Area::Lab(lab) => lab.run(),
            Area::Demo(demo) => demo.run(),
            Area::Faults(faults) => faults.run(),
            Area::Bench(bench) => bench.run(),
            Area::Recovery(recovery) => recovery.run(),
            Area::Provision(provision) => provision.run(),
            Area::P2v(p2v) => p2v.run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
