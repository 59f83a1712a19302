//! A node that systemd takes down: Pacemaker is done before anything that its guests need is stopped.
//!
//! The node is a machine of its own with Debian's units. Guest, libvirt, systemd-machined and agent are real.
//! Stand-ins run for Corosync and Pacemaker, whose units are real otherwise, and for virtqemud.

use live::{Journal, boot};

/// What systemd and libvirt call the first guest of a node.
const GUEST_SCOPE: &str = r"machine-qemu\x2d1\x2dweb.scope";

const START: &str = "/usr/lib/ocf/resource.d/hawser/kvm start";
const STOP: &str = "/usr/lib/ocf/resource.d/hawser/kvm stop";
const MONITOR: &str = "/usr/lib/ocf/resource.d/hawser/kvm monitor";

/// Makes the agent forget that it has seen the guest.
const FORGET: &str = "rm /run/resource-agents/hawser-kvm-web.json";

/// Starts the guest without the agent.
const CREATE: &str = "virsh create /etc/web.xml";

/// Ends what would keep systemd from killing guests at once, though it shuts them down itself.
const NO_OTHER: &str = "systemctl stop libvirt-guests.service";

/// Every service gets what the agent is given by Pacemaker.
const ENVIRONMENT: &str = "[Manager]
DefaultEnvironment=OCF_ROOT=/usr/lib/ocf OCF_RESOURCE_INSTANCE=web OCF_RESKEY_config=/etc/web.xml \
OCF_RESKEY_CRM_meta_timeout=60000 OCF_RESKEY_force_stop=true OCF_RESKEY_autoset_utilization_cpu=false \
OCF_RESKEY_autoset_utilization_host_memory=false
";

const UNITS: &str = "[Unit]
Requires=basic.target
After=basic.target
Wants=libvirtd.service virtqemud.service libvirt-guests.service pacemaker.service scenario.service
";

/// A program that runs until it is ended, instead of the one that a unit has.
const STAND_IN: &str = "[Service]
Type=simple
ExecStart=
ExecStart=sleep infinity
ExecStop=
";

/// What happens on the node before it shuts down.
const SCENARIO: &str = "[Unit]
After=libvirtd.service virtqemud.service libvirt-guests.service pacemaker.service
SuccessAction=poweroff
FailureAction=poweroff
[Service]
Type=oneshot
";

/// Where systemd cannot be told anything.
const UNHEARD: &str = "[Service]
Type=oneshot
InaccessiblePaths=/run/systemd/private /run/dbus
";

/// A guest that never boots, which is enough to be killed.
const GUEST: &str = "<domain type='qemu'>
  <name>web</name>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
</domain>
";

/// What a container needs of libvirt: the control groups are not all its own.
const LIBVIRT: &str = "security_driver = \"none\"\ncgroup_controllers = []\n";

/// Boots a node that takes these steps and shuts down. Its stand-in for Pacemaker stops with what is given.
fn shut_down_after(steps: &[&str], stop: &[&str]) -> Option<Journal> {
    let units = "etc/systemd/system";
    let list = |key: &str, commands: &[&str]| -> String {
        commands.iter().map(|it| format!("{key}={it}\n")).collect()
    };
    let pacemaker = STAND_IN.to_owned() + &list("ExecStop", stop);
    let unheard = UNHEARD.to_owned() + &list("ExecStart", &[MONITOR]);
    let scenario = SCENARIO.to_owned() + &list("ExecStart", steps);
    let journal = boot(&[
        ("etc/web.xml", GUEST),
        ("etc/libvirt/qemu.conf", LIBVIRT),
        // It would wait for the guest, which is deaf.
        ("etc/default/libvirt-guests", "ON_SHUTDOWN=suspend\n"),
        ("etc/systemd/system.conf.d/agent.conf", ENVIRONMENT),
        (&format!("{units}/default.target"), UNITS),
        (&format!("{units}/virtqemud.service"), STAND_IN),
        (&format!("{units}/corosync.service.d/stand-in.conf"), STAND_IN),
        (&format!("{units}/pacemaker.service.d/stand-in.conf"), &pacemaker),
        (&format!("{units}/unheard.service"), &unheard),
        (&format!("{units}/scenario.service"), &scenario),
    ])?;
    assert!(!journal.has_failed("scenario.service"), "{journal}");
    Some(journal)
}

fn assert_pacemaker_goes_before(units: &[&str], journal: &Journal) {
    for unit in units {
        assert!(!journal.overlap(unit, "pacemaker.service"), "{unit} too early:\n{journal}");
    }
    assert!(!journal.has_failed("pacemaker.service"), "{journal}");
}

#[test]
fn pacemaker_can_stop_a_guest_and_go_on_with_others() {
    let stop = ["virsh domstate web", STOP, "virsh list"];
    let Some(journal) = shut_down_after(&[START], &stop) else { return };
    let daemons = ["libvirtd.service", "virtqemud.service", "virtlogd.service"];
    assert_pacemaker_goes_before(&daemons, &journal);
    assert_pacemaker_goes_before(&["libvirt-guests.service"], &journal);
}

#[test]
fn a_guest_that_was_found_running_is_not_killed_though_systemd_did_not_listen_at_first() {
    let steps = [NO_OTHER, CREATE, "systemctl start unheard.service", FORGET, MONITOR];
    let Some(journal) = shut_down_after(&steps, &["virsh domstate web"]) else { return };
    assert!(journal.to_string().contains("systemctl failed"), "{journal}");
    assert_pacemaker_goes_before(&[GUEST_SCOPE, "libvirtd.service"], &journal);
}

#[test]
fn without_the_agent_a_guest_is_killed_while_pacemaker_stops() {
    let stop = ["virsh domstate web"];
    let Some(journal) = shut_down_after(&[NO_OTHER, CREATE], &stop) else { return };
    assert!(journal.overlap(GUEST_SCOPE, "pacemaker.service"), "{journal}");
}
