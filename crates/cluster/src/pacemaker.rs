use exec::{Deadline, Output, Tool};

/// Ways in which asking or telling Pacemaker can fail.
///
/// The source has what `crm_resource` said: the cluster does not run on this node, or it does not
/// know the resource.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An attribute could not be read.
    #[error("cannot read the utilization attribute {attribute} of resource {resource}")]
    Read {
        /// The resource's name.
        resource: String,
        /// The attribute's name.
        attribute: String,
        /// What went wrong.
        source: exec::Error,
    },
    /// A node's attribute could not be read.
    #[error("cannot read the attribute {attribute} of node {node}")]
    Node {
        /// The node's name.
        node: String,
        /// The attribute's name.
        attribute: String,
        /// What went wrong.
        source: exec::Error,
    },
    /// A transient attribute could not be read.
    #[error("cannot read the transient attribute {attribute} of the nodes")]
    Transient {
        /// The attribute's name.
        attribute: String,
        /// What went wrong.
        source: exec::Error,
    },
    /// A transient attribute could not be set or removed.
    #[error("cannot set the transient attribute {attribute} of node {node}")]
    SetTransient {
        /// The node's name.
        node: String,
        /// The attribute's name.
        attribute: String,
        /// What went wrong.
        source: exec::Error,
    },
    /// crm_mon could not be asked.
    #[error("cannot tell which nodes could run the resource")]
    Monitor {
        /// What went wrong.
        source: exec::Error,
    },
    /// What crm_mon printed could not be read.
    #[error("cannot read what crm_mon says of nodes and resources")]
    Answer {
        /// What is wrong with it.
        source: quick_xml::Error,
    },
    /// An attribute could not be set or unset.
    #[error("cannot change the utilization attribute {attribute} of resource {resource}")]
    Write {
        /// The resource's name.
        resource: String,
        /// The attribute's name.
        attribute: String,
        /// What went wrong.
        source: exec::Error,
    },
}

/// The Pacemaker cluster that this node is a member of.
#[derive(Debug, Clone)]
pub struct Pacemaker {
    pub(crate) crm_resource: Tool,
    pub(crate) crm_attribute: Tool,
    pub(crate) attrd_updater: Tool,
    pub(crate) crm_mon: Tool,
}

impl Pacemaker {
    /// The cluster of this node. Nothing is asked yet.
    #[must_use]
    pub fn local() -> Self {
        Self {
            crm_resource: Tool::new("crm_resource"),
            crm_attribute: Tool::new("crm_attribute"),
            attrd_updater: Tool::new("attrd_updater"),
            crm_mon: Tool::new("crm_mon"),
        }
    }

    /// A permanent attribute of a node; `None` when it is not set.
    ///
    /// # Errors
    /// [`Error::Node`], also when the cluster does not know the node.
    pub fn node_attribute(
        &self,
        node: &str,
        attribute: &str,
        deadline: Deadline,
    ) -> Result<Option<String>, Error> {
        let tool = self.crm_attribute.clone().args(["--type=nodes", "--query", "--quiet"]);
        let tool = tool.arg(format!("--node={node}")).arg(format!("--name={attribute}"));
        // With a default, an attribute that is not set is no failure.
        let output: Output = tool.arg("--default=").run(deadline).map_err(|source| {
            Error::Node { node: node.to_owned(), attribute: attribute.to_owned(), source }
        })?;
        Ok(Some(output.text().trim().to_owned()).filter(|value| !value.is_empty()))
    }
}
