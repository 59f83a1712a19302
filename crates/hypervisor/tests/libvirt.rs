//! The libvirt backend through the real library, on libvirt's own `test` driver: a pretend host
//! inside this process, so no daemon and no privileges are needed.

#![allow(clippy::unwrap_used, reason = "tests")]

use hypervisor::libvirt::Libvirt;
use hypervisor::{
    Deadline, Definition, Error, Hypervisor, Identity, Job, Migration, Name, Pause, ShutdownMode,
    Sight, State,
};
use std::io::Write;
use std::time::Duration;

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

fn name(text: &str) -> Name {
    Name::try_from(text.to_owned()).unwrap()
}

fn guest(text: &str) -> Identity {
    Identity { name: name(text), uuid: None }
}

const AWKWARD: &str = "a .*[b] <c> &'\"d\"";

fn definition() -> Definition {
    Definition::from_xml(
        "<domain type='test'><name>a .*[b] &lt;c> &amp;'\"d\"</name><memory unit='MiB'>64</memory>\
         <vcpu>3</vcpu><os><type>hvm</type></os></domain>",
    )
    .unwrap()
}

#[test]
fn a_guest_lives_from_create_to_destroy() {
    let host = Libvirt::new("test:///default");
    let guest = guest(AWKWARD);
    assert_eq!(host.look(&guest, soon()).unwrap(), Sight::NOTHING);
    host.create(&definition(), soon()).unwrap();
    let sight = host.look(&guest, soon()).unwrap();
    assert_eq!((sight.state, sight.cpus, sight.memory), (State::Running, 3, 64));
    assert_eq!((sight.job, sight.persistent), (Job::None, false));
    assert!(
        matches!(host.create(&definition(), soon()), Err(Error::Refused { words, .. }) if words.contains("already"))
    );
    host.shut_down(&guest.name, ShutdownMode::Any, soon()).unwrap();
    assert_eq!(host.look(&guest, soon()).unwrap().state, State::Off);
    host.destroy(&guest, soon()).unwrap();
}

#[test]
fn a_persistent_definition_stays() {
    let host = Libvirt::new("test:///default");
    let guest = guest("test");
    host.destroy(&guest, soon()).unwrap();
    let sight = host.look(&guest, soon()).unwrap();
    assert_eq!((sight.state, sight.persistent), (State::Off, true));
    let same = Definition::from_xml(
        "<domain type='test'><name>test</name><memory>8388608</memory><os><type>hvm</type></os></domain>",
    )
    .unwrap();
    host.create(&same, soon()).unwrap();
    let sight = host.look(&guest, soon()).unwrap();
    assert_eq!((sight.state, sight.persistent), (State::Running, true));
    host.destroy(&guest, soon()).unwrap();
    assert!(host.look(&guest, soon()).unwrap().persistent);
}

#[test]
fn states_are_told_apart() {
    let mut host = tempfile::NamedTempFile::new().unwrap();
    let domain = |name: &str, state: u8| {
        format!(
            "<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>\
             <name>{name}</name><memory>8192</memory><os><type>hvm</type></os>\
             <test:runstate>{state}</test:runstate></domain>"
        )
    };
    // Runstates are libvirt's virDomainState numbers.
    let states = [("runs", 1), ("paused", 3), ("off", 5), ("crashed", 6)]
        .map(|(name, state)| domain(name, state));
    write!(host, "<node>{}</node>", states.concat()).unwrap();
    let host = Libvirt::new(&format!("test://{}", host.path().display()));
    let state = |name| host.look(&guest(name), soon()).unwrap().state;
    assert_eq!(state("runs"), State::Running);
    assert_eq!(state("paused"), State::Paused(Pause::Unknown));
    assert_eq!(state("off"), State::Off);
    assert_eq!(state("crashed"), State::Crashed);
}

#[test]
fn nobody_there_is_no_answer() {
    let host = Libvirt::new("qemu+unix:///system?socket=/nonexistent/socket");
    let error = host.look(&guest("a"), soon()).unwrap_err();
    assert!(
        matches!(&error, Error::Unreachable { words, .. } if words.contains("/nonexistent/socket")),
        "{error}"
    );
}

#[test]
fn a_daemon_that_hangs_costs_its_slice_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    let _hung = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let host = Libvirt::new(&format!("qemu+unix:///system?socket={}", socket.display()));
    let begun = std::time::Instant::now();
    for _ in 0..2 {
        let error =
            host.look(&guest("a"), Deadline::after(Duration::from_millis(300))).unwrap_err();
        assert!(matches!(error, Error::Silent { .. }), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn refusals_come_in_libvirt_s_words() {
    let host = Libvirt::new("test:///default");
    let destination = "test:///default".to_owned();
    let migration = Migration { destination, ..Migration::default() };
    let transfer = host.migrate(&name("test"), &migration, soon()).unwrap();
    let error = transfer.wait(soon()).unwrap().unwrap_err();
    assert!(error.to_string().starts_with("cannot migrate the guest: "), "{error}");
    let error = host.ping_agent(&name("test"), soon()).unwrap_err();
    assert!(error.to_string().starts_with("cannot ask the guest agent: "), "{error}");
}
