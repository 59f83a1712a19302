use ocf::{Code, Failure};
use std::io;
use std::path::PathBuf;

/// Every way in which an action can fail with libvirt, and which OCF code each is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Agent(#[from] agent::Error),
    #[error(
        "force_stop and snapshot exclude each other: a guest that is ended at once cannot be saved"
    )]
    ForcedSnapshot,
    #[error("stateless needs backingfile: without an overlay there is nothing to forget")]
    StatelessWithoutBacking,
    #[error(
        "stateless excludes snapshot and migration_state_path: saved memory does not fit a new overlay"
    )]
    StatelessSnapshot,
    #[error(
        "shutdown_mode {found:?} is not known; expected acpi, agent, initctl, signal or paravirt"
    )]
    ShutdownMode { found: String },
    #[error(
        "migration_user {found:?} is no user name; expected letters, digits, dots, hyphens and underscores"
    )]
    MigrationUser { found: String },
    #[error("migration_policy {found:?} is not known; expected safe, balanced or finish")]
    MigrationPolicy { found: String },
    #[error("io_error_action {found:?} is not known; expected fail, resume, leave or kill")]
    IoErrorAction { found: String },
    #[error(
        "io_error_action=resume needs io_error_time, such as 600; with 0 there is no time for it"
    )]
    NoTimeToResume,
    #[error("migration_security {found:?} is not known; expected none, tls or ssh")]
    MigrationSecurity { found: String },
    #[error("migration_security {security} does not go with {with}; remove one of them")]
    Insecure { security: &'static str, with: String },
    #[error("hypervisor {found:?} is no libvirt connection URI; expected one like qemu:///system")]
    HypervisorUri { found: String },
    #[error(transparent)]
    MigrateOptions(hypervisor::Error),
    #[error("no migration with parameters that are wrong")]
    UnsafeMigration { source: Box<Self> },
    #[error("cannot write {}", .path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot make the overlay {}", .overlay.display())]
    Overlay { overlay: PathBuf, source: provision::Error },
    #[error("cannot copy copyindirs into the overlay {}", .overlay.display())]
    CopyIn { overlay: PathBuf, source: exec::Error },
}

impl Failure for Error {
    /// 6 is kept for what is wrong on every node, since Pacemaker then stops the guest everywhere; 5 says
    /// that this node lacks something, and another may have it.
    fn code(&self) -> Code {
        match self {
            Self::Agent(error) => error.code(),
            Self::ForcedSnapshot
            | Self::StatelessWithoutBacking
            | Self::StatelessSnapshot
            | Self::ShutdownMode { .. }
            | Self::MigrationUser { .. }
            | Self::MigrationPolicy { .. }
            | Self::IoErrorAction { .. }
            | Self::NoTimeToResume
            | Self::MigrationSecurity { .. }
            | Self::Insecure { .. }
            | Self::HypervisorUri { .. }
            | Self::MigrateOptions(_) => Code::Configured,
            Self::Overlay { source, .. } if source.is_of_this_node() => Code::Installed,
            Self::CopyIn { source: exec::Error::Missing { .. }, .. } => Code::Installed,
            // It concerns one migration and not the guest's whole life.
            Self::UnsafeMigration { .. }
            | Self::Write { .. }
            | Self::Overlay { .. }
            | Self::CopyIn { .. } => Code::Generic,
        }
    }
}
