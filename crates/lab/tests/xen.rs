//! A real Xen host, emulated on this machine. It needs root, and fetches Debian's packages once.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use exec::{Deadline, Tool};
use lab::{Error, Guest, Lab, Stack};
use std::io::Write;
use std::path::Path;
use std::process;
use std::time::Duration;

/// What takes a boot on an emulated processor may take, on a machine that has other things to do.
fn eventually() -> Deadline {
    Deadline::after(Duration::from_secs(600))
}

#[test]
fn a_host_runs_programs_and_guests_and_leaves_nothing() {
    if !nix::unistd::geteuid().is_root() {
        assert!(std::env::var_os("HAWSER_NO_SKIP").is_none(), "a lab needs root");
        let _ = std::io::stderr().write_all(b"skipped: a lab needs root\n");
        return;
    }
    let name: lab::Name = format!("host-{}", process::id()).parse().unwrap();
    let builder = Lab::builder(name.clone()).nodes(1).stack(Stack::Bare).xen();
    let lab = builder.start(|_| {}).unwrap();
    let n1 = lab.node("n1").unwrap();
    let tool = |program: &str| n1.tool(program).unwrap();

    let script = "cat; echo \"$1 $VALUE\"; env | grep -c SSH_; exit 7";
    let shell = tool("sh").args(["-c", script, "sh", "a  'b'"]).env("VALUE", "$c;d").input("in ");
    let output = shell.output(eventually()).unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", output.error_text());
    assert_eq!(output.text(), "in a  'b' $c;d\n0\n");

    let guest = Guest::new("guest", 0);
    let config = lab.place(&guest, eventually()).unwrap();
    tool("xl").arg("create").arg(config).run(eventually()).unwrap();
    let probe = lab.probe(guest.address()).unwrap();
    assert!(probe.wait_for_replies(1, eventually()), "the guest never answers");
    // The guest's kernel runs its init under another name for this.
    tool("xl").args(["shutdown", "-w", &guest.name]).run(eventually()).unwrap();

    n1.stop().unwrap();
    assert!(matches!(n1.tool("true"), Err(Error::Off { .. })));
    lab.down().unwrap();
    let left = Tool::new("pgrep").args(["--full", &format!("lab/{name}/")]).output(eventually());
    assert_eq!(left.unwrap().text(), "");
    assert!(!Path::new("/var/lib/hawser/lab").join(name.as_str()).exists());
}
