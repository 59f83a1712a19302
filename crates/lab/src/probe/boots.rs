use lab_guest::BootId;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The boots of the guest that have answered, in the order in which they first did. Both probers
/// share it: the one that hears of a new boot first tells the other.
#[derive(Clone, Default)]
pub struct Boots(Arc<Mutex<Vec<BootId>>>);

impl Boots {
    /// The boot's place in the order.
    pub fn number(&self, id: BootId) -> u32 {
        let mut ids = self.lock();
        let place = ids.iter().position(|it| *it == id).unwrap_or_else(|| {
            ids.push(id);
            ids.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Whether a boot has answered that came after this one.
    pub fn outlived(&self, number: u32) -> bool {
        self.count() > number as usize + 1
    }

    pub fn ids(&self) -> Vec<String> {
        self.lock().iter().map(ToString::to_string).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<BootId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
