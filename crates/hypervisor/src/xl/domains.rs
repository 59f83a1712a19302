//! The domains of this node at one moment, as the hypervisor itself has them.

use super::hypercall::{Hypervisor, Info};
use super::job::Programs;
use super::table::Role;
use super::{userdata, xenstore};
use crate::Deadline;
use crate::identity::{Identity, Name};
use crate::state::State;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long xenstored may take to tell all names. It hangs more often than the hypervisor does.
pub const NAMES: Duration = Duration::from_secs(1);

/// What a domain is called, and who says so.
enum Called {
    /// What xenstored says that it is called now.
    Now(String),
    /// What libxl wrote down when it had made it. A guest that came in has got its own name since, as one may have that
    /// somebody has named anew.
    First(String),
    /// Nobody says.
    Unknown,
}

impl Called {
    /// What its name makes the domain to the guest, or made it.
    fn role(&self, guest: &Name) -> Option<Role> {
        match self {
            Self::Now(name) | Self::First(name) => Role::by_name(name, guest),
            Self::Unknown => None,
        }
    }

    fn role_now(&self, guest: &Name) -> Option<Role> {
        matches!(self, Self::Now(_)).then(|| self.role(guest)).flatten()
    }
}

/// Every domain but the first, with its name where one is known. One that is dying is none: it runs no more, and
/// may be there for long, while another one holds a page of its memory.
pub struct Domains(Vec<(Info, Called)>);

impl Domains {
    /// All of them; `None` where the hypervisor does not tell. What they are called is known only if that is asked
    /// for, of xenstored until the deadline.
    pub fn look(named: Option<Deadline>) -> Option<Self> {
        let hypervisor = Hypervisor::open()?;
        let (mut found, mut next) = (Vec::new(), 1);
        while let Some(info) = hypervisor.at_or_after(next).ok()? {
            next = info.domain.id.checked_add(1)?;
            found.push(info);
        }
        found.retain(|info| !info.condition.dying);
        let asked = named.filter(|_| !found.is_empty());
        let names = asked.and_then(|by| xenstore::domains(by.slice(NAMES)));
        let mut names: BTreeMap<u16, String> = names.into_iter().flatten().collect();
        let called = |info: Info| {
            let first = || named.and_then(|_| userdata::name(&info)).map(Called::First);
            let now = names.remove(&info.domain.id).map(Called::Now);
            (info, now.or_else(first).unwrap_or(Called::Unknown))
        };
        Some(Self(found.into_iter().map(called).collect()))
    }

    /// Those that are the guest: that have its UUID or, where that is not known, its name now.
    pub fn of(&self, guest: &Identity) -> Vec<Info> {
        self.called(guest).map(|(info, _)| *info).collect()
    }

    /// The same with what they are called.
    fn called(&self, guest: &Identity) -> impl Iterator<Item = &(Info, Called)> {
        self.0.iter().filter(|(info, called)| match &guest.uuid {
            Some(uuid) => info.domain.uuid() == *uuid,
            None => called.role_now(&guest.name).is_some(),
        })
    }

    /// The one of them that counts before the others, and what it is to the guest where that can be told. Where
    /// xenstored does not tell, only a copy of which the memory still comes is known from the guest itself.
    pub fn first(&self, guest: &Identity, programs: &Programs) -> Option<(Option<Role>, Info)> {
        let found = self.called(guest).map(|(info, called)| {
            let role = match called {
                Called::Now(_) => Some(called.role(&guest.name).unwrap_or(Role::Itself)),
                _ => programs.receive(info.domain.id).then_some(Role::Incoming),
            };
            (role, *info)
        });
        // A copy that is left may have its UUID and a lower number.
        let runs = |info: &Info| info.condition.state() == State::Running;
        found.min_by_key(|(role, info)| (role.unwrap_or(Role::Itself), !runs(info)))
    }

    /// Whether none of them can be the guest. One without a name may be any guest; one that had another may be one of
    /// which no more than the name is known.
    pub fn exclude(&self, guest: &Identity) -> bool {
        let is_other = |(_, called): &(Info, Called)| match called {
            Called::Now(_) => called.role(&guest.name).is_none(),
            Called::First(_) => guest.uuid.is_some() && called.role(&guest.name).is_none(),
            Called::Unknown => false,
        };
        self.called(guest).next().is_none() && self.0.iter().all(is_other)
    }

    /// The one of that number.
    pub fn get(&self, id: u16) -> Option<&Info> {
        self.0.iter().map(|(info, _)| info).find(|info| info.domain.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Domain, state::Condition};
    use super::*;
    use crate::identity::Uuid;

    fn domains(all: &[(u16, Option<&str>)]) -> Domains {
        let now = |name: &str| Called::Now(name.to_owned());
        made(all.iter().map(|(id, name)| (*id, name.map_or(Called::Unknown, now))))
    }

    fn made(all: impl IntoIterator<Item = (u16, Called)>) -> Domains {
        let info = |id: u16| Info {
            domain: Domain { id, handle: [id.to_be_bytes()[1]; 16] },
            condition: Condition::default(),
            most_pages: 1,
            cpus: 1,
        };
        Domains(all.into_iter().map(|(id, called)| (info(id), called)).collect())
    }

    fn uuid(id: u8) -> Option<Uuid> {
        Some(Domain { id: id.into(), handle: [id; 16] }.uuid())
    }

    fn guest(uuid: Option<Uuid>) -> Identity {
        Identity { name: Name::from_any("g1"), uuid }
    }

    fn ids(domains: &Domains, guest: &Identity) -> Vec<u16> {
        domains.of(guest).iter().map(|info| info.domain.id).collect()
    }

    #[test]
    fn a_domain_is_the_guest_by_its_uuid_or_else_by_the_name_that_it_has_now() {
        let all = domains(&[
            (3, Some("g1")),
            (4, Some("g2")),
            (5, Some("g1--migratedaway")),
            (6, Some("g1--incoming")),
            (7, None),
        ]);
        assert_eq!(ids(&all, &guest(None)), [3, 5, 6]);
        assert_eq!(ids(&all, &guest(uuid(4))), [4]);
        assert!(all.get(7).is_some() && all.get(8).is_none());
    }

    #[test]
    fn the_guest_itself_counts_before_its_copies_and_the_one_that_comes_in_before_the_other() {
        let mut named = vec![(3, Some("g1--migratedaway")), (5, Some("g1--incoming"))];
        let first = |named: &[(u16, Option<&str>)]| {
            let (role, info) = domains(named).first(&guest(None), &Programs::now()).unwrap();
            (role, info.domain.id)
        };
        assert_eq!(first(&named[..1]), (Some(Role::LetGo), 3));
        assert_eq!(first(&named), (Some(Role::Incoming), 5));
        named.push((7, Some("g1")));
        assert_eq!(first(&named), (Some(Role::Itself), 7));
    }

    #[test]
    fn what_a_domain_was_called_first_does_not_tell_a_guest_that_came_in_from_one_that_does() {
        let first = || Called::First("g1--incoming".to_owned());
        for called in [first(), Called::Unknown] {
            let found = made([(4, called)]).first(&guest(uuid(4)), &Programs::now());
            assert_eq!(found.map(|(role, _)| role), Some(None));
        }
        // Nor whose it is where no more than the name is known: it may have another one now.
        assert_eq!(ids(&made([(4, Called::First("g1".to_owned()))]), &guest(None)), [0; 0]);
    }

    #[test]
    fn of_two_that_may_be_the_guest_the_one_that_runs_counts() {
        let mut both = made([(4, Called::Unknown), (5, Called::Unknown)]);
        both.0[0].0.condition.paused = true;
        both.0[1].0.domain.handle = [4; 16];
        let first = both.first(&guest(uuid(4)), &Programs::now());
        assert_eq!(first.map(|(_, info)| info.domain.id), Some(5));
    }

    #[test]
    fn what_may_be_the_guest_does_not_prove_that_it_is_gone() {
        assert!(domains(&[(3, Some("g2")), (4, Some("g10"))]).exclude(&guest(None)));
        assert!(domains(&[]).exclude(&guest(None)));
        for other in [Some("g1"), Some("g1--incoming"), None] {
            assert!(!domains(&[(3, Some("g2")), (4, other)]).exclude(&guest(None)), "{other:?}");
        }
        // It has another UUID and the guest's name.
        assert!(!domains(&[(3, Some("g1"))]).exclude(&guest(uuid(4))));
        // It was called otherwise first.
        let other = made([(3, Called::First("g2".to_owned()))]);
        assert!(other.exclude(&guest(uuid(4))) && !other.exclude(&guest(None)));
    }
}
