//! What is done with the cluster of a lab, through the programs that its administrators use.

use std::time::{Duration, Instant};

use crate::image::Hypervisor;
use crate::{Error, Lab};
use exec::{Deadline, Output};

/// What one question to the cluster may take: a second at most, and on emulated processors many.
const QUESTION: Duration = Duration::from_secs(60);

/// What a transition takes at most on emulated nodes, where nothing is wrong.
const TRANSITION: Duration = Duration::from_secs(300);

/// How often the cluster is asked again, where a question takes no time.
const POLL: Duration = Duration::from_millis(50);

impl Lab {
    /// Runs a program of the cluster's on the first node that is on.
    ///
    /// # Errors
    /// When no node is on, or the program fails.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<Output, Error> {
        let deadline = Deadline::after(QUESTION * 6);
        Ok(self.any_node()?.tool(program)?.args(arguments).run(deadline)?)
    }

    /// Where the cluster says that a resource runs; several nodes when it runs on several.
    ///
    /// # Errors
    /// When no node is on, or the cluster does not answer.
    pub fn locate(&self, resource: &str) -> Result<Vec<String>, Error> {
        let output = self
            .any_node()?
            .tool("crm_resource")?
            .args(["--quiet", "--locate", "--resource", resource])
            .output(Deadline::after(QUESTION))?;
        let (text, mut nodes) = (output.text(), Vec::new());
        nodes.extend(text.lines().map(|line| line.trim().to_owned()).filter(|it| !it.is_empty()));
        Ok(nodes)
    }

    /// Waits until the cluster says that a resource runs on exactly one node that `fits`, and has nothing
    /// more to do. Returns that node. A cluster that does not answer is asked again: the deadline is for that too.
    ///
    /// # Errors
    /// [`Error::NotInTime`] at the deadline.
    pub fn wait_located(
        &self,
        resource: &str,
        fits: impl Fn(&str) -> bool,
        deadline: Deadline,
    ) -> Result<String, Error> {
        let emulated = self.hypervisor()? == Hypervisor::Xen;
        loop {
            // An emulated node waits for that itself: one that is asked again and again does little else, and what
            // it does is what is measured.
            let waited = emulated && self.wait_idle(deadline).is_ok();
            let asked = Instant::now();
            if let Ok([node]) = self.locate(resource).as_deref()
                && fits(node)
                && (waited || self.is_idle().unwrap_or(false))
            {
                return Ok(node.clone());
            }
            if !deadline.pause(POLL.max(asked.elapsed() * 2)) {
                let what = format!("resource {resource} to run where it should");
                return Err(Error::NotInTime { what });
            }
        }
    }

    /// Has a node wait until the scheduler wants nothing more, for no longer than a transition takes.
    fn wait_idle(&self, deadline: Deadline) -> Result<(), Error> {
        let timeout = format!("--timeout={}s", TRANSITION.as_secs());
        let tool = self.any_node()?.tool("crm_resource")?.args(["--wait", &timeout]);
        tool.run(deadline.slice(TRANSITION + QUESTION))?;
        Ok(())
    }

    /// Whether the cluster has nothing to do.
    ///
    /// # Errors
    /// When no node is on, or the cluster does not answer.
    pub fn is_idle(&self) -> Result<bool, Error> {
        let deadline = Deadline::after(QUESTION);
        let tool = self.any_node()?.tool("crmadmin")?;
        let output = tool.args(["--quiet", "--dc_lookup"]).output(deadline)?;
        let text = output.text();
        let Some(dc) = text.split_whitespace().last() else { return Ok(false) };
        let tool = self.any_node()?.tool("crmadmin")?;
        let output = tool.args(["--quiet", &format!("--status={dc}")]).output(deadline)?;
        Ok(format!("{}{}", output.text(), output.error_text()).contains("S_IDLE"))
    }

    fn any_node(&self) -> Result<crate::Node<'_>, Error> {
        let nodes = self.nodes()?;
        let on = nodes.iter().find(|node| node.init.is_some());
        let none = || Error::Off { node: "of every name".to_owned() };
        self.node(&on.ok_or_else(none)?.name)
    }
}
