//! `hawser p2v`: a guest out of a machine.

use clap::Args;
use exec::Deadline;
use p2v::{Conversion, Exclusion, Interface, Source, Word};
use provision::Size;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::error::Error;
use crate::hypervisor::Hypervisor;
use crate::terminal::Progress;

/// Make a guest of a running Linux machine, or of a disk image
///
/// Writes NAME.img, the guest's configuration and NAME.crm, the resource, into a directory. Whatever ends the command, it can
/// be given again, and goes on with what it has copied of a machine.
#[derive(Debug, Args)]
pub struct P2v {
    /// ssh://[USER@]HOST[:PORT], or the path of an image that qemu-img reads
    #[arg(value_name = "SOURCE")]
    source: Source,

    /// The guest's name
    #[arg(long)]
    name: Word,

    /// The directory that gets the guest's files, under the path that it has on the nodes
    #[arg(long, value_name = "DIR")]
    output: PathBuf,

    /// How large a machine's new disk is to be, such as 20G; as its file systems together, otherwise
    #[arg(long)]
    size: Option<Size>,

    /// The bridge that the guest is attached to
    #[arg(long, default_value = "br0")]
    bridge: Word,

    /// What the guest is to run on
    #[arg(long, value_enum, default_value_t = Hypervisor::Kvm)]
    hypervisor: Hypervisor,

    /// Leave out what is in this directory of the machine; can be repeated
    #[arg(long, value_name = "PATH")]
    exclude: Vec<Exclusion>,

    /// Stop this systemd unit of the machine before the last pass, for good; can be repeated
    #[arg(long, value_name = "UNIT")]
    stop: Vec<String>,

    /// A network interface of the guest's, instead of all physical ones of the machine; can be repeated
    #[arg(long, value_name = "NAME[=MAC]")]
    interface: Vec<Interface>,

    /// The file with the key for ssh
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,

    /// How long it may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 43200)]
    timeout: u64,
}

impl P2v {
    pub fn run(self) -> Result<ExitCode, Error> {
        let progress = Progress::default();
        let conversion = Conversion {
            source: self.source.with_identity(self.identity),
            name: self.name,
            output: self.output,
            size: self.size.map(|Size(bytes)| bytes),
            bridge: self.bridge,
            hypervisor: self.hypervisor.into(),
            exclude: self.exclude,
            stop: self.stop,
            interfaces: self.interface,
        };
        let by = Deadline::after(Duration::from_secs(self.timeout));
        let done = conversion.perform(by, &|what, percent| progress.show(what, percent));
        progress.end();
        done?;
        Ok(ExitCode::SUCCESS)
    }
}
