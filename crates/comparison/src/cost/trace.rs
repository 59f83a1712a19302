//! What a call of an agent asks of the kernel, as strace sees it.

use super::worker::Command;
use crate::Error;
use exec::Deadline;
use lab::{Lab, Node, SHARED};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// strace's output on the lab's shared storage.
const FILE: &str = "hawser-bench.strace";

/// How long a traced call may take: strace makes it some ten times slower, and a machine may be emulated.
const TIME: Duration = Duration::from_secs(300);

/// What one call did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Processes that it forked; threads are none.
    pub forks: usize,
    /// How often it executed each program, by its name without the directory.
    pub executions: BTreeMap<String, usize>,
    /// Connections to the cluster's configuration (CIB): to the sockets of pacemaker-based.
    pub cib: usize,
}

impl Footprint {
    /// Runs the command on a node under strace.
    pub fn of(lab: &Lab, node: &Node<'_>, command: &Command) -> Result<Self, Error> {
        let output = Path::new(SHARED).join(FILE);
        let mut strace = node
            .tool("strace")?
            .args(["-f", "-s", "4096", "-e", "trace=execve,fork,vfork,clone,clone3,connect", "-o"])
            .arg(output)
            .arg("--")
            .arg(&command.program)
            .args(&command.arguments);
        for (name, value) in &command.environment {
            strace = strace.env(name, value);
        }
        strace.output(Deadline::after(TIME))?;
        let path = lab.shared().join(FILE);
        let text = std::fs::read(&path).map_err(|source| Error::Read { path, source })?;
        Ok(Self::parse(&String::from_utf8_lossy(&text)))
    }

    /// How many programs it executed, itself included.
    pub fn executed(&self) -> usize {
        self.executions.values().sum()
    }

    /// A call that another thread's interrupts is split: `execve("/bin/x", … <unfinished ...>`, and
    /// later `<... execve resumed>) = 0`. One that failed ends in `= -1 ERROR (words)`.
    fn parse(trace: &str) -> Self {
        let mut footprint = Self::default();
        for line in trace.lines().filter(|line| !line.contains(" = -1 ")) {
            let Some((_pid, call)) = line.split_once(' ') else { continue };
            let Some((name, arguments)) = call.trim_start().split_once('(') else { continue };
            match name {
                "fork" | "vfork" | "clone" | "clone3" if !arguments.contains("CLONE_THREAD") => {
                    footprint.forks += 1;
                }
                "execve" => {
                    let path = arguments.split('"').nth(1).unwrap_or_default();
                    let program = path.rsplit('/').next().unwrap_or(path).to_owned();
                    *footprint.executions.entry(program).or_default() += 1;
                }
                "connect" if arguments.contains("\"cib_r") => footprint.cib += 1,
                _ => {}
            }
        }
        footprint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forks_executions_and_connections_are_counted_once() {
        let trace = r#"10 execve("/usr/lib/ocf/resource.d/a/b", ["b"], 0x7f /* 5 vars */) = 0
10 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 11
11 execve("/sbin/x", ["x"], 0x7f /* 5 vars */) = -1 ENOENT (No such file or directory)
11 execve("/usr/bin/x", ["x"], 0x7f /* 5 vars */ <unfinished ...>
10 vfork( <unfinished ...>
11 <... execve resumed>) = 0
10 <... vfork resumed>) = 12
11 clone3({flags=CLONE_VM|CLONE_THREAD, exit_signal=0}, 88) = 13
11 connect(3, {sa_family=AF_UNIX, sun_path=@"cib_rw"}, 110) = 0
11 connect(3, {sa_family=AF_UNIX, sun_path="/run/libvirt/libvirt-sock"}, 110) = 0
10 +++ exited with 0 +++
"#;
        let footprint = Footprint::parse(trace);
        let executions = [("b".to_owned(), 1), ("x".to_owned(), 1)].into();
        assert_eq!(footprint, Footprint { forks: 2, executions, cib: 1 });
        assert_eq!(footprint.executed(), 2);
    }
}
