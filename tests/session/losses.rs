//! Conversations whose connection is lost: what several rooms of these tests begin with.

use crate::common::{Outputs, Talk};
use serde_json::{Value, json};

/// Connected for so long that the first try comes at once.
pub fn talk() -> Talk {
    with(json!({"auto_capture": false}))
}

/// The same with this configuration; no note is told, so that all that is told was said.
pub fn with(mut config: Value) -> Talk {
    if config["recovery"].is_null() {
        config["recovery"] = json!({});
    }
    config["recovery"]["context_note"] = Value::Null;
    if config["tools"].is_null() {
        config["tools"] = json!([{"name": "clock", "parameters": {"type": "object"}}]);
    }
    let mut talk = Talk::connected(config);
    talk.pass(20_000);
    talk.take();
    talk
}

/// The network takes the connection away.
pub fn cut(talk: &mut Talk) {
    talk.closed(None, "", None);
}

/// Items the present connection was told, without their order's links.
pub fn told(out: &Outputs) -> Vec<Value> {
    let frames = out.frames();
    let items = frames.iter().filter(|f| f["type"] == "conversation.item.create");
    items.map(|f| f["item"].clone()).collect()
}

/// A spoken question whose words are known.
pub fn asked(talk: &mut Talk, item: &str, question: &str) {
    talk.user_speaks(item, 0);
    talk.user_is_silent(item, None, 900);
    words(talk, item, question);
}

/// The words of a spoken question are known.
pub fn words(talk: &mut Talk, item: &str, question: &str) {
    talk.server(
        "conversation.item.input_audio_transcription.completed",
        json!({"item_id": item, "content_index": 0, "transcript": question}),
    );
}

/// Up to the replay of the conversation, which is not confirmed.
pub fn replaying(talk: &mut Talk) {
    talk.opened();
    talk.server("session.created", json!({"session": {"type": "realtime", "id": "sess_2"}}));
    let wish = talk.wish();
    talk.server("session.updated", json!({"session": wish}));
}

/// As the host is told it.
pub fn status(talk: &Talk) -> Value {
    serde_json::to_value(talk.session.status()).unwrap()
}
