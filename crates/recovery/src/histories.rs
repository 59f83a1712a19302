//! What properties are tried on.

use crate::filter::Finding;
use proptest::prelude::*;

/// How thoroughly a property is tried.
pub fn many() -> ProptestConfig {
    ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() }
}

/// What a check finds.
pub fn findings() -> impl Strategy<Value = Finding> {
    prop_oneof![
        6 => Just(Finding::Good),
        6 => Just(Finding::Bad),
        1 => Just(Finding::Gone),
        1 => Just(Finding::Unknown),
    ]
}
