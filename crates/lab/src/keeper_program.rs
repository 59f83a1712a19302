use std::env;
use std::path::{Path, PathBuf};

use crate::Error;

const NAME: &str = "lab-keeper";

/// Where an installed tree has the programs that only the suite itself runs.
pub const LIBEXEC: &str = "usr/libexec/hawser";

/// Finds the program that a lab is made of: in an installed tree that the nodes are to see, installed
/// in libexec, or built beside the program that runs (Cargo puts tests one directory deeper).
pub fn find(roots: &[PathBuf]) -> Result<PathBuf, Error> {
    let own = env::current_exe().map_err(Error::file("find", Path::new("/proc/self/exe")))?;
    let candidates = candidates(roots, &own);
    let found = candidates.iter().find(|it| it.is_file()).cloned();
    found.ok_or(Error::NoKeeper { candidates })
}

fn candidates(roots: &[PathBuf], own: &Path) -> Vec<PathBuf> {
    let in_roots = roots.iter().map(|it| it.join(LIBEXEC).join(NAME));
    let directories = own.ancestors().skip(1).take(2);
    let near = |it: &Path| [it.join(NAME), it.join("libexec/hawser").join(NAME)];
    in_roots.chain(directories.flat_map(near)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_tree_brings_its_own() {
        let first = candidates(&["/tree".into()], Path::new("/usr/bin/hawser")).remove(0);
        assert_eq!(first, Path::new("/tree/usr/libexec/hawser/lab-keeper"));
    }

    #[test]
    fn it_is_found_installed_and_built() {
        for (own, program) in [
            ("/usr/bin/hawser", "/usr/libexec/hawser/lab-keeper"),
            ("/usr/local/bin/hawser", "/usr/local/libexec/hawser/lab-keeper"),
            ("/src/target/debug/hawser", "/src/target/debug/lab-keeper"),
            ("/src/target/debug/deps/lab-0123", "/src/target/debug/lab-keeper"),
        ] {
            assert!(candidates(&[], Path::new(own)).contains(&program.into()), "{own}");
        }
    }
}
