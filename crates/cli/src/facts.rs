use exec::{Deadline, Tool};
use std::time::Duration;

/// What a reader of figures has to know of the machine that they come from.
pub fn collect() -> Vec<(&'static str, String)> {
    let first_line = |program: &str, arguments: &[&str]| {
        let by = Deadline::after(Duration::from_secs(5));
        let text = Tool::new(program).args(arguments).run(by).map(|it| it.text());
        let text = text.unwrap_or_default();
        text.lines().next().unwrap_or("unknown").trim().to_owned()
    };
    let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    vec![
        ("Hawser", env!("CARGO_PKG_VERSION").to_owned()),
        (
            "Stock agents",
            first_line("dpkg-query", &["--show", "--showformat=${Version}", "resource-agents"]),
        ),
        ("Pacemaker", first_line("pacemakerd", &["--version"])),
        ("libvirt", first_line("libvirtd", &["--version"])),
        ("QEMU", first_line("qemu-system-x86_64", &["--version"])),
        ("Kernel", file("/proc/sys/kernel/osrelease").trim().to_owned()),
        ("Processors", cpus.to_string()),
        ("Load", file("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")),
    ]
}
