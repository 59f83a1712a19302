use crate::pacemaker::{Error, Pacemaker};
use exec::{Deadline, Output};

/// Whether something had to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was as wanted; nothing was written.
    Already,
    /// It was written.
    Done,
}

impl Pacemaker {
    /// What a resource is said to use of a node's capacity; `None` when the attribute is not set.
    ///
    /// # Errors
    /// [`Error::Read`], also when the cluster does not know the resource.
    pub fn utilization(
        &self,
        resource: &str,
        attribute: &str,
        deadline: Deadline,
    ) -> Result<Option<String>, Error> {
        let get = format!("--get-parameter={attribute}");
        let output = self.run(resource, &[get], deadline).map_err(|source| Error::Read {
            resource: resource.to_owned(),
            attribute: attribute.to_owned(),
            source,
        })?;
        // An attribute that is not set is no failure of crm_resource: it prints nothing.
        Ok(Some(output.text().trim().to_owned()).filter(|value| !value.is_empty()))
    }

    /// Says what a resource uses of a node's capacity, in the unit in which the nodes state it.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Write`], also when the cluster does not know the resource.
    pub fn set_utilization(
        &self,
        resource: &str,
        attribute: &str,
        value: u64,
        deadline: Deadline,
    ) -> Result<Change, Error> {
        let value = value.to_string();
        if self.utilization(resource, attribute, deadline)?.as_ref() == Some(&value) {
            return Ok(Change::Already);
        }
        let set = [format!("--set-parameter={attribute}"), format!("--parameter-value={value}")];
        self.write(resource, attribute, &set, deadline)
    }

    /// Says no more what a resource uses of a node's capacity.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Write`], also when the cluster does not know the resource.
    pub fn unset_utilization(
        &self,
        resource: &str,
        attribute: &str,
        deadline: Deadline,
    ) -> Result<Change, Error> {
        if self.utilization(resource, attribute, deadline)?.is_none() {
            return Ok(Change::Already);
        }
        let delete = format!("--delete-parameter={attribute}");
        self.write(resource, attribute, &[delete], deadline)
    }

    fn write(
        &self,
        resource: &str,
        attribute: &str,
        arguments: &[String],
        deadline: Deadline,
    ) -> Result<Change, Error> {
        self.run(resource, arguments, deadline).map(|_| Change::Done).map_err(|source| {
            Error::Write { resource: resource.to_owned(), attribute: attribute.to_owned(), source }
        })
    }

    fn run(
        &self,
        resource: &str,
        arguments: &[String],
        deadline: Deadline,
    ) -> Result<Output, exec::Error> {
        let tool = self.crm_resource.clone().args(["--quiet", "--utilization"]);
        tool.arg(format!("--resource={resource}")).args(arguments).run(deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exec::Tool;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    /// A cluster that exists in a file only, with the resource vm1.
    struct Offline {
        pacemaker: Pacemaker,
        cib: PathBuf,
        _directory: tempfile::TempDir,
    }

    impl Offline {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let cib = directory.path().join("cib.xml");
            let empty = Tool::new("cibadmin").arg("--empty").run(soon()).unwrap();
            std::fs::write(&cib, empty.stdout).unwrap();
            let primitive = "<primitive id='vm1' class='ocf' provider='heartbeat' type='Dummy'/>";
            tool("cibadmin", &cib)
                .args(["--create", "--scope=resources", "--xml-text", primitive])
                .run(soon())
                .unwrap();
            let pacemaker = Pacemaker {
                crm_resource: tool("crm_resource", &cib),
                crm_attribute: tool("crm_attribute", &cib),
                ..Pacemaker::local()
            };
            Self { pacemaker, cib, _directory: directory }
        }

        fn content(&self) -> String {
            std::fs::read_to_string(&self.cib).unwrap()
        }
    }

    fn tool(program: &str, cib: &Path) -> Tool {
        Tool::new(program).env("CIB_file", cib)
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(20))
    }

    #[test]
    fn utilization_is_set_read_and_unset() {
        let Offline { pacemaker, .. } = &Offline::new();
        assert_eq!(pacemaker.utilization("vm1", "cpu", soon()).unwrap(), None);
        assert_eq!(pacemaker.set_utilization("vm1", "cpu", 2, soon()).unwrap(), Change::Done);
        assert_eq!(pacemaker.set_utilization("vm1", "cpu", 4, soon()).unwrap(), Change::Done);
        assert_eq!(pacemaker.utilization("vm1", "cpu", soon()).unwrap().as_deref(), Some("4"));
        assert_eq!(pacemaker.unset_utilization("vm1", "cpu", soon()).unwrap(), Change::Done);
        assert_eq!(pacemaker.utilization("vm1", "cpu", soon()).unwrap(), None);
    }

    #[test]
    fn what_is_there_already_is_not_written() {
        let offline = Offline::new();
        let pacemaker = &offline.pacemaker;
        let before = offline.content();
        assert_eq!(pacemaker.unset_utilization("vm1", "cpu", soon()).unwrap(), Change::Already);
        assert_eq!(offline.content(), before);

        pacemaker.set_utilization("vm1", "cpu", 2, soon()).unwrap();
        let before = offline.content();
        assert_eq!(pacemaker.set_utilization("vm1", "cpu", 2, soon()).unwrap(), Change::Already);
        assert_eq!(offline.content(), before);
    }

    #[test]
    fn a_node_has_the_attributes_that_were_set() {
        let Offline { pacemaker, cib, .. } = &Offline::new();
        let node = "<node id='1' uname='n1'/>";
        let create = tool("cibadmin", cib).args(["--create", "--scope=nodes", "--xml-text", node]);
        create.run(soon()).unwrap();
        assert_eq!(pacemaker.node_attribute("n1", "address", soon()).unwrap(), None);
        let set = ["--type=nodes", "--node=n1", "--name=address", "--update=10.0.0.1"];
        tool("crm_attribute", cib).args(set).run(soon()).unwrap();
        let found = pacemaker.node_attribute("n1", "address", soon()).unwrap();
        assert_eq!(found.as_deref(), Some("10.0.0.1"));
    }

    #[test]
    fn an_unknown_resource_is_named_with_what_the_tool_said() {
        let Offline { pacemaker, .. } = &Offline::new();
        let error = pacemaker.set_utilization("vm2", "cpu", 2, soon()).unwrap_err();
        assert!(error.to_string().contains("attribute cpu of resource vm2"), "{error}");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("'vm2' not found"), "{source}");
    }
}
