//! What a domain's state means for the guest in it.

use super::job::{self, Programs, Task, Work};
use super::table::{Role, Row, Table};
use super::userdata;
use crate::identity::{Identity, Name, Uuid};
use crate::state::{Job, Pause, Sight, State};

/// What the hypervisor tells of a domain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Condition {
    /// Whether its CPUs are kept from running.
    pub paused: bool,
    /// Why its operating system has stopped, if it has.
    pub shutdown: Option<Reason>,
    /// Whether the hypervisor is tearing it down: nothing of it runs any more.
    pub dying: bool,
}

/// Why an operating system has stopped (`SHUTDOWN_*` of Xen's `sched.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It has powered off.
    Poweroff,
    /// It wants to be started anew, with what is in memory or without.
    Reboot,
    /// It was asked to stand still: for a migration, a save, or a checkpoint.
    Suspend,
    /// It has crashed, or its watchdog has bitten.
    Crash,
}

impl Reason {
    /// What a code means; one that is not known is taken for a crash.
    pub fn by_code(code: u8) -> Self {
        match code {
            0 => Self::Poweroff,
            1 | 5 => Self::Reboot,
            2 => Self::Suspend,
            _ => Self::Crash,
        }
    }
}

impl Condition {
    /// The state of a domain with which nothing is being done.
    pub fn state(self) -> State {
        match self {
            Self { dying: true, .. } => State::Dying,
            Self { shutdown: Some(Reason::Crash), .. } => State::Crashed,
            // The xl that started it destroys it, or builds it anew.
            Self { shutdown: Some(Reason::Poweroff | Reason::Reboot), .. } => State::ShuttingDown,
            Self { shutdown: Some(Reason::Suspend), .. } => State::Paused(Pause::Outgoing),
            Self { paused: true, .. } => State::Paused(Pause::Admin),
            _ => State::Running,
        }
    }
}

/// What is done with a domain, as far as its host shows it.
#[derive(Debug, Default)]
pub struct Deeds {
    /// By every xl that is at work.
    pub tasks: Vec<Task>,
    /// Whether the domain is not built to its end, or was not.
    pub unfinished: bool,
    /// Whether its operating system has stopped and no xl is there that would see to it.
    pub forsaken: bool,
}

impl Deeds {
    /// What this host shows of a domain of the guest's, and showed before that was looked at: an xl that has ended
    /// since may have let the guest run on, and one that has begun may be why it stands still.
    pub fn here(
        before: &Programs,
        guest: &Name,
        id: u16,
        uuid: &Uuid,
        condition: Condition,
    ) -> Self {
        let mut tasks = before.tasks(guest, Some(id));
        tasks.extend(Programs::now().tasks(guest, Some(id)));
        Self {
            tasks,
            unfinished: !userdata::is_there(id, uuid),
            forsaken: condition.shutdown.is_some() && job::keepers(guest).is_empty(),
        }
    }

    fn include(&self, work: Work) -> bool {
        self.tasks.iter().any(|task| task.work == work)
    }

    fn job(&self) -> Job {
        if self.tasks.iter().any(Task::holds) { Job::Running } else { Job::None }
    }
}

/// What is true of a guest on a host: of the domain that it is, else of the copies that a migration makes.
pub fn sight(table: &Table, guest: &Identity, deeds: impl Fn(&Row) -> Deeds) -> Sight {
    let Some((role, row)) = table.of(guest).next() else { return Sight::NOTHING };
    let deeds = deeds(row);
    Sight {
        state: state(role, row.condition, row.cpus, &deeds),
        uuid: Some(row.uuid.clone()),
        persistent: false,
        cpus: row.cpus,
        memory: row.memory,
        job: if role == Role::Incoming { Job::Incoming } else { deeds.job() },
    }
}

/// The copies of a guest that never ran here, or never run here again.
pub fn leftovers<'a>(table: &'a Table, guest: &'a Identity) -> impl Iterator<Item = &'a Row> {
    let copies = table.of(guest).filter(|(role, _)| *role != Role::Itself);
    let left = copies.filter(|(role, row)| match row.condition.state() {
        State::Paused(Pause::Outgoing) | State::Dying => true,
        State::Paused(Pause::Admin) => *role == Role::Incoming,
        _ => false,
    });
    left.map(|(_, row)| row)
}

/// The state of a domain of a guest's, whoever tells of it.
pub fn state(role: Role, condition: Condition, cpus: u32, deeds: &Deeds) -> State {
    match condition.state() {
        State::Paused(Pause::Admin) if role == Role::Incoming => State::Paused(Pause::Incoming),
        // Remus: between two checkpoints it runs, and this is one.
        State::Paused(Pause::Outgoing) if deeds.include(Work::Checkpoint) => State::Running,
        State::Paused(Pause::Outgoing) if deeds.include(Work::Save) => State::Paused(Pause::Job),
        // An xl that fails, or is killed, may leave this name to a guest that runs here still.
        State::Paused(Pause::Outgoing) if role == Role::LetGo && deeds.job() == Job::None => {
            State::Remains
        }
        State::Paused(Pause::Admin) if deeds.include(Work::Destroy) => State::Paused(Pause::Job),
        State::Paused(Pause::Admin)
            if cpus == 0 || deeds.unfinished || deeds.include(Work::Build) =>
        {
            State::Paused(Pause::Building)
        }
        // Nobody removes what has shut down, or boots it anew.
        State::ShuttingDown if deeds.forsaken => State::Remains,
        // xl takes the name away from a domain before it tears it down.
        State::Dying if !deeds.include(Work::Destroy) => State::Remains,
        state => state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Name, Uuid};
    use crate::process::Process;

    const UUID: &str = "6b1f2a10-0000-4000-8000-0000000000a1";

    fn guest() -> Identity {
        Identity { name: Name::from_any("g1"), uuid: Uuid::parse(UUID) }
    }

    fn table(rows: &[(&str, &str)]) -> Table {
        let header = "Name ID Mem VCPUs\tState\tTime(s) UUID Reason-Code\tSecurity Label\n";
        let rows = rows.iter().enumerate().map(|(number, (name, state))| {
            let code = match state.chars().nth(4) {
                Some('r') => "1",
                Some('s') => "2",
                Some('c') => "3",
                Some('w') => "4",
                _ if state.contains('s') => "0",
                _ => "-",
            };
            format!("{name} {} 96 1 {state} 8.4 {UUID} {code} -\n", number + 1)
        });
        Table::parse(&(header.to_owned() + &rows.collect::<String>())).unwrap()
    }

    fn state(rows: &[(&str, &str)], work: Option<Work>) -> (State, Job) {
        let task = |work| Task { work, process: Process { pid: 1, start: 1 } };
        let tasks = || work.map(task).into_iter().collect();
        let deeds = |_: &Row| Deeds { tasks: tasks(), ..Deeds::default() };
        let sight = sight(&table(rows), &guest(), deeds);
        (sight.state, sight.job)
    }

    /// Every state that xl 4.17 was seen to give.
    #[test]
    fn every_state_means_what_it_says() {
        for (letters, expected) in [
            ("r-----", State::Running),
            ("-b----", State::Running),
            ("------", State::Running),
            ("--p---", State::Paused(Pause::Admin)),
            ("---s--", State::ShuttingDown),
            ("--ps--", State::ShuttingDown),
            ("--psr-", State::ShuttingDown),
            ("---sc-", State::Crashed),
            ("--psc-", State::Crashed),
            ("---sw-", State::Crashed),
            ("--p--d", State::Remains),
            ("---ss-", State::Paused(Pause::Outgoing)),
            ("--pss-", State::Paused(Pause::Outgoing)),
        ] {
            assert_eq!(state(&[("g1", letters)], None), (expected, Job::None), "{letters}");
        }
        assert_eq!(state(&[("g10", "r-----")], None), (State::Off, Job::None));
    }

    #[test]
    fn what_xl_does_with_a_guest_explains_its_state() {
        let with = |letters, work| state(&[("g1", letters)], Some(work));
        assert_eq!(with("---ss-", Work::Checkpoint), (State::Running, Job::None));
        assert_eq!(with("---ss-", Work::Save), (State::Paused(Pause::Job), Job::Running));
        assert_eq!(with("---ss-", Work::Migrate), (State::Paused(Pause::Outgoing), Job::Running));
        assert_eq!(with("-b----", Work::Migrate), (State::Running, Job::Running));
        assert_eq!(with("--p--d", Work::Destroy), (State::Dying, Job::None));
        assert_eq!(with("--p---", Work::Destroy), (State::Paused(Pause::Job), Job::None));
        assert_eq!(with("--p---", Work::Build), (State::Paused(Pause::Building), Job::None));
    }

    #[test]
    fn a_guest_that_is_not_built_to_its_end_is_none_that_somebody_has_paused() {
        let unfinished = |_: &Row| Deeds { unfinished: true, ..Deeds::default() };
        let state = |letters| sight(&table(&[("g1", letters)]), &guest(), unfinished).state;
        assert_eq!(state("--p---"), State::Paused(Pause::Building));
        assert_eq!(state("-b----"), State::Running);
    }

    #[test]
    fn a_guest_that_has_shut_down_and_is_seen_to_by_nobody_does_not_run() {
        let forsaken = |_: &Row| Deeds { forsaken: true, ..Deeds::default() };
        let state = |letters| sight(&table(&[("g1", letters)]), &guest(), forsaken).state;
        assert_eq!((state("---s--"), state("--psr-")), (State::Remains, State::Remains));
        assert_eq!(state("---sc-"), State::Crashed);
        assert_eq!(state("---ss-"), State::Paused(Pause::Outgoing));
    }

    #[test]
    fn the_copies_of_a_migration_are_known_by_their_names() {
        let incoming = ("g1--incoming", "--p---");
        assert_eq!(state(&[incoming], None), (State::Paused(Pause::Incoming), Job::Incoming));
        let away = ("g1--migratedaway", "---ss-");
        assert_eq!(
            state(&[away], Some(Work::Migrate)),
            (State::Paused(Pause::Outgoing), Job::Running)
        );
        assert_eq!(state(&[away], None), (State::Remains, Job::None));
        assert_eq!(state(&[("migrating-g1", "--p--d")], None).0, State::Remains);
        // The guest itself counts before what is left of others.
        assert_eq!(state(&[away, incoming, ("g1", "-b----")], None).0, State::Running);
    }

    #[test]
    fn a_guest_that_was_not_let_go_after_all_is_the_guest() {
        for (letters, expected) in [
            ("-b----", State::Running),
            ("--p---", State::Paused(Pause::Admin)),
            ("---sc-", State::Crashed),
            ("---s--", State::ShuttingDown),
        ] {
            let seen = state(&[("g1--migratedaway", letters)], None);
            assert_eq!(seen, (expected, Job::None), "{letters}");
        }
    }

    #[test]
    fn copies_of_another_guest_are_none_of_this_one_s() {
        let uuid = Uuid::parse("6b1f2a10-0000-4000-8000-0000000000a2");
        let other = Identity { uuid, ..guest() };
        for name in ["g1--incoming", "g1--migratedaway", "migrating-g1"] {
            let table = table(&[(name, "---ss-")]);
            assert_eq!(sight(&table, &other, |_| Deeds::default()), Sight::NOTHING, "{name}");
            assert_eq!(leftovers(&table, &other).count(), 0, "{name}");
        }
    }

    #[test]
    fn only_what_never_runs_is_left_over() {
        let left = |rows: &[(&str, &str)]| {
            let (table, guest) = (table(rows), guest());
            leftovers(&table, &guest).map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(left(&[("g1", "--p---"), ("g1--incoming", "--p---")]), [2]);
        assert_eq!(left(&[("g1", "---ss-"), ("g1--incoming", "-b----")]), [0; 0]);
        assert_eq!(left(&[("g1--migratedaway", "---ss-"), ("migrating-g1", "--p--d")]), [1, 2]);
        assert_eq!(left(&[("g1--migratedaway", "-b----"), ("migrating-g1", "--p---")]), [0; 0]);
    }

    #[test]
    fn a_zombie_is_nobody() {
        assert_eq!(state(&[("(null)", "--p--d")], None), (State::Off, Job::None));
        assert_eq!(state(&[("(null)", "--p--d"), ("g1", "r-----")], None).0, State::Running);
    }
}
