//! The fence agent: it asks the keeper, by a way that is not the cluster's network, to switch a node.
//!
//! The interface is the one of the ClusterLabs fence agents: options come as `name=value` lines on
//! standard input, or as `-o ACTION -n NODE`; the exit code is 0 for success, 1 for failure, and for
//! `status` 2 when the node is off.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::mounts::KEEPER_SOCKET;
use crate::program::note;
use crate::protocol::{Connection, NodeStatus, Reply, Request};
use exec::Deadline;

/// The agent's file name.
pub const NAME: &str = "fence_hawser_lab";

/// How long the keeper may take. Below 20 s, which Pacemaker gives a fence device's monitor by default.
const KEEPER_TIME: Duration = Duration::from_secs(15);

/// The agent's exit code for `status` of a node that is off.
const OFF: u8 = 2;

const METADATA: &str = include_str!("fence.xml");

/// Ways in which the agent can fail.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("no node was named (option plug)")]
    NoPlug,
    #[error("there is no node {0}")]
    UnknownNode(String),
    #[error(
        "unknown action {0:?} (on, off, reboot, status, monitor, list, metadata, validate-all)"
    )]
    UnknownAction(String),
    #[error("{0}")]
    Refused(String),
    #[error("unexpected answer {0:?}")]
    Unexpected(Reply),
    #[error("the lab's keeper does not answer at {KEEPER_SOCKET}: {0}")]
    Silent(io::Error),
    #[error("standard input or output: {0}")]
    Stream(io::Error),
}

/// What the agent was called with.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    action: Option<String>,
    plug: Option<String>,
}

pub fn main(arguments: &[String]) -> ExitCode {
    let options = Options::from_arguments(arguments);
    let options = if options.action.is_none() { options.read_stdin() } else { Ok(options) };
    options.and_then(|it| perform(&it)).unwrap_or_else(|error| {
        note(&error);
        ExitCode::FAILURE
    })
}

impl Options {
    fn from_arguments(arguments: &[String]) -> Self {
        let mut options = Self::default();
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word, words.next()),
            };
            options.set(name.trim_start_matches('-'), value.unwrap_or_default());
        }
        options
    }

    fn read_stdin(mut self) -> Result<Self, Error> {
        let mut input = String::new();
        io::stdin().lock().read_to_string(&mut input).map_err(Error::Stream)?;
        self.read(&input);
        Ok(self)
    }

    fn read(&mut self, input: &str) {
        for (name, value) in input.lines().filter_map(|it| it.trim().split_once('=')) {
            self.set(name, value);
        }
    }

    /// Options that are meant for others are ignored, as the interface demands.
    fn set(&mut self, name: &str, value: &str) {
        let value = Some(value.to_owned());
        match name {
            "action" | "option" | "o" => self.action = value,
            "plug" | "port" | "n" => self.plug = value,
            _ => {}
        }
    }

    fn plug(&self) -> Result<&str, Error> {
        self.plug.as_deref().ok_or(Error::NoPlug)
    }
}

fn perform(options: &Options) -> Result<ExitCode, Error> {
    match options.action.as_deref().unwrap_or("reboot") {
        "metadata" => print(METADATA),
        "on" => switch(&Request::Start(options.plug()?.to_owned())),
        "off" => switch(&Request::Kill(options.plug()?.to_owned())),
        "reboot" => switch(&Request::Reboot(options.plug()?.to_owned())),
        "status" => status(options.plug()?),
        "monitor" | "validate-all" => nodes().map(|_| ExitCode::SUCCESS),
        "list" => {
            let names: String = nodes()?.iter().map(|it| format!("{},\n", it.name)).collect();
            print(&names)
        }
        other => Err(Error::UnknownAction(other.to_owned())),
    }
}

fn print(text: &str) -> Result<ExitCode, Error> {
    io::stdout().lock().write_all(text.as_bytes()).map_err(Error::Stream)?;
    Ok(ExitCode::SUCCESS)
}

fn status(plug: &str) -> Result<ExitCode, Error> {
    let nodes = nodes()?;
    let node = nodes.iter().find(|it| it.name == plug);
    let node = node.ok_or_else(|| Error::UnknownNode(plug.to_owned()))?;
    Ok(if node.init.is_some() { ExitCode::SUCCESS } else { ExitCode::from(OFF) })
}

fn switch(request: &Request) -> Result<ExitCode, Error> {
    match ask(request)? {
        Reply::Done => Ok(ExitCode::SUCCESS),
        other => Err(Error::Unexpected(other)),
    }
}

fn nodes() -> Result<Vec<NodeStatus>, Error> {
    match ask(&Request::Status)? {
        Reply::Status(nodes) => Ok(nodes),
        other => Err(Error::Unexpected(other)),
    }
}

fn ask(request: &Request) -> Result<Reply, Error> {
    let connection = Connection::open(Path::new(KEEPER_SOCKET));
    let reply = connection.and_then(|mut it| it.ask(request, Deadline::after(KEEPER_TIME)));
    match reply.map_err(Error::Silent)? {
        Reply::Failed(said) => Err(Error::Refused(said)),
        reply => Ok(reply),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(action: &str, plug: Option<&str>) -> Options {
        Options { action: Some(action.to_owned()), plug: plug.map(str::to_owned) }
    }

    #[test]
    fn options_come_from_pacemaker_or_from_a_person() {
        let mut read = Options::default();
        read.read("action=off\nnodename=n2\nport=n2\npcmk_host_list=n1 n2\n\nnonsense\n");
        assert_eq!(read, options("off", Some("n2")));
        for line in ["-o off -n n2", "--action=off --plug=n2", "--action off --port n2"] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(Options::from_arguments(&words), options("off", Some("n2")), "{line}");
        }
        assert_eq!(Options::from_arguments(&["-o".into()]), options("", None));
    }

    #[test]
    fn the_metadata_is_xml_and_names_every_action() {
        let deadline = Deadline::after(Duration::from_secs(10));
        let lint = exec::Tool::new("xmllint").args(["--noout", "-"]).input(METADATA);
        lint.run(deadline).unwrap();
        for action in ["on", "off", "reboot", "status", "monitor", "list", "metadata"] {
            assert!(METADATA.contains(&format!("<action name=\"{action}\"")), "{action}");
        }
    }
}
