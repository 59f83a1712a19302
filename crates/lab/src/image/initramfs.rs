use super::cpio::Archive;
use super::error::Error;
use super::file;
use super::kernel::Kernel;
use exec::{Deadline, Tool};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

const UNPACK: Duration = Duration::from_secs(10);

/// The initramfs: the guest program as `/init`, the libraries it is linked to, and the modules under
/// names that sort in loading order.
pub fn archive(program: &Path, kernel: &Kernel, deadline: Deadline) -> Result<Vec<u8>, Error> {
    let mut archive = Archive::default();
    for directory in ["dev", "proc", "sys", "lib", "modules", "sbin"] {
        archive.directory(directory);
    }
    // The loader looks for libraries in both, and is itself named by its path in /lib64.
    archive.symlink("lib64", "lib");
    archive.program("init", &file::read(program)?);
    // Where Xen's toolstack has a guest end, the kernel runs these (kernel/reboot.c).
    for name in ["poweroff", "reboot"] {
        archive.symlink(&format!("sbin/{name}"), "/init");
    }
    for library in libraries()? {
        let name = library.file_name().unwrap_or_default().to_string_lossy();
        archive.program(&format!("lib/{name}"), &file::read(&library)?);
    }
    for (index, path) in kernel.modules.iter().enumerate() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        archive.program(&format!("modules/{index:02}-{name}"), &module(path, deadline)?);
    }
    Ok(archive.finish())
}

fn module(path: &Path, deadline: Deadline) -> Result<Vec<u8>, Error> {
    if path.extension().is_some_and(|it| it == "xz") {
        let unpack = Tool::new("xz").args(["--decompress", "--stdout"]).arg(path);
        Ok(unpack.run(deadline.slice(UNPACK))?.stdout)
    } else {
        file::read(path)
    }
}

/// The libraries that every Rust program of this build is linked to, as mapped into this very process:
/// that works on any distribution, and finds none when the suite is linked statically.
fn libraries() -> Result<BTreeSet<PathBuf>, Error> {
    let maps = Path::new("/proc/self/maps");
    let text = std::fs::read_to_string(maps).map_err(Error::read(maps))?;
    Ok(text
        .lines()
        .filter_map(|line| line.find('/').map(|at| PathBuf::from(&line[at..])))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            ["ld-linux", "libc.so", "libgcc_s.so"].iter().any(|prefix| name.starts_with(prefix))
        })
        .collect())
}
