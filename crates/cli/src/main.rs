//! The `hawser` command.

mod arguments;
mod bench;
mod demo;
mod error;
mod facts;
mod faults;
mod hypervisor;
mod lab;
mod p2v;
mod provision;
mod recovery;
mod terminal;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    arguments::Arguments::parse().run().unwrap_or_else(|error| error::report(&error))
}
