/// What a hypervisor answered instead.
pub type Result<T> = std::result::Result<T, Error>;

/// Ways in which a hypervisor does not do what it is asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nobody to ask: no socket, connection refused, login failed.
    #[error("cannot reach the hypervisor at {uri}: {words}")]
    Unreachable {
        /// The connection URI.
        uri: String,
        /// The hypervisor library's own words.
        words: String,
    },
    /// The daemon took the question and has not answered by the deadline.
    #[error(
        "the hypervisor at {uri} does not answer (asked to {what}); its daemon hangs or is overloaded"
    )]
    Silent {
        /// The connection URI.
        uri: String,
        /// What was asked, as a verb phrase.
        what: &'static str,
    },
    /// The daemon answered no.
    #[error("cannot {what}: {words}")]
    Refused {
        /// What was asked, as a verb phrase.
        what: &'static str,
        /// The daemon's own words.
        words: String,
    },
    /// The emulator, or another program that the guest's definition names, is not on this node.
    #[error("cannot {what}: {words}")]
    NotInstalled {
        /// What was asked, as a verb phrase.
        what: &'static str,
        /// The daemon's own words.
        words: String,
    },
    /// The host lacks something that the guest needs, or has something in its way.
    #[error("{item}: {words}")]
    NotAdmitted {
        /// What is missing or in the way, by its name.
        item: String,
        /// What was found.
        words: String,
    },
    /// The stream of a migration cannot be encrypted.
    #[error(
        "cannot encrypt the guest's memory: {words}; each node needs a certificate in /etc/pki/qemu that is \
         valid, that has the signature of a CA which the other one knows, and on the target the name that \
         it has in {target}"
    )]
    Certificate {
        /// The daemon's own words.
        words: String,
        /// What names the target.
        target: String,
    },
    /// Disks are to be copied, and the target has nothing to copy them to.
    #[error(
        "cannot copy the guest's disks: {words}; make images of the same size at the same paths on the \
         target, or storage pools of their directories"
    )]
    NoImage {
        /// The daemon's own words.
        words: String,
    },
    /// The guest's definition gives it no guest agent to be asked.
    #[error("the guest has no guest agent: {words}")]
    NoGuestAgent {
        /// The daemon's own words.
        words: String,
    },
    /// The guest's definition cannot be read.
    #[error("the guest's definition is not valid: {what}")]
    Definition {
        /// What is wrong, and where.
        what: String,
    },
    /// The guest is defined for another kind of hypervisor.
    #[error("the guest's definition is not {expected}")]
    Foreign {
        /// What this hypervisor takes.
        expected: &'static str,
    },
    /// What names another host cannot.
    #[error(
        "{uri:?} names no host of xl's; expected xl://HOST/ or xl://HOST/?transport=COMMAND, in letters, digits and \
         -_./=:@,+%[]"
    )]
    Address {
        /// What was found.
        uri: String,
    },
    /// A program printed something else than is known of it.
    #[error(
        "cannot understand what {program} printed: {found:?}; it is of another version than is known here"
    )]
    Shape {
        /// The program with its arguments.
        program: String,
        /// What it printed, as far as it matters.
        found: String,
    },
    /// A guest name that libvirt would not take.
    #[error(
        "{name:?} is no possible guest name: it is empty, or has a slash, newline or NUL in it"
    )]
    Name {
        /// What was found.
        name: String,
    },
    /// A file that an option of the migration names cannot be read.
    #[error("migrate_options: cannot read {path}: {words}")]
    Document {
        /// The file.
        path: String,
        /// The kernel's words.
        words: String,
    },
    /// An option for the migration that `virsh migrate` does not have, or lacks a value.
    #[error(
        "migrate_options: {option:?} is not understood; expected the long options of virsh migrate, such as --tls or --bandwidth 100"
    )]
    Option {
        /// What was found.
        option: String,
    },
}

impl Error {
    /// Whether the daemon said anything at all. Nothing is known about the guest when it did not.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Silent { .. })
    }
}
