//! PID 1 of the lab's guest. When it ends, the guest's kernel panics: that is how a guest that
//! cannot be set up is seen from outside.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab_guest::main()
}
