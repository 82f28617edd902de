//! What a fault of a scenario may say, beyond what its types tell.

use super::{
    elevenlabs, gemini,
    samples::sample_server_events,
    scenario::invalid,
    scenario_faults::{CloseWith, Fault, Nth, On, VendorError, What, When},
    validate,
};
use crate::error::Result;
use std::{collections::BTreeSet, ops::RangeInclusive};

const MOST_FAULTS: usize = 1000;
const LONGEST_NAME: usize = 100;
/// What a close frame has room for beside its code.
const LONGEST_REASON: usize = 123;
const MOST: u32 = 1_000_000;
const DAY_MS: u32 = 86_400_000;

/// Checks what the types cannot say. Errors name the path in the scenario.
pub(super) fn check(faults: &[Fault]) -> Result<()> {
    if faults.len() > MOST_FAULTS {
        let message = format!("{} faults are too many", faults.len());
        return Err(invalid("faults".into(), message, format!("give at most {MOST_FAULTS}")));
    }
    let known: BTreeSet<String> = match faults.is_empty() {
        true => BTreeSet::new(),
        false => {
            let samples = sample_server_events();
            let types = samples.iter().filter_map(|e| e["type"].as_str());
            let others = gemini::SERVER_KINDS.iter().chain(elevenlabs::SERVER_KINDS);
            types.chain(others.copied()).map(str::to_owned).collect()
        }
    };
    faults.iter().enumerate().try_for_each(|(i, fault)| Check { path: format!("faults[{i}]") }.fault(fault, &known))
}

struct Check {
    path: String,
}

impl Check {
    fn fault(&self, fault: &Fault, known: &BTreeSet<String>) -> Result<()> {
        if fault.name.as_ref().is_some_and(|name| name.is_empty() || name.chars().count() > LONGEST_NAME) {
            return self.wrong("name", "the name is empty or too long", format!("use 1 to {LONGEST_NAME} characters"));
        }
        if fault.connection == Some(On::Number(0)) {
            return self.wrong("connection", "there is no connection 0", "count from 1, or say \"each\"");
        }
        self.range("times", fault.times, 1..=MOST)?;
        self.when(&fault.when, known)?;
        self.what(&fault.what)?;
        self.both(fault)
    }

    fn when(&self, when: &When, known: &BTreeSet<String>) -> Result<()> {
        match when {
            When::Connect => Ok(()),
            When::Events(n) => self.range("when.events", *n, 1..=MOST),
            When::AfterMs(ms) => self.range("when.after_ms", *ms, 0..=DAY_MS),
            When::Upgrade(n) => self.range("when.upgrade", *n, 1..=MOST),
            When::ClientSecret(n) => self.range("when.client_secret", *n, 1..=MOST),
            When::Event(Nth { kind, nth }) => {
                if !known.contains(kind) {
                    let names: Vec<&str> = known.iter().map(String::as_str).collect();
                    let message = format!("the simulator sends no event '{kind}'");
                    return self.wrong("when.event.type", message, format!("use one of: {}", names.join(", ")));
                }
                self.range("when.event.nth", *nth, 1..=MOST)
            }
            When::ClientEvent(Nth { kind, nth }) => {
                let others = || gemini::CLIENT_KINDS.iter().chain(elevenlabs::CLIENT_KINDS);
                if validate::client_event(kind).is_none() && !others().any(|known| known == kind) {
                    let message = format!("'{kind}' is not a client event");
                    let fix = "use the type of an event that clients send, for example response.create";
                    return self.wrong("when.client_event.type", message, fix);
                }
                self.range("when.client_event.nth", *nth, 1..=MOST)
            }
        }
    }

    fn what(&self, what: &What) -> Result<()> {
        match what {
            What::Close(close) => self.close("do.close", close),
            What::Stall(stall) => self.range("do.stall.ms", stall.ms, 1..=600_000),
            What::Slow(slow) => self.range("do.slow.ms", slow.ms, 0..=60_000),
            What::Giant(giant) => self.range("do.giant.bytes", giant.bytes, 64..=64 << 20),
            What::SessionCap(cap) => self.range("do.session_cap.ms", cap.ms, 1..=DAY_MS),
            What::Error(VendorError { close: Some(close), .. }) => self.close("do.error.close", close),
            What::Refuse(refuse) => {
                self.range("do.refuse.status", u32::from(refuse.status), 400..=599)?;
                self.range("do.refuse.retry_after_s", refuse.retry_after_s.unwrap_or_default(), 0..=86_400)
            }
            _ => Ok(()),
        }
    }

    /// What fits together.
    fn both(&self, fault: &Fault) -> Result<()> {
        let (kind, what) = (fault.what.kind(), &fault.what);
        let request = matches!(fault.when, When::Upgrade(_) | When::ClientSecret(_));
        let of_requests = matches!(what, What::Refuse(_) | What::CaptivePortal | What::NoPath);
        let of_both = matches!(what, What::Stall(_) | What::HalfOpen);
        if request && !of_requests && !of_both {
            let fix = "use refuse, captive_portal, no_path, stall or half_open, or another `when`";
            return self.wrong("do", format!("`{kind}` cannot happen to a request"), fix);
        }
        if of_requests && !request {
            let fix = "say when: {\"upgrade\": 1} or {\"client_secret\": 1}";
            return self.wrong("when", format!("`{kind}` happens to requests only"), fix);
        }
        if matches!(what, What::NoPath) && !matches!(fault.when, When::Upgrade(_)) {
            return self.wrong("when", "`no_path` happens to calls only", "say when: {\"upgrade\": 1}");
        }
        if request && fault.connection.is_some() {
            let message = "a request comes before there is a connection";
            return self.wrong("connection", message, "leave it out: requests are counted in `when`");
        }
        if matches!(what, What::SessionCap(_)) && fault.when != When::Connect {
            let message = "the life of a session is fixed when it begins";
            return self.wrong("when", message, "leave it out, or use `expire` for an end without notice");
        }
        let repeats = request || matches!(what, What::Duplicate | What::Omit | What::Broken(_));
        if fault.times > 1 && !repeats {
            let fix = "leave it out; use \"connection\": \"each\" for every connection";
            return self.wrong("times", format!("`{kind}` happens once on a connection"), fix);
        }
        Ok(())
    }

    fn close(&self, path: &str, close: &CloseWith) -> Result<()> {
        if !matches!(close.code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
            let message = format!("{} cannot stand in a close frame", close.code);
            let fix = "use 1000 to 1003, 1007 to 1014 or 3000 to 4999, or `drop` for an end without a close frame";
            return self.wrong(&format!("{path}.code"), message, fix);
        }
        if close.reason.len() > LONGEST_REASON {
            let message = format!("a reason of {} bytes does not fit into a close frame", close.reason.len());
            return self.wrong(&format!("{path}.reason"), message, format!("use at most {LONGEST_REASON} bytes"));
        }
        Ok(())
    }

    fn range(&self, field: &str, value: u32, range: RangeInclusive<u32>) -> Result<()> {
        if range.contains(&value) {
            return Ok(());
        }
        let fix = format!("use a value from {} to {}", range.start(), range.end());
        self.wrong(field, format!("{value} is out of range"), fix)
    }

    fn wrong(&self, field: &str, message: impl Into<String>, fix: impl Into<String>) -> Result<()> {
        Err(invalid(format!("{}.{field}", self.path), message, fix))
    }
}
