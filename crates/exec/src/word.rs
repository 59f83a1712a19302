/// A word that a shell takes for one word, whatever is in it (POSIX, Shell Command Language, 2.2.2): ssh gives what it is
/// to run on another host to a shell there. A word that means nothing to a shell stays as it is, for what runs it
/// without one.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./=:@,+%".contains(it);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Deadline, Tool};
    use std::time::Duration;

    #[test]
    fn a_shell_leaves_a_word_as_it_is() {
        for word in ["list", "", "/dev/vg/it's", "a 'b' \"$c\" \\ `d`\n*;&"] {
            let line = format!("printf %s {}", quoted(word));
            let shell = Tool::new("sh").args(["-c", &line]);
            let by = Deadline::after(Duration::from_secs(20));
            assert_eq!(shell.run(by).unwrap().text(), word);
        }
        assert_eq!(quoted("list"), "list");
    }
}
