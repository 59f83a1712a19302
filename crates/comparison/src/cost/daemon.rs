use nix::time::clock_getcpuclockid;
use nix::unistd::{Pid, SysconfVar, sysconf};
use serde::{Deserialize, Serialize};
use std::fs;
use std::ops::Sub;
use std::time::Duration;

/// The daemons whose CPU time counts, by the name that the kernel has of them: 15 bytes at most.
const NAMES: &[&str] = &[
    "corosync",
    "libvirtd",
    "oxenstored",
    "pacemaker-attrd",
    "pacemaker-based",
    "pacemaker-contr",
    "pacemaker-execd",
    "pacemaker-fence",
    "pacemaker-sched",
    "pacemakerd",
];

/// The CPU time of a daemon since it began, user and system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonTime {
    /// The daemon's name, its first 15 bytes.
    pub name: String,
    /// Its own.
    pub own: Duration,
    /// That of its children that have ended, and of theirs.
    pub children: Duration,
}

impl Sub for DaemonTime {
    type Output = Self;

    /// What was used since `earlier`.
    fn sub(self, earlier: Self) -> Self {
        Self {
            own: self.own.saturating_sub(earlier.own),
            children: self.children.saturating_sub(earlier.children),
            ..self
        }
    }
}

/// A daemon of the cluster or the hypervisor that runs in this node.
#[derive(Debug)]
pub struct Daemon {
    name: &'static str,
    pid: Pid,
}

impl Daemon {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let pids = entries.flatten().filter_map(|it| it.file_name().to_str()?.parse().ok());
        pids.filter_map(Self::of).collect()
    }

    fn of(pid: i32) -> Option<Self> {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        let name = NAMES.iter().find(|it| **it == name.trim_end())?;
        Some(Self { name, pid: Pid::from_raw(pid) })
    }

    /// Its CPU time; zero when it has ended.
    pub fn time(&self) -> DaemonTime {
        DaemonTime {
            name: self.name.to_owned(),
            own: self.own().unwrap_or_default(),
            children: self.children().unwrap_or_default(),
        }
    }

    /// To the nanosecond: one action of an agent costs a daemon less than a tick.
    fn own(&self) -> Option<Duration> {
        clock_getcpuclockid(self.pid).ok()?.now().ok().map(Duration::from)
    }

    /// From proc(5): `cutime` and `cstime`, in ticks, are the 16th and the 17th field. The second
    /// field, in parentheses, may hold anything.
    fn children(&self) -> Option<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        let fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
        let ticks: Vec<u32> = fields.skip(13).take(2).map_while(|it| it.parse().ok()).collect();
        let per_second = u32::try_from(sysconf(SysconfVar::CLK_TCK).ok()??).ok()?;
        Some(Duration::from_secs(1) * ticks.iter().sum::<u32>() / per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_of_this_process_shows_in_its_time() {
        let this = Daemon { name: "this", pid: Pid::this() };
        let before = this.time().own;
        let begun = std::time::Instant::now();
        while this.time().own < before + Duration::from_millis(2) {
            assert!(begun.elapsed() < Duration::from_secs(10), "no CPU time was counted");
        }
    }
}
