//! The session with the ElevenLabs codec, against the conformance checklist of its protocol reference (§12): the test plays
//! the agent, which says what it does and rarely that it is done.

#[path = "../common/mod.rs"]
mod common;

mod closing;
mod replies;
mod session;
mod typed;
mod words;

use common::{Outputs, Talk};
use duologue::{
    event::OpId,
    provider::Frame,
    session::{Command, Input, Output},
};
use serde_json::{Value, json};

fn config(more: Value) -> Value {
    let mut config = json!({"provider": "elevenlabs", "model": "agent_1"});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

fn metadata(talk: &mut Talk) {
    let event = json!({"conversation_id": "conv_1", "agent_output_audio_format": "pcm_48000",
        "user_input_audio_format": "pcm_16000"});
    says(talk, json!({"type": "conversation_initiation_metadata", "conversation_initiation_metadata_event": event}));
}

/// Connected, with what came out of that taken away.
fn connected(more: Value) -> Talk {
    let mut talk = Talk::new(config(more));
    talk.host(Command::Connect);
    talk.opened();
    metadata(&mut talk);
    talk.take();
    talk
}

fn says(talk: &mut Talk, message: Value) {
    talk.input(Input::Frame { epoch: talk.epoch, frame: Frame::Text(message.to_string().into()) });
}

/// `ms` of the agent's speech at 48 kHz.
fn audio(talk: &mut Talk, event: u64, ms: u64) {
    let data = base64_simd::STANDARD.encode_to_string(vec![1u8; ms as usize * 96]);
    says(talk, json!({"type": "audio", "audio_event": {"audio_base_64": data, "event_id": event}}));
}

fn response(talk: &mut Talk, event: u64, words: &str) {
    let event = json!({"agent_response": words, "event_id": event});
    says(talk, json!({"type": "agent_response", "agent_response_event": event}));
}

fn transcript(talk: &mut Talk, event: u64, words: &str) {
    let event = json!({"user_transcript": words, "event_id": event});
    says(talk, json!({"type": "user_transcript", "user_transcription_event": event}));
}

fn interruption(talk: &mut Talk, event: u64) {
    says(talk, json!({"type": "interruption", "interruption_event": {"event_id": event}}));
}

fn complete(talk: &mut Talk, event: u64) {
    says(talk, json!({"type": "agent_response_complete", "agent_response_complete_event": {"event_id": event}}));
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

/// Milliseconds that were given to the speaker, at the codec's 48 kHz.
fn played_ms(outputs: &Outputs) -> u64 {
    let frames = |o: &Output| if let Output::Play { pcm, .. } = o { pcm.0.len() as u64 } else { 0 };
    outputs.0.iter().map(frames).sum::<u64>() / 48
}

/// Role and words of every message.
fn said(talk: &Talk) -> Vec<(String, String)> {
    let of = |m: &duologue::message::Message| (format!("{:?}", m.role).to_lowercase(), m.text());
    talk.session.messages().iter().map(of).collect()
}

fn pair(who: &str, what: &str) -> (String, String) {
    (who.to_owned(), what.to_owned())
}
