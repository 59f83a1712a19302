use serde::Deserialize;
use std::str::FromStr;

/// How large a disk is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = &'static str;

    /// Reads bytes, or K, M, G or T of 1024.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        let shift = match text.chars().last() {
            Some('K') => 10,
            Some('M') => 20,
            Some('G') => 30,
            Some('T') => 40,
            _ => 0,
        };
        let digits = text.trim_end_matches(['K', 'M', 'G', 'T']);
        let is_number = digits.len() + usize::from(shift > 0) == text.len()
            && digits.chars().all(|it| it.is_ascii_digit());
        let size = digits.parse::<u64>().ok().filter(|_| is_number);
        let size = size.and_then(|number| number.checked_mul(1 << shift));
        size.map(Self).ok_or("expected a size such as \"20G\": bytes, or K, M, G or T of 1024")
    }
}

impl TryFrom<String> for Size {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        text.parse()
    }
}
