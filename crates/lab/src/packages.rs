use crate::Stack;

/// A program that the nodes need, and the Debian package that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absent {
    program: &'static str,
    package: &'static str,
}

const fn of(program: &'static str, package: &'static str) -> Absent {
    Absent { program, package }
}

const ALWAYS: &[Absent] = &[
    of("cp", "coreutils"),
    of("ip", "iproute2"),
    of("nsenter", "util-linux"),
    of("qemu-system-x86_64", "qemu-system-x86"),
    of("tc", "iproute2"),
    of("unshare", "util-linux"),
];

const LIBVIRT: &[Absent] =
    &[of("libvirtd", "libvirt-daemon-system"), of("virsh", "libvirt-clients")];

/// A Xen host brings its cluster with it.
const XEN: &[Absent] = &[
    of("apt-get", "apt"),
    of("chroot", "coreutils"),
    of("dpkg-deb", "dpkg"),
    of("gzip", "gzip"),
    of("mkfs.ext4", "e2fsprogs"),
    of("ssh", "openssh-client"),
    of("ssh-keygen", "openssh-client"),
];

const CLUSTER: &[Absent] = &[
    of("corosync", "corosync"),
    of("crm_mon", "pacemaker-cli-utils"),
    of("pacemakerd", "pacemaker"),
];

impl Absent {
    pub(crate) fn programs(absent: &[Self]) -> String {
        absent.iter().map(|it| it.program).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn packages(absent: &[Self]) -> String {
        let mut packages: Vec<_> = absent.iter().map(|it| it.package).collect();
        packages.dedup();
        packages.join(" ")
    }
}

/// The programs that are not installed, of those that the stack needs.
pub fn absent(stack: Stack, xen: bool) -> Vec<Absent> {
    let hypervisor = match (xen, stack) {
        (true, _) => vec![XEN],
        (false, Stack::Bare) => vec![LIBVIRT],
        (false, Stack::Cluster) => vec![LIBVIRT, CLUSTER],
    };
    let needed = ALWAYS.iter().chain(hypervisor.into_iter().flatten());
    needed.filter(|it| exec::find(it.program).is_err()).copied().collect()
}
