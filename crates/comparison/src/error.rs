/// Ways in which a comparison can fail, as opposed to the agents that it compares.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The lab failed.
    #[error(transparent)]
    Lab(#[from] lab::Error),
    /// A program could not be run.
    #[error(transparent)]
    Tool(#[from] exec::Error),
}
