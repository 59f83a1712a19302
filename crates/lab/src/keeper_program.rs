use std::env;
use std::path::{Path, PathBuf};

use crate::Error;

const NAME: &str = "lab-keeper";

/// Finds the program that a lab is made of: installed in libexec, or built beside the program that
/// runs (Cargo puts tests one directory deeper).
pub fn find() -> Result<PathBuf, Error> {
    let own = env::current_exe().map_err(Error::file("find", Path::new("/proc/self/exe")))?;
    candidates(&own)
        .into_iter()
        .find(|it| it.is_file())
        .ok_or_else(|| exec::Error::Missing { program: NAME.to_owned() }.into())
}

fn candidates(own: &Path) -> Vec<PathBuf> {
    let directories = own.ancestors().skip(1).take(2);
    let near = |it: &Path| [it.join(NAME), it.join("libexec/hawser").join(NAME)];
    directories.flat_map(near).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_installed_and_built() {
        for (own, program) in [
            ("/usr/bin/hawser", "/usr/libexec/hawser/lab-keeper"),
            ("/usr/local/bin/hawser", "/usr/local/libexec/hawser/lab-keeper"),
            ("/src/target/debug/hawser", "/src/target/debug/lab-keeper"),
            ("/src/target/debug/deps/lab-0123", "/src/target/debug/lab-keeper"),
        ] {
            assert!(candidates(Path::new(own)).contains(&program.into()), "{own}");
        }
    }
}
