//! Disks that are files, made by the real qemu-img.

#![allow(clippy::unwrap_used, reason = "tests")]

use exec::{Deadline, Tool};
use provision::{Error, Id, Plan, Provision, Recipe};
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const TEMPLATE: &[u8] = &[0x54; 1 << 20];
const DATA: &[u8] = b"what the guest has written";

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

fn id(text: &str) -> Id {
    Id::try_from(text).unwrap()
}

/// A directory with a template, a recipe and a data disk that the recipe does not name.
struct Shelf(TempDir);

impl Shelf {
    fn new() -> Self {
        let shelf = Self(TempDir::new().unwrap());
        fs::write(shelf.path("template"), TEMPLATE).unwrap();
        fs::write(shelf.path("a.img.data"), DATA).unwrap();
        shelf.recipe(&format!("{}{}", shelf.disk("a.img", "copy"), shelf.disk("b.img", "copy")));
        shelf
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn disk(&self, name: &str, method: &str) -> String {
        let (path, template) = (self.path(name), self.path("template"));
        format!("[[disk]]\npath = {path:?}\ntemplate = {template:?}\nmethod = \"{method}\"\n")
    }

    fn recipe(&self, text: &str) {
        fs::write(self.path("recipe"), text).unwrap();
    }

    fn with<T>(&self, act: impl FnOnce(Provision<'_>) -> T) -> provision::Result<T> {
        let recipe = Recipe::read(&self.path("recipe"), soon())?;
        Provision::begin(&recipe, soon(), &|_| {}).map(act)
    }

    fn install(&self) -> provision::Result<()> {
        self.with(|it| it.perform(None))?
    }

    fn reinstall(&self, text: &str) -> provision::Result<()> {
        self.with(|it| it.perform(Some(&id(text))))?
    }

    fn plan(&self, reinstallation: Option<&str>) -> Vec<Plan> {
        let id = reinstallation.map(id);
        let plan = self.with(|it| it.plan(id.as_ref()).into_iter().map(|(_, plan)| plan).collect());
        plan.unwrap()
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// The names with that in them.
    fn names(&self, part: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.contains(part)).collect();
        names.sort();
        names
    }
}

fn is_new(shelf: &Shelf) {
    for disk in ["a.img", "b.img"] {
        assert!(shelf.read(disk) == TEMPLATE, "{disk} is not as its template");
    }
    assert_eq!(shelf.read("a.img.data"), DATA);
    assert_eq!(shelf.names(".hawser-new-"), [""; 0]);
    assert_eq!(shelf.names(".hawser-part-"), [""; 0]);
}

#[test]
fn what_is_missing_is_made_and_what_is_there_is_left() {
    let shelf = Shelf::new();
    shelf.write("b.img", b"used");
    assert_eq!(shelf.plan(None), [Plan::Make, Plan::Leave]);
    shelf.install().unwrap();
    assert!(shelf.read("a.img") == TEMPLATE);
    assert_eq!(shelf.path("a.img").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(shelf.read("b.img"), b"used");
    assert_eq!(shelf.read("a.img.data"), DATA);
    shelf.write("a.img", b"used");
    shelf.install().unwrap();
    assert_eq!(shelf.read("a.img"), b"used");
}

#[test]
fn a_reinstallation_is_done_once_and_the_old_disks_are_kept_aside() {
    let shelf = Shelf::new();
    shelf.write("a.img", b"used");
    shelf.write("b.img", b"used");
    fs::set_permissions(shelf.path("a.img"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(shelf.plan(Some("1")), [Plan::Replace; 2]);
    shelf.reinstall("1").unwrap();
    is_new(&shelf);
    assert_eq!(shelf.path("a.img").metadata().unwrap().permissions().mode() & 0o777, 0o640);
    let old = shelf.names(".hawser-old-");
    assert!(old.len() == 2 && old.iter().all(|name| shelf.read(name) == b"used"), "{old:?}");

    shelf.write("a.img", b"used again");
    assert_eq!(shelf.plan(Some("1")), [Plan::Leave; 2]);
    shelf.reinstall("1").unwrap();
    assert_eq!(shelf.read("a.img"), b"used again");
    shelf.reinstall("2").unwrap();
    is_new(&shelf);
    assert_eq!(shelf.names(".hawser-old-").len(), 4);
}

#[test]
fn old_disks_are_kept_for_as_long_as_the_recipe_says() {
    let shelf = Shelf::new();
    shelf.write("a.img", b"used");
    shelf.write("a.img.hawser-old-1700000000-x", b"long ago");
    shelf.write("a.img.hawser-old-99999999999-y", b"tomorrow");
    shelf.reinstall("1").unwrap();
    is_new(&shelf);
    let old = shelf.names(".hawser-old-");
    assert!(
        old.len() == 2 && old.contains(&"a.img.hawser-old-99999999999-y".to_owned()),
        "{old:?}"
    );
}

#[test]
fn an_interrupted_reinstallation_is_gone_on_with_from_wherever_it_was() {
    // What is there of each disk: N the used one, P a part of a new one, C a complete new one, O the used one put aside,
    // T a new one in its place.
    for (a, b) in [
        ("N", "N"),
        ("NP", "N"),
        ("NC", "NP"),
        ("NC", "NC"),
        ("OC", "NC"),
        ("OT", "NC"),
        ("NC", "OT"),
        ("OT", "OC"),
        ("OT", "OT"),
        ("OC", "C"),
        ("OT", "C"),
    ] {
        let shelf = Shelf::new();
        for (disk, is) in [("a.img", a), ("b.img", b)] {
            for it in is.chars() {
                let (suffix, content): (&str, &[u8]) = match it {
                    'N' => ("", b"used"),
                    'P' => (".hawser-part-1", b"half"),
                    'C' => (".hawser-new-1", TEMPLATE),
                    'O' => (".hawser-old-99999999999-1", b"used"),
                    _ => ("", TEMPLATE),
                };
                shelf.write(&format!("{disk}{suffix}"), content);
            }
        }
        // Whoever comes first finishes one that has changed anything, and that alone.
        if a.contains('O') || b.contains('O') {
            shelf.install().unwrap();
            is_new(&shelf);
        }
        shelf.reinstall("1").unwrap();
        is_new(&shelf);
        let had_two = b != "C";
        assert_eq!(shelf.names(".hawser-old-").len(), if had_two { 2 } else { 1 }, "{a} {b}");
    }
}

#[test]
fn one_that_was_given_up_leaves_nothing_behind_once_there_is_another() {
    let shelf = Shelf::new();
    shelf.write("a.img", b"used");
    shelf.write("b.img", b"used");
    shelf.write("a.img.hawser-new-1", b"of an older template");
    shelf.write("b.img.hawser-part-1", b"half");
    assert_eq!(shelf.with(|it| it.attempt()).unwrap(), Some(id("1")));
    shelf.install().unwrap();
    assert_eq!(shelf.read("a.img"), b"used");
    shelf.reinstall("2").unwrap();
    is_new(&shelf);
    assert_eq!(shelf.with(|it| it.attempt()).unwrap(), None);
}

#[test]
fn a_disk_is_at_least_as_large_as_said_and_never_smaller_than_its_template() {
    let shelf = Shelf::new();
    let (large, small) = (shelf.disk("a.img", "copy"), shelf.disk("b.img", "copy"));
    let over = shelf.disk("c.img", "backing");
    shelf.recipe(&format!("{large}size = \"3M\"\n{small}size = \"4K\"\n{over}size = \"5M\"\n"));
    shelf.install().unwrap();
    let (a, b) = (shelf.read("a.img"), shelf.read("b.img"));
    assert!(a.len() == 3 << 20 && a.starts_with(TEMPLATE) && b == TEMPLATE);
    let info = Tool::new("qemu-img").args(["info", "--output=json"]).arg(shelf.path("c.img"));
    let info = info.run(soon()).unwrap().text().replace(' ', "");
    assert!(info.contains("\"virtual-size\":5242880"), "{info}");
    assert!(info.contains("\"backing-filename-format\":\"raw\""), "{info}");
}

#[test]
fn a_seed_has_what_cloud_init_reads() {
    let shelf = Shelf::new();
    let seed = |rest: &str| {
        let path = shelf.path("seed.img");
        shelf.recipe(&format!("{}[seed]\npath = {path:?}\n{rest}", shelf.disk("a.img", "copy")));
    };
    let file = |name: &str| {
        let read = Tool::new("mtype").arg("-i").arg(shelf.path("seed.img")).arg(name);
        read.run(soon()).unwrap().text()
    };
    seed("hostname = \"vm1\"\nauthorized_keys = [\"ssh-ed25519 A: 'b' #\"]");
    shelf.install().unwrap();
    assert_eq!(
        file("::user-data"),
        "#cloud-config\n{\"ssh_authorized_keys\":[\"ssh-ed25519 A: 'b' #\"]}\n"
    );
    let meta = file("::meta-data");
    assert!(
        meta.contains("\"local-hostname\":\"vm1\"") && meta.contains("\"instance-id\":\"vm1-"),
        "{meta}"
    );
    let label = Tool::new("blkid").args(["-o", "value", "-s", "LABEL"]).arg(shelf.path("seed.img"));
    assert_eq!(label.run(soon()).unwrap().text(), "CIDATA\n");

    shelf.write("user", b"#!/bin/sh\n");
    seed(&format!("hostname = \"vm1\"\nuser_data = {:?}", shelf.path("user")));
    shelf.reinstall("1").unwrap();
    assert_eq!(file("::user-data"), "#!/bin/sh\n");
}

#[test]
fn what_is_in_use_or_is_no_file_is_left_as_it_is() {
    let shelf = Shelf::new();
    shelf.write("a.img", b"used");
    shelf.write("b.img", TEMPLATE);
    let socket = shelf.path("socket");
    let guest = Tool::new("qemu-nbd").args(["--format=raw", "--persistent", "--socket"]);
    let mut guest = guest.args([&socket, &shelf.path("b.img")]).spawn(None).unwrap();
    let by = soon();
    // Its socket is there before it has taken the image.
    let image = File::open(shelf.path("b.img")).unwrap();
    while !provision::is_written(&image).unwrap() {
        assert!(by.pause(Duration::from_millis(10)) && guest.ended().is_none());
    }
    let refused = shelf.reinstall("1");
    guest.kill();
    assert!(
        matches!(&refused, Err(Error::InUse { path }) if path.ends_with("b.img")),
        "{refused:?}"
    );
    assert_eq!(shelf.read("a.img"), b"used");
    assert_eq!(shelf.names("-1"), [""; 0]);
    shelf.reinstall("1").unwrap();

    fs::remove_file(shelf.path("a.img")).unwrap();
    symlink("/dev/null", shelf.path("a.img")).unwrap();
    assert!(matches!(shelf.reinstall("2"), Err(Error::NotAFile { .. })));
    // Of what is there nothing is to be made.
    shelf.install().unwrap();
}

#[test]
fn two_at_once_are_one_after_the_other() {
    let shelf = Shelf::new();
    std::thread::scope(|scope| {
        let both = [0, 1].map(|_| scope.spawn(|| shelf.reinstall("1")));
        both.into_iter().for_each(|it| it.join().unwrap().unwrap());
    });
    is_new(&shelf);
}

#[test]
fn what_cannot_be_made_changes_nothing() {
    let shelf = Shelf::new();
    shelf.write("a.img", b"used");
    shelf.write("b.img", b"used");
    fs::remove_file(shelf.path("template")).unwrap();
    let error = shelf.reinstall("1").unwrap_err();
    assert!(error.to_string().contains(&*shelf.path("template").to_string_lossy()), "{error}");
    assert_eq!((shelf.read("a.img"), shelf.read("b.img")), (b"used".to_vec(), b"used".to_vec()));
    assert!(Path::new(&shelf.path("a.img.data")).exists());
}
