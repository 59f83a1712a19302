use crate::interface::Device;
use crate::system::{INSTALLABLE, Initramfs, SIGNS, System};
use crate::table::Disks;
use crate::{Error, Result};
use exec::{Deadline, Tool};
use std::fs;
use std::path::Path;
use std::time::Duration;

const FSTAB: &str = "/etc/fstab";
const CRYPTTAB: &str = "/etc/crypttab";

/// Where GRUB's settings are: a script of assignments, of which the last counts.
const GRUB_SETTINGS: &str = "/etc/default/grub";

/// A serial console beside the screen, and no resuming from a swap that is not there; in guestfish's quotes.
const CONSOLES: &str = concat!(
    r"\n# hawser p2v\n",
    r#"GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX console=tty0 console=ttyS0 noresume\"\n"#,
    r#"GRUB_TERMINAL=\"console serial\"\n"#,
);

/// The drivers of a guest's devices, of either hypervisor.
const DRIVERS: [&str; 6] =
    ["virtio_pci", "virtio_blk", "virtio_net", "virtio_scsi", "xen-blkfront", "xen-netfront"];

/// How long booting the appliance and looking around may take, and how long adapting a system: an emulated processor
/// was seen to need 10 minutes.
const BOOT_TIME: Duration = Duration::from_secs(600);
const TIME: Duration = Duration::from_secs(3600);

/// A copied system, and what it is to be as a guest's.
#[derive(Debug)]
pub struct Adaptation {
    /// How it boots.
    pub system: System,
    /// What became of its disks.
    pub disks: Disks,
    /// Its fstab(5), as it was.
    pub fstab: String,
    /// Its crypttab(5), as it was.
    pub crypttab: String,
    /// Its network devices.
    pub devices: Vec<Device>,
}

impl Adaptation {
    /// Looks into an image, which keeps its partitions.
    pub fn look(
        image: &Path,
        disk: &'static str,
        devices: Vec<Device>,
        by: Deadline,
    ) -> Result<Self> {
        let directory = tempfile::tempdir().map_err(Error::file("make", &std::env::temp_dir()))?;
        let copies = [FSTAB, CRYPTTAB].map(|path| (path, directory.path().join(&path[5..])));
        // A system without one of them has an empty one.
        let downloads =
            copies.iter().map(|(path, copy)| format!("-download {path} \"{}\"\n", copy.display()));
        let questions = SIGNS.iter().map(|path| format!("exists {path}\n"));
        let script: String = downloads.chain(questions).collect();
        let look = guestfish(&["--ro", "--inspector"], image).input(script);
        let answers =
            look.run(by.slice(BOOT_TIME)).map_err(Error::tool("find a system on", image))?.text();
        let answers: Vec<&str> = answers.lines().collect();
        let has = |sign: &str| {
            // What could be installed is not what was.
            sign != INSTALLABLE
                && SIGNS.iter().zip(&answers).any(|(it, answer)| *it == sign && *answer == "true")
        };
        let unsuitable = |source| Error::Unsuitable { what: image.display().to_string(), source };
        let [fstab, crypttab] =
            copies.map(|(_, copy)| fs::read_to_string(copy).unwrap_or_default());
        Ok(Self {
            system: System::judge(has).map_err(unsuitable)?,
            disks: Disks::Renamed(disk),
            fstab,
            crypttab,
            devices,
        })
    }

    /// Has the system on the disk be that of a guest.
    pub fn perform(&self, disk: &Path, by: Deadline) -> Result<()> {
        let directory = tempfile::tempdir().map_err(Error::file("make", &std::env::temp_dir()))?;
        let mut script = "rm-f /etc/udev/rules.d/70-persistent-net.rules\n".to_owned();
        for (number, (path, text)) in self.files().iter().enumerate() {
            let local = directory.path().join(number.to_string());
            fs::write(&local, text).map_err(Error::file("write", &local))?;
            let parent = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
            script += &format!("mkdir-p {parent}\nupload \"{}\" {path}\n", local.display());
        }
        script += &self.commands();
        let mounts: &[&str] = match self.disks {
            Disks::Merged(_) => &["--mount=/dev/sda2"],
            Disks::Renamed(_) => &["--inspector"],
        };
        let adapt = guestfish(&[&["--rw"], mounts].concat(), disk).input(script);
        adapt.run(by.slice(TIME)).map(drop).map_err(Error::tool("adapt the system on", disk))
    }

    /// The files that it gets, by their paths.
    fn files(&self) -> Vec<(String, String)> {
        let mut files: Vec<_> = self.devices.iter().map(Device::link_file).collect();
        files.push((FSTAB.to_owned(), self.disks.fstab(&self.fstab)));
        if !self.crypttab.is_empty() {
            files.push((CRYPTTAB.to_owned(), self.disks.crypttab(&self.crypttab)));
        }
        let drivers = DRIVERS.join(" ");
        let initramfs = match self.system.initramfs {
            Initramfs::Tools => {
                ("initramfs-tools/conf.d/zz-hawser", "MODULES=most\nRESUME=none\n".to_owned())
            }
            Initramfs::Dracut => (
                "dracut.conf.d/zz-hawser.conf",
                format!("hostonly=no\nadd_drivers+=\" {drivers} \"\n"),
            ),
        };
        files.push((format!("/etc/{}", initramfs.0), initramfs.1));
        files
    }

    /// What is appended to its files, and run of its programs.
    fn commands(&self) -> String {
        let (grub, drivers) = (self.system.grub, DRIVERS.join("\\n"));
        let initramfs = match self.system.initramfs {
            Initramfs::Tools => format!(
                "write-append /etc/initramfs-tools/modules \"\\n{drivers}\\n\"
command \"update-initramfs -u -k all\""
            ),
            Initramfs::Dracut => "command \"dracut --regenerate-all --force\"".to_owned(),
        };
        let loader = match self.disks {
            // The kernel may call the disk by another name than libguestfs, and it alone knows by which.
            Disks::Merged(_) => {
                format!(
                    "sh \"{grub}-install --target=i386-pc $({grub}-probe --target=disk /boot)\"\n"
                )
            }
            Disks::Renamed(_) => String::new(),
        };
        format!(
            "write-append {GRUB_SETTINGS} \"{CONSOLES}\"
{initramfs}
{loader}command \"{grub}-mkconfig -o /boot/{grub}/grub.cfg\"
umount-all
"
        )
    }
}

/// Boots the appliance with the disk, which is what may fail of it on this host.
pub fn rehearse(disk: &Path, by: Deadline) -> Result<()> {
    let run = guestfish(&["--ro"], disk).input("run\n");
    run.run(by.slice(BOOT_TIME))
        .map(drop)
        .map_err(Error::tool("boot libguestfs's appliance with", disk))
}

/// guestfish on one disk, without libvirt. What else libguestfs can be told is in the administrator's environment
/// (guestfs(3), environment variables).
fn guestfish(options: &[&str], disk: &Path) -> Tool {
    let format = if options.contains(&"--rw") { "--format=raw" } else { "--format" };
    Tool::new("guestfish")
        .inherit_environment()
        .env("LIBGUESTFS_BACKEND", "direct")
        .arg(format)
        .arg("--add")
        .arg(disk)
        .args(options)
        .ends_with_us()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adaptation(grub: &'static str, initramfs: Initramfs, disks: Disks) -> Adaptation {
        let (fstab, crypttab) = ("/dev/sda1 / ext4 defaults 0 1\n".to_owned(), String::new());
        let device = Device { name: "eno1".parse().unwrap(), mac: "52:54:00:00:00:01".to_owned() };
        Adaptation {
            system: System { grub, initramfs },
            disks,
            fstab,
            crypttab,
            devices: vec![device],
        }
    }

    #[test]
    fn only_a_copied_machine_gets_a_boot_loader() {
        let copied =
            adaptation("grub", Initramfs::Tools, Disks::Merged("4711".to_owned())).commands();
        assert!(
            copied.contains(
                "\nsh \"grub-install --target=i386-pc $(grub-probe --target=disk /boot)\"\n"
            ),
            "{copied}"
        );
        let image = adaptation("grub2", Initramfs::Dracut, Disks::Renamed("vda")).commands();
        assert!(!image.contains("install"), "{image}");
        assert!(image.contains("command \"grub2-mkconfig -o /boot/grub2/grub.cfg\"\n"), "{image}");
    }

    #[test]
    fn the_files_are_those_of_its_initramfs() {
        let paths = |initramfs| {
            let files = adaptation("grub", initramfs, Disks::Renamed("vda")).files();
            files.into_iter().map(|(path, _)| path).collect::<Vec<_>>()
        };
        let common = ["/etc/systemd/network/10-hawser-eno1.link", "/etc/fstab"];
        let tools = paths(Initramfs::Tools);
        assert_eq!(tools, [&common[..], &["/etc/initramfs-tools/conf.d/zz-hawser"]].concat());
        let dracut = paths(Initramfs::Dracut);
        assert_eq!(dracut, [&common[..], &["/etc/dracut.conf.d/zz-hawser.conf"]].concat());
    }
}
