//! What xl prints for people, read from `xl list -v`.

use super::state::{Condition, Reason};
use crate::error::{Error, Result};
use crate::identity::{Identity, Name, Uuid};

/// How much of what xl says makes a reason, in characters.
const REASON: usize = 400;

/// The columns of the list, in their order.
const COLUMNS: [&str; 8] =
    ["Name", "ID", "Mem", "VCPUs", "State", "Time(s)", "UUID", "Reason-Code"];

/// One domain in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name; `None` for what is left of a domain that has ended.
    pub name: Option<String>,
    /// Its number.
    pub id: u16,
    /// The memory that it has, in MiB.
    pub memory: u64,
    /// Its virtual CPUs; 0 while it is being built.
    pub cpus: u32,
    /// What it does.
    pub condition: Condition,
    /// Its UUID.
    pub uuid: Uuid,
}

/// All domains of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table(Vec<Row>);

impl Table {
    /// Reads the list.
    ///
    /// # Errors
    /// [`Error::Shape`] for a list that is of another form than is known.
    pub fn parse(text: &str) -> Result<Self> {
        let shape = |found: &str| Error::Shape {
            program: "xl list -v".to_owned(),
            found: found.chars().take(REASON).collect(),
        };
        let mut lines = text.lines();
        let header = lines.next().unwrap_or_default();
        if !header.split_whitespace().take(COLUMNS.len()).eq(COLUMNS) {
            return Err(shape(header));
        }
        let rows = lines.filter(|line| !line.trim().is_empty());
        let rows = rows.map(|line| Row::parse(line).ok_or_else(|| shape(line)));
        Ok(Self(rows.collect::<Result<_>>()?))
    }

    /// The domain of that name.
    pub fn named(&self, name: &str) -> Option<&Row> {
        self.0.iter().find(|row| row.name.as_deref() == Some(name))
    }

    /// The domains that are the guest, in the order in which they count. A copy with another UUID is one of another
    /// guest, whatever its name.
    pub fn of(&self, guest: &Identity) -> impl Iterator<Item = (Role, &Row)> {
        let names = Role::names(&guest.name).into_iter();
        let rows = names.filter_map(|(role, name)| Some((role, self.named(&name)?)));
        rows.filter(|(role, row)| {
            *role == Role::Itself || guest.uuid.as_ref().is_none_or(|uuid| *uuid == row.uuid)
        })
    }

    /// The number and the memory, in MiB, of every guest that runs.
    pub fn memory(&self) -> impl Iterator<Item = (u16, u64)> {
        let runs = |row: &&Row| row.name.is_some() && row.condition == Condition::default();
        self.0.iter().filter(runs).map(|row| (row.id, row.memory))
    }

    /// The domains that are paused, as one is that is being built or comes in.
    pub fn paused(&self) -> impl Iterator<Item = &Row> {
        let paused = Condition { paused: true, ..Condition::default() };
        self.0.iter().filter(move |row| row.condition == paused)
    }

    /// The number and the name of every domain.
    pub fn names(self) -> Vec<(u16, String)> {
        self.0.into_iter().filter_map(|row| Some((row.id, row.name?))).collect()
    }

    /// Whether that very domain is there and has not ended.
    pub fn has(&self, row: &Row) -> bool {
        self.0.iter().any(|it| it.id == row.id && it.uuid == row.uuid && it.name.is_some())
    }
}

/// What xl has behind the name of a guest that is coming in, until it runs.
const INCOMING: &str = "--incoming";

/// What xl calls a guest that is coming in.
pub fn incoming(guest: &Name) -> String {
    format!("{guest}{INCOMING}")
}

/// What a domain is to the guest, in the order in which they count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It is the guest.
    Itself,
    /// The copy that a migration from another host makes, which runs when that has ended.
    Incoming,
    /// The copy that a migration to another host has left, or is about to leave.
    LetGo,
}

impl Role {
    /// What xl calls the guest in each role; one that is let go also as its predecessor xm did.
    fn names(guest: &Name) -> [(Self, String); 4] {
        [
            (Self::Itself, guest.to_string()),
            (Self::Incoming, incoming(guest)),
            (Self::LetGo, format!("{guest}--migratedaway")),
            (Self::LetGo, format!("migrating-{guest}")),
        ]
    }

    /// What a domain of that name is to the guest, if anything.
    pub fn by_name(name: &str, guest: &Name) -> Option<Self> {
        let names = Self::names(guest).into_iter();
        names.filter(|(_, own)| own == name).map(|(role, _)| role).next()
    }
}

/// What xl calls a guest that runs on its host, or has.
pub fn own(guest: &Name) -> impl Iterator<Item = String> {
    let names = Role::names(guest).into_iter();
    names.filter(|(role, _)| *role != Role::Incoming).map(|(_, name)| name)
}

impl Row {
    /// Whether it comes in.
    pub fn is_incoming(&self) -> bool {
        self.name.as_deref().is_some_and(|name| name.ends_with(INCOMING))
    }

    /// Reads one line from its end: a name can have anything in it, spaces too.
    fn parse(line: &str) -> Option<Self> {
        let mut rest = line;
        let mut last = || {
            let (before, field) = rest.trim_end().rsplit_once(char::is_whitespace)?;
            rest = before;
            Some(field)
        };
        let (_label, code, uuid) = (last()?, last()?, last()?);
        let (_time, state, cpus, memory, id) = (last()?, last()?, last()?, last()?, last()?);
        let name = Some(rest.trim_end().to_owned()).filter(|name| name != "(null)");
        Some(Self {
            name,
            id: id.parse().ok()?,
            memory: memory.parse().ok()?,
            cpus: cpus.parse().ok()?,
            condition: Condition::parse(state, code)?,
            uuid: Uuid::parse(uuid)?,
        })
    }
}

impl Condition {
    /// Reads the six letters of a state, and the code that tells why a domain has shut down.
    fn parse(state: &str, code: &str) -> Option<Self> {
        let letters: Vec<char> = state.chars().collect();
        let [_running, _blocked, paused, shutdown, _reason, dying] = letters[..] else {
            return None;
        };
        let is = |letter: char, expected: char| match letter {
            '-' => Some(false),
            letter => (letter == expected).then_some(true),
        };
        let shutdown = match is(shutdown, 's')? {
            true => Some(Reason::by_code(u8::from_str_radix(code, 16).ok()?)),
            false => None,
        };
        Some(Self { paused: is(paused, 'p')?, shutdown, dying: is(dying, 'd')? })
    }
}

/// Why xl failed, of all that it said: how far it got does not matter.
pub fn reason(words: &str) -> String {
    let noise = ["Parsing config", "xc: info", "xc: progress", "Loading new save", "Saving to"];
    let lines = words.lines().map(str::trim);
    let lines =
        lines.filter(|line| !line.is_empty() && !noise.iter().any(|it| line.starts_with(it)));
    let text: String = lines.collect::<Vec<_>>().join("; ").chars().take(REASON).collect();
    if text.is_empty() { "it does not say why".to_owned() } else { text }
}

/// The name of a guest as a setting of xl's.
pub fn name_setting(guest: &Name) -> String {
    format!("name=\"{}\"", guest.as_str().replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = include_str!("samples/list-v.txt");

    #[test]
    fn every_domain_of_a_list_is_read() {
        let table = Table::parse(LIST).unwrap();
        let row = table.named("g1").unwrap();
        assert_eq!((row.id, row.memory, row.cpus), (3, 96, 1));
        assert_eq!(row.uuid.as_str(), "6b1f2a10-0000-4000-8000-0000000000a1");
        assert_eq!(row.condition, Condition { paused: false, shutdown: None, dying: false });
        assert_eq!(table.named("Domain-0").unwrap().id, 0);
        assert_eq!(table.named("a 3 b").unwrap().id, 4);
        assert!(table.named("g").is_none() && table.named("(null)").is_none());
    }

    #[test]
    fn another_form_is_an_error_and_no_state() {
        for (from, to) in [
            ("VCPUs", "vcpus"),
            ("-b----", "-b---"),
            ("-b----", "-bX---"),
            ("6b1f2a10-0000-4000-8000-0000000000a1", "-"),
            ("Reason-Code", ""),
        ] {
            let error = Table::parse(&LIST.replacen(from, to, 1)).unwrap_err();
            assert!(matches!(error, Error::Shape { .. }), "{from} {to}: {error}");
        }
        assert!(Table::parse("").is_err());
    }

    #[test]
    fn a_reason_is_one_line_without_the_progress() {
        let words = "Parsing config from /guest/g1.cfg\nlibxl: error: no bridge\n\n  sorry\n";
        assert_eq!(reason(words), "libxl: error: no bridge; sorry");
        assert_eq!(reason("xc: info: x\n"), "it does not say why");
        assert_eq!(name_setting(&Name::from_any(r#"a "b" \c"#)), r#"name="a \"b\" \\c""#);
    }
}
