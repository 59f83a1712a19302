use std::io;
use std::path::{Path, PathBuf};

/// Ways in which the guest's files can fail to be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The guest program is not where it is built or installed.
    #[error("guest program not found as {}: build the package lab-guest or install the suite", list(.places))]
    NoProgram {
        /// Where it was looked for.
        places: Vec<PathBuf>,
    },
    /// No kernel package could be found out or fetched.
    #[error(
        "no kernel for the guest: none installed with the modules it needs, none in {}, and none can be \
         fetched; check apt's sources and the network, or install {package}", cache.display()
    )]
    NoKernel {
        /// The cache directory.
        cache: PathBuf,
        /// What to install.
        package: &'static str,
        /// Why fetching failed.
        source: exec::Error,
    },
    /// `apt-cache` knows the metapackage but not what it stands for.
    #[error("package {package} depends on no kernel package: {found:?}; check apt's sources")]
    NoPackage {
        /// The metapackage.
        package: &'static str,
        /// What `apt-cache depends` printed.
        found: String,
    },
    /// A kernel tree lacks a module that the guest needs.
    #[error("kernel tree {} has neither a file nor a built-in for module {module}", tree.display())]
    NoModule {
        /// The directory of the kernel's modules.
        tree: PathBuf,
        /// The module.
        module: &'static str,
    },
    /// A directory of kernels holds no whole one.
    #[error("{} holds no kernel: expected boot/vmlinuz-* and lib/modules/*", tree.display())]
    NoTree {
        /// The directory.
        tree: PathBuf,
    },
    /// The packages of a Xen host could not be found or fetched.
    #[error(
        "Debian's packages for a Xen host cannot be had; check apt's sources and the network, or run \
         apt-get update"
    )]
    NoPackages(#[source] exec::Error),
    /// A tree of Debian's packages has no Xen.
    #[error("{} holds no hypervisor: expected xen-*.gz", tree.display())]
    NoHypervisor {
        /// The directory.
        tree: PathBuf,
    },
    /// A program that is needed failed.
    #[error(transparent)]
    Tool(#[from] exec::Error),
    /// A file or directory could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A file or directory could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A text that is no MAC address.
    #[error(
        "MAC address {found:?} is not six pairs of hexadecimal digits, such as 52:54:00:12:34:56"
    )]
    MacAddress {
        /// The text.
        found: String,
    },
}

impl Error {
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Read { path, source }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }
}

fn list(places: &[PathBuf]) -> String {
    let places: Vec<String> = places.iter().map(|it| it.display().to_string()).collect();
    places.join(", ")
}
