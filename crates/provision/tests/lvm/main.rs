//! Disks that are logical volumes, made by the real LVM: in a machine of its own that QEMU emulates, so that no volume group
//! of this one is in reach, and its kernel need not have a device mapper.

#![allow(clippy::unwrap_used, reason = "tests")]

mod machine;
mod volumes;

#[test]
fn logical_volumes_are_made_and_made_anew() {
    let console = machine::run("volumes::in_the_machine");
    assert!(console.contains("test result: ok. 1 passed"), "{console}");
}
