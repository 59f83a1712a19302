/// Options of a migration beyond where to: flags and parameters of libvirt's
/// `virDomainMigrateToURI3`, under the names that `virsh migrate` gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Option names without a value, such as `tls`.
    pub flags: Vec<&'static str>,
    /// Option names with their values, such as `bandwidth`.
    pub values: Vec<(&'static str, String)>,
}

/// Where a guest is to go, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The target's daemon, as the source's daemon reaches it.
    pub destination: String,
    /// Where the memory stream goes, if not where the target's daemon says.
    pub stream: Option<String>,
    /// Upper limit for the stream in MiB/s.
    pub bandwidth: Option<u64>,
    /// How long the guest may stand still at the end, in milliseconds.
    pub downtime: Option<u64>,
    /// Everything else.
    pub options: Options,
}
