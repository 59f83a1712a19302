//! The lab's guest: a tiny Linux system that is nothing but its kernel and this program as PID 1.
//!
//! It exists to make a high-availability cluster's mistakes visible from outside. Every answer
//! carries the boot id and a counter, so a reboot or a rolled back state shows in the very next
//! answer; and it can dirty memory at a given rate while it checks every page it wrote, so that a
//! page lost in a live migration shows as well.
//!
//! | port | what it speaks |
//! |---|---|
//! | UDP 7, TCP 7 | [`echo`]: an 8 byte sequence number in, a 40 byte [`Reply`] out |
//! | TCP 8 | [`control`]: one [`Command`] a line in, one line out |
//! | virtio-serial `org.qemu.guest_agent.0` | the QEMU guest agent's protocol, a handful of commands |
//!
//! The kernel command line configures it: see [`Options`].
//!
//! The library is what both ends share; the lab's probes decode with the types the guest encodes with.

mod agent;
pub mod boot;
mod command;
pub mod control;
mod disk;
pub mod echo;
mod error;
mod memory;
mod network;
mod options;
mod page;
pub mod port;
mod power;
mod reply;
mod status;

pub use command::{BadCommand, Command};
pub use error::Error;
pub use options::Options;
pub use page::{Page, Region};
pub use reply::{BadBootId, BootId, Reply};
pub use status::{BadStatus, Status};

use nix::sys::reboot::RebootMode;
use std::env;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// What the guest writes on its serial console once it answers; the address and boot id follow.
pub const READY: &str = "hawser lab guest ready:";

/// Runs the guest, or ends it when the kernel calls this program by another name than init's. Returns only
/// when that cannot be done.
#[must_use]
pub fn main() -> ExitCode {
    let name = env::args_os().next().unwrap_or_default();
    let done = match Path::new(&name).file_name().and_then(|it| it.to_str()) {
        Some("poweroff") => power::told(RebootMode::RB_POWER_OFF),
        Some("reboot") => power::told(RebootMode::RB_AUTOBOOT),
        _ => run(),
    };
    if let Err(error) = done {
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(error) = source {
            reason = format!("{reason}: {error}");
            source = error.source();
        }
        // Without a console nobody can be told; the kernel's panic follows either way.
        let _ = writeln!(std::io::stderr().lock(), "hawser lab guest: {reason}");
    }
    ExitCode::FAILURE
}

fn run() -> Result<(), Error> {
    boot::mount_filesystems()?;
    let options = Options::read()?;
    boot::load_modules()?;
    if let Some(size) = options.install {
        disk::write(size).map_err(|source| Error::Install { source })?;
        power::off();
    }
    let echo = Arc::new(echo::Echo::new(boot::boot_id()?));
    if let Some(address) = options.address {
        network::configure(address)?;
    }
    if options.power_button {
        power::watch_button()?;
    }
    if options.agent {
        agent::start()?;
    }
    let control = control::Control::new(Arc::clone(&echo));
    let control = control.listen()?;
    echo.listen()?;
    let address = options.address.map_or_else(|| "no address".to_owned(), |it| it.to_string());
    // The console is for people and for the ready line; a guest without one works as well.
    let _ = writeln!(std::io::stdout().lock(), "{READY} {address}, boot id {}", echo.boot_id());
    control.serve()
}
