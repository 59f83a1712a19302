use clap::Args;
use exec::Deadline;
use lab::{Guest, Lab};
use std::time::Duration;

use crate::error::Error;
use crate::terminal::{answer, note};

/// How long placing may take: the first time the guest's kernel is fetched.
const PLACE_TIME: Duration = Duration::from_secs(180);

/// Place a guest on the shared storage, for a resource of the cluster to start
#[derive(Debug, Args)]
pub struct Place {
    /// Its name, such as vm1
    // The global --lab has the id `name`.
    #[arg(id = "guest", value_name = "NAME")]
    name: String,

    /// Its number: from it follow its address, 10.77.0.100 for 0, its MAC address and its UUID
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..100))]
    number: u8,

    /// Its memory in MiB
    #[arg(long, default_value_t = lab::image::MEMORY, value_parser = clap::value_parser!(u32).range(80..))]
    memory: u32,

    /// Give it no disk
    #[arg(long)]
    diskless: bool,

    /// More for its kernel's command line: hawser.acpi=ignore, hawser.agent=off
    #[arg(long, default_value = "")]
    append: String,
}

impl Place {
    pub fn run(self, lab: &Lab) -> Result<(), Error> {
        let guest = Guest {
            name: self.name,
            number: self.number,
            memory: self.memory,
            disk: !self.diskless,
            command_line: self.append,
        };
        note("placing the guest; the first time on a machine its kernel is fetched");
        let config = lab.place(&guest, Deadline::after(PLACE_TIME))?;
        answer(&format!("{} at {}", config.display(), guest.address()))
    }
}
