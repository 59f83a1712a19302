use crate::id::Id;

/// What tells the names from those that administrators give, whose files beside a disk are not for us to remove.
const MARK: &str = ".hawser-";

/// What a volume's name says of it: see the crate's own documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Generation {
    /// The one that the guest uses.
    Current,
    /// One that is being made.
    Part(Id),
    /// One that is complete.
    New(Id),
    /// One that was replaced so many seconds after 1970, in that reinstallation.
    Old(u64, Id),
}

impl Generation {
    /// What a volume's name says, `base` being that of the current one. `None` for what is no generation of it.
    pub fn read(base: &str, name: &str) -> Option<Self> {
        let rest = name.strip_prefix(base)?;
        if rest.is_empty() {
            return Some(Self::Current);
        }
        let (kind, id) = rest.strip_prefix(MARK)?.split_once('-')?;
        match kind {
            "part" => Some(Self::Part(Id::try_from(id).ok()?)),
            "new" => Some(Self::New(Id::try_from(id).ok()?)),
            "old" => {
                let (seconds, id) = id.split_once('-')?;
                Some(Self::Old(seconds.parse().ok()?, Id::try_from(id).ok()?))
            }
            _ => None,
        }
    }

    /// The name that says this.
    pub fn name(&self, base: &str) -> String {
        match self {
            Self::Current => base.to_owned(),
            Self::Part(id) => format!("{base}{MARK}part-{id}"),
            Self::New(id) => format!("{base}{MARK}new-{id}"),
            Self::Old(seconds, id) => format!("{base}{MARK}old-{seconds}-{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_it_was_made_to_say_and_other_names_say_nothing() {
        let id = || Id::try_from("2-a.b").unwrap();
        for it in [
            Generation::Current,
            Generation::Part(id()),
            Generation::New(id()),
            Generation::Old(1_763_771_234, id()),
        ] {
            assert_eq!(Generation::read("vm1.img", &it.name("vm1.img")), Some(it));
        }
        for other in
            "vm1 vm1.img2 vm1.img.bak vm1.img.old vm1.img.old-20261101-x vm1.img.new-debian13 vm1.img.part-2 \
             vm1.img.hawser-old-x-y vm1.img.hawser-new-"
                .split(' ')
        {
            assert_eq!(Generation::read("vm1.img", other), None, "{other}");
        }
    }
}
