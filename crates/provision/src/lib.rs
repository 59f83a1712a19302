//! Makes the disks of a guest from its recipe: those that are missing, for a guest that is there on demand, or all of them
//! anew, for one that nothing else helps.
//!
//! **The names of the volumes say how far it has come**, and nothing else does, so that any node that sees them can go
//! on whatever has happened to the one that began. Of the volume `vm1.img` there are, in this order:
//!
//! 1. `vm1.img.hawser-part-ID`, which is being made. It is of no use to anybody, and is made again.
//! 2. `vm1.img.hawser-new-ID`, which is complete and on the disk. Only when every volume of the recipe has got so far, the first
//!    of them takes the place of the old one.
//! 3. `vm1.img.hawser-old-SECONDS-ID`, what `vm1.img` was until then (seconds since 1970). It is kept aside for as long as the
//!    recipe says.
//!
//! Each step is one rename, of a file or of a logical volume. A reinstallation of which a volume has reached the third is
//! gone on with by whoever comes next; one that has not, has changed nothing. And one of which a volume has been put
//! aside, and none is left to be, is done, and is not done again.
//!
//! * [`Recipe`]: which volumes, and what they are made from
//! * [`Provision`]: makes them
//! * [`Image`]: what qemu-img knows of an image, and does with it
//! * [`Size`]: how large a disk is
//! * [`is_written`]: whether QEMU writes to one

mod disk;
mod error;
mod generation;
mod id;
mod image;
mod installer;
mod lineage;
mod lock;
mod lvm;
mod place;
mod provision;
mod recipe;
mod seed;
mod size;
mod volume;

pub use error::{Error, Flaw, Result};
pub use id::Id;
pub use image::Image;
pub use lock::is_written;
pub use provision::{Plan, Provision};
pub use recipe::{Recipe, Sign, Up};
pub use size::Size;
pub use volume::Note;
