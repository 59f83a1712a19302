//! Transient attributes of nodes: what the cluster remembers as long as the node is a member.

use crate::pacemaker::{Error, Pacemaker};
use exec::Deadline;

/// The attribute with a node's health as `ocf:hawser:node` judges it. Pacemaker takes each that begins with `#health` for a
/// sign of health.
pub const HEALTH: &str = "#health-hawser";

impl Pacemaker {
    /// The nodes that have a transient attribute, and its value on each.
    ///
    /// # Errors
    /// [`Error::Transient`]; that no node has it is none.
    pub fn transient(
        &self,
        attribute: &str,
        deadline: Deadline,
    ) -> Result<Vec<(String, String)>, Error> {
        let query = self.attrd_updater.clone().args(["--query", "--all"]);
        match query.arg(format!("--name={attribute}")).run(deadline) {
            Ok(output) => Ok(output.text().lines().filter_map(entry).collect()),
            Err(exec::Error::Failed { stderr, .. }) if stderr.contains("does not exist") => {
                Ok(vec![])
            }
            Err(source) => Err(Error::Transient { attribute: attribute.to_owned(), source }),
        }
    }

    /// Sets a transient attribute of a node. It is there for everybody a moment later.
    ///
    /// # Errors
    /// [`Error::SetTransient`].
    pub fn set_transient(
        &self,
        node: &str,
        attribute: &str,
        value: &str,
        deadline: Deadline,
    ) -> Result<(), Error> {
        self.change(node, attribute, &format!("--update={value}"), deadline)
    }

    /// Removes a transient attribute of a node, if it has it.
    ///
    /// # Errors
    /// [`Error::SetTransient`].
    pub fn delete_transient(
        &self,
        node: &str,
        attribute: &str,
        deadline: Deadline,
    ) -> Result<(), Error> {
        self.change(node, attribute, "--delete", deadline)
    }

    fn change(&self, node: &str, attribute: &str, how: &str, by: Deadline) -> Result<(), Error> {
        let tool = self.attrd_updater.clone().arg(format!("--node={node}"));
        let changed = tool.arg(format!("--name={attribute}")).arg(how).run(by);
        changed.map(drop).map_err(|source| Error::SetTransient {
            node: node.to_owned(),
            attribute: attribute.to_owned(),
            source,
        })
    }
}

/// The node and the value in a line of attrd_updater's answer, which may not escape what is in it.
fn entry(line: &str) -> Option<(String, String)> {
    let (_, rest) = line.split_once(" host=\"")?;
    let (node, rest) = rest.split_once("\" value=\"")?;
    // Newer versions escape quotes (`pcmk__xml_escape_attr_pretty`), and there is nothing else to escape in what is set here.
    let value = rest.strip_suffix('"')?.replace("\\\"", "\"").replace("&quot;", "\"");
    Some((node.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_attrd_updater_prints_them() {
        let read = |line| entry(line).unwrap();
        let pair = |node: &str, value: &str| (node.to_owned(), value.to_owned());
        let line =
            r#"name="hawser-x" host="n1" value="{"version":1,"done":[["restart","n1",17]]}""#;
        assert_eq!(read(line), pair("n1", r#"{"version":1,"done":[["restart","n1",17]]}"#));
        assert_eq!(read(r#"name="hawser-x" host="n2" value="""#), pair("n2", ""));
        let escaped = r#"name="hawser-x" host="n1" value="{\"version\":1}""#;
        assert_eq!(read(escaped), pair("n1", r#"{"version":1}"#));
        assert_eq!(entry("Could not query value of hawser-x"), None);
    }
}
