use crate::error::Result;
use crate::generation::Generation;
use crate::id::Id;
use crate::place::Place;
use crate::volume::{Note, Volume};
use exec::Deadline;
use std::path::Path;

/// All generations of a volume.
#[derive(Debug)]
pub struct Lineage<'a> {
    volume: Volume<'a>,
    place: Place,
    base: String,
    generations: Vec<Generation>,
}

impl<'a> Lineage<'a> {
    /// Those that are there now.
    pub fn find(volume: Volume<'a>, by: Deadline) -> Result<Self> {
        let (place, base) = volume.place();
        let names = place.names(by)?;
        let generations: Vec<_> =
            names.iter().filter_map(|name| Generation::read(&base, name)).collect();
        Ok(Self { volume, place, base, generations })
    }

    /// Where the guest's definition has it.
    pub fn path(&self) -> &'a Path {
        self.volume.path()
    }

    /// Whether the guest has one.
    pub fn is_current(&self) -> bool {
        self.generations.contains(&Generation::Current)
    }

    /// Whether one is complete and waits to be the guest's.
    pub fn has_new(&self, id: &Id) -> bool {
        self.generations.contains(&Generation::New(id.clone()))
    }

    /// The reinstallations that have put one aside.
    pub fn replacements(&self) -> impl Iterator<Item = &Id> {
        self.generations.iter().filter_map(|it| match it {
            Generation::Old(_, id) => Some(id),
            _ => None,
        })
    }

    /// The reinstallations that were begun and have put none aside.
    pub fn attempts(&self) -> impl Iterator<Item = &Id> {
        self.generations.iter().filter_map(|it| match it {
            Generation::Part(id) | Generation::New(id) => Some(id),
            _ => None,
        })
    }

    /// Refuses to replace what is no disk of its own, or what somebody uses.
    pub fn check_replaceable(&self, by: Deadline) -> Result<()> {
        if !self.is_current() {
            return Ok(());
        }
        self.place.check(&self.base, by)?;
        self.place.check_unused(&self.base, by)
    }

    /// Removes what nothing will come of.
    pub fn sweep(&mut self, id: &Id, by: Deadline, note: Note<'_>) -> Result<()> {
        let is_over = |it: &Generation| match it {
            Generation::Part(_) => true,
            Generation::New(of) => of != id,
            Generation::Current | Generation::Old(..) => false,
        };
        self.remove(is_over, by, note)
    }

    /// Removes what was put aside before `kept_since`, in seconds after 1970, but by another reinstallation than this: that
    /// it is done is known by what it has put aside.
    pub fn expire(&mut self, id: &Id, kept_since: u64, by: Deadline, note: Note<'_>) -> Result<()> {
        let is_over = |it: &Generation| match it {
            Generation::Old(at, of) => of != id && *at < kept_since,
            _ => false,
        };
        self.remove(is_over, by, note)
    }

    fn remove(
        &mut self,
        is_over: impl Fn(&Generation) -> bool,
        by: Deadline,
        note: Note<'_>,
    ) -> Result<()> {
        let (over, rest) = self.generations.drain(..).partition(is_over);
        self.generations = rest;
        let over: Vec<Generation> = over;
        for name in over.iter().map(|it| it.name(&self.base)) {
            note(format_args!("removing {}", self.place.path(&name).display()));
            self.place.remove(&name, by)?;
        }
        Ok(())
    }

    /// Makes a complete one, unless that was done.
    pub fn make(&mut self, id: &Id, by: Deadline, note: Note<'_>) -> Result<()> {
        if self.has_new(id) {
            return Ok(());
        }
        note(format_args!("making {}", self.path().display()));
        let (part, new) = (Generation::Part(id.clone()), Generation::New(id.clone()));
        let name = part.name(&self.base);
        self.volume.make(&self.place, &name, by, note)?;
        self.place.settle(&name, &self.base, by)?;
        self.place.rename(&name, &new.name(&self.base), by)?;
        self.generations.push(new);
        Ok(())
    }

    /// Puts the one aside that the guest has, if any, and gives it the complete one.
    pub fn swap(&mut self, id: &Id, now: u64, by: Deadline, note: Note<'_>) -> Result<()> {
        let new = Generation::New(id.clone());
        if self.is_current() {
            let old = Generation::Old(now, id.clone());
            let name = old.name(&self.base);
            self.place.rename(&self.base, &name, by)?;
            note(format_args!("the old one is kept as {}", self.place.path(&name).display()));
            self.generations.push(old);
        }
        self.place.rename(&new.name(&self.base), &self.base, by)?;
        note(format_args!("{} is new", self.path().display()));
        self.generations.retain(|it| *it != new && *it != Generation::Current);
        self.generations.push(Generation::Current);
        Ok(())
    }
}
