//! What the cluster is told about a guest's needs.

use crate::Resource;
use crate::instance::Instance;
use crate::settings::Utilization;
use cluster::Pacemaker;
use hypervisor::Sight;
use std::time::Duration;

/// What may be spent on one attribute: this is best effort.
const SLICE: Duration = Duration::from_secs(3);

impl<R: Resource> Instance<'_, R> {
    /// Tells the cluster what the guest uses, if that is not what it was told last. Returns what it has
    /// been told now.
    pub(crate) fn tell(&self, sight: &Sight, told: Option<(u32, u64)>) -> Option<(u32, u64)> {
        let now = (sight.cpus, sight.memory);
        // Without a cluster that gives its variables there is nobody to tell.
        if told == Some(now) || self.request.node().is_none() {
            return told;
        }
        let pacemaker = Pacemaker::local();
        let resource = self.request.instance();
        for (attribute, amount, what) in &self.settings().utilization {
            let value = amount.of(sight);
            let by = self.by.slice(SLICE);
            let result = match what {
                Utilization::Set => pacemaker.set_utilization(resource, attribute, value, by),
                Utilization::Unset => pacemaker.unset_utilization(resource, attribute, by),
                Utilization::Leave => continue,
            };
            if let Err(error) = result {
                ocf::log::warn(format_args!("{error}"));
                return told;
            }
        }
        Some(now)
    }
}
