//! The session with the Gemini codec, against the conformance checklist of its protocol reference (§8): the test plays
//! the service, whose messages have neither ids nor confirmations.

#[path = "../common/mod.rs"]
mod common;

mod by_hand;
mod connection;
mod resuming;
mod tools;
mod turns;
mod waiting;
mod wishes;

use common::{Outputs, Talk};
use duologue::{
    event::OpId,
    provider::Frame,
    session::{Command, Input, Output},
};
use serde_json::{Value, json};
use std::borrow::Cow;

const NEWEST: &str = "gemini-3.8-live";
const SEEDED: &str = "gemini-3.1-flash-live-preview";

fn config(more: Value) -> Value {
    let mut config = json!({"provider": "gemini"});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

/// Connected, with what came out of that taken away.
fn connected(more: Value) -> Talk {
    let mut talk = Talk::new(config(more));
    talk.host(Command::Connect);
    talk.opened();
    says(&mut talk, json!({"setupComplete": {}}));
    talk.take();
    talk
}

/// The service says this, in a binary frame as it does.
fn says(talk: &mut Talk, message: Value) {
    let bytes = message.to_string().into_bytes();
    talk.input(Input::Frame { epoch: talk.epoch, frame: Frame::Binary(Cow::Owned(bytes)) });
}

fn content(talk: &mut Talk, content: Value) {
    says(talk, json!({"serverContent": content}));
}

/// `ms` of speech with its words.
fn speech(talk: &mut Talk, ms: u64, words: &str) {
    let audio = json!({"mimeType": "audio/pcm;rate=24000", "data": common::base64_ms(ms)});
    content(talk, json!({"outputTranscription": {"text": words}}));
    content(talk, json!({"modelTurn": {"role": "model", "parts": [{"inlineData": audio}]}}));
}

/// The end of a turn in which all was said.
fn turn_ends(talk: &mut Talk) {
    content(talk, json!({"generationComplete": true}));
    content(talk, json!({"turnComplete": true}));
}

fn user_speaks(talk: &mut Talk) {
    says(talk, json!({"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0.4s"}}));
}

fn user_is_silent(talk: &mut Talk, words: &str) {
    says(talk, json!({"voiceActivity": {"type": "ACTIVITY_END", "audioOffset": "1.4s"}}));
    content(talk, json!({"inputTranscription": {"text": words, "finished": true}}));
}

/// What was sent, but for the microphone's audio.
fn frames(outputs: &Outputs) -> Vec<Value> {
    let text = |output: &Output| match output {
        Output::Send { text, audio: false, .. } => Some(serde_json::from_str(text).unwrap()),
        _ => None,
    };
    outputs.0.iter().filter_map(text).collect()
}

fn done(outputs: &Outputs, op: OpId) {
    assert_eq!(outputs.completed(op), Some(None), "{op:?}");
}

/// Role and words of every message.
fn said(talk: &Talk) -> Vec<(String, String)> {
    let of = |m: &duologue::message::Message| (format!("{:?}", m.role).to_lowercase(), m.text());
    talk.session.messages().iter().map(of).collect()
}
