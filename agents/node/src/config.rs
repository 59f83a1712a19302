use crate::error::Error;
use crate::table;
use ocf::{Parameter, Request};
use recovery::{Band, Dwell, Limits, Policy, Source, Terms};
use std::collections::BTreeSet;
use std::time::Duration;

/// From where on the node is unwell, by the parameters.
pub fn limits(request: &Request) -> Result<Limits, Error> {
    let number = |parameter: &Parameter<u64>| parameter.get(request).map(Option::unwrap_or_default);
    let better = Duration::from_secs(number(&table::BETTER_AFTER)?);
    Ok(Limits {
        cpu: band(&table::CPU_PRESSURE, request)?,
        memory: band(&table::MEMORY_PRESSURE, request)?,
        errors: number(&table::DISK_ERRORS)?,
        guests: guests(number(&table::FAILED_GUESTS)?, better)?,
        dwell: Dwell { worse: Duration::from_secs(number(&table::WORSE_AFTER)?), better },
        yellow: sources(&table::YELLOW, request)?,
        red: sources(&table::RED, request)?,
    })
}

/// When failed guests make the node suspect: the same rule as the ladder's.
fn guests(failed: u64, better: Duration) -> Result<Policy, Error> {
    let usual = Terms::default();
    let terms = Terms {
        node_guests: u32::try_from(failed).unwrap_or(u32::MAX),
        node_window: usual.node_window.min(better.saturating_sub(Duration::from_secs(1))),
        node_clear: better,
        ..usual
    };
    Ok(Policy::try_from(terms)?)
}

fn band(parameter: &Parameter<String>, request: &Request) -> Result<Band<f64>, Error> {
    let found = parameter.get(request)?.unwrap_or_default();
    let percent = |text: &str| text.parse().ok().filter(|it: &u8| *it <= 100).map(f64::from);
    let read = || {
        let (low, high) = found.split_once('-')?;
        let band = Band { low: percent(low)?, high: percent(high)? };
        Some(band).filter(|band| band.low < band.high)
    };
    read()
        .ok_or_else(|| Error::Band { parameter: ocf::Describe::description(parameter).name, found })
}

fn sources(parameter: &Parameter<String>, request: &Request) -> Result<BTreeSet<Source>, Error> {
    let found = parameter.get(request)?.unwrap_or_default();
    let source = |word: &str| {
        let known = Source::ALL.into_iter().find(|source| source.name() == word);
        known.ok_or_else(|| Error::Source {
            parameter: ocf::Describe::description(parameter).name,
            found: word.to_owned(),
            expected: Source::ALL.map(Source::name).join(", ") + " and " + table::NONE,
        })
    };
    found.split_whitespace().filter(|word| *word != table::NONE).map(source).collect()
}
