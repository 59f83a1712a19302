use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::terminal;

/// Ways in which the command can fail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The lab failed.
    #[error(transparent)]
    Lab(#[from] lab::Error),
    /// A program could not be run.
    #[error(transparent)]
    Tool(#[from] exec::Error),
    /// The agents cannot be compared.
    #[error(transparent)]
    Comparison(#[from] comparison::Error),
    /// A policy or a name makes no sense.
    #[error(transparent)]
    Recovery(#[from] recovery::Error),
    /// The disks of a guest cannot be made.
    #[error(transparent)]
    Provision(#[from] provision::Error),
    /// Something cannot be made a guest.
    #[error(transparent)]
    P2v(#[from] p2v::Error),
    /// The history cannot be read.
    #[error("cannot read the history {}", .path.display())]
    History {
        /// Where it is.
        path: PathBuf,
        /// The kernel's words.
        source: io::Error,
    },
    /// A line of the history makes no sense.
    #[error(
        "line {line} of the history is {text:?}; expected are seconds, which do not go back, then good, bad, gone or \
         unknown, then the guest's node where it is another one than before"
    )]
    HistoryLine {
        /// Its number, from 1.
        line: usize,
        /// What it has.
        text: String,
    },
    /// This program's own file is not known.
    #[error("cannot find this program's own file")]
    Itself(#[source] io::Error),
    /// Nothing can be written to standard output.
    #[error("cannot write the answer")]
    Output(#[source] io::Error),
}

/// Tells the error and its causes on stderr.
pub fn report(error: &Error) -> ExitCode {
    let mut text = format!("hawser: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    terminal::note(&text);
    ExitCode::FAILURE
}
