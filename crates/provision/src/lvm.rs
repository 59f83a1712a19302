use crate::error::{Error, Result};
use exec::{Deadline, Tool};
use std::path::{Path, PathBuf};

/// An LVM volume group. Its tools run to their ends whoever is killed meanwhile: none takes long, and none is to be torn
/// apart.
#[derive(Debug)]
pub struct Group {
    name: String,
}

/// The volume group and the name of the logical volume at a path of the form `/dev/GROUP/VOLUME`.
pub fn volume_at(path: &Path) -> Option<(&str, &str)> {
    let (group, name) = path.to_str()?.strip_prefix("/dev/")?.split_once('/')?;
    // What else has directories in /dev has no groups' names.
    let is_group = !group.is_empty() && !["mapper", "disk"].contains(&group);
    (is_group && !name.is_empty() && !name.contains('/')).then_some((group, name))
}

impl Group {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    pub fn path(&self, volume: &str) -> PathBuf {
        Path::new("/dev").join(&self.name).join(volume)
    }

    /// The names of its volumes.
    pub fn names(&self, by: Deadline) -> Result<Vec<String>> {
        let listed = self.report("lv_name", &self.name, by)?;
        Ok(listed.lines().map(|line| line.trim().to_owned()).collect())
    }

    pub fn rename(&self, from: &str, to: &str, by: Deadline) -> Result<()> {
        self.run("rename", from, Tool::new("lvrename").args([&self.name, from, to]), by)
    }

    pub fn remove(&self, volume: &str, by: Deadline) -> Result<()> {
        let remove = Tool::new("lvremove").args(["--yes", &self.full(volume)]);
        self.run("remove", volume, remove, by)
    }

    /// Makes an empty volume of at least that size, in bytes.
    pub fn create(&self, volume: &str, size: u64, by: Deadline) -> Result<()> {
        let create = Tool::new("lvcreate").args(["--yes", "--wipesignatures", "n", "--size"]);
        let create = create.arg(format!("{size}b")).args(["--name", volume, &self.name]);
        self.run("make", volume, create, by)
    }

    /// The name of the volume at a path, if it is a thin one of this group, of which snapshots are volumes like itself.
    pub fn thin_volume(&self, path: &Path, by: Deadline) -> Result<Option<String>> {
        let Some((_, name)) = volume_at(path).filter(|(group, _)| *group == self.name) else {
            return Ok(None);
        };
        let pool = self.report("pool_lv", &self.full(name), by)?;
        Ok((!pool.trim().is_empty()).then(|| name.to_owned()))
    }

    /// Makes a volume that has what a thin one has.
    pub fn snapshot(&self, origin: &str, volume: &str, by: Deadline) -> Result<()> {
        // A thin snapshot is not activated unless that is said.
        let create = Tool::new("lvcreate").args(["--type", "thin", "--setactivationskip", "n"]);
        let create = create.args(["--activate", "y", "--name", volume, &self.full(origin)]);
        self.run("make", volume, create, by)
    }

    /// Makes a volume that size, in bytes, if it is smaller.
    pub fn grow(&self, volume: &str, size: u64, by: Deadline) -> Result<()> {
        let found = self.report("lv_size", &self.full(volume), by)?;
        if found.trim().parse().is_ok_and(|found: u64| found >= size) {
            return Ok(());
        }
        let extend = Tool::new("lvextend").arg("--size").arg(format!("{size}b"));
        self.run("grow", volume, extend.arg(self.full(volume)), by)
    }

    fn full(&self, volume: &str) -> String {
        format!("{}/{volume}", self.name)
    }

    fn report(&self, field: &str, of: &str, by: Deadline) -> Result<String> {
        let options = ["--noheadings", "--units", "b", "--nosuffix", "--options", field, of];
        let report = Tool::new("lvs").args(options).run(by);
        let failed =
            |source| Error::Tool { verb: "look at", path: Path::new("/dev").join(of), source };
        report.map(|output| output.text()).map_err(failed)
    }

    fn run(&self, verb: &'static str, volume: &str, tool: Tool, by: Deadline) -> Result<()> {
        let failed = |source| Error::Tool { verb, path: self.path(volume), source };
        tool.run(by).map(drop).map_err(failed)
    }
}
