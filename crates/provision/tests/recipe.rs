//! What a recipe is, and what is none.

#![allow(clippy::unwrap_used, reason = "tests")]

use exec::Deadline;
use provision::{Error, Recipe, Sign};
use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

/// What is wrong with a recipe.
fn flaw(text: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, text).unwrap();
    let error = Recipe::read(file.path(), soon()).unwrap_err();
    assert!(error.to_string().contains(&*file.path().to_string_lossy()), "{error}");
    assert!(error.is_of_this_node());
    error.source().unwrap().to_string()
}

/// A disk that an installer makes, as the words of that say.
fn installed(words: &str) -> String {
    format!("[[disk]]\npath = \"/a\"\nsize = \"2G\"\n[disk.installer]\n{words}\n")
}

fn disk(path: &str, template: &str, rest: &str) -> String {
    format!("[[disk]]\npath = \"{path}\"\ntemplate = \"{template}\"\nmethod = \"copy\"\n{rest}\n")
}

#[test]
fn the_example_is_a_recipe() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/recipe.toml");
    let recipe = Recipe::read(&example, soon()).unwrap();
    assert!(recipe.makes(Path::new("/srv/images/vm1.qcow2")));
    assert!(recipe.makes(Path::new("/srv/images/vm1-seed.img")));
    assert!(!recipe.makes(Path::new("/srv/images/vm1-data.qcow2")));
    assert_eq!(recipe.up.unwrap().by, Sign::GuestAgent);
}

#[test]
fn a_recipe_that_is_wrong_is_refused_with_the_line_and_what_is_expected() {
    let good = disk("/a", "/t", "");
    for (text, words) in [
        (String::new(), "it names no disk"),
        ("disk = 7".to_owned(), "line 1 (\"disk = 7\")"),
        (
            disk("/a", "/t", "sizes = \"1G\""),
            "line 5 (\"sizes = \\\"1G\\\"\"): unknown field `sizes`",
        ),
        (disk("/a", "/t", "size = \"1.5G\""), "expected a size such as \"20G\""),
        (disk("/a", "/t", "size = \"1GG\""), "line 5"),
        (good.replace("copy", "clone"), "expected one of `copy`, `backing`, `lvm`"),
        (disk("/a", "/a", ""), "/a is to be made, and is named a second time"),
        (disk("/a", "/b", "") + &disk("/b", "/t", ""), "/b is to be made"),
        (disk("/a", "/t", "") + &disk("/a", "/t", ""), "/a is to be made"),
        (disk("a", "/t", ""), "a is no path"),
        (disk("/a", "/x/../t", ""), "/x/../t is no path"),
        (disk("/a/", "/t", ""), "/a/ is no path"),
        (disk("/", "/t", ""), "/ is no path"),
        (good.replace("copy", "lvm"), "/a is no logical volume's path"),
        (good.clone() + "[seed]\npath = \"/t\"\nhostname = \"a\"", "/t is to be made"),
        (good.clone() + "[seed]\npath = \"/s\"", "seed has no hostname"),
        (
            good.clone() + "[seed]\npath = \"/s\"\nhostname = \"a\"\nmeta_data = \"/m\"",
            "seed has meta_data and hostname",
        ),
        (
            good.clone() + "[seed]\npath = \"/s\"\nmeta_data = \"/m\"\nuser_data = \"/s\"",
            "/s is to be made",
        ),
        (good.replace("template", "#"), "line 1 (\"[[disk]]\"): expected a disk with template and"),
        (
            installed("cdrom = \"/i\"").replace("size", "#"),
            "line 1 (\"[[disk]]\"): expected a size",
        ),
        (good.clone() + "[disk.installer]\ncdrom = \"/i\"", "or with an installer"),
        (installed("cdrom = \"/i\"\ninitrd = \"/r\""), "line 4 (\"[disk.installer]\")"),
        (installed("cdrom = \"/a\""), "/a is to be made, and is named a second time"),
        (installed("kernel = \"k\""), "k is no path"),
        (good.clone() + "[up]\nby = \"smoke\"\nwithin = 9", "line 7 (\"by = \\\"smoke\\\"\")"),
        (good + "[up]\nby = { tcp = \"vm1:22\" }\nwithin = 9", "line 7"),
    ] {
        let found = flaw(&text);
        assert!(found.contains(words), "{words:?} is not in {found:?}");
        assert!(!found.contains('\n'), "{found:?}");
    }
}

#[test]
fn a_recipe_that_is_not_there_is_named() {
    let error = Recipe::read(Path::new("/none.toml"), soon()).unwrap_err();
    assert!(matches!(error, Error::Read { .. }) && error.is_of_this_node(), "{error}");
}
