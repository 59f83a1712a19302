//! The daemons of Xen's toolstack in the control domain. They live as long as the machine: a xenstored
//! that ends cannot be started again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::services::{start as start_daemon, wait_until};
use crate::{Error, mounts};
use exec::{Deadline, Tool};
use nix::mount::MsFlags;

/// How long a program may take to write down what the control domain is.
const INIT_TIME: Duration = Duration::from_secs(60);

/// Starts them in the order of Debian's `/etc/init.d/xen`, which wants a whole system around it.
pub fn start() -> Result<(), Error> {
    mounts::attach("xenfs", Path::new("/proc/xen"), MsFlags::empty(), "")?;
    for directory in ["/run/xen", "/run/xenstored", "/run/sshd", "/var/log/xen", "/var/lib/xen"] {
        mounts::create(Path::new(directory))?;
    }
    start_daemon("oxenstored", &["--no-fork"])?;
    wait_until(|| Path::new("/run/xenstored/socket").exists());
    let init = programs()?.join("xen-init-dom0");
    Tool::new(init).run(Deadline::after(INIT_TIME))?;
    start_daemon("xenconsoled", &["--interactive"])?;
    Ok(())
}

/// Where the programs of the hypervisor that runs are.
fn programs() -> Result<PathBuf, Error> {
    let read = |name: &str| {
        let path = Path::new("/sys/hypervisor/version").join(name);
        let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        Ok::<_, Error>(text.trim().to_owned())
    };
    Ok(PathBuf::from(format!("/usr/lib/xen-{}.{}/bin", read("major")?, read("minor")?)))
}
