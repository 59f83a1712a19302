//! The program `lab-keeper`: everything in a lab that is a process of its own.

use std::env;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::xen::{host, ssh};
use crate::{Error, fence, init, keeper};

/// Runs the part that the program was called for: `init LAB` and `keep LAB` for the lab, `node LAB
/// NODE` for a node's init, `enter LAB NODE COMMAND…` for what is done in a Xen host, the init of such a host
/// when it is the initramfs's, and the fence agent when it is called by the agent's name.
#[must_use]
pub fn main() -> ExitCode {
    let mut words = env::args_os().map(|it| it.to_string_lossy().into_owned());
    let called = words.next().unwrap_or_default();
    let words: Vec<String> = words.collect();
    if Path::new(&called).file_name().is_some_and(|it| it == fence::NAME) {
        return fence::main(&words);
    }
    if Path::new(&called).file_name().is_some_and(|it| it == host::NAME) {
        return host::main();
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["init", lab] => lab.parse().and_then(|it| keeper::init(&it)),
        ["keep", lab] => lab.parse().and_then(|it| keeper::keep(&it)),
        ["node", lab, node] => lab.parse().and_then(|it| init::run(&it, node)),
        ["enter", lab, node, ref command @ ..] => return ssh::enter(lab, node, command),
        _ => {
            note(&"this is a part of hawser lab and not meant to be called by hand");
            return ExitCode::from(2);
        }
    };
    done.map_or_else(
        |error: Error| {
            complain(&error);
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

/// Writes an error to the log that stderr leads to.
pub fn complain(error: &Error) {
    note(&error.chain());
}

/// Writes a line to the log that stderr leads to.
pub fn note(text: &dyn Display) {
    // Nobody is left to be told when this fails.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
