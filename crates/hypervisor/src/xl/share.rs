//! Sharing a host's memory out among its guests, by their balloons.

use super::admission::Host;
use super::table::Row;
use super::{Xl, listing, userdata};
use crate::Deadline;
use crate::error::Result;
use std::time::Duration;

/// What of its most a guest keeps in any case: with less its operating system would end its programs.
const KEPT: u64 = 2;

/// How long guests may take to let go of memory.
const RELEASE: Duration = Duration::from_secs(20);

const POLL: Duration = Duration::from_millis(500);

/// One guest's memory, in MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Balloon {
    id: u16,
    /// What it has.
    now: u64,
    /// What it may have at most.
    most: u64,
}

/// Shares the memory of this host out among its guests: all but what is `reserved` for the first domain, in MiB.
/// Each has an even share, but never more than it may have, and never less than half of that.
///
/// A guest gives what it has beyond its share only if one is about to start that needs `wanted` MiB, no more than
/// that lacks, and nothing if all of them could not give enough: taking memory from a guest can end its programs. It is
/// waited until that is free, for 20 s at most, since guests let go of memory when they can. Where none is about to
/// start, guests get what they lack of their share as far as it is free, unless one is being built or comes in, whose
/// memory that may be.
///
/// # Errors
/// xl's refusal, in its own words.
pub fn share(reserved: u64, wanted: u64, by: Deadline) -> Result<()> {
    let xl = Xl::new("xl:///");
    let table = xl.table(by)?;
    if wanted == 0 && table.paused().any(is_unfinished) {
        return Ok(());
    }
    let host = Host::ask(&xl, by)?;
    let most = listing::most(&xl.run("list the domains", &["list", "-l"], by)?.text())?;
    let guests: Vec<Balloon> = table
        .memory()
        .filter_map(|(id, now)| Some(Balloon { id, now, most: *most.get(&id)? }))
        .collect();
    let shares = shares(&guests, host.total.saturating_sub(reserved), host.free, wanted);
    for (id, memory) in &shares {
        let arguments = ["mem-set", &id.to_string(), &format!("{memory}m")];
        xl.run("change a guest's memory", &arguments, by)?;
    }
    let patience = by.slice(RELEASE);
    let given = wanted > 0 && !shares.is_empty();
    while given && Host::ask(&xl, by)?.free < wanted && patience.pause(POLL) {}
    Ok(())
}

/// Whether a domain that is paused may not have all of its memory yet.
fn is_unfinished(row: &Row) -> bool {
    row.cpus == 0 || row.is_incoming() || !userdata::is_there(row.id, &row.uuid)
}

/// What each guest that is to have more or less is to have.
fn shares(guests: &[Balloon], all: u64, free: u64, wanted: u64) -> Vec<(u16, u64)> {
    let count = guests.len() as u64 + u64::from(wanted > 0);
    let share = all.checked_div(count).unwrap_or_default();
    let target = |it: &Balloon| share.clamp(it.most.div_ceil(KEPT), it.most);
    let spare = |it: &Balloon| it.now.saturating_sub(target(it));
    let mut shares = Vec::new();
    let (mut lacking, mut free) = (wanted.saturating_sub(free), if wanted > 0 { 0 } else { free });
    if guests.iter().map(spare).sum::<u64>() < lacking {
        return shares;
    }
    for guest in guests {
        let less = spare(guest).min(lacking);
        if less > 0 {
            lacking -= less;
            shares.push((guest.id, guest.now - less));
        }
        let more = target(guest).saturating_sub(guest.now).min(free);
        if more > 0 {
            free -= more;
            shares.push((guest.id, guest.now + more));
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(id: u16, now: u64, most: u64) -> Balloon {
        Balloon { id, now, most }
    }

    #[test]
    fn guests_make_room_for_one_more_and_keep_what_they_need() {
        let guests = [guest(1, 400, 400), guest(2, 100, 100), guest(3, 600, 1000)];
        // Each has a share of 250: the second one has less already, and the third one keeps half.
        assert_eq!(shares(&guests, 1000, 0, 250), [(1, 250), (3, 500)]);
        assert_eq!(shares(&guests[..1], 100, 0, 200), [(1, 200)]);
        // Nothing for one that could not start all the same.
        assert_eq!(shares(&guests[..1], 100, 0, 201), []);
        // No more than is lacking.
        assert_eq!(shares(&guests, 1000, 150, 250), [(1, 300)]);
        assert_eq!(shares(&guests, 1000, 250, 250), []);
    }

    #[test]
    fn guests_get_back_what_is_free_and_no_more() {
        let guests = [guest(1, 250, 400), guest(2, 500, 1000)];
        assert_eq!(shares(&guests, 2000, 2000, 0), [(1, 400), (2, 1000)]);
        assert_eq!(shares(&guests, 2000, 200, 0), [(1, 400), (2, 550)]);
        // What is free may be another one's, if one is about to start.
        assert_eq!(shares(&guests, 2000, 200, 100), []);
        assert_eq!(shares(&[guest(1, 900, 900)], 100, 500, 0), []);
        assert_eq!(shares(&[], 2000, 2000, 0), []);
    }
}
