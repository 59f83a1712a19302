use serde::{Deserialize, Serialize};

/// The side that a value is on.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Side {
    /// It has been at or below the lower threshold, and not at the upper one since.
    #[default]
    #[serde(rename = "l")]
    Low,
    /// It has been at or above the upper threshold, and not at the lower one since.
    #[serde(rename = "h")]
    High,
}

/// A Schmitt trigger: two thresholds, between which a value stays on the side that it was on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band<T> {
    /// At this or below it is low.
    pub low: T,
    /// At this or above it is high. To be more than `low`.
    pub high: T,
}

impl<T: PartialOrd> Band<T> {
    /// The side that `value` is on, after it was on side `before`.
    pub fn side(&self, before: Side, value: &T) -> Side {
        if *value >= self.high {
            Side::High
        } else if *value <= self.low {
            Side::Low
        } else {
            before
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histories::many;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(many())]

        #[test]
        fn a_side_changes_only_at_the_far_threshold(low in 0..50_i32, width in 1..50_i32, values in prop::collection::vec(0..100_i32, 1..50)) {
            let band = Band { low, high: low + width };
            let mut side = Side::Low;
            for value in values {
                let before = side;
                side = band.side(before, &value);
                match (before, side) {
                    (Side::Low, Side::High) => prop_assert!(value >= band.high),
                    (Side::High, Side::Low) => prop_assert!(value <= band.low),
                    (Side::Low, Side::Low) => prop_assert!(value < band.high),
                    (Side::High, Side::High) => prop_assert!(value > band.low),
                }
            }
        }
    }
}
