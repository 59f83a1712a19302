//! Reading and writing XML, element by element.

use crate::error::{Error, Result};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, Writer};

/// Where in the document the reader stands: the names of the open elements.
#[derive(Default)]
pub struct Place(pub Vec<String>);

impl Place {
    pub fn is(&self, path: &[&str]) -> bool {
        self.0.iter().eq(path)
    }

    pub fn starts_with(&self, path: &[&str]) -> bool {
        self.0.len() >= path.len() && self.0.iter().zip(path).all(|(open, want)| open == want)
    }
}

pub fn write(writer: &mut Writer<Vec<u8>>, event: Event<'_>) -> Result<()> {
    writer.write_event(event).map_err(|error| Error::Definition { what: error.to_string() })
}

pub fn malformed(reader: &Reader<&[u8]>, error: &quick_xml::Error) -> Error {
    Error::Definition { what: format!("{error} (at byte {})", reader.error_position()) }
}

pub fn tag(element: &BytesStart<'_>) -> String {
    String::from_utf8_lossy(element.name().as_ref()).into_owned()
}

/// An attribute's value; `None` when it is not there, and when it cannot be read: libvirt, which gets
/// the same document, is the one to complain.
pub(crate) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok().flatten()?;
    let raw = std::str::from_utf8(&attribute.value).ok()?;
    quick_xml::escape::unescape(raw).ok().map(std::borrow::Cow::into_owned)
}

/// The text of an event inside an element that has nothing but text.
pub fn content(event: &Event<'_>) -> Result<String> {
    let bad = |what: String| Error::Definition { what };
    match event {
        Event::Text(text) => {
            text.decode().map(|it| it.into_owned()).map_err(|error| bad(error.to_string()))
        }
        Event::CData(text) => {
            text.decode().map(|it| it.into_owned()).map_err(|error| bad(error.to_string()))
        }
        Event::GeneralRef(reference) => {
            let entity = String::from_utf8_lossy(reference).into_owned();
            quick_xml::escape::unescape(&format!("&{entity};"))
                .map(|it| it.into_owned())
                .map_err(|error| bad(error.to_string()))
        }
        _ => Ok(String::new()),
    }
}
