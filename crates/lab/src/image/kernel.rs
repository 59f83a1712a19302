use super::error::Error;
use super::file;
use exec::{Deadline, Tool};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The metapackage whose dependency is the kernel package: the smallest kernel that Debian has.
const METAPACKAGE: &str = "linux-image-cloud-amd64";

/// The modules of a guest on KVM in the order in which they must be loaded; `virtio_ring` comes before
/// `virtio`.
pub const KVM_MODULES: &[&str] = &[
    "virtio_ring",
    "virtio",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "failover",
    "net_failover",
    "virtio_net",
    "virtio_blk",
    "virtio_console",
    "button",
    "evdev",
    "pvpanic",
    "pvpanic-mmio",
];

/// The modules of a guest on Xen.
pub const XEN_MODULES: &[&str] = &["xen-netfront", "xen-blkfront"];

const QUERY: Duration = Duration::from_secs(20);
const DOWNLOAD: Duration = Duration::from_secs(300);
const ATTEMPTS: usize = 3;
const PAUSE: Duration = Duration::from_secs(2);

/// A kernel that can boot the guest.
#[derive(Debug)]
pub struct Kernel {
    /// The file that QEMU boots.
    pub image: PathBuf,
    /// Module files in the order in which they must be loaded; what is built in is left out.
    pub modules: Vec<PathBuf>,
}

impl Kernel {
    /// The host's own kernel tree, one in the cache, or one that is fetched into the cache.
    ///
    /// # Errors
    /// [`Error::NoKernel`] when none of them has all modules; otherwise what failed to be read or unpacked.
    pub fn obtain(
        cache: &Path,
        wanted: &[&'static str],
        deadline: Deadline,
    ) -> Result<Self, Error> {
        let newest = |tree: &Path| newest(tree, wanted);
        let newest_cached = || file::list(cache).ok()?.iter().rev().find_map(|it| newest(it));
        if let Some(kernel) = newest(Path::new("/")).or_else(newest_cached) {
            return Ok(kernel);
        }
        let tree = fetch(cache, deadline)?;
        let version = versions(&tree).pop().ok_or_else(|| Error::NoTree { tree: tree.clone() })?;
        Self::in_tree(&tree, &version, wanted)
    }

    /// A kernel of a tree with the modules that are named in loading order.
    pub(crate) fn in_tree(
        tree: &Path,
        version: &str,
        wanted: &[&'static str],
    ) -> Result<Self, Error> {
        let directory = tree.join("lib/modules").join(version);
        let files = module_files(&directory.join("kernel"))?;
        let built_in = fs::read_to_string(directory.join("modules.builtin")).unwrap_or_default();
        let built_in: Vec<&str> =
            built_in.lines().filter_map(|it| module_name(Path::new(it))).collect();
        let mut modules = Vec::new();
        for &module in wanted {
            match files.iter().find(|path| module_name(path) == Some(module)) {
                Some(path) => modules.push(path.clone()),
                None if built_in.contains(&module) => {}
                None => return Err(Error::NoModule { tree: directory, module }),
            }
        }
        Ok(Self { image: tree.join(format!("boot/vmlinuz-{version}")), modules })
    }
}

/// The last kernel below `tree`, in the order of names, that has all it needs.
fn newest(tree: &Path, wanted: &[&'static str]) -> Option<Kernel> {
    versions(tree).iter().rev().find_map(|version| Kernel::in_tree(tree, version, wanted).ok())
}

/// The versions of which `tree` has a kernel that can be read, sorted.
pub fn versions(tree: &Path) -> Vec<String> {
    let kernels = file::list(&tree.join("boot")).unwrap_or_default();
    let version = |path: &PathBuf| {
        let name = path.file_name()?.to_str()?;
        fs::File::open(path).ok()?;
        name.strip_prefix("vmlinuz-").map(str::to_owned)
    };
    kernels.iter().filter_map(version).collect()
}

fn module_files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in file::list(directory)? {
        if path.is_dir() {
            files.extend(module_files(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// `virtio_net` for `…/virtio_net.ko` and for `…/virtio_net.ko.xz`.
fn module_name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.split_once(".ko").map(|(name, _)| name)
}

/// Fetches the kernel package into the cache and unpacks it there; what is in the cache is whole, because
/// it is renamed into place last.
fn fetch(cache: &Path, deadline: Deadline) -> Result<PathBuf, Error> {
    fs::create_dir_all(cache).map_err(Error::write(cache))?;
    let work = tempfile::Builder::new().prefix(".fetch-").tempdir_in(cache);
    let work = work.map_err(Error::write(cache))?;
    let package = package(cache, deadline)?;
    download(cache, &package, work.path(), deadline)?;
    let archive = file::list(work.path())?.pop();
    let archive = archive.ok_or_else(|| Error::NoTree { tree: work.path().to_owned() })?;
    let unpacked = work.path().join("tree");
    Tool::new("dpkg-deb")
        .arg("--extract")
        .args([&archive, &unpacked])
        .run(deadline.slice(DOWNLOAD))?;

    let tree = cache.join(&package);
    match fs::rename(&unpacked, &tree) {
        // Somebody else was faster, and theirs is whole as well.
        Err(_) if tree.is_dir() => Ok(tree),
        renamed => renamed.map(|()| tree).map_err(Error::write(cache)),
    }
}

/// The exact name of the kernel package: apt takes a partial name for a pattern.
fn package(cache: &Path, deadline: Deadline) -> Result<String, Error> {
    let depends = Tool::new("apt-cache")
        .args(["depends", METAPACKAGE])
        .run(deadline.slice(QUERY))
        .map_err(no_kernel(cache))?
        .text();
    depends
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: linux-image-"))
        .map(|name| format!("linux-image-{name}"))
        .ok_or(Error::NoPackage { package: METAPACKAGE, found: depends })
}

fn download(
    cache: &Path,
    package: &str,
    directory: &Path,
    deadline: Deadline,
) -> Result<(), Error> {
    for attempt in 1.. {
        let result = Tool::new("apt-get")
            .args(["download", package])
            .directory(directory)
            .run(deadline.slice(DOWNLOAD));
        match result {
            Ok(_) => break,
            Err(_) if attempt < ATTEMPTS && deadline.pause(PAUSE) => {}
            Err(error) => return Err(no_kernel(cache)(error)),
        }
    }
    Ok(())
}

fn no_kernel(cache: &Path) -> impl FnOnce(exec::Error) -> Error {
    let cache = cache.to_owned();
    move |source| Error::NoKernel { cache, package: METAPACKAGE, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel tree with all modules as files but those in `without`.
    fn tree(without: &[&str], built_in: &str) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        let modules = tree.path().join("lib/modules/6.1.0-9/kernel/drivers");
        fs::create_dir_all(&modules).unwrap();
        fs::create_dir_all(tree.path().join("boot")).unwrap();
        fs::write(tree.path().join("boot/vmlinuz-6.1.0-9"), "").unwrap();
        fs::write(modules.join("../../modules.builtin"), built_in).unwrap();
        for module in KVM_MODULES.iter().filter(|it| !without.contains(it)) {
            fs::write(modules.join(format!("{module}.ko.xz")), "").unwrap();
        }
        tree
    }

    #[test]
    fn modules_come_in_loading_order_and_built_in_ones_are_left_out() {
        let tree = tree(&["virtio_ring"], "kernel/drivers/virtio/virtio_ring.ko\n");
        let kernel = newest(tree.path(), KVM_MODULES).unwrap();
        let names: Vec<_> = kernel.modules.iter().filter_map(|it| module_name(it)).collect();
        assert_eq!(names, KVM_MODULES[1..]);
        assert!(kernel.image.ends_with("boot/vmlinuz-6.1.0-9"));
    }

    #[test]
    fn a_tree_that_lacks_a_module_is_not_used() {
        let tree = tree(&["virtio_net"], "");
        assert!(newest(tree.path(), KVM_MODULES).is_none());
        let error = Kernel::in_tree(tree.path(), "6.1.0-9", KVM_MODULES).unwrap_err().to_string();
        assert!(error.contains("virtio_net"), "{error}");
    }
}
