use clap::Args;
use lab::Lab;
use lab::report::Report;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;
use crate::terminal::{answer, note};

/// Measure a guest from the observer: a UDP probe and a TCP record each millisecond, 100 ms on Xen
#[derive(Debug, Args)]
pub struct Measure {
    /// The guest's address
    #[arg(default_value = "10.77.0.100")]
    address: Ipv4Addr,

    /// For how many seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,

    /// Write a page with the plot of all round-trip times
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Measure {
    pub fn run(self, lab: &Lab) -> Result<(), Error> {
        let probe = lab.probe(self.address)?;
        probe.timeline().mark("begin");
        note(&format!("probing {} for {} s", self.address, self.seconds));
        std::thread::sleep(Duration::from_secs(self.seconds));
        let measurement = probe.finish();
        let report = Report::new(format!("Guest at {}", self.address), &measurement);
        if let Some(path) = &self.html {
            report.write_html(path).map_err(lab::Error::from)?;
            note(&format!("wrote {}", path.display()));
        }
        answer(report.text().trim_end())
    }
}
