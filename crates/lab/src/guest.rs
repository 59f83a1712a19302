use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::image::{
    self, Accelerator, Domain, Hypervisor, Image, MEMORY, MacAddress, write_atomically,
};
use crate::keeper_program::LIBEXEC;
use crate::plan::PREFIX;
use crate::probe::{INTERVAL, Namespace, Probe};
use crate::{Error, Lab, SHARED, xen};
use exec::Deadline;

/// The size of a guest's disk, in bytes. Nothing is on it: it is there to be read, written and lost.
const DISK: u64 = 8 << 20;

/// The bridge of every node that guests are attached to.
pub const BRIDGE: &str = "br0";

/// The time between two probes of a guest on Xen: each costs the emulated processors of its host much.
const XEN_INTERVAL: Duration = Duration::from_millis(100);

/// Addresses 10.77.0.100 to 10.77.0.199 are free for guests; a guest's number is what comes after 100.
const FIRST_ADDRESS: u8 = 100;

/// A guest to be placed in a lab: its files go to the shared storage, and some resource of the cluster
/// is to start it from there.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Its name, which is also its files'.
    pub name: String,
    /// Its number, 0 to 99: from it follow its address, MAC address and UUID.
    pub number: u8,
    /// Its memory in MiB, at least [`MEMORY`]; a little more is added to make it odd.
    pub memory: u32,
    /// Whether it has a disk, on which an I/O error pauses it.
    pub disk: bool,
    /// What else goes on its kernel's command line: see the guest's own options.
    pub command_line: String,
}

impl Guest {
    /// The usual guest: the least memory that boots, a disk, and a guest agent.
    #[must_use]
    pub fn new(name: impl Into<String>, number: u8) -> Self {
        let (name, command_line) = (name.into(), String::new());
        Self { name, number, memory: MEMORY, disk: true, command_line }
    }

    /// Its address in the lab's network.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, FIRST_ADDRESS + self.number)
    }

    /// Its UUID.
    #[must_use]
    pub fn uuid(&self) -> String {
        format!("68617773-6572-4c00-8000-0000000000{:02x}", self.number)
    }

    /// Its configuration file, as the nodes see it.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.file("xml")
    }

    /// One of its files, as the nodes see it.
    #[must_use]
    pub fn file(&self, extension: &str) -> PathBuf {
        Path::new(SHARED).join(format!("{}.{extension}", self.name))
    }

    fn domain(&self, accelerator: Accelerator) -> Domain {
        let kernel = Path::new(SHARED).join("vmlinuz");
        let initramfs = Path::new(SHARED).join("initramfs");
        Domain {
            name: self.name.clone(),
            uuid: self.uuid(),
            image: Image { kernel, initramfs },
            accelerator,
            memory: self.memory,
            address: self.address(),
            prefix: PREFIX,
            mac: MacAddress([0x52, 0x54, 0x00, 0x77, 0x01, self.number]),
            bridge: BRIDGE.to_owned(),
            disk: self.disk.then(|| self.file("img")),
            console: None,
            agent: true,
            command_line: self.command_line.clone(),
        }
    }
}

impl Lab {
    /// Puts a guest's files on the shared storage: its configuration, its disk, and the image that all
    /// guests boot from. Returns the configuration's path, as the nodes see it. A guest that is there already gets its configuration anew and keeps its disk.
    ///
    /// # Errors
    /// When the image cannot be built or a file cannot be written.
    pub fn place(&self, guest: &Guest, deadline: Deadline) -> Result<PathBuf, Error> {
        let shared = self.shared();
        let domain = self.domain(guest, deadline)?;
        let (extension, text) = match self.hypervisor()? {
            Hypervisor::Kvm => ("xml", domain.xml()),
            Hypervisor::Xen => ("cfg", xen::configuration(&domain)),
        };
        if guest.disk {
            let disk = shared.join(format!("{}.img", guest.name));
            std::fs::File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&disk)
                .and_then(|file| file.set_len(DISK))
                .map_err(Error::file("write", &disk))?;
        }
        let config = shared.join(format!("{}.{extension}", guest.name));
        write_atomically(&config, text.as_bytes())?;
        Ok(guest.file(extension))
    }

    /// A guest as libvirt or QEMU takes it.
    ///
    /// # Errors
    /// When the image that it boots from cannot be built.
    pub fn domain(&self, guest: &Guest, deadline: Deadline) -> Result<Domain, Error> {
        let image = self.image(deadline)?;
        let accelerator = match self.hypervisor()? {
            Hypervisor::Kvm => Accelerator::known(&image, Path::new(image::CACHE), deadline)?,
            Hypervisor::Xen => Accelerator::Emulation,
        };
        Ok(guest.domain(accelerator))
    }

    /// The image that all guests boot from, built when the first of them is placed.
    fn image(&self, deadline: Deadline) -> Result<Image, Error> {
        let shared = self.shared();
        let image = Image { kernel: shared.join("vmlinuz"), initramfs: shared.join("initramfs") };
        if image.kernel.exists() && image.initramfs.exists() {
            return Ok(image);
        }
        let mut in_roots =
            self.settings()?.roots.into_iter().map(|it| it.join(LIBEXEC).join("lab-guest"));
        let program = match in_roots.find(|it| it.is_file()) {
            Some(program) => program,
            None => image::guest_program()?,
        };
        let hypervisor = self.hypervisor()?;
        Ok(Image::build(&shared, &program, hypervisor, Path::new(image::CACHE), deadline)?)
    }

    /// Begins to probe the guest at an address from the observer, each millisecond, and where the nodes are
    /// Xen hosts no faster than these can take.
    ///
    /// # Errors
    /// When the lab has ended, or no socket can be made.
    pub fn probe(&self, address: Ipv4Addr) -> Result<Probe, Error> {
        let interval = match self.hypervisor()? {
            Hypervisor::Kvm => INTERVAL,
            Hypervisor::Xen => XEN_INTERVAL,
        };
        Ok(Probe::start(&Namespace::open(&self.observer()?.network())?, address, interval)?)
    }

    /// What the lab's guests run on.
    ///
    /// # Errors
    /// When the lab has ended.
    pub fn hypervisor(&self) -> Result<Hypervisor, Error> {
        Ok(match self.settings()?.xen {
            None => Hypervisor::Kvm,
            Some(_) => Hypervisor::Xen,
        })
    }
}
