use hypervisor::Name;
use ocf::{Code, Failure};
use std::io;
use std::path::PathBuf;

/// Every way in which an action can fail, and which OCF code each is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Ocf(#[from] ocf::Error),
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
    #[error("guest {was} still runs, but {} now names {is}; stop {was} first", .path.display())]
    Renamed { was: Name, is: Name, path: PathBuf },
    #[error("cannot read the guest's configuration file {}; it must be there on every node that may start the guest", .path.display())]
    ConfigFile { path: PathBuf, source: io::Error },
    #[error("configuration file {}", .path.display())]
    Definition { path: PathBuf, source: hypervisor::Error },
    #[error("cannot write {}", .path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(
        "cannot tell whether the guest's memory was saved in {}; it must be reachable on every node, and \
         only root may write to it", .path.display()
    )]
    SavedMemory { path: PathBuf, source: io::Error },
    #[error("cannot make the overlay {} on {}", .overlay.display(), .backing.display())]
    Overlay { overlay: PathBuf, backing: PathBuf, source: exec::Error },
    #[error("cannot tell the format of the image {}: qemu-img info gave {found:?}", .backing.display())]
    ImageFormat { backing: PathBuf, found: String },
    #[error("cannot copy copyindirs into the overlay {}", .overlay.display())]
    CopyIn { overlay: PathBuf, source: exec::Error },
    #[error(transparent)]
    Guest(#[from] guest::Error),
    #[error("{reason}")]
    Unhealthy { reason: String },
    #[error("the guest agent gives no sign of life")]
    GuestAgent { source: hypervisor::Error },
    #[error("monitor script {script}")]
    Script { script: String, source: exec::Error },
    #[error("no migration target: the cluster manager gave no CRM_meta_migrate_target")]
    NoTarget,
    #[error("{source}; a probe takes this node for one without a hypervisor")]
    ProbeWithoutEvidence { source: guest::Error },
    #[error("no hypervisor answers")]
    NoHypervisor { source: hypervisor::Error },
}

impl Error {
    /// Whether the hypervisor said nothing, so that it is not known what it did.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Guest(guest::Error::Hypervisor { source, .. }) if source.is_silence())
    }
}

impl Failure for Error {
    /// 6 is kept for what is wrong on every node, since Pacemaker then stops the guest everywhere; 5 says
    /// that this node lacks something, and another may have it.
    fn code(&self) -> Code {
        match self {
            Self::Ocf(error) => error.code(),
            Self::ForcedSnapshot
            | Self::StatelessWithoutBacking
            | Self::StatelessSnapshot
            | Self::ShutdownMode { .. }
            | Self::MigrationUser { .. }
            | Self::MigrationPolicy { .. }
            | Self::MigrationSecurity { .. }
            | Self::Insecure { .. }
            | Self::HypervisorUri { .. }
            | Self::MigrateOptions(_) => Code::Configured,
            Self::ConfigFile { .. }
            | Self::Definition { .. }
            | Self::ProbeWithoutEvidence { .. }
            | Self::NoHypervisor { .. } => Code::Installed,
            Self::Guest(guest::Error::Hypervisor {
                source: hypervisor::Error::NotInstalled { .. },
                ..
            })
            | Self::Overlay { source: exec::Error::Missing { .. }, .. }
            | Self::CopyIn { source: exec::Error::Missing { .. }, .. } => Code::Installed,
            // It concerns one migration and not the guest's whole life.
            Self::UnsafeMigration { .. }
            | Self::Renamed { .. }
            | Self::SavedMemory { .. }
            | Self::Write { .. }
            | Self::Overlay { .. }
            | Self::ImageFormat { .. }
            | Self::CopyIn { .. }
            | Self::Guest(_)
            | Self::Unhealthy { .. }
            | Self::GuestAgent { .. }
            | Self::Script { .. }
            | Self::NoTarget => Code::Generic,
        }
    }
}
