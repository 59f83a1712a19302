//! The domains of this node at one moment, as the hypervisor itself has them.

use super::hypercall::{Hypervisor, Info};
use super::table::{incoming, own};
use super::{userdata, xenstore};
use crate::Deadline;
use crate::identity::Identity;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long xenstored may take to tell all names. It hangs more often than the hypervisor does.
const NAMES: Duration = Duration::from_secs(1);

/// Every domain but the first, with its name where one is known. One that is dying is none: it runs no more, and
/// may be there for long, while another one holds a page of its memory.
pub struct Domains(Vec<(Info, Option<String>)>);

impl Domains {
    /// All of them; `None` where the hypervisor does not tell. What they are called is known only if that is asked
    /// for.
    pub fn look(named: bool) -> Option<Self> {
        let hypervisor = Hypervisor::open()?;
        let (mut found, mut next) = (Vec::new(), 1);
        while let Some(info) = hypervisor.at_or_after(next).ok()? {
            next = info.domain.id.checked_add(1)?;
            found.push(info);
        }
        found.retain(|info| !info.condition.dying);
        let asked = named && !found.is_empty();
        let names = asked.then(|| xenstore::domains(Deadline::after(NAMES))).flatten();
        let mut names: BTreeMap<u16, String> = names.into_iter().flatten().collect();
        // What libxl wrote down is the name that it had first.
        let mut name = |info: &Info| {
            let first = || userdata::name(info).filter(|_| named);
            names.remove(&info.domain.id).or_else(first)
        };
        Some(Self(found.into_iter().map(|info| (info, name(&info))).collect()))
    }

    /// Those that are the guest: that have its UUID or, where that is not known, its name.
    pub fn of(&self, guest: &Identity) -> Vec<Info> {
        let is_guest = |(info, name): &&(Info, Option<String>)| match &guest.uuid {
            Some(uuid) => info.domain.uuid() == *uuid,
            None => name.as_ref().is_some_and(|name| is_name(name, guest)),
        };
        self.0.iter().filter(is_guest).map(|(info, _)| *info).collect()
    }

    /// Whether none of them can be the guest. One without a name may be any guest.
    pub fn exclude(&self, guest: &Identity) -> bool {
        self.of(guest).is_empty()
            && self.0.iter().all(|(_, name)| name.as_ref().is_some_and(|it| !is_name(it, guest)))
    }

    /// The one of that number.
    pub fn get(&self, id: u16) -> Option<&Info> {
        self.0.iter().map(|(info, _)| info).find(|info| info.domain.id == id)
    }
}

/// Whether the guest is called that, or a copy of it that a migration makes.
fn is_name(name: &str, guest: &Identity) -> bool {
    own(&guest.name).iter().any(|own| own == name) || incoming(&guest.name) == name
}

#[cfg(test)]
mod tests {
    use super::super::{Domain, state::Condition};
    use super::*;
    use crate::identity::Name;

    fn domains(all: &[(u16, Option<&str>)]) -> Domains {
        let info = |id: u16| Info {
            domain: Domain { id, handle: [id.to_be_bytes()[1]; 16] },
            condition: Condition::default(),
            most_pages: 1,
            cpus: 1,
        };
        Domains(all.iter().map(|(id, name)| (info(*id), name.map(str::to_owned))).collect())
    }

    fn ids(domains: &Domains, guest: &Identity) -> Vec<u16> {
        domains.of(guest).iter().map(|info| info.domain.id).collect()
    }

    #[test]
    fn a_domain_is_the_guest_by_its_uuid_or_else_by_the_name_that_it_has_now() {
        let guest = |uuid| Identity { name: Name::from_any("g1"), uuid };
        let all = domains(&[
            (3, Some("g1")),
            (4, Some("g2")),
            (5, Some("g1--migratedaway")),
            (6, Some("g1--incoming")),
            (7, None),
        ]);
        assert_eq!(ids(&all, &guest(None)), [3, 5, 6]);
        let uuid = Domain { id: 4, handle: [4; 16] }.uuid();
        assert_eq!(ids(&all, &guest(Some(uuid))), [4]);
        assert!(all.get(7).is_some() && all.get(8).is_none());
    }

    #[test]
    fn what_may_be_the_guest_does_not_prove_that_it_is_gone() {
        let guest = Identity { name: Name::from_any("g1"), uuid: None };
        assert!(domains(&[(3, Some("g2")), (4, Some("g10"))]).exclude(&guest));
        assert!(domains(&[]).exclude(&guest));
        for other in [Some("g1"), Some("g1--incoming"), None] {
            assert!(!domains(&[(3, Some("g2")), (4, other)]).exclude(&guest), "{other:?}");
        }
        // It has another UUID and the guest's name.
        let uuid = Some(Domain { id: 4, handle: [4; 16] }.uuid());
        assert!(!domains(&[(3, Some("g1"))]).exclude(&Identity { uuid, ..guest }));
    }
}
