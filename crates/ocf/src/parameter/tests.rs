use super::*;
use crate::sample::{CONFIG, FORCE, LABEL, SAMPLE, SCRIPTS, SPEED};
use crate::{Action, Verb};
use proptest::prelude::*;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Instant;

fn request(pairs: &[(&str, &str)]) -> Request {
    let variables = pairs.iter().map(|(name, value)| (format!("OCF_RESKEY_{name}"), *value));
    from(variables.collect())
}

fn from(environment: Environment) -> Request {
    Request::new(&Action::new(Verb::Start, 90), environment, Instant::now()).unwrap()
}

#[test]
fn booleans_are_those_of_ocf_is_true() {
    for value in ["yes", "true", "1", "YES", "TRUE", "True", "ja", "on", "ON"] {
        assert_eq!(FORCE.get(&request(&[("force", value)])).unwrap(), Some(true), "{value}");
    }
    for value in ["no", "0", "false", "Yes", "On", "tRUE", " true", "2", "y"] {
        assert_eq!(FORCE.get(&request(&[("force", value)])).unwrap(), Some(false), "{value}");
    }
}

#[test]
fn an_empty_value_is_a_value_in_a_string_only() {
    let unset = request(&[]);
    let names = ["config", "speed", "force", "label", "scripts"];
    let empty = request(&names.map(|name| (name, "")));

    assert_eq!(LABEL.get(&unset).unwrap().as_deref(), Some("a \"b\" <c>"));
    assert_eq!(LABEL.get(&empty).unwrap().as_deref(), Some(""));
    for request in [&unset, &empty] {
        assert_eq!(CONFIG.get(request).unwrap(), None);
        assert_eq!(SPEED.get(request).unwrap(), Some(0));
        assert_eq!(FORCE.get(request).unwrap(), Some(true));
        assert_eq!(SCRIPTS.get(request).unwrap(), None);
    }
}

#[test]
fn an_empty_default_is_none() {
    let directory = Parameter::path("snapshot", "", "").default("");
    assert_eq!(directory.get(&request(&[])).unwrap(), None);
}

#[test]
fn a_wrong_value_is_named_with_what_it_should_be() {
    let message = |pair| SAMPLE.check(&request(&[("config", "/a"), pair])).unwrap_err().to_string();
    let expected = r#"parameter speed is "fast"; set it to an integer from 0 to 65535"#;
    assert_eq!(message(("speed", "fast")), expected);
    let huge = message(("speed", &"9".repeat(100_000)));
    assert!(huge.starts_with("parameter speed is ") && huge.len() < 300, "{huge}");
}

#[test]
fn a_path_is_absolute() {
    assert!(matches!(CONFIG.get(&request(&[("config", "a.xml")])), Err(Error::Invalid { .. })));
    let path = CONFIG.get(&request(&[("config", "/a b/\"c\".xml")])).unwrap();
    assert_eq!(path, Some(PathBuf::from("/a b/\"c\".xml")));
}

#[test]
fn only_a_check_insists_on_a_required_parameter() {
    for request in [request(&[]), request(&[("config", "")])] {
        assert_eq!(CONFIG.get(&request).unwrap(), None);
        let error = SAMPLE.check(&request).unwrap_err();
        assert!(matches!(error, Error::Missing { parameter: "config", .. }), "{error}");
    }
}

#[test]
fn a_check_names_all_that_is_wrong() {
    let error = SAMPLE.check(&request(&[("speed", "-1")])).unwrap_err().to_string();
    assert!(error.contains("parameter config") && error.contains("parameter speed"), "{error}");
}

#[test]
fn a_value_that_is_not_utf8_is_an_error_that_names_the_parameter() {
    let value = OsString::from_vec(vec![b'a', 0xff, b'b']);
    let environment = [(OsString::from("OCF_RESKEY_label"), value)].into_iter().collect();
    let error = LABEL.get(&from(environment)).unwrap_err();
    assert!(error.to_string().contains("OCF_RESKEY_label"), "{error}");
}

proptest! {
    #[test]
    fn an_integer_in_its_range_is_read_and_no_other(value in any::<u64>(), min in any::<u64>(), max in any::<u64>()) {
        let parameter = Parameter::integer("speed", "", "").range(min, max);
        let read = parameter.get(&request(&[("speed", &value.to_string())])).ok().flatten();
        prop_assert_eq!(read, (min <= value && value <= max).then_some(value));
    }

    #[test]
    fn an_integer_is_digits_and_nothing_else(text in "[-+0-9 a-fx.]{1,6}") {
        let decimal = text.bytes().all(|byte| byte.is_ascii_digit());
        let parameter = Parameter::integer("speed", "", "");
        prop_assert_eq!(parameter.get(&request(&[("speed", &text)])).is_ok(), decimal);
    }

    #[test]
    fn any_text_is_itself(text in "[^\0]*") {
        prop_assert_eq!(LABEL.get(&request(&[("label", &text)])).unwrap(), Some(text));
    }

    #[test]
    fn a_list_has_every_word_and_no_empty_one(words in prop::collection::vec("[^\\s\0]{1,5}", 1..5), gap in "[ \t\n]{1,3}") {
        let text = format!("{gap}{}{gap}", words.join(&gap));
        prop_assert_eq!(SCRIPTS.get(&request(&[("scripts", &text)])).unwrap(), Some(words));
    }
}
