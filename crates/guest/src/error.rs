use hypervisor::{Name, State, Uuid};

/// The result of something done with a guest.
pub type Result<T> = std::result::Result<T, Error>;

/// Ways in which something done with a guest can fail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither the hypervisor nor the node could tell whether the guest is there.
    #[error("cannot tell whether guest {guest} runs here")]
    Unknown {
        /// The guest.
        guest: Name,
        /// Why the hypervisor could not tell.
        source: hypervisor::Error,
    },
    /// The hypervisor has another guest of that name. Nothing may be done to it.
    #[error(
        "the guest that is active as {guest} is another one: its UUID is {}, not {}; \
         rename one of them",
        .found.as_str(), .expected.as_str()
    )]
    OtherGuest {
        /// The name.
        guest: Name,
        /// The UUID that this guest has.
        expected: Uuid,
        /// The UUID of the one that is there.
        found: Uuid,
    },
    /// The hypervisor did not do what it was asked.
    #[error("guest {guest}")]
    Hypervisor {
        /// The guest.
        guest: Name,
        /// What it said.
        source: hypervisor::Error,
    },
    /// A live migration needs a guest that runs.
    #[error("guest {guest} cannot be migrated: it is {}", crate::health::describe(*.state))]
    NotMigratable {
        /// The guest.
        guest: Name,
        /// Its state here.
        state: State,
    },
    /// The guest did not come up.
    #[error("guest {guest} was started, but is {}", crate::health::describe(*.state))]
    NotUp {
        /// The guest.
        guest: Name,
        /// Its state at the deadline.
        state: State,
    },
    /// Something of the guest is still there after everything was tried.
    #[error("guest {guest} is still {} after it was shut down, destroyed and killed; look for a process in state D, and in the hypervisor's log", crate::health::describe(*.state))]
    StillActive {
        /// The guest.
        guest: Name,
        /// Its state at the deadline.
        state: State,
    },
    /// The guest is not here, and may be where a migration was taking it.
    #[error(
        "guest {guest} is not here any more; a migration that was not seen to end may have taken it to {target}, which \
         cannot tell"
    )]
    Departed {
        /// The guest.
        guest: Name,
        /// The target's connection URI.
        target: String,
        /// Why it cannot.
        source: hypervisor::Error,
    },
    /// The target of a migration cannot take the guest because it has one of that name that is active.
    #[error("guest {guest} is {} on the target already", crate::health::describe(*.state))]
    TargetOccupied {
        /// The guest.
        guest: Name,
        /// Its state there.
        state: State,
    },
    /// The target of a migration cannot take the guest because another one of that name is active there.
    #[error(
        "guest {guest} stays here: a guest of that name, with UUID {}, is active there; rename one of them",
        .found.as_str()
    )]
    NameTaken {
        /// The guest.
        guest: Name,
        /// The other one's UUID.
        found: Uuid,
    },
    /// The target of a migration lacks something that the guest needs.
    #[error("guest {guest} stays here: it cannot come in at {target}")]
    NotAdmitted {
        /// The guest.
        guest: Name,
        /// The target's connection URI.
        target: String,
        /// What is missing.
        source: hypervisor::Error,
    },
    /// The guest is still on the source after a migration.
    #[error("guest {guest} was not migrated and is {} here", crate::health::describe(*.state))]
    NotMigrated {
        /// The guest.
        guest: Name,
        /// Its state on the source.
        state: State,
        /// What the hypervisor said.
        source: hypervisor::Error,
    },
    /// After a migration the guest runs neither here nor, as far as can be seen, on the target.
    #[error(
        "guest {guest} is {} here and {} on the target after a migration",
        crate::health::describe(*.here), crate::health::describe(*.there)
    )]
    Misplaced {
        /// The guest.
        guest: Name,
        /// Its state on the source.
        here: State,
        /// Its state on the target.
        there: State,
        /// What the hypervisor said, if it did not call the migration done.
        source: Option<hypervisor::Error>,
    },
    /// The guest did not arrive.
    #[error("guest {guest} has not arrived: it is {} here", crate::health::describe(*.state))]
    NotArrived {
        /// The guest.
        guest: Name,
        /// Its state on the target.
        state: State,
    },
}
