//! The session against the conformance checklist of the protocol reference (§15), where no golden
//! transcript and no interruption test shows it. Which test shows which line: docs/conformance-openai.md.

#[path = "../common/mod.rs"]
mod common;

mod asked_again;
mod bad_input;
mod connection;
mod credentials;
mod found;
mod handover;
mod history;
mod journal;
mod lessons;
mod lifecycle;
mod losses;
mod lost;
mod media;
mod recovery;
mod requests;
mod responses;
mod said_again;
mod told_again;
mod tool_limits;
mod tools;
mod tries;
mod turns;
mod updates;
mod way;
mod xai;

use common::Talk;
use duologue::{error::Error, session::Command};
use serde_json::{Value, json};

fn quiet() -> Value {
    json!({"auto_capture": false})
}

fn ask(talk: &mut Talk) -> duologue::event::OpId {
    talk.host(Command::RequestResponse { options: Default::default() })
}

fn cancelled(end: Option<Option<Error>>) -> bool {
    matches!(end, Some(Some(error)) if error.code == "cancelled")
}

/// A whole spoken response with one item that is played to its end.
fn spoken(talk: &mut Talk, response: &str, item: &str, previous: Option<&str>) {
    talk.response(response);
    talk.item(response, item, previous, "audio");
    talk.speech(response, item, 0, 200, "some words");
    talk.item_done(response, item, 0, "some words");
    talk.done(response, "completed", None);
    talk.plays(200);
}
