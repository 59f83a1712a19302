use std::fmt;

/// What was to be reached, and whether it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    claims: Vec<(String, bool)>,
}

impl Verdict {
    /// Adds a claim and whether it holds.
    pub fn claim(&mut self, claim: impl Into<String>, holds: bool) {
        self.claims.push((claim.into(), holds));
    }

    /// Adds the claims of another verdict.
    pub fn extend(&mut self, other: Self) {
        self.claims.extend(other.claims);
    }

    /// Whether all claims hold.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.claims.iter().all(|(_, holds)| *holds)
    }
}

impl fmt::Display for Verdict {
    /// A list in Markdown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (claim, holds) in &self.claims {
            let answer = if *holds { "yes" } else { "**no**" };
            writeln!(f, "- {claim}: {answer}")?;
        }
        Ok(())
    }
}
