//! What outlives a connection: tokens that were minted, and conversations that can be resumed.

use super::{
    closing::Closing,
    events::Tokens,
    fields::{self, Field, Rule, camel},
};
use crate::simulator::{ids::Ids, script::Script, session_state::unix_now};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};
use tokio::time::Instant;

/// Tokens and handles that are good at one time.
const MOST: usize = 1024;
const HANDLE_LIFE: Duration = Duration::from_secs(2 * 3600);
/// What a token may last at most, and lasts when nobody says otherwise.
const LONGEST_S: u64 = 20 * 3600;
const LIFE_S: u64 = 30 * 60;
const NEW_SESSION_S: u64 = 60;

const REQUEST: &[Field] = &[
    ("uses", Rule::Int),
    ("expireTime", Rule::Text),
    ("newSessionExpireTime", Rule::Text),
    ("bidiGenerateContentSetup", Rule::Object(fields::SETUP)),
    ("fieldMask", Rule::Text),
];

/// A minted token.
#[derive(Clone)]
struct Token {
    /// Sessions that may begin yet; `None` is any number.
    uses: Option<u64>,
    until: Instant,
    new_until: Instant,
    lock: Option<Lock>,
}

/// What a token says about the setup.
#[derive(Clone)]
struct Lock {
    setup: Value,
    /// Paths that are locked; `None` is everything.
    mask: Option<Vec<String>>,
}

/// Where a conversation stands.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) script: Script,
    pub(super) context: Tokens,
}

/// What all connections to one simulator share.
#[derive(Default)]
pub(in crate::simulator) struct Memory {
    tokens: Mutex<HashMap<String, Token>>,
    handles: Mutex<VecDeque<(String, Instant, Snapshot)>>,
}

impl Memory {
    /// `POST /v1alpha/auth_tokens`.
    pub(super) fn mint(&self, request: &Value) -> Result<Value, Closing> {
        let request = fields::read(request, REQUEST, "")?;
        let now = unix_now();
        let life = |name: &str, usual: u64| match request[name].as_str() {
            None => Ok(Duration::from_secs(usual)),
            Some(text) => match unix_time(text).and_then(|time| time.checked_sub(now)) {
                Some(left) if left < LONGEST_S => Ok(Duration::from_secs(left)),
                _ => Err(Closing::invalid(format!("{name} must be in the future, and in less than 20 hours."))),
            },
        };
        let uses = request["uses"].as_i64().unwrap_or(1);
        let uses = u64::try_from(uses).map_err(|_| Closing::invalid("uses must not be negative."))?;
        let life_of_all = life("expireTime", LIFE_S)?;
        let (until, new_until) =
            (Instant::now() + life_of_all, Instant::now() + life("newSessionExpireTime", NEW_SESSION_S)?);
        let mask = request["fieldMask"].as_str().map(|mask| mask.split(',').map(path_of).collect());
        let lock = request.get("bidiGenerateContentSetup").map(|setup| Lock { setup: setup.clone(), mask });
        let name = Ids::secret("auth_tokens/");
        let mut tokens = self.tokens.lock();
        tokens.retain(|_, token| token.until > Instant::now());
        if tokens.len() >= MOST {
            return Err(Closing::policy(format!("At most {MOST} tokens at a time.")));
        }
        tokens.insert(name.clone(), Token { uses: (uses > 0).then_some(uses), until, new_until, lock });
        Ok(json!({"name": name}))
    }

    /// Until when a token is good, if it is.
    pub(super) fn until(&self, token: &str) -> Option<Instant> {
        self.tokens.lock().get(token).map(|token| token.until).filter(|until| *until > Instant::now())
    }

    /// The setup that a token makes of what the client sent. One that resumes a session is no use of it.
    pub(super) fn admit(&self, token: &str, setup: Value) -> Result<Value, Closing> {
        let mut tokens = self.tokens.lock();
        let expired = || Closing::policy("Token has expired or was used up.");
        let token = tokens.get_mut(token).ok_or_else(expired)?;
        let setup = match &token.lock {
            None => setup,
            Some(Lock { setup: locked, mask: None }) => whole(locked, &setup),
            Some(Lock { setup: locked, mask: Some(mask) }) => mask.iter().fold(setup, |setup, path| {
                let names: Vec<&str> = path.split('.').collect();
                locked_at(setup, locked, &names)
            }),
        };
        if handle_of(&setup).is_none() {
            if token.new_until <= Instant::now() || token.uses == Some(0) {
                return Err(expired());
            }
            token.uses = token.uses.map(|uses| uses - 1);
        }
        Ok(setup)
    }

    /// Keeps a conversation; returns the handle by which it goes on.
    pub(super) fn keep(&self, snapshot: Snapshot) -> String {
        let handle = Ids::secret("resume-");
        let mut handles = self.handles.lock();
        if handles.len() == MOST {
            handles.pop_front();
        }
        handles.push_back((handle.clone(), Instant::now() + HANDLE_LIFE, snapshot));
        handle
    }

    pub(super) fn resume(&self, handle: &str) -> Option<Snapshot> {
        let handles = self.handles.lock();
        let found = handles.iter().find(|(known, until, _)| known == handle && *until > Instant::now());
        found.map(|(.., snapshot)| snapshot.clone())
    }
}

fn handle_of(setup: &Value) -> Option<&str> {
    setup.pointer("/sessionResumption/handle").and_then(Value::as_str).filter(|handle| !handle.is_empty())
}

/// A locked setup with nothing of the client's but its handle, which no lock can know, and a model that it does not name.
fn whole(locked: &Value, asked: &Value) -> Value {
    let mut setup = locked.clone();
    if setup.get("model").is_none() {
        setup["model"] = asked["model"].clone();
    }
    if let Some(handle) = handle_of(asked)
        && setup["sessionResumption"].is_object()
    {
        setup["sessionResumption"]["handle"] = json!(handle);
    }
    setup
}

/// `setup` with what `locked` has at a path, or without it where it has nothing there.
fn locked_at(mut setup: Value, locked: &Value, path: &[&str]) -> Value {
    let [name, rest @ ..] = path else { return setup };
    let Some(fields) = setup.as_object_mut() else { return setup };
    match locked.get(*name) {
        None => {
            fields.remove(*name);
        }
        Some(inner) if rest.is_empty() => {
            fields.insert((*name).to_owned(), inner.clone());
        }
        Some(inner) => {
            let below = fields.remove(*name).filter(Value::is_object).unwrap_or_else(|| json!({}));
            fields.insert((*name).to_owned(), locked_at(below, inner, rest));
        }
    }
    setup
}

fn path_of(path: &str) -> String {
    path.trim().split('.').map(camel).collect::<Vec<_>>().join(".")
}

/// Seconds since 1970 of a time such as `2026-11-20T12:30:00.5Z` or with `+01:00`.
fn unix_time(text: &str) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if marks.iter().any(|(at, mark)| text.as_bytes().get(*at) != Some(mark)) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let zone = text.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match zone.as_bytes() {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let at = text.len() - zone.len();
            let away = number(at + 1..at + 3)? * 3600 + number(at + 4..at + 6)? * 60;
            if *sign == b'+' { away } else { -away }
        }
        _ => return None,
    };
    // Days since 1970 in years that begin in March, so that the leap day is the last one.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    u64::try_from(days * 86_400 + hour * 3600 + minute * 60 + second - offset).ok()
}

#[cfg(test)]
mod tests {
    use super::unix_time;

    #[test]
    fn times_are_read() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-11-20T12:30:00Z", Some(1_795_177_800)),
            ("2026-11-20T13:30:00.123456+01:00", Some(1_795_177_800)),
            ("2024-02-29T23:59:59-00:30", Some(1_709_252_999)),
            ("2026-11-20", None),
            ("2026-13-20T12:30:00Z", None),
            ("2026-11-20T12:30:00", None),
            ("2026-11-20T12:30:00+1:00", None),
            ("1969-11-20T12:30:00Z", None),
            ("\u{fc}026-11-20T12:30:00Z", None),
        ] {
            assert_eq!(unix_time(text), seconds, "{text}");
        }
    }
}
