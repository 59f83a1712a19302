//! How a resource stands with the cluster: whether Pacemaker acts on it, and which nodes could run it.

use crate::pacemaker::{Error, Pacemaker};
use exec::Deadline;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// What crm_mon says of a node that can run nothing, or soon cannot.
const OBSTACLES: [&str; 6] =
    ["standby", "standby_onfail", "maintenance", "pending", "unclean", "shutdown"];

/// The score that bars a node (Pacemaker Explained, "Scores").
const INFINITY: i64 = 1_000_000;

/// How a resource stands with the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether Pacemaker acts on it: neither it nor the cluster is in maintenance.
    pub managed: bool,
    /// The nodes that are online.
    pub online: Vec<String>,
    /// Those of them that are ready to run it: not in standby, in maintenance, leaving, to be fenced or unhealthy (red), and
    /// barred neither by a constraint nor by its failures. What it is colocated with and how much a node has left for it
    /// is not looked at.
    pub ready: Vec<String>,
}

impl Pacemaker {
    /// How a resource stands.
    ///
    /// # Errors
    /// [`Error::Monitor`] and [`Error::Answer`].
    pub fn standing(&self, resource: &str, deadline: Deadline) -> Result<Standing, Error> {
        let ask =
            ["--one-shot", "--output-as=xml", "--include=none,nodes,resources,bans,failcounts"];
        let output = self.crm_mon.clone().args(ask).run(deadline);
        read(resource, &output.map_err(|source| Error::Monitor { source })?.text())
    }
}

fn read(resource: &str, answer: &str) -> Result<Standing, Error> {
    let mut reader = Reader::from_str(answer);
    let mut reading = Reading::new(resource);
    loop {
        match reader.read_event().map_err(|source| Error::Answer { source })? {
            Event::Start(element) => reading.open(&element),
            Event::Empty(element) => reading.note(&element),
            Event::End(element) if is_collective(element.name().as_ref()) => {
                reading.collectives.pop();
            }
            Event::Eof => return Ok(reading.standing()),
            _ => {}
        }
    }
}

/// Whether an element is a resource that has others in it, to which a constraint can refer in their place.
fn is_collective(element: &[u8]) -> bool {
    matches!(element, b"group" | b"clone")
}

/// What has been read so far. The nodes come first, then the resources, then what bars them.
struct Reading<'a> {
    resource: &'a str,
    managed: bool,
    /// The node whose part of an answer this is.
    node: String,
    online: Vec<String>,
    ready: Vec<String>,
    barred: Vec<String>,
    /// The collectives that are open.
    collectives: Vec<String>,
    /// Those that the resource is in.
    owners: Vec<String>,
}

impl<'a> Reading<'a> {
    fn new(resource: &'a str) -> Self {
        let none = Vec::new;
        let (online, ready, barred) = (none(), none(), none());
        let (collectives, owners, node) = (none(), none(), String::new());
        Self { resource, managed: true, node, online, ready, barred, collectives, owners }
    }

    fn open(&mut self, element: &BytesStart<'_>) {
        if is_collective(element.name().as_ref()) {
            self.collectives.push(attribute(element, "id").unwrap_or_default());
        }
        self.note(element);
    }

    fn note(&mut self, element: &BytesStart<'_>) {
        let text = |name| attribute(element, name);
        let score = |name| text(name).map(|text| score(&text));
        let is_it = |name| text(name).as_deref() == Some(self.resource);
        match element.name().as_ref() {
            b"node" => {
                self.node = text("name").unwrap_or_default();
                let is = |name| text(name).as_deref() == Some("true");
                if is("online") {
                    self.online.push(self.node.clone());
                    let red = text("health").as_deref() == Some("red");
                    let ready = !red && !OBSTACLES.into_iter().any(is);
                    self.ready.extend(ready.then(|| self.node.clone()));
                }
            }
            b"resource" if is_it("id") => {
                self.managed = text("managed").as_deref() != Some("false");
                self.owners.clone_from(&self.collectives);
            }
            b"resource_history"
                if is_it("id")
                    && score("fail-count") >= score("migration-threshold").or(Some(INFINITY)) =>
            {
                self.barred.push(self.node.clone());
            }
            b"ban" if score("weight") <= Some(-INFINITY) => {
                let of_owner = || text("resource").is_some_and(|it| self.owners.contains(&it));
                if is_it("resource") || of_owner() {
                    self.barred.extend(text("node"));
                }
            }
            _ => {}
        }
    }

    fn standing(self) -> Standing {
        let Self { managed, online, mut ready, barred, .. } = self;
        ready.retain(|node| !barred.contains(node));
        Standing { managed, online, ready }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.try_get_attribute(name).ok().flatten()?;
    Some(found.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned())
}

/// A score as Pacemaker writes it. One that cannot be read bars nothing.
fn score(text: &str) -> i64 {
    match text {
        "INFINITY" => INFINITY,
        "-INFINITY" => -INFINITY,
        number => number.parse().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Pacemaker 2.1.5 prints it.
    const ANSWER: &str = r#"<pacemaker-result api-version="2.25" request="crm_mon">
  <nodes>
    <node name="n1" id="1" online="true" standby="false" standby_onfail="false" maintenance="false" pending="false" unclean="false" health="green" feature_set="3.16.1" shutdown="false" expected_up="true" is_dc="true" resources_running="1" type="member"/>
    <node name="n2" id="2" online="true" standby="false" standby_onfail="false" maintenance="false" pending="false" unclean="false" health="green" feature_set="3.16.1" shutdown="false" expected_up="true" is_dc="false" resources_running="0" type="member"/>
    <node name="n3" id="3" online="false" standby="false" standby_onfail="false" maintenance="false" pending="false" unclean="false" health="green" shutdown="false" expected_up="false" is_dc="false" resources_running="0" type="member"/>
  </nodes>
  <resources>
    <resource id="vm" resource_agent="ocf:hawser:kvm" role="Started" active="true" orphaned="false" blocked="false" managed="true" failed="false" failure_ignored="false" nodes_running_on="1">
      <node name="n1" id="1" cached="true"/>
    </resource>
    <group id="web" number_resources="1" managed="true" disabled="false">
      <resource id="vm2" resource_agent="ocf:hawser:kvm" role="Stopped" active="false" orphaned="false" blocked="false" managed="false" failed="false" failure_ignored="false" nodes_running_on="0"/>
    </group>
  </resources>
  <node_history>
    <node name="n1">
      <resource_history id="vm" orphan="false" migration-threshold="1000000" fail-count="2" last-failure="Mon Sep 21 14:13:20 2026"/>
      <resource_history id="vm2" orphan="false" migration-threshold="3" fail-count="3" last-failure="Mon Sep 21 14:13:20 2026"/>
    </node>
  </node_history>
  <bans>
    <ban id="prefer-not" resource="vm" node="n1" weight="-100" promoted-only="false" master_only="false"/>
    <ban id="never" resource="web" node="n2" weight="-1000000" promoted-only="false" master_only="false"/>
  </bans>
</pacemaker-result>"#;

    fn ready(resource: &str, answer: &str) -> Vec<String> {
        read(resource, answer).unwrap().ready
    }

    #[test]
    fn a_node_is_ready_if_nothing_is_in_its_way() {
        assert_eq!(ready("vm", ANSWER), ["n1", "n2"]);
        for obstacle in OBSTACLES {
            let [free, obstructed] = ["false", "true"].map(|it| format!("{obstacle}=\"{it}\""));
            let found = read("vm", &ANSWER.replacen(&free, &obstructed, 1)).unwrap();
            assert_eq!(found.ready, ["n2"], "{obstacle}");
            assert_eq!(found.online, ["n1", "n2"], "{obstacle}");
        }
        assert_eq!(ready("vm", &ANSWER.replacen("green", "red", 1)), ["n2"]);
        assert!(read("vm", "<nodes><node name='n1' online='true'></nodes>").is_err());
    }

    #[test]
    fn a_node_is_barred_by_a_constraint_or_by_failures() {
        assert_eq!(ready("vm2", ANSWER), [""; 0]);
        assert_eq!(ready("vm2", &ANSWER.replace("fail-count=\"3\"", "fail-count=\"2\"")), ["n1"]);
        assert_eq!(ready("vm2", &ANSWER.replace("\"web\" node", "\"other\" node")), ["n2"]);
        let refused = ANSWER.replace("fail-count=\"2\"", "fail-count=\"1000000\"");
        assert_eq!(ready("vm", &refused), ["n2"]);
        let banned = ANSWER.replace("weight=\"-100\"", "weight=\"-1000000\"");
        assert_eq!(ready("vm", &banned), ["n2"]);
    }

    #[test]
    fn a_resource_in_maintenance_is_not_managed() {
        assert!(read("vm", ANSWER).unwrap().managed);
        assert!(!read("vm2", ANSWER).unwrap().managed);
    }
}
