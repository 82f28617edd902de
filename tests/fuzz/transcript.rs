//! A document with a conversation, from anywhere: read or refused with its place, written as it was read, taken over
//! and exported again.

use super::common::{Talk, canary};
use duologue::{session::Command, transcript::Transcript};
use serde_json::{Map, Value, json};

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let transcript = match Transcript::from_json(&text) {
        Ok(transcript) => transcript,
        Err(error) => {
            assert!(!error.message.is_empty() && error.message.len() < 4096, "{error:?}");
            if serde_json::from_str::<Map<String, Value>>(&text).is_ok() {
                assert!(error.field.is_some() || text.contains("\"\""), "no place: {error:?}");
            }
            return;
        }
    };
    let again = Transcript::from_json(&transcript.to_json());
    assert_eq!(again.as_ref(), Ok(&transcript), "it is written as it is read");
    if text.contains(canary::MARK) {
        return;
    }
    let count = transcript.messages.len();
    let mut talk = Talk::new(json!({"auto_capture": false, "recovery": {}}));
    let op = talk.host(Command::ImportHistory { messages: transcript.into_messages() });
    let end = talk.take().completed(op).expect("an import is over at once");
    let here = talk.session.messages().len();
    assert_eq!(here, if end.is_none() { count } else { 0 }, "all of them or none: {end:?}");
    talk.connect();
    talk.pass(10_000);
    talk.host(Command::Disconnect);
    talk.closed(Some(1000), "", None);
    talk.pass(10_000);
    assert_eq!(talk.open_ops(), []);
    talk.finish();
}
