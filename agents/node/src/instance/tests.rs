use super::*;
use crate::AGENT;
use ocf::{Action, Environment, Failure};
use std::fs;
use std::time::Instant;
use tempfile::TempDir;

/// A pretend node, whose kernel and whose `/run` are in a directory.
struct Node(TempDir);

impl Node {
    fn new() -> Self {
        let node = Self(TempDir::new().unwrap());
        node.pressure("cpu", 0);
        node.pressure("memory", 0);
        node
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn pressure(&self, what: &str, percent: u8) {
        let line = |whose| format!("{whose} avg10=0.00 avg60={percent}.00 avg300=0.00 total=0\n");
        self.put(&format!("proc/pressure/{what}"), &(line("some") + &line("full")));
    }

    /// A guest fails here.
    fn fails(&self, guest: &str) {
        let record = format!("run/hawser-kvm-{guest}.json");
        self.put(&record, "");
        failures::note(&self.0.path().join(record)).unwrap();
    }

    fn act(&self, verb: Verb, variables: &[(&str, &str)]) -> Result<Answer, Error> {
        let run = self.0.path().join("run").display().to_string();
        let usual = [("HA_RSCTMP", run.as_str()), ("OCF_RESOURCE_INSTANCE", "health")];
        let environment: Environment = usual.iter().chain(variables).copied().collect();
        let request = Request::new(&Action::new(verb, 30), environment, Instant::now()).unwrap();
        Instance::new(&request, self.0.path()).perform()
    }

    /// A recurring monitor, which has to find that the node is watched.
    fn monitor(&self, variables: &[(&str, &str)]) -> Answer {
        let recurring = ("OCF_RESKEY_CRM_meta_interval", "10000");
        self.act(Verb::Monitor, &[variables, &[recurring]].concat()).unwrap()
    }

    fn state(&self) -> Option<State> {
        State::load(&self.0.path().join("run/hawser-node-health.json"))
    }

    /// The colour that the cluster knows.
    fn colour(&self) -> Option<Colour> {
        self.state().unwrap().told
    }
}

const AT_ONCE: (&str, &str) = ("OCF_RESKEY_worse_after", "0");
/// As Pacemaker names the node, where no cluster is there to be told.
const NODE: (&str, &str) = ("OCF_RESKEY_CRM_meta_on_node", "no-such-node");

#[test]
fn a_node_is_watched_from_start_to_stop() {
    let node = Node::new();
    let probe = || node.act(Verb::Monitor, &[("OCF_RESKEY_CRM_meta_interval", "0")]).unwrap();
    assert_eq!(probe(), Answer::NotRunning { reason: None });
    assert!(matches!(node.monitor(&[]), Answer::NotRunning { reason: Some(_) }));
    for _ in 0..2 {
        assert_eq!(node.act(Verb::Start, &[]).unwrap(), Answer::Success);
        assert_eq!((probe(), node.monitor(&[])), (Answer::Success, Answer::Success));
        assert_eq!(node.colour(), Some(Colour::Green));
    }
    for _ in 0..2 {
        assert_eq!(node.act(Verb::Stop, &[]).unwrap(), Answer::Success);
        assert_eq!((probe(), node.state()), (Answer::NotRunning { reason: None }, None));
    }
}

#[test]
fn each_source_gives_the_colour_that_the_parameters_say() {
    let node = Node::new();
    let colour = |variables: &[(&str, &str)]| {
        assert_eq!(node.monitor(&[variables, &[AT_ONCE]].concat()), Answer::Success);
        node.colour().unwrap()
    };
    node.act(Verb::Start, &[]).unwrap();
    node.pressure("cpu", 79);
    assert_eq!(colour(&[]), Colour::Green);
    node.pressure("cpu", 80);
    assert_eq!(colour(&[]), Colour::Yellow);
    assert_eq!(colour(&[("OCF_RESKEY_yellow", "none")]), Colour::Green);
    assert_eq!(colour(&[("OCF_RESKEY_red", "cpu memory")]), Colour::Red);
    node.pressure("memory", 20);
    assert_eq!(colour(&[]), Colour::Red);
    assert_eq!(colour(&[("OCF_RESKEY_red", "")]), Colour::Yellow);
}

#[test]
fn pressure_counts_when_it_has_lasted_and_until_it_is_gone_for_as_long() {
    let node = Node::new();
    let colour = |worse_after| {
        node.monitor(&[("OCF_RESKEY_worse_after", worse_after)]);
        node.colour().unwrap()
    };
    node.act(Verb::Start, &[]).unwrap();
    node.pressure("memory", 90);
    assert_eq!(colour("60"), Colour::Green);
    assert_eq!(colour("0"), Colour::Red);
    node.pressure("memory", 0);
    assert_eq!(colour("0"), Colour::Red);
}

#[test]
fn disks_are_bad_from_new_errors_on() {
    let node = Node::new();
    let errors = |count: u8| node.put("sys/block/sda/device/ioerr_cnt", &format!("{count:#x}\n"));
    errors(200);
    node.act(Verb::Start, &[]).unwrap();
    assert_eq!(node.colour(), Some(Colour::Green));
    errors(204);
    node.monitor(&[]);
    assert_eq!(node.colour(), Some(Colour::Green));
    errors(205);
    node.monitor(&[]);
    assert_eq!(node.colour(), Some(Colour::Yellow));
}

#[test]
fn guests_that_fail_together_are_the_node_s_fault() {
    let node = Node::new();
    node.act(Verb::Start, &[]).unwrap();
    for guest in ["vm1", "vm2", "vm1"] {
        node.fails(guest);
    }
    node.monitor(&[]);
    assert_eq!(node.colour(), Some(Colour::Green));
    node.fails("vm3");
    node.monitor(&[]);
    assert_eq!(node.colour(), Some(Colour::Yellow));
}

#[test]
fn what_cannot_be_told_is_shown_and_tried_again() {
    let node = Node::new();
    assert_eq!(node.act(Verb::Start, &[NODE]).unwrap(), Answer::Success);
    assert_eq!(node.colour(), None);
    let Answer::Degraded { reason } = node.monitor(&[NODE]) else { panic!("told") };
    assert!(reason.contains("#health-hawser of node no-such-node"), "{reason}");
    node.monitor(&[]);
    assert_eq!(node.colour(), Some(Colour::Green));
    assert_eq!(node.act(Verb::Stop, &[NODE]).unwrap(), Answer::Success);
    assert_eq!(node.state(), None);
}

#[test]
fn the_last_node_that_is_not_red_is_known() {
    let last = |known: &[(&str, &str)]| {
        let owned = |(node, colour): &(&str, &str)| ((*node).to_owned(), (*colour).to_owned());
        let ready = ["n1", "n2", "n3"].map(str::to_owned);
        is_last(&known.iter().map(owned).collect::<Vec<_>>(), &ready, "n1")
    };
    assert!(last(&[]));
    assert!(last(&[("n1", "green"), ("n2", "red"), ("n3", "")]));
    assert!(!last(&[("n1", "green"), ("n2", "red"), ("n3", "yellow")]));
    assert!(!last(&[("n1", "red"), ("n2", "green")]));
    assert!(last(&[("n1", "green"), ("n4", "green")]), "n4 is in standby");
}

#[test]
fn a_monitor_fails_for_nothing() {
    let node = Node::new();
    node.act(Verb::Start, &[]).unwrap();
    fs::remove_dir_all(node.0.path().join("proc")).unwrap();
    assert_eq!(node.monitor(&[]), Answer::Success);
    let Answer::Degraded { reason } = node.monitor(&[("OCF_RESKEY_red", "moon")]) else {
        panic!("not told")
    };
    assert!(reason.contains("\"moon\""), "{reason}");
    // A manager without intervals knows no code for that.
    let plain = node.act(Verb::Monitor, &[("OCF_RESKEY_red", "moon")]);
    assert_eq!(plain.unwrap(), Answer::Success);
    for garbage in ["", "{}", "null", "{\"health\":7}", "\u{1f980}"] {
        node.put("run/hawser-node-health.json", garbage);
        assert_eq!(node.monitor(&[]), Answer::Success, "{garbage:?}");
        assert_eq!(node.colour(), Some(Colour::Green));
    }
}

#[test]
fn what_is_wrong_on_every_node_is_6() {
    let node = Node::new();
    for (parameter, value) in [
        ("yellow", "cpu,disks"),
        ("red", "moon"),
        ("cpu_pressure", "80"),
        ("cpu_pressure", "80-50"),
        ("memory_pressure", "5-101"),
        ("memory_pressure", "-5-20"),
    ] {
        let variable = format!("OCF_RESKEY_{parameter}");
        for verb in [Verb::ValidateAll, Verb::Start] {
            let error = node.act(verb, &[(&variable, value)]).unwrap_err();
            assert_eq!(error.code(), ocf::Code::Configured, "{parameter}={value}");
            assert!(error.to_string().contains(parameter), "{error}");
        }
    }
}

#[test]
fn validation_asks_for_the_kernel_only_where_the_node_is_asked_for() {
    let node = Node::new();
    let validate = |level| node.act(Verb::ValidateAll, &[("OCF_CHECK_LEVEL", level)]);
    validate("10").unwrap();
    fs::remove_dir_all(node.0.path().join("proc")).unwrap();
    validate("0").unwrap();
    let error = validate("10").unwrap_err();
    assert_eq!(error.code(), ocf::Code::Installed);
    assert!(error.to_string().contains("psi=1"), "{error}");
}

#[test]
fn the_table_is_sound() {
    assert_eq!(ocf::table_problems(&AGENT), Vec::<String>::new());
}
