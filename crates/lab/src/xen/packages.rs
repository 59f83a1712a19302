use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, hash};

use crate::image::Error;
use exec::{Deadline, Tool};

/// What is installed on a host. The metapackages name no version, so the hypervisor and the kernel are
/// the ones that Debian has now.
const PACKAGES: &[&str] = &[
    "linux-image-amd64",
    "xen-system-amd64",
    "corosync",
    "crmsh",
    "pacemaker",
    "pacemaker-cli-utils",
    "pcs",
    "resource-agents",
    "libxml2-utils",
    "openssh-client",
    "openssh-server",
    "iproute2",
    "iputils-ping",
    "procps",
    "qemu-system-xen",
    "libvirt-daemon-driver-xen",
    "libvirt-clients",
    "strace",
];

/// What packages take for granted without naming it, as far as it is used here: every Debian has it.
const ESSENTIAL: &[&str] = &[
    "base-files",
    "bash",
    "bsdutils",
    "coreutils",
    "dash",
    "debianutils",
    "diffutils",
    "findutils",
    "gawk",
    "grep",
    "gzip",
    "hostname",
    "libc-bin",
    "login",
    "mount",
    "ncurses-base",
    "ncurses-bin",
    "sed",
    "tar",
    "util-linux",
];

/// How long apt may take to find out what is needed.
const QUERY: Duration = Duration::from_secs(60);

/// How long all packages may take to arrive.
const DOWNLOAD: Duration = Duration::from_secs(600);

/// How long one package may take to unpack.
const UNPACK: Duration = Duration::from_secs(120);

/// Apt, told that nothing is installed: it then selects a whole system, and what this machine has does
/// not matter. Nothing is installed or configured by it.
pub struct Apt {
    directory: PathBuf,
}

impl Apt {
    /// An apt that keeps its files in a directory.
    pub fn new(directory: &Path) -> Result<Self, Error> {
        let apt = Self { directory: directory.to_owned() };
        fs::create_dir_all(apt.archives().join("partial")).map_err(Error::write(directory))?;
        let status = apt.status();
        fs::write(&status, "").map_err(Error::write(&status))?;
        Ok(apt)
    }

    /// A text that differs when any of the packages does.
    pub fn fingerprint(&self, deadline: Deadline) -> Result<String, Error> {
        let uris = self.install("--print-uris").run(deadline.slice(QUERY));
        let uris = uris.map_err(Error::NoPackages)?.text();
        let mut hasher = hash::DefaultHasher::new();
        hash::Hash::hash(&uris, &mut hasher);
        Ok(format!("{:016x}", hash::Hasher::finish(&hasher)))
    }

    /// Fetches all packages and unpacks them below `root`.
    pub fn unpack(&self, root: &Path, deadline: Deadline) -> Result<(), Error> {
        let fetched = self.install("--download-only").run(deadline.slice(DOWNLOAD));
        fetched.map_err(Error::NoPackages)?;
        let archives = crate::image::list(&self.archives())?;
        let packages = archives.iter().filter(|it| it.extension().is_some_and(|it| it == "deb"));
        for package in packages {
            let extract = Tool::new("dpkg-deb").arg("--extract").args([package, root]);
            extract.run(deadline.slice(UNPACK))?;
        }
        Ok(())
    }

    fn install(&self, how: &str) -> Tool {
        let option = |name: &str, value: &Path| format!("--option={name}={}", value.display());
        Tool::new("apt-get")
            .args(["--yes", "--quiet=2", "--no-install-recommends", how])
            .arg(option("Dir::State::status", &self.status()))
            .arg(option("Dir::Cache", &self.directory))
            .arg(option("Dir::Cache::archives", &self.archives()))
            .args(["--option=Debug::NoLocking=true", "--option=APT::Sandbox::User=root"])
            .arg("install")
            .args(PACKAGES)
            .args(ESSENTIAL)
    }

    fn status(&self) -> PathBuf {
        self.directory.join("status")
    }

    fn archives(&self) -> PathBuf {
        self.directory.join("archives")
    }
}
