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
