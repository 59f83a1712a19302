use std::io::{self, Write};

use crate::error::Error;

/// Writes a line to stderr: progress, or an error. When nobody reads it, it is not needed.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes a line of the answer to stdout.
pub fn answer(line: &str) -> Result<(), Error> {
    writeln!(io::stdout().lock(), "{line}").map_err(Error::Output)
}
