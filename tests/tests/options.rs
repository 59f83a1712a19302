//! What `virsh migrate` can do, the agent can do by the same options: the guest arrives in the same boot,
//! with every byte of its memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use lab::Guest;
use lab_guest::Command;
use live::{Agent, Fixture, Turn};
use std::fs;

static LAB: Fixture = Fixture::bare("options", 2);

/// What the guest does all the while.
const DIRTYING: Command = Command::Dirty { rate: 40, size: 12 };

/// Options, the limit of the speed in MiB/s, and a step that has to be taken on the way.
const OPTIONS: &[(&str, &str, Option<&str>)] = &[
    ("--postcopy --postcopy-after-precopy", "30", Some("switched to post-copy")),
    ("--timeout 1 --timeout-suspend", "30", Some("may stand still for 2000000 ms")),
    ("--postcopy --timeout 1 --timeout-postcopy", "30", Some("switched to post-copy")),
    ("--auto-converge --auto-converge-initial 30 --auto-converge-increment 20", "0", None),
    ("--parallel --parallel-connections 2", "0", None),
    ("--compressed --comp-methods xbzrle --comp-xbzrle-cache 67108864", "0", None),
    ("--tunnelled --change-protection --abort-on-error --verbose --live --p2p", "0", None),
];

#[test]
fn a_guest_arrives_by_each_option() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new("optional", 0);
    lab.place(&guest);
    let agent = Agent::new(&lab, "n1", &guest);
    agent.start();
    let before = lab.tell(&guest, DIRTYING);
    let migrate = |source: &str, options: &str, speed: &str| {
        let options = format!("--unsafe {options}");
        let agent = agent.on(source).set("migrate_options", &options);
        agent.set("migration_speed", speed).migrate(Turn::other(source));
        let after = lab.tell(&guest, Command::Check);
        assert_eq!((after.boot_id, after.corrupt), (before.boot_id, 0), "{options}: {after}");
        let entry = lab.last_migration(source);
        (Turn::other(source), entry)
    };

    let mut node = "n1";
    for (options, speed, step) in OPTIONS {
        let (arrived, entry) = migrate(node, options, speed);
        node = arrived;
        let taken = step.is_none_or(|step| entry.steps.iter().any(|it| it == step));
        assert!(taken, "{options}: {entry:?}");
    }

    // 12 MiB that change all the time, at 60 MiB/s, and whatever else there is.
    let (node, entry) = migrate(node, "--bandwidth 60", "0");
    assert!(entry.transfer > entry.memory * 1000 / (60 << 20) / 2, "{entry:?}");

    let xml = lab.exec(node, "virsh", &["dumpxml", "--migratable", &guest.name]);
    let write = |name: &str, xml: String| fs::write(lab.shared().join(name), xml).unwrap();
    write("there.xml", xml.replace("/srv/shared/optional.img", "/srv/shared/./optional.img"));
    write("kept.xml", xml.replace("</name>", "</name><title>kept</title>"));
    let files = "--xml /srv/shared/there.xml --persistent --persistent-xml /srv/shared/kept.xml";
    let (node, _) = migrate(node, files, "0");
    let shown =
        |options: &[&str]| lab.exec(node, "virsh", &[&["dumpxml", &guest.name], options].concat());
    assert!(shown(&[]).contains("/srv/shared/./optional.img"));
    assert!(shown(&["--inactive"]).contains("<title>kept</title>"));
    lab.exec(node, "virsh", &["undefine", &guest.name]);
    agent.on(node).stop();
}
