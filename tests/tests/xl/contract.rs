//! What ocf-tester and only real guests can show: shutting down, rebooting, crashing, giving memory, coming in, and an xl
//! that hangs.

use crate::{LAB, diskless, reboot, started};
use comparison::Action;
use lab::Guest;
use lab_guest::Command;
use live::{Agent, Turn, wait_until};

const AGENT: &str = "/usr/lib/ocf/resource.d/hawser/xen";

/// Does something while xl hangs on that node, as it does when xenstored does not answer.
fn without_xl<T>(lab: &Turn, node: &str, act: impl FnOnce() -> T) -> T {
    let store = lab.exec(node, "pidof", &["oxenstored"]);
    let store = |signal: &str| lab.exec(node, "kill", &[signal, store.trim()]);
    store("-STOP");
    let outcome = act();
    store("-CONT");
    outcome
}

#[test]
fn ocf_tester_passes_with_a_real_guest() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = diskless("tested", 10);
    lab.place(&guest);
    let config = format!("xmfile={}", guest.file("cfg").display());
    // It gives an action 20 s, which is less than an emulated processor may need.
    let patience = "CRM_meta_timeout=300000";
    let options = ["-n", &guest.name, "-o", &config, "-o", patience, AGENT];
    let text = lab.exec("n1", "ocf-tester", &options);
    assert!(text.contains("passed all tests"), "{text}");
    assert_eq!(lab.domains("n1"), [""; 0]);
}

#[test]
fn a_guest_that_reboots_is_paused_or_has_crashed_is_told_from_one_that_is_gone() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = diskless("ill", 14);
    let agent = started(&lab, &guest);
    reboot(&lab, &agent, &guest, "xl", &["reboot", &guest.name]);
    let boot = lab.boot(&guest);
    lab.exec("n1", "xl", &["pause", &guest.name]);
    let answer = agent.monitor();
    assert_eq!(answer.code, 190);
    assert!(answer.reason.contains("xl unpause"), "{}", answer.reason);
    assert_eq!(agent.probe().code, 0);
    agent.start();
    assert_eq!(lab.boot(&guest), boot);
    assert_eq!(agent.monitor().code, 0);
    lab.order(&guest, Command::Panic);
    wait_until("it has crashed", lab.eventually(), || agent.monitor().code == 1);
    assert_eq!(agent.probe().code, 0);
    agent.start();
    assert_ne!(lab.boot(&guest), boot);
    assert_eq!(lab.domains("n1"), [guest.name.as_str()]);
    agent.set("shutdown_timeout", "0").stop();
}

#[test]
fn a_guest_that_does_not_listen_is_destroyed() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let deaf = "hawser.acpi=ignore".to_owned();
    let guest = Guest { command_line: deaf, ..diskless("deaf", 15) };
    let agent = started(&lab, &guest).set("shutdown_timeout", "20");
    lab.boot(&guest);
    agent.stop();
    assert_eq!((lab.domains("n1"), agent.probe().code), (vec![], 7));
}

#[test]
fn a_guest_with_a_disk_is_watched_and_stopped_without_an_xl_that_answers() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = Guest::new("mute", 16);
    let agent = started(&lab, &guest);
    lab.tell(&guest, Command::DiskWrite { size: 1 });
    let (seen, stopped) =
        without_xl(&lab, "n1", || (agent.monitor().code, agent.call(Action::Stop)));
    assert_eq!((seen, stopped.code), (0, 0), "{}", stopped.reason);
    assert_eq!(agent.probe().code, 7);
    // What only xenstored could clear away is in nobody's way.
    agent.start();
    let boot = lab.tell(&guest, Command::DiskRead { size: 1 }).boot_id;
    assert_eq!((agent.monitor().code, lab.boot(&guest)), (0, boot));
    agent.stop();
    assert_eq!(lab.domains("n1"), [""; 0]);
}

#[test]
fn a_guest_that_comes_in_one_that_came_and_one_that_did_not_are_told_apart_without_xl() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = diskless("comer", 21);
    let agent = started(&lab, &guest);
    let (boot, there) = (lab.boot(&guest), agent.on("n2"));
    let migration = lab.tool("n1", "xl").args(["migrate", &guest.name, "10.77.0.2"]);
    let mut migration = migration.spawn(None).unwrap();
    let mut helper = String::new();
    wait_until("its memory comes", lab.eventually(), || {
        helper = lab.output("n2", "pidof", &["libxl-save-helper"]).text();
        !helper.is_empty()
    });
    let helper = |signal: &str| lab.exec("n2", "kill", &[signal, helper.trim()]);
    helper("-STOP");
    let seen = without_xl(&lab, "n2", || there.probe().code);
    helper("-CONT");
    assert_eq!(seen, 7);
    assert!(migration.wait(lab.eventually()).is_some_and(|status| status.success()));
    assert_eq!((agent.probe().code, there.monitor().code), (7, 0));

    lab.exec("n2", "xl", &["pause", &guest.name]);
    let absent = diskless("absent", 22);
    lab.place(&absent);
    let absent = Agent::new(&lab, "n2", &absent);
    let seen = without_xl(&lab, "n2", || (there.monitor().code, absent.probe().code));
    assert_eq!(seen, (190, 7));
    there.start();
    assert_eq!((lab.boot(&guest), there.monitor().code), (boot, 0));
    there.set("shutdown_timeout", "0").stop();
}

#[test]
fn what_a_migration_left_is_no_guest_and_what_runs_under_such_a_name_is() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = diskless("left", 23);
    let agent = started(&lab, &guest);
    let boot = lab.boot(&guest);
    let away = "left--migratedaway";
    lab.exec("n1", "xl", &["rename", &guest.name, away]);
    assert_eq!((agent.probe().code, agent.monitor().code), (0, 0));
    agent.start();
    assert_eq!((lab.domains("n1"), lab.boot(&guest)), (vec![away.to_owned()], boot));
    lab.exec("n1", "xl", &["rename", away, "left--incoming"]);
    lab.exec("n1", "xl", &["pause", "left--incoming"]);
    assert_eq!(agent.probe().code, 7);
    agent.start();
    assert_ne!(lab.boot(&guest), boot);
    assert_eq!(lab.domains("n1"), [guest.name.as_str()]);
    agent.set("shutdown_timeout", "0").stop();
}

#[test]
fn a_start_that_xl_refuses_says_why_and_leaves_nothing() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = diskless("broken", 24);
    lab.place_as(&guest, |it| it.replace("/vmlinuz\"", "/broken.cfg\""));
    let agent = Agent::new(&lab, "n1", &guest);
    let answer = agent.call(Action::Start);
    assert_eq!(answer.code, 1);
    assert!(answer.reason.contains("kernel"), "{}", answer.reason);
    assert_eq!((agent.probe().code, lab.domains("n1")), (7, vec![]));
    agent.stop();
}

#[test]
fn a_guest_that_starts_gets_what_another_one_can_do_without() {
    let Some(lab) = LAB.turn(&[]) else { return };
    let guest = |name, number, memory| {
        let guest = Guest { memory, ..diskless(name, number) };
        lab.place(&guest);
        let agent = Agent::new(&lab, "n1", &guest).set("allow_mem_management", "true");
        (guest, agent)
    };
    let (rich, giver) = guest("rich", 18, 300);
    let memory = || {
        let row = lab.exec("n1", "xl", &["list", &rich.name]);
        let field = row.lines().last().and_then(|row| row.split_whitespace().nth(2));
        field.and_then(|it| it.parse::<u32>().ok()).unwrap()
    };
    giver.start();
    let boot = lab.boot(&rich);
    let had = memory();

    // All that it could give would not do.
    let (_, refused) = guest("huge", 19, 420);
    let answer = refused.call(Action::Start);
    assert_eq!(answer.code, 5, "{}", answer.reason);
    assert!(answer.reason.contains("memory: the guest needs"), "{}", answer.reason);
    assert_eq!(memory(), had);

    let (_, taker) = guest("poor", 20, 200);
    taker.start();
    let has = memory();
    assert!((had / 2..had).contains(&has), "{has} of {had} MiB");
    taker.stop();
    wait_until("it has its memory again", lab.eventually(), || memory() == had);
    assert_eq!((lab.boot(&rich), giver.monitor().code), (boot, 0));
    giver.stop();
}
