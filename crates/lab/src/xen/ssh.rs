//! The way into a host, and from one host to the other: ssh, with one key that is every host's and every
//! administrator's.

use nix::unistd::Pid;
use std::env;
use std::io::{IsTerminal, stdin};
use std::process::ExitCode;
use std::time::Duration;

use super::machine::ssh_port;
use crate::place::Place;
use crate::plan::Plan;
use crate::{Error, program};
use exec::{Deadline, Tool, quoted};

/// Where a host has the key, the public one that it lets in, and those of all hosts.
pub const KEY: &str = "etc/ssh/lab_key";
pub const AUTHORIZED: &str = "etc/ssh/lab_key.pub";
pub const KNOWN_HOSTS: &str = "etc/ssh/known_hosts";

/// A host's configuration files, as paths below its root and contents.
pub const CONFIGURATION: [(&str, &str); 2] = [
    (
        "etc/ssh/sshd_config",
        "HostKey /etc/ssh/lab_key
AuthorizedKeysFile /etc/ssh/lab_key.pub
PermitRootLogin prohibit-password
PasswordAuthentication no
UseDNS no
",
    ),
    (
        "etc/ssh/ssh_config",
        "IdentityFile /etc/ssh/lab_key
GlobalKnownHostsFile /etc/ssh/known_hosts
StrictHostKeyChecking yes
",
    ),
];

/// How long making a key may take.
const KEY_TIME: Duration = Duration::from_secs(20);

/// What runs a command in a host: it ends with its connection, and has nothing in its environment but what
/// follows.
const PREFIX: &str = "exec setpriv --pdeathsig KILL env -i";

/// What ssh returns when it did not get in.
const NO_WAY_IN: u8 = 255;

/// Makes the key of a lab.
pub fn make_key(place: &Place) -> Result<(), Error> {
    Tool::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "hawser lab", "-f"])
        .arg(place.key())
        .run(Deadline::after(KEY_TIME))?;
    Ok(())
}

/// The command that runs, with the arguments that are added to it, in a host. The way leads through the
/// observer's network, in which [`enter`] finds the host's side entrance.
pub fn tool(place: &Place, name: &crate::Name, keeper: Pid, node: &str) -> Tool {
    Tool::new("nsenter")
        .arg(format!("--net=/proc/{keeper}/ns/net"))
        .arg("--")
        .arg(place.program())
        .args(["enter", name.as_str(), node])
}

/// Runs a command in a host, with this process's environment and standard streams, and returns what it
/// returned.
pub fn enter(lab: &str, node: &str, command: &[&str]) -> ExitCode {
    let done = lab.parse().and_then(|it| {
        let nodes = Vec::new();
        let node = Plan::named(node).ok_or(Error::UnknownNode { node: node.to_owned(), nodes })?;
        Ok(ssh(&Place::new(&it), node, command).interact()?)
    });
    match done {
        Ok(status) => {
            status.code().map_or(NO_WAY_IN, |it| u8::try_from(it).unwrap_or(NO_WAY_IN)).into()
        }
        Err(error) => {
            program::complain(&error);
            NO_WAY_IN.into()
        }
    }
}

fn ssh(place: &Place, node: Plan, command: &[&str]) -> Tool {
    let known_hosts = place.disk(&node.name()).join(KNOWN_HOSTS);
    let terminal = if stdin().is_terminal() { "-t" } else { "-T" };
    let variables = env::vars().map(|(name, value)| format!("{name}={value}"));
    let command = command.iter().map(|it| (*it).to_owned());
    let line: Vec<String> = variables.chain(command).map(|it| quoted(&it)).collect();
    Tool::new("ssh")
        .args(["-F", "none", terminal, "-p", &ssh_port(node).to_string(), "-i"])
        .arg(place.key())
        .args(["-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "HostKeyAlias=host"])
        .arg("-o")
        .arg(format!("UserKnownHostsFile={}", known_hosts.display()))
        .args(["root@127.0.0.1", "--"])
        .arg(format!("{PREFIX} {}", line.join(" ")))
}
