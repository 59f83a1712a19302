use crate::error::Flaw;

/// What makes the initramfs of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initramfs {
    /// Debian's initramfs-tools.
    Tools,
    /// dracut.
    Dracut,
}

/// The programs that make a system boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct System {
    /// How the names of GRUB's programs begin, and that of its directory.
    pub grub: &'static str,
    /// What makes its initramfs.
    pub initramfs: Initramfs,
}

const GRUB: &str = "/usr/sbin/grub-install";
const GRUB2: &str = "/usr/sbin/grub2-install";
const UPDATE_INITRAMFS: &str = "/usr/sbin/update-initramfs";
const DRACUT: &str = "/usr/bin/dracut";

/// Where GRUB for BIOS is that can be installed.
pub const INSTALLABLE: &str = "/usr/lib/grub/i386-pc";

/// Where it is, and where one is that was installed.
const MODULES: [&str; 3] = [INSTALLABLE, "/boot/grub/i386-pc", "/boot/grub2/i386-pc"];

/// The files by which a system is judged.
pub const SIGNS: [&str; 7] =
    [GRUB, GRUB2, UPDATE_INITRAMFS, DRACUT, MODULES[0], MODULES[1], MODULES[2]];

impl System {
    /// Judges a system by which of the [`SIGNS`] it has.
    pub fn judge(has: impl Fn(&str) -> bool) -> Result<Self, Flaw> {
        let grub = if has(GRUB) { Some("grub") } else { has(GRUB2).then_some("grub2") };
        let grub = grub.filter(|_| MODULES.iter().any(|it| has(it))).ok_or(Flaw::NoBootLoader)?;
        let initramfs = match (has(UPDATE_INITRAMFS), has(DRACUT)) {
            (true, _) => Initramfs::Tools,
            (_, true) => Initramfs::Dracut,
            (false, false) => return Err(Flaw::NoInitramfs),
        };
        Ok(Self { grub, initramfs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_without_what_makes_it_boot_is_refused() {
        let judge =
            |signs: &[&str]| System::judge(|it| signs.contains(&it)).map_err(|it| it.to_string());
        let debian = judge(&[GRUB, MODULES[0], UPDATE_INITRAMFS, DRACUT]).unwrap();
        assert_eq!(debian, System { grub: "grub", initramfs: Initramfs::Tools });
        let fedora = judge(&[GRUB2, MODULES[2], DRACUT]).unwrap();
        assert_eq!(fedora, System { grub: "grub2", initramfs: Initramfs::Dracut });
        for (signs, lack) in [(vec![GRUB, DRACUT], "GRUB"), (vec![GRUB, MODULES[0]], "initramfs")] {
            assert!(judge(&signs).unwrap_err().contains(lack), "{signs:?}");
        }
    }
}
