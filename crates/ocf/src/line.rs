use std::error::Error;
use std::fmt::Write;

/// How much of a text is shown in a message about it, in characters.
const EXCERPT: usize = 80;

/// The text on one line of at most `limit` characters: white space becomes a space, another control
/// character a replacement character, and an ellipsis stands for what is cut off.
pub fn line(text: &str, limit: usize) -> String {
    let mut shown = text.trim().chars().map(|character| match character {
        blank if blank.is_whitespace() => ' ',
        control if control.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    });
    let mut line: String = shown.by_ref().take(limit).collect();
    if shown.next().is_some() {
        line.pop();
        line.push('…');
    }
    line
}

/// The beginning of a text that somebody else wrote.
pub fn excerpt(text: &str) -> String {
    line(text, EXCERPT)
}

/// An error and its sources, joined with colons; a source that the text already has is left out.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let message = source.to_string();
        if !text.contains(&message) {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {message}");
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layer(text: &'static str, source: Option<Layer>) -> Layer {
        Layer { text, source: source.map(Box::new) }
    }

    #[test]
    fn a_chain_has_every_source_once() {
        let inner = layer("no such file", None);
        let middle = layer("cannot read /a: no such file", Some(inner));
        assert_eq!(
            chain(&layer("start failed", Some(middle))),
            "start failed: cannot read /a: no such file"
        );
    }

    #[test]
    fn a_text_is_cut_only_beyond_its_limit() {
        assert_eq!(line("abc", 3), "abc");
        assert_eq!(line("abcd", 3), "ab…");
        assert_eq!(line(" a\nb\u{1b}[1m\n", 9), "a b\u{fffd}[1m");
    }

    proptest! {
        #[test]
        fn any_text_becomes_one_line_within_the_limit(text in any::<String>(), limit in 1..200_usize) {
            let line = line(&text, limit);
            prop_assert!(line.chars().count() <= limit);
            let breaks = |it: char| it.is_control() || matches!(it, '\u{2028}' | '\u{2029}');
            prop_assert!(!line.chars().any(breaks));
        }
    }
}
