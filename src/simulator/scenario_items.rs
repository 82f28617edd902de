//! How the entries of a scenario's lists are read: one key decides what an entry is.

use super::{
    scenario::{Call, Fail, Failure, FunctionCall, OutputItem, Say, Text},
    scenario_caller::{CallerHangUp, CallerSay, CallerStep, CallerWait, Idle, Trigger},
};
use serde::Deserialize;

/// All keys of all kinds of output item: one of `say`, `text`, `call` and `fail` decides which it is. Reading
/// through this instead of an untagged enum keeps error messages about the field that is wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnyOutput {
    say: Option<String>,
    clip: Option<String>,
    text: Option<String>,
    call: Option<FunctionCall>,
    fail: Option<Failure>,
}

impl<'de> Deserialize<'de> for OutputItem {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match AnyOutput::deserialize(deserializer)? {
            AnyOutput { say: Some(say), clip, text: None, call: None, fail: None } => Ok(Self::Say(Say { say, clip })),
            AnyOutput { text: Some(text), say: None, clip: None, call: None, fail: None } => {
                Ok(Self::Text(Text { text }))
            }
            AnyOutput { call: Some(call), say: None, clip: None, text: None, fail: None } => {
                Ok(Self::Call(Call { call }))
            }
            AnyOutput { fail: Some(fail), say: None, clip: None, text: None, call: None } => {
                Ok(Self::Fail(Fail { fail }))
            }
            _ => Err(serde::de::Error::custom(
                "expected exactly one of `say` (with an optional `clip`), `text`, `call` or `fail`",
            )),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnyStep {
    say: Option<String>,
    when: Option<Trigger>,
    wait_ms: Option<u64>,
    hang_up: Option<Idle>,
}

impl<'de> Deserialize<'de> for CallerStep {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match AnyStep::deserialize(deserializer)? {
            AnyStep { say: Some(say), when, wait_ms: None, hang_up: None } => Ok(Self::Say(CallerSay { say, when })),
            AnyStep { wait_ms: Some(wait_ms), say: None, when: None, hang_up: None } => {
                Ok(Self::Wait(CallerWait { wait_ms }))
            }
            AnyStep { hang_up: Some(hang_up), say: None, when: None, wait_ms: None } => {
                Ok(Self::HangUp(CallerHangUp { hang_up }))
            }
            _ => Err(serde::de::Error::custom(
                "expected exactly one of `say` (with an optional `when`), `wait_ms` or `hang_up`",
            )),
        }
    }
}
