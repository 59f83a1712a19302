use crate::record::LIMIT;

/// The result of reading a policy or a record.
pub type Result<T> = std::result::Result<T, Error>;

/// What can be wrong with a policy or with a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number of a policy is out of its range.
    #[error("{what} is {found}, and has to be from {min} to {max}")]
    Range {
        /// Which one.
        what: &'static str,
        /// What it is.
        found: u64,
        /// The smallest that it may be.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// Two numbers of a policy are in the wrong order.
    #[error("{lower} is {low}, and has to be {relation} {upper}, which is {high}")]
    Order {
        /// The one that has to be lower.
        lower: &'static str,
        /// What it is.
        low: u64,
        /// How they have to be.
        relation: &'static str,
        /// The one that has to be higher.
        upper: &'static str,
        /// What it is.
        high: u64,
    },
    /// A name that no node can have.
    #[error("{name:?} is no name of a node: 1 to 255 characters, no white space")]
    NodeName {
        /// The name.
        name: String,
    },
    /// A record is longer than any that is written.
    #[error("the record of recovery has {length} bytes, and at most {LIMIT} are expected")]
    Long {
        /// How long it is.
        length: usize,
    },
    /// A record is none.
    #[error("the record of recovery cannot be read; remove the node attribute that holds it")]
    Record(#[from] serde_json::Error),
    /// A record is of another version of this suite.
    #[error(
        "the record of recovery has version {found}, and {expected} is expected; run the same version of the agent \
         on all nodes"
    )]
    Version {
        /// The version that it has.
        found: u64,
        /// The one that is known.
        expected: u64,
    },
}
