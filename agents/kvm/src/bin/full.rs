//! The part of the agent that is linked to libvirt.

fn main() -> std::process::ExitCode {
    kvm::full()
}
