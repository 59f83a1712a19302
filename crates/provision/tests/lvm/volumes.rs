use exec::{Deadline, Tool};
use provision::{Id, Plan, Provision, Recipe};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// The size of a template, in bytes.
const SIZE: usize = 8 << 20;

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(120))
}

fn run(program: &str, arguments: &[&str]) -> String {
    Tool::new(program).args(arguments).run(soon()).unwrap().text()
}

/// A volume group on a loop device.
struct Group {
    directory: TempDir,
    name: String,
}

impl Group {
    fn make() -> Self {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("disk");
        File::create(&file).unwrap().set_len(256 << 20).unwrap();
        let device = run("losetup", &["--find", "--show", &file.to_string_lossy()]);
        let group = Self { directory, name: "vg-1".to_owned() };
        run("vgcreate", &["--yes", &group.name, device.trim()]);
        group
    }

    fn path(&self, volume: &str) -> PathBuf {
        PathBuf::from(format!("/dev/{}/{volume}", self.name))
    }

    fn recipe(&self, template: &str, size: &str) -> Recipe {
        let path = self.directory.path().join("recipe");
        let (disk, template) = (self.path("vm1-root"), PathBuf::from(template));
        let text = format!(
            "[[disk]]\npath = {disk:?}\ntemplate = {template:?}\nmethod = \"lvm\"\nsize = \"{size}\""
        );
        fs::write(&path, text).unwrap();
        Recipe::read(&path, soon()).unwrap()
    }

    /// Whether the guest's volume begins with that byte, over and over, and how large it is.
    fn content(&self, byte: u8) -> (bool, usize) {
        let content = fs::read(self.path("vm1-root")).unwrap();
        (content[..SIZE].iter().all(|it| *it == byte), content.len())
    }

    fn names(&self) -> String {
        run("lvs", &["--noheadings", "--options", "lv_name", &self.name])
    }
}

fn perform(recipe: &Recipe, id: Option<&str>) -> Vec<Plan> {
    let by = soon();
    let id = id.map(|id| Id::try_from(id).unwrap());
    let provision = Provision::begin(recipe, by, &|_| {}).unwrap();
    let plan = provision.plan(id.as_ref()).into_iter().map(|(_, plan)| plan).collect();
    provision.perform(id.as_ref()).unwrap();
    plan
}

fn write(path: &Path, byte: u8) {
    let mut file = File::options().write(true).open(path).unwrap();
    file.write_all(&vec![byte; SIZE]).unwrap();
    file.sync_all().unwrap();
}

#[test]
#[ignore = "it is for the machine that the other test boots"]
fn in_the_machine() {
    let group = Group::make();
    // A copy of a file.
    let template = group.directory.path().join("template");
    fs::write(&template, vec![1; SIZE]).unwrap();
    let recipe = group.recipe(&template.to_string_lossy(), "12M");
    assert_eq!(perform(&recipe, None), [Plan::Make]);
    assert_eq!(group.content(1), (true, 12 << 20));
    write(&group.path("vm1-root"), 9);
    assert_eq!(perform(&recipe, Some("1")), [Plan::Replace]);
    assert_eq!(group.content(1), (true, 12 << 20));
    assert_eq!(perform(&recipe, Some("1")), [Plan::Leave]);
    assert!(
        group.names().contains("vm1-root.hawser-old-") && !group.names().contains(".hawser-new-")
    );

    // A snapshot of a thin volume.
    run(
        "lvcreate",
        &["--yes", "--type", "thin-pool", "--size", "64m", "--name", "pool", &group.name],
    );
    let pool = format!("{}/pool", group.name);
    run("lvcreate", &["--yes", "--virtualsize", "8m", "--thinpool", &pool, "--name", "thin"]);
    write(&group.path("thin"), 2);
    let recipe = group.recipe(&group.path("thin").to_string_lossy(), "16M");
    assert_eq!(perform(&recipe, Some("2")), [Plan::Replace]);
    assert_eq!(group.content(2), (true, 16 << 20));
    write(&group.path("vm1-root"), 9);
    assert_eq!(perform(&recipe, Some("3")), [Plan::Replace]);
    assert_eq!(group.content(2), (true, 16 << 20));
}
