use std::error::Error;
use std::fmt::Write;

/// How much of a text is shown in a message about it, in characters.
const EXCERPT: usize = 80;

/// The text on one line of at most `limit` characters: white space becomes a space, other control
/// characters are escaped, and an ellipsis stands for what is cut off.
pub fn line(text: &str, limit: usize) -> String {
    let mut line = String::with_capacity(text.len().min(limit));
    let mut room = limit;
    for character in text.trim().chars() {
        let shown = match character {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => String::from(' '),
            control if control.is_control() => control.escape_default().to_string(),
            other => String::from(other),
        };
        match room.checked_sub(shown.chars().count()) {
            Some(left) if left > 0 => room = left,
            _ => {
                line.push('…');
                break;
            }
        }
        line.push_str(&shown);
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
