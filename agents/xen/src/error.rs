use ocf::{Code, Failure};

/// Every way in which an action can fail with xl, and which OCF code each is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Agent(#[from] agent::Error),
    #[error("parameter name: {source}")]
    Name { source: hypervisor::Error },
    #[error("migration_transport: {source}")]
    Transport { source: hypervisor::Error },
    #[error("the guest cannot run on this node")]
    NotAdmitted { source: hypervisor::Error },
}

impl Failure for Error {
    fn code(&self) -> Code {
        match self {
            Self::Agent(error) => error.code(),
            Self::Name { .. } | Self::Transport { .. } => Code::Configured,
            // Another node may have what this one lacks.
            Self::NotAdmitted { .. } => Code::Installed,
        }
    }
}
