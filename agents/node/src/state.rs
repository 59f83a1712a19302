use recovery::{Colour, Health};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// What is remembered from one monitor to the next. Its file is there from start to stop, below `/run`, so it is gone
/// after a boot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub health: Health,
    /// What the cluster was told last.
    pub told: Option<Colour>,
}

impl State {
    /// Reads the state; `None` if there is none. One that cannot be read begins anew.
    pub fn load(path: &Path) -> Option<Self> {
        let read = fs::read(path).and_then(|text| Ok(serde_json::from_slice(&text)?));
        match read {
            Ok(state) => Some(state),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                ocf::log::warn(format_args!("{}: {error}; judging begins anew", path.display()));
                Some(Self::default())
            }
        }
    }

    /// Writes the state, if it is not there already.
    pub fn store(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(self)?;
        if fs::read(path).is_ok_and(|found| found == text) {
            return Ok(());
        }
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        file::replace(path, &text, 0o600)
    }

    /// Removes the state, if it is there.
    pub fn remove(path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
