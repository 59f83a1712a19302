//! What a guest is, by the document that defines it.

mod disk;
mod domain;
mod xl;

pub use disk::{Disk, Source};
pub(crate) use domain::attribute;
pub use domain::{Domain, Platform};
pub use xl::{Config, Kind, is_of_host, setting};

use crate::error::{Error, Result};
use crate::identity::{Identity, Name};
use std::path::Path;

/// A guest's definition, in the document of its kind of hypervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The guest that it defines.
    pub identity: Identity,
    /// The memory that it holds on the host where it runs, in bytes; 0 while that is not known.
    pub memory: u64,
    /// What else is known of it.
    pub document: Document,
}

/// What a guest is defined by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// A libvirt domain XML.
    Domain(Domain),
    /// A configuration of xl's.
    Xl(Config),
}

impl Definition {
    /// Reads a libvirt domain XML.
    ///
    /// # Errors
    /// [`Error::Definition`] for what is no XML, is no `<domain>`, has no name of its own or has one
    /// that is impossible. What libvirt alone can judge is left to libvirt.
    pub fn from_xml(xml: &str) -> Result<Self> {
        domain::Content::read(xml)?.definition(xml)
    }

    /// Reads a configuration file of xl's, `xl.cfg(5)`. The guest is the one that it names, unless `name`
    /// says otherwise: xl can be told another name than the file's. Where neither says one it is `otherwise`.
    ///
    /// # Errors
    /// [`Error::Definition`], with the line, for what is no such file, and [`Error::Name`].
    pub fn from_xl(text: &str, file: &Path, name: Option<&Name>, otherwise: &Name) -> Result<Self> {
        xl::definition(text, file, name, otherwise)
    }

    /// The same guest where another document says what it runs on and what it uses there.
    #[must_use]
    pub fn relocated(self, other: Self) -> Self {
        let document = match (self.document, other.document) {
            (Document::Domain(here), Document::Domain(there)) => {
                Document::Domain(here.relocated(there))
            }
            (here, _) => here,
        };
        Self { document, ..self }
    }

    /// The disks that it names.
    #[must_use]
    pub fn disks(&self) -> &[Disk] {
        match &self.document {
            Document::Domain(domain) => &domain.disks,
            Document::Xl(config) => &config.disks,
        }
    }

    /// The domain XML.
    ///
    /// # Errors
    /// [`Error::Foreign`] for a guest that is defined by something else.
    pub fn domain(&self) -> Result<&Domain> {
        match &self.document {
            Document::Domain(domain) => Ok(domain),
            Document::Xl(_) => Err(Error::Foreign { expected: "a libvirt domain XML" }),
        }
    }

    /// The configuration for xl.
    ///
    /// # Errors
    /// [`Error::Foreign`] for a guest that is defined by something else.
    pub fn xl(&self) -> Result<&Config> {
        match &self.document {
            Document::Xl(config) => Ok(config),
            Document::Domain(_) => Err(Error::Foreign { expected: "a configuration for xl" }),
        }
    }
}
