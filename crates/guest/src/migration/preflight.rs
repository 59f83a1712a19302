use crate::{Error, Guest, Result};
use hypervisor::{Deadline, Definition, Hypervisor, Migration};

impl Guest<'_> {
    /// Finds out what would keep the guest from coming in on the target, before a byte of it has moved.
    /// What a daemon cannot tell is no obstacle: the migration itself will say.
    ///
    /// # Errors
    /// [`Error::NotAdmitted`] names what is missing; [`Error::Hypervisor`] when a daemon has fallen silent.
    pub(super) fn preflight(&self, target: &dyn Hypervisor, migration: &Migration) -> Result<()> {
        let name = &self.identity.name;
        // Three questions, and a half for what they take besides.
        let by = self.by.slice(self.hypervisor.abilities().answer * 5 / 2);
        let checked = self.arriving(migration, by).and_then(|definition| {
            target.admit(&definition, by)?;
            self.hypervisor.reach(&definition, target, migration, by)
        });
        match checked {
            Ok(()) => Ok(()),
            Err(source @ hypervisor::Error::NotAdmitted { .. }) => Err(Error::NotAdmitted {
                guest: name.clone(),
                target: migration.destination.clone(),
                source,
            }),
            Err(error) if error.is_silence() => Err(self.failed(error)),
            Err(error) => {
                (self.note)(format_args!("cannot tell all that guest {name} needs there: {error}"));
                Ok(())
            }
        }
    }

    /// The guest as it is to be on the target: with the option `xml` it finds other things there.
    fn arriving(&self, migration: &Migration, by: Deadline) -> hypervisor::Result<Definition> {
        let live = self.hypervisor.live_definition(&self.identity.name, by)?;
        match migration.options.document("xml")? {
            Some(document) => Ok(live.relocated(Definition::from_xml(&document)?)),
            None => Ok(live),
        }
    }
}
