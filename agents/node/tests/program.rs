//! The built program, as far as that is the same for every agent.

#![allow(clippy::unwrap_used, reason = "tests")]

use contract::Agent;

static NODE: Agent = Agent {
    name: "node",
    program: env!("CARGO_BIN_EXE_node"),
    config: "",
    define: |_, _| String::new(),
    on: |call, _| call,
    by_force: ("", ""),
    mistyped: ("", "", ""),
    resume: "",
    asks_guest: false,
};

contract::clauses! { metadata, crate::NODE,
    meta_data_is_what_is_checked_in
    the_tools_that_read_meta_data_accept_it
}
