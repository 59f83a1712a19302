//! The form of xl's configuration files: settings of texts, numbers and lists.

use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// How many lists may be in each other; no setting of xl has more than two.
const DEEPEST: usize = 8;

/// The value of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A quoted text, or a number, which is the same to xl.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

/// The settings of one file, each with the line that it is on.
#[derive(Debug, Default)]
pub struct Settings(BTreeMap<String, (usize, Value)>);

impl Settings {
    /// Reads a file. Of several settings of one name the last counts, as for xl, and `+=` adds to the one
    /// before.
    pub fn read(text: &str) -> Result<Self> {
        let mut reader = Reader { text: text.chars().peekable(), line: 1 };
        let mut settings = Self::default();
        while let Some(key) = reader.key()? {
            let line = reader.line;
            let adds = reader.takes('+');
            if !reader.takes('=') {
                return Err(reader.expected("="));
            }
            let value = reader.value(0)?;
            reader.end_of_setting()?;
            let value = match settings.0.remove(&key) {
                Some((_, before)) if adds => before.and(value),
                _ => value,
            };
            settings.0.insert(key, (line, value));
        }
        Ok(settings)
    }

    /// The value of a setting.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.0.get(key).map(|(_, value)| value)
    }

    /// The line that a setting is on; 0 for one that is not there.
    pub fn line(&self, key: &str) -> usize {
        self.0.get(key).map_or(0, |(line, _)| *line)
    }
}

impl Value {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => Self::Text(one + &other),
            (Self::List(one), Self::List(other)) => Self::List([one, other].concat()),
            (_, other) => other,
        }
    }
}

/// What a decimal or hexadecimal number comes to.
pub fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

struct Reader<'a> {
    text: Peekable<Chars<'a>>,
    line: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.text.next();
        self.line += usize::from(next == Some('\n'));
        next
    }

    fn error(&self, what: &str) -> Error {
        Error::Definition { what: format!("line {}: {what}", self.line) }
    }

    fn expected(&self, what: &str) -> Error {
        self.error(&format!("expected {what}"))
    }

    /// Skips what means nothing, and the ends of lines too where they mean nothing.
    fn skip(&mut self, over: impl Fn(char) -> bool) {
        while let Some(next) = self.text.peek().copied() {
            if next == '#' {
                while self.text.next_if(|it| *it != '\n').is_some() {}
            } else if over(next) {
                self.next();
            } else {
                return;
            }
        }
    }

    fn skip_blanks(&mut self) {
        self.skip(|it| it.is_whitespace() && it != '\n');
    }

    fn takes(&mut self, what: char) -> bool {
        self.skip_blanks();
        self.text.next_if_eq(&what).is_some()
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(next) = self.text.next_if(|it| it.is_ascii_alphanumeric() || *it == '_') {
            word.push(next);
        }
        word
    }

    /// The name of the next setting; `None` at the end of the file.
    fn key(&mut self) -> Result<Option<String>> {
        self.skip(|it| it.is_whitespace() || it == ';');
        if self.text.peek().is_none() {
            return Ok(None);
        }
        let key = self.word();
        let is_name = key.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_');
        if is_name { Ok(Some(key)) } else { Err(self.expected("the name of a setting")) }
    }

    fn end_of_setting(&mut self) -> Result<()> {
        self.skip_blanks();
        match self.text.peek() {
            None | Some('\n' | ';') => Ok(()),
            Some(_) => Err(self.expected("the end of the line")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        self.skip_blanks();
        match self.text.peek().copied() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote).map(Value::Text),
            Some('[') => self.list(depth).map(Value::List),
            Some(it) if it.is_ascii_digit() => self.number().map(Value::Text),
            _ => Err(self.expected("a text, a number or a list")),
        }
    }

    fn number(&mut self) -> Result<String> {
        let word = self.word();
        match number(&word) {
            Some(_) => Ok(word),
            None => Err(self.error(&format!("{word:?} is not a number"))),
        }
    }

    /// A text, which ends on the line that it begins on. A backslash makes the next character one of the text.
    fn quoted(&mut self, quote: char) -> Result<String> {
        self.next();
        let mut text = String::new();
        loop {
            match self.text.next_if(|it| *it != '\n') {
                None => return Err(self.error("a text without an end")),
                Some(it) if it == quote => return Ok(text),
                Some('\\') => text.extend(self.text.next_if(|it| *it != '\n')),
                Some(it) => text.push(it),
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<String>> {
        if depth > DEEPEST {
            return Err(self.error("too many lists in each other"));
        }
        self.next();
        let mut list = Vec::new();
        loop {
            self.skip(char::is_whitespace);
            if self.text.next_if_eq(&']').is_some() {
                return Ok(list);
            }
            if self.text.peek().is_none() {
                return Err(self.error("a list without an end"));
            }
            match self.value(depth + 1)? {
                Value::Text(text) => list.push(text),
                Value::List(inner) => list.extend(inner),
            }
            self.skip(char::is_whitespace);
            let more = self.text.next_if_eq(&',').is_some();
            if !more && self.text.peek().is_some_and(|it| *it != ']') {
                return Err(self.expected(", or ]"));
            }
        }
    }
}
