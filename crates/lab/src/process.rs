//! What /proc says of a process that is nobody's child here.

use nix::unistd::Pid;
use std::{fs, io};

/// The parent of a process.
pub fn parent(process: Pid) -> io::Result<Pid> {
    let number = field(process, "PPid:")?.parse();
    number.map(Pid::from_raw).map_err(io::Error::other)
}

/// Whether a process has not ended yet. One that has, but is not reaped by its parent, does not run.
pub fn runs(process: Pid) -> bool {
    field(process, "State:").is_ok_and(|it| !it.starts_with(['Z', 'X']))
}

fn field(process: Pid, name: &str) -> io::Result<String> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let value = status.lines().find_map(|it| it.strip_prefix(name));
    value.map(|it| it.trim().to_owned()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_zombie_does_not_run() {
        let mut child = exec::Tool::new("sleep").arg("60").spawn(None).unwrap();
        let pid = Pid::from_raw(child.id().cast_signed());
        assert_eq!(parent(pid).unwrap(), Pid::this());
        assert!(runs(pid));
        child.terminate();
        let deadline = exec::Deadline::after(Duration::from_secs(10));
        while runs(pid) {
            assert!(deadline.pause(Duration::from_millis(1)), "still running");
        }
        child.kill();
        assert!(!runs(pid));
    }
}
