/// A node's name on the migration network: the suffix goes before its first dot.
#[must_use]
pub fn on_network(node: &str, suffix: &str) -> String {
    match node.split_once('.') {
        Some((host, domain)) => format!("{host}{suffix}.{domain}"),
        None => format!("{node}{suffix}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_is_the_host_s() {
        assert_eq!(on_network("n2.example.com", "-mig"), "n2-mig.example.com");
        assert_eq!(on_network("n2", "-mig"), "n2-mig");
        assert_eq!(on_network("n2.example.com", ""), "n2.example.com");
    }
}
