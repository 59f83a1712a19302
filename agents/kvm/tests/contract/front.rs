//! The front, which is not linked to libvirt, and what it does without the full agent.

use crate::KVM;
use contract::{Node, install};
use exec::{Deadline, Tool};
use hypervisor::State;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

/// A node whose front has another program beside it, or none, instead of the full agent.
fn without_full(make: impl FnOnce(&Path)) -> Node {
    let mut node = KVM.started();
    let front = node.path("kvm");
    install(&node.program, &front, "");
    make(&node.path("kvm-full"));
    node.program = front;
    node
}

fn script(path: &Path, content: &str) {
    install(Path::new("/dev/stdin"), path, content);
}

/// The guest is watched and stopped, nothing is started, and a probe is right.
fn assert_front_copes(node: &Node) {
    node.monitor().gives(190);
    node.call("monitor").gives(0);
    node.probe().gives(0);
    node.migrate().gives(1);
    assert_eq!(node.state(), Some(State::Running));
    node.call("stop").gives(0);
    assert_eq!(node.state(), None);
    node.probe().gives(7);
    node.call("start").timeout(1500).run().is_one_of(&[1, 5]);
    assert_eq!(node.state(), None);
}

#[test]
fn the_front_copes_without_the_full_agent() {
    assert_front_copes(&without_full(|_| {}));
}

#[test]
fn the_front_copes_with_a_full_agent_that_cannot_be_loaded() {
    assert_front_copes(&without_full(|path| script(path, "#!/no/such/interpreter\n")));
    assert_front_copes(&without_full(|path| script(path, "#!/bin/sh\nkill -SEGV $$\n")));
    // What the dynamic loader says when a library is missing.
    let loader = "#!/bin/sh\necho 'libvirt.so.0: cannot open shared object file' >&2\nexit 127\n";
    assert_front_copes(&without_full(|path| script(path, loader)));
}

#[test]
fn the_front_answers_in_time_when_the_full_agent_hangs() {
    let node = without_full(|path| symlink("/usr/bin/yes", path).unwrap());
    node.monitor().timeout(2000).gives(190);
    node.call("stop").timeout(2000).gives(0);
    assert_eq!(node.state(), None);
}

#[test]
fn only_the_full_agent_is_linked_to_libvirt() {
    let needed = |program: &str| {
        let tool = Tool::new("readelf").args(["--dynamic", program]);
        tool.run(Deadline::after(Duration::from_secs(20))).unwrap().text()
    };
    assert!(needed(env!("CARGO_BIN_EXE_kvm-full")).contains("libvirt.so"));
    let front = needed(env!("CARGO_BIN_EXE_kvm"));
    assert!(front.contains("NEEDED") && !front.contains("libvirt"), "{front}");
}
