//! Guests as processes.

use crate::identity::{Identity, Uuid};
use crate::process::Process;

/// Every process on this node that is the guest.
pub fn find(guest: &Identity) -> Vec<Process> {
    Process::all().filter(|process| is_guest(*process, guest)).collect()
}

/// Whether that process is there and is this guest.
pub fn is_guest(process: Process, guest: &Identity) -> bool {
    process.command_line().is_some_and(|line| is_command_line(&line, guest))
}

/// Whether a command line is QEMU's for this guest: `-name guest=NAME,…` with that name to the
/// letter, and `-uuid` with that UUID if it is known. In QEMU's options a comma in a value is doubled.
pub fn is_command_line(line: &[u8], guest: &Identity) -> bool {
    let mut words = line.split(|byte| *byte == 0);
    let is_emulator = words.next().is_some_and(|program| {
        let program = program.rsplit(|byte| *byte == b'/').next().unwrap_or(program);
        program.starts_with(b"qemu") || program == b"kvm"
    });
    if !is_emulator {
        return false;
    }
    let escaped = guest.name.as_str().replace(',', ",,");
    let (mut named, mut uuid) = (false, None);
    while let Some(word) = words.next() {
        match word {
            b"-name" => {
                let value = words.next().unwrap_or_default();
                let value = value.strip_prefix(b"guest=").unwrap_or(value);
                named = value.strip_prefix(escaped.as_bytes()).is_some_and(|rest| {
                    rest.is_empty() || (rest[0] == b',' && rest.get(1) != Some(&b','))
                });
            }
            b"-uuid" => {
                uuid =
                    words.next().and_then(|it| std::str::from_utf8(it).ok()).and_then(Uuid::parse);
            }
            _ => {}
        }
    }
    named && (guest.uuid.is_none() || uuid.is_none() || guest.uuid == uuid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Name;

    const UUID: &str = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";

    fn guest(name: &str, uuid: Option<&str>) -> Identity {
        Identity {
            name: Name::try_from(name.to_owned()).unwrap(),
            uuid: uuid.and_then(Uuid::parse),
        }
    }

    fn line(name: &str) -> Vec<u8> {
        format!(
            "/usr/bin/qemu-system-x86_64\0-name\0guest={name},debug-threads=on\0-S\0-uuid\0{UUID}\0"
        )
        .into_bytes()
    }

    #[test]
    fn a_name_matches_to_the_letter() {
        for name in ["vm1", "vm 1", "v.m", "<&\"'>", "a(b)"] {
            assert!(is_command_line(&line(name), &guest(name, None)), "{name}");
        }
        assert!(!is_command_line(&line("vm10"), &guest("vm1", None)));
        assert!(!is_command_line(&line("vxm"), &guest("v.m", None)));
        assert!(!is_command_line(&line("myvm1"), &guest("vm1", None)));
        // A comma in the name is doubled; a name that goes on after one is another name.
        assert!(is_command_line(&line("a,,b"), &guest("a,b", None)));
        assert!(!is_command_line(&line("a,,b"), &guest("a", None)));
    }

    #[test]
    fn another_uuid_is_another_guest() {
        assert!(is_command_line(&line("vm1"), &guest("vm1", Some(UUID))));
        let other = "00000000-1d52-d8f3-2516-782e98ab3fa0";
        assert!(!is_command_line(&line("vm1"), &guest("vm1", Some(other))));
    }

    #[test]
    fn somebody_who_talks_about_a_guest_is_no_guest() {
        let grep = b"grep\0-name\0guest=vm1,\0";
        assert!(!is_command_line(grep, &guest("vm1", None)));
    }
}
