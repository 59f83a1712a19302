use crate::service::{Service, Silence};
use hypervisor::Name;
use ocf::{Code, Failure};
use recovery::Decision;
use std::io;
use std::path::PathBuf;
use storage::Finding;

/// Every way in which an action can fail whatever the hypervisor, and which OCF code each is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request itself, or a parameter.
    #[error(transparent)]
    Ocf(#[from] ocf::Error),
    /// The configuration names another guest than the one that runs.
    #[error("guest {was} still runs, but {} now names {is}; stop {was} first", .path.display())]
    Renamed {
        /// The guest that runs.
        was: Name,
        /// The guest that is named.
        is: Name,
        /// The configuration file.
        path: PathBuf,
    },
    /// The configuration file is not there to be read.
    #[error("cannot read the guest's configuration file {}; it must be there on every node that may start the guest", .path.display())]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// The kernel's words.
        source: io::Error,
    },
    /// The configuration file defines no guest.
    #[error("configuration file {}", .path.display())]
    Definition {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: hypervisor::Error,
    },
    /// A file could not be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The kernel's words.
        source: io::Error,
    },
    /// Whether there is a saved memory could not be told.
    #[error(
        "cannot tell whether the guest's memory was saved in {}; it must be reachable on every node, and \
         only root may write to it", .path.display()
    )]
    SavedMemory {
        /// The directory.
        path: PathBuf,
        /// The kernel's words.
        source: io::Error,
    },
    /// What was done with the guest failed.
    #[error(transparent)]
    Guest(#[from] guest::Error),
    /// The guest is there and not well.
    #[error("{reason}")]
    Unhealthy {
        /// Why, as a sentence.
        reason: String,
    },
    /// The guest agent in the guest does not answer.
    #[error("the guest agent gives no sign of life")]
    GuestAgent {
        /// What the hypervisor said.
        source: hypervisor::Error,
    },
    /// A monitor script failed.
    #[error("monitor script {script}")]
    Script {
        /// The script.
        script: String,
        /// How it ended.
        source: exec::Error,
    },
    /// The manager did not say where to.
    #[error("no migration target: the cluster manager gave no CRM_meta_migrate_target")]
    NoTarget,
    /// The cluster could not be asked or told something.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// A service of the guest is not well.
    #[error("service {service}")]
    Service {
        /// The service.
        service: Service,
        /// What it answered.
        source: Silence,
    },
    /// A text that names no service.
    #[error(
        "parameter check_services: {found:?} is neither tcp://ADDRESS:PORT nor http://ADDRESS[:PORT]/PATH"
    )]
    NoService {
        /// The text.
        found: String,
    },
    /// Nothing says what is to be reinstalled.
    #[error("recovery_reinstalls needs a recipe; set recipe, or recovery_reinstalls=0")]
    NoRecipe,
    /// What is remembered of the guest's failures cannot be read.
    #[error(transparent)]
    Recovery(#[from] recovery::Error),
    /// The guest was relocated from here.
    #[error("guest {guest} has failed on {node}, and is to be started on another node")]
    Excluded {
        /// The guest.
        guest: Name,
        /// This node.
        node: String,
    },
    /// The guest has failed, and something is done about it. That comes first: Pacemaker shows 128 bytes of a reason.
    #[error("{decision}: {reason}")]
    Failed {
        /// Why it has failed.
        reason: String,
        /// What is done.
        decision: Decision,
    },
    /// An operator has to look at the guest.
    #[error(
        "guest {guest} is held for an operator, to be released by crm_resource --refresh --resource {resource}: \
         nothing that is permitted has helped"
    )]
    Held {
        /// The guest.
        guest: Name,
        /// The resource's name.
        resource: String,
    },
    /// Nobody could tell a probe anything.
    #[error("{source}; a probe takes this node for one without a hypervisor")]
    ProbeWithoutEvidence {
        /// Why.
        source: guest::Error,
    },
    /// The guest needs disks that are out of this node's reach.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Disks(Vec<Finding>),
    /// The guest's disks could not be made from its recipe.
    #[error(transparent)]
    Provision(#[from] provision::Error),
    /// A guest that was made anew has not come up.
    #[error("guest {guest} was made from its recipe, and has not said that it is up: {found}")]
    NotHeard {
        /// The guest.
        guest: Name,
        /// What there was instead of its word.
        found: String,
    },
    /// The hypervisor does not answer.
    #[error("no hypervisor answers")]
    NoHypervisor {
        /// Why.
        source: hypervisor::Error,
    },
}

impl Error {
    /// Whether the hypervisor said nothing, so that it is not known what it did.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Guest(guest::Error::Hypervisor { source, .. }) if source.is_silence())
    }

    /// Whether a monitor fails with it because the guest has failed, and not because nobody can tell.
    pub(crate) fn is_of_the_guest(&self) -> bool {
        use Error::{Failed, GuestAgent, Script, Service, Unhealthy};
        matches!(
            self,
            Unhealthy { .. } | GuestAgent { .. } | Service { .. } | Script { .. } | Failed { .. }
        )
    }
}

impl Failure for Error {
    /// 6 is kept for what is wrong on every node, since Pacemaker then stops the guest everywhere; 5 says
    /// that this node lacks something, and another may have it.
    fn code(&self) -> Code {
        match self {
            Self::Ocf(error) => error.code(),
            Self::Provision(error) if error.is_of_this_node() => Code::Installed,
            // Until an operator says otherwise, no node is to try it.
            Self::Held { .. } | Self::NoService { .. } | Self::NoRecipe => Code::Configured,
            Self::ConfigFile { .. }
            | Self::Excluded { .. }
            | Self::Definition { .. }
            | Self::ProbeWithoutEvidence { .. }
            | Self::Disks(_)
            | Self::NoHypervisor { .. }
            | Self::Guest(guest::Error::Hypervisor {
                source: hypervisor::Error::NotInstalled { .. },
                ..
            }) => Code::Installed,
            Self::Renamed { .. }
            | Self::SavedMemory { .. }
            | Self::Write { .. }
            | Self::Guest(_)
            | Self::Provision(_)
            | Self::NotHeard { .. }
            | Self::Unhealthy { .. }
            | Self::Failed { .. }
            | Self::Service { .. }
            | Self::GuestAgent { .. }
            | Self::Script { .. }
            | Self::Cluster(_)
            | Self::Recovery(_)
            | Self::NoTarget => Code::Generic,
        }
    }
}
