//! The QEMU that libxl starts for a domain: to be its machine, or to serve its disks.

use super::domains::Domains;
use super::table::incoming;
use crate::identity::{Identity, Name};
use crate::process::Process;
use crate::qemu::is_command_line;

/// Every QEMU of a domain that was the guest and is no more. It may still write to the guest's disks.
pub fn left_behind(guest: &Identity) -> Vec<Process> {
    let served = |process: Process| Some((process, domain(&process.command_line()?, guest)?));
    let emulators: Vec<_> = Process::all().filter_map(served).collect();
    if emulators.is_empty() {
        return Vec::new();
    }
    // Where nobody tells which domains there are, none is known to be gone.
    let Some(domains) = Domains::look(None) else { return Vec::new() };
    let gone = emulators.into_iter().filter(|(_, domain)| domains.get(*domain).is_none());
    gone.map(|(process, _)| process).collect()
}

/// The number of the domain that a command line of QEMU's is for, if that was the guest.
fn domain(line: &[u8], guest: &Identity) -> Option<u16> {
    let name = Name::from_any(&incoming(&guest.name));
    let arrived = Identity { name, ..guest.clone() };
    if ![guest, &arrived].iter().any(|guest| is_command_line(line, guest)) {
        return None;
    }
    let mut words = line.split(|byte| *byte == 0);
    words.find(|word| *word == b"-xen-domid")?;
    std::str::from_utf8(words.next()?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qemu_of_xen_s_says_which_domain_and_which_guest_it_is_for() {
        let guest = Identity { name: Name::from_any("g1"), uuid: None };
        let domain = |line: &str| domain(line.replace(' ', "\0").as_bytes(), &guest);
        let qemu = "/usr/lib/xen/bin/qemu-system-i386 -xen-domid 3 -xen-attach -name g1 -M xenpv";
        assert_eq!(domain(qemu), Some(3));
        assert_eq!(domain(&qemu.replace("g1", "g1--incoming")), Some(3));
        for other in [qemu.replace("g1", "g10"), qemu.replace("-xen-domid", "-id")] {
            assert_eq!(domain(&other), None, "{other}");
        }
    }
}
