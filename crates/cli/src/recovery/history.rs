use recovery::{Finding, Node, Timestamp};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A check of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// When it was made.
    pub at: Timestamp,
    /// What it found.
    pub finding: Finding,
    /// Where the guest was, if that is another node than is known.
    pub node: Option<Node>,
}

/// The findings with the words of a history.
const WORDS: [(&str, Finding); 4] = [
    ("good", Finding::Good),
    ("bad", Finding::Bad),
    ("gone", Finding::Gone),
    ("unknown", Finding::Unknown),
];

/// The word for a finding.
pub fn word(finding: Finding) -> &'static str {
    WORDS.iter().find(|(_, known)| *known == finding).map_or("", |(word, _)| word)
}

/// Reads a history from a file, or from standard input.
pub fn read(path: Option<&Path>) -> Result<Vec<Check>, Error> {
    let mut text = String::new();
    let read = match path {
        Some(path) => std::fs::read_to_string(path).map(|read| text = read),
        None => std::io::stdin().read_to_string(&mut text).map(drop),
    };
    let named = || path.map_or_else(|| PathBuf::from("on standard input"), Path::to_owned);
    read.map_err(|source| Error::History { path: named(), source })?;
    parse(&text)
}

fn parse(text: &str) -> Result<Vec<Check>, Error> {
    let mut checks: Vec<Check> = vec![];
    for (number, line) in text.lines().enumerate() {
        let words: Vec<_> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        let wrong = || Error::HistoryLine { line: number + 1, text: line.trim().to_owned() };
        let check = check(&words).ok_or_else(wrong)?;
        if checks.last().is_some_and(|last| last.at > check.at) {
            return Err(wrong());
        }
        checks.push(check);
    }
    Ok(checks)
}

fn check(words: &[&str]) -> Option<Check> {
    let [second, finding, ref node @ ..] = *words else { return None };
    let node = match node {
        [] => None,
        [name] => Some(Node::try_from((*name).to_owned()).ok()?),
        _ => return None,
    };
    let finding = WORDS.iter().find(|(word, _)| *word == finding).map(|(_, finding)| *finding)?;
    Some(Check { at: Timestamp(second.parse().ok()?), finding, node })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_read_line_by_line() {
        let checks = parse("# begins\n10 good n1\n\n20 bad # late\n20 gone\n").unwrap();
        let findings: Vec<_> = checks.iter().map(|it| (it.at.0, it.finding)).collect();
        assert_eq!(findings, [(10, Finding::Good), (20, Finding::Bad), (20, Finding::Gone)]);
        let nodes: Vec<_> = checks.iter().filter_map(|it| it.node.as_ref()).collect();
        assert_eq!(nodes.iter().map(|it| it.to_string()).collect::<Vec<_>>(), ["n1"]);
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named() {
        for line in ["20", "20 worse", "soon bad", "-1 bad", "5 bad", "20 bad n1 n2"] {
            let error = parse(&format!("10 good\n{line}")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("line 2 of the history is {line:?}")), "{error}");
        }
    }
}
