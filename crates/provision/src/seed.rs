use crate::error::{Error, Flaw, Result};
use crate::recipe::read;
use exec::{Deadline, Tool};
use serde::Deserialize;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// How large the file system of a seed is, in KiB: there is room for two files of 1 MiB.
const SIZE: &str = "4096";

/// What tells a new system who it is: a small file system that cloud-init looks for (data source NoCloud), with the files
/// `user-data` and `meta-data`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// Where the guest's definition has it.
    pub path: PathBuf,
    user_data: Option<PathBuf>,
    meta_data: Option<PathBuf>,
    hostname: Option<String>,
    authorized_keys: Option<Vec<String>>,
}

impl Seed {
    /// The files that go into it.
    pub fn sources(&self) -> impl Iterator<Item = &Path> {
        self.user_data.iter().chain(&self.meta_data).map(PathBuf::as_path)
    }

    /// Refuses what says the same twice, or not at all.
    pub fn check(&self) -> std::result::Result<(), Flaw> {
        match (&self.user_data, &self.authorized_keys, &self.meta_data, &self.hostname) {
            (Some(_), Some(_), ..) => {
                Err(Flaw::SeedTwice { file: "user_data", key: "authorized_keys" })
            }
            (_, _, Some(_), Some(_)) => Err(Flaw::SeedTwice { file: "meta_data", key: "hostname" }),
            (_, _, None, None) => Err(Flaw::SeedWithoutName),
            _ => Ok(()),
        }
    }

    /// Makes it as a file, which is not there yet.
    pub fn make(&self, file: &Path, by: Deadline) -> Result<()> {
        let user = match &self.user_data {
            Some(path) => read(path, by)?,
            // What is JSON is YAML.
            None => {
                format!("#cloud-config\n{}\n", json!({"ssh_authorized_keys": self.authorized_keys}))
            }
        };
        let meta = match &self.meta_data {
            Some(path) => read(path, by)?,
            None => self.identity(),
        };
        let failed = |source| Error::Tool { verb: "make", path: file.to_owned(), source };
        let make = Tool::new("mkfs.vfat").args(["-n", "CIDATA", "-C"]).arg(file).arg(SIZE);
        make.run(by).map_err(failed)?;
        for (name, text) in [("::user-data", user), ("::meta-data", meta)] {
            let copy = Tool::new("mcopy").arg("-i").arg(file).args(["-", name]);
            copy.input(text).run(by).map_err(failed)?;
        }
        Ok(())
    }

    /// Another instance than any before: cloud-init then does what it does once, also where the template was booted.
    fn identity(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let name = self.hostname.as_deref().unwrap_or_default();
        json!({"instance-id": format!("{name}-{now}"), "local-hostname": name}).to_string()
    }
}
