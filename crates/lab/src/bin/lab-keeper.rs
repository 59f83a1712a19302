//! What a lab is made of; `hawser lab` starts it.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::program::main()
}
