//! The domains of this node at one moment, as the hypervisor itself has them.

use super::hypercall::{Hypervisor, Info};
use super::table::{self, Role};
use super::{job, userdata, xenstore};
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
        let mut name = |info: &Info| {
            let written = || named.then(|| written(info)).flatten();
            names.remove(&info.domain.id).or_else(written)
        };
        Some(Self(found.into_iter().map(|info| (info, name(&info))).collect()))
    }

    /// Those that are the guest: that have its UUID or, where that is not known, its name.
    pub fn of(&self, guest: &Identity) -> Vec<Info> {
        self.named(guest).map(|(info, _)| info).collect()
    }

    /// The same with the names that they have.
    fn named(&self, guest: &Identity) -> impl Iterator<Item = (Info, Option<&str>)> {
        let all = self.0.iter().map(|(info, name)| (*info, name.as_deref()));
        all.filter(|(info, name)| match &guest.uuid {
            Some(uuid) => info.domain.uuid() == *uuid,
            None => name.is_some_and(|name| Role::by_name(name, &guest.name).is_some()),
        })
    }

    /// The one of them that counts before the others, and what it is to the guest.
    pub fn first(&self, guest: &Identity) -> Option<(Role, Info)> {
        let found = self.named(guest).map(|(info, name)| {
            let role = match name {
                Some(name) => Role::by_name(name, &guest.name),
                None => job::receives(info.domain.id).then_some(Role::Incoming),
            };
            (role.unwrap_or(Role::Itself), info)
        });
        found.min_by_key(|(role, _)| *role)
    }

    /// Whether none of them can be the guest. One without a name may be any guest.
    pub fn exclude(&self, guest: &Identity) -> bool {
        self.named(guest).next().is_none()
            && self.0.iter().all(|(_, name)| {
                name.as_ref().is_some_and(|name| Role::by_name(name, &guest.name).is_none())
            })
    }

    /// The one of that number.
    pub fn get(&self, id: u16) -> Option<&Info> {
        self.0.iter().map(|(info, _)| info).find(|info| info.domain.id == id)
    }
}

/// A domain's name as libxl wrote it down, which is the one that it had first: a guest that came in has its own by
/// now, unless an xl lets it in still.
fn written(info: &Info) -> Option<String> {
    let first = userdata::name(info)?;
    match table::arrived(&first) {
        Some(name) if !job::receives(info.domain.id) => Some(name.to_owned()),
        _ => Some(first),
    }
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
    fn the_guest_itself_counts_before_its_copies_and_the_one_that_comes_in_before_the_other() {
        let guest = Identity { name: Name::from_any("g1"), uuid: None };
        let mut named = vec![(3, Some("g1--migratedaway")), (5, Some("g1--incoming"))];
        let first = |named: &[(u16, Option<&str>)]| {
            let (role, info) = domains(named).first(&guest).unwrap();
            (role, info.domain.id)
        };
        assert_eq!(first(&named[..1]), (Role::LetGo, 3));
        assert_eq!(first(&named), (Role::Incoming, 5));
        named.push((7, Some("g1")));
        assert_eq!(first(&named), (Role::Itself, 7));
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
