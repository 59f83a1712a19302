use ocf::{Code, Failure};
use std::io;
use std::path::PathBuf;

/// Every way in which an action can fail, and which OCF code each is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Ocf(#[from] ocf::Error),
    #[error(
        "parameter {parameter} is {found:?}; set it to two percentages from 0 to 100, the lower one first, such as 50-80"
    )]
    Band { parameter: &'static str, found: String },
    #[error("parameter {parameter}: {found:?} is not known; expected are {expected}")]
    Source { parameter: &'static str, found: String, expected: String },
    #[error(transparent)]
    Policy(#[from] recovery::Error),
    #[error("cannot read {}; boot a kernel that has CONFIG_PSI with psi=1", .path.display())]
    Pressure { path: PathBuf, source: io::Error },
    #[error("cannot write or remove {}", .path.display())]
    State { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
}

impl Failure for Error {
    fn code(&self) -> Code {
        match self {
            Self::Ocf(error) => error.code(),
            Self::Band { .. } | Self::Source { .. } | Self::Policy(_) => Code::Configured,
            Self::Pressure { .. } => Code::Installed,
            Self::State { .. } | Self::Cluster(_) => Code::Generic,
        }
    }
}
