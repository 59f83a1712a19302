//! The agent as Pacemaker calls it.

fn main() -> std::process::ExitCode {
    node::run()
}
