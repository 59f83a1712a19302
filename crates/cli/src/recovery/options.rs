use clap::Args;
use recovery::{Policy, Terms};
use std::sync::LazyLock;
use std::time::Duration;

static DEFAULT: LazyLock<Terms> = LazyLock::new(Terms::default);

/// A policy; times are in seconds.
#[derive(Debug, Args)]
#[command(next_help_heading = "Policy (times in seconds)")]
pub struct PolicyOptions {
    /// How often a check that fails is tried before it has failed
    #[arg(long, value_name = "N", default_value_t = DEFAULT.attempts)]
    attempts: u32,

    /// From the beginning of one attempt to that of the next
    #[arg(long, value_name = "TIME", default_value_t = DEFAULT.spacing.as_secs())]
    spacing: u64,

    /// By how much a failed check raises the score
    #[arg(long, value_name = "N", default_value_t = DEFAULT.bad)]
    bad: u32,

    /// By how much a good check lowers it
    #[arg(long, value_name = "N", default_value_t = DEFAULT.good)]
    good: u32,

    /// The score from which on a guest is suspect
    #[arg(long, value_name = "SCORE", default_value_t = DEFAULT.suspect)]
    suspect: u32,

    /// The score from which on it has failed
    #[arg(long, value_name = "SCORE", default_value_t = DEFAULT.failed)]
    failed: u32,

    /// The highest score, if it is to be another one than that of a failure
    #[arg(long, value_name = "SCORE")]
    ceiling: Option<u32>,

    /// The share of changes from which on a guest flaps
    #[arg(long, value_name = "PERCENT", default_value_t = DEFAULT.flap_high)]
    flap_high: u32,

    /// The share at which it does so no more
    #[arg(long, value_name = "PERCENT", default_value_t = DEFAULT.flap_low)]
    flap_low: u32,

    /// Restarts on one node in a window
    #[arg(long, value_name = "N", default_value_t = DEFAULT.restarts)]
    restarts: u32,

    /// Relocations in a window
    #[arg(long, value_name = "N", default_value_t = DEFAULT.relocations)]
    relocations: u32,

    /// Reinstallations in a window; 0 permits none
    #[arg(long, value_name = "N", default_value_t = DEFAULT.reinstalls)]
    reinstalls: u32,

    /// The window
    #[arg(long, value_name = "TIME", default_value_t = DEFAULT.window.as_secs())]
    window: u64,

    /// How long a guest has to answer its first check after a restart or a relocation
    #[arg(long, value_name = "TIME", default_value_t = DEFAULT.grace.as_secs())]
    grace: u64,

    /// The same after a reinstallation
    #[arg(long, value_name = "TIME", default_value_t = DEFAULT.install_grace.as_secs())]
    install_grace: u64,

    /// How long a guest has to be well to get from the first rung off the ladder
    #[arg(long, value_name = "TIME", default_value_t = DEFAULT.dwell.as_secs())]
    dwell: u64,
}

impl PolicyOptions {
    /// The policy that they make.
    pub fn policy(&self) -> Result<Policy, recovery::Error> {
        let seconds = Duration::from_secs;
        Policy::try_from(Terms {
            attempts: self.attempts,
            spacing: seconds(self.spacing),
            bad: self.bad,
            good: self.good,
            suspect: self.suspect,
            failed: self.failed,
            ceiling: self.ceiling.unwrap_or(self.failed),
            flap_high: self.flap_high,
            flap_low: self.flap_low,
            restarts: self.restarts,
            relocations: self.relocations,
            reinstalls: self.reinstalls,
            window: seconds(self.window),
            grace: seconds(self.grace),
            install_grace: seconds(self.install_grace),
            dwell: seconds(self.dwell),
            ..*DEFAULT
        })
    }
}
