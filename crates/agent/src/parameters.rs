//! reload-agent and validate-all.

use crate::error::Error;
use crate::instance::Instance;
use crate::provision::Preparation;
use crate::{Open, Resource, disks, settings};
use ocf::{Answer, Request};

/// Takes changed parameters over. They are read anew by every action, so all there is to do is to
/// tell the cluster of the guest's utilization if that is wanted now.
///
/// This never fails: Pacemaker would restart a healthy guest, and with code 6 stop it everywhere, for a
/// mistyped value. What is wrong is logged, here and by every action after it.
pub fn reload<R: Resource>(instance: &Instance<'_, R>) -> Answer {
    if let Ok((seen, _)) = instance.observe()
        && let (true, Some(sight)) = (seen.state.is_active(), &seen.sight)
    {
        instance.tell(sight, None);
    }
    Answer::Success
}

/// Checks what can be checked: at level 0 the parameters, which are wrong or right on every node; at 10
/// and above also what this node needs for starting the guest.
pub fn validate<R: Resource>(request: &Request, open: Open<'_>) -> Result<Answer, R::Error> {
    settings::strict::<R>(request)?.validate()?;
    if request.check_level().is_some_and(|level| level >= 10) {
        let instance = Instance::<R>::strict(request, open)?;
        let definition = instance.definition()?;
        open(&instance.settings().key.uri)
            .look(&definition.identity, instance.by)
            .map_err(|source| Error::NoHypervisor { source })?;
        let preparation = Preparation::of(&instance, instance.config.foundations(&definition))?;
        disks::reach(&instance, &preparation.foundations(&instance)?)?;
    }
    Ok(Answer::Success)
}
