//! Who is a member of the cluster, as `crm_mon` sees it.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::time::Duration;

use crate::{Error, Node};
use exec::Deadline;

/// How long one `crm_mon` may take; it answers at once, or waits for a daemon that starts, or runs on an
/// emulated processor.
const STATUS_TIME: Duration = Duration::from_secs(30);

/// The nodes that this one sees online. One that is off, or whose Pacemaker has not come up yet, sees
/// none.
pub fn seen_by(witness: &Node, deadline: Deadline) -> Result<Vec<String>, Error> {
    let crm_mon = match witness.tool("crm_mon") {
        Err(Error::Off { .. }) => return Ok(Vec::new()),
        tool => tool?.args(["-1", "--output-as", "xml"]),
    };
    match crm_mon.output(deadline.slice(STATUS_TIME)) {
        Ok(output) => seen(&output.text()).map_err(Error::Status),
        Err(exec::Error::Late { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// The nodes that are online, and neither pending nor unclean.
fn seen(status: &str) -> Result<Vec<String>, quick_xml::Error> {
    let mut reader = Reader::from_str(status);
    let mut nodes = Vec::new();
    loop {
        match reader.read_event()? {
            Event::Start(tag) | Event::Empty(tag) if tag.name().as_ref() == b"node" => {
                let is = |name| attribute(&tag, name).is_some_and(|it| it == "true");
                if is("online") && !is("pending") && !is("unclean") {
                    nodes.extend(attribute(&tag, "name"));
                }
            }
            Event::Eof => return Ok(nodes),
            _ => {}
        }
    }
}

fn attribute(tag: &BytesStart, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    attribute.normalized_value(XmlVersion::Implicit1_0).ok().map(|it| it.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_joins_or_is_lost_is_not_online() {
        let status = r#"<pacemaker-result><nodes>
            <node name="n1" id="1" online="true" unclean="false" pending="false"/>
            <node name="n2" id="2" online="true" unclean="false" pending="true"/>
            <node name="n3" id="3" online="true" unclean="true" pending="false"/>
            <node name="n4" id="4" online="false" unclean="false" pending="false"/>
        </nodes><resources><resource id="x"><node name="n5" id="5"/></resource></resources>
        </pacemaker-result>"#;
        assert_eq!(seen(status).unwrap(), ["n1"]);
        assert!(seen("Connection to cluster failed").unwrap().is_empty());
    }
}
