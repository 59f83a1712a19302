//! Makes a guest of a running Linux machine that is reached by ssh, or of a disk image.
//!
//! **A machine's files are copied, and not its blocks**: the blocks of one that runs are of no one moment. They are copied
//! twice, to a disk of one file system: first while the machine works, and then what has changed, which is little, when
//! its services are stopped. What is there already is not copied again, so a conversion that was interrupted is gone on
//! with.
//!
//! **What was copied is foreign**: no program of it is run on this host. Its boot loader and its initramfs are made by its
//! own programs, in libguestfs's appliance.
//!
//! * [`Source`]: what is to become a guest
//! * [`Conversion`]: makes it one
//! * [`Word`]: a name that can stand in a file's name, in XML and in a configuration without being quoted

mod adapt;
mod conversion;
mod copy;
mod definition;
mod disk;
mod error;
mod exclusion;
mod interface;
mod machine;
mod source;
mod survey;
mod system;
mod table;
mod units;
mod word;

pub use conversion::{Conversion, Note};
pub use definition::Hypervisor;
pub use error::{Error, Result};
pub use exclusion::Exclusion;
pub use interface::Interface;
pub use source::Source;
pub use word::Word;
