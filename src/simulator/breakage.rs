//! Frames that are not what they should be.

use super::scenario::Broken;
use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

const DEEP: usize = 10_000;
/// What no client can know.
const NEW: &str = "brand_new";
/// Where messages of Gemini Live and of ElevenLabs have their audio.
const AUDIO: [&str; 2] = ["/serverContent/modelTurn/parts/0/inlineData/data", "/audio_event/audio_base_64"];

/// The frame that a kind of breakage sends before `event`; `None` for those that harm the event itself.
pub(super) fn extra(how: Broken, event: &Value) -> Option<Message> {
    let text = || event.to_string();
    Some(match how {
        Broken::TruncatedJson => {
            let mut text = text();
            let mut half = text.len() / 2;
            while !text.is_char_boundary(half) {
                half += 1;
            }
            text.truncate(half);
            Message::text(text)
        }
        // Written as text: building it would need the depth that it tests.
        Broken::DeepJson => Message::text(format!(
            "{{\"deep\":{}{},{}",
            "[".repeat(DEEP),
            "]".repeat(DEEP),
            text().strip_prefix('{').unwrap_or("}")
        )),
        Broken::InvalidUtf8 => {
            let mut bytes = text().into_bytes();
            // Inside the last text of the object.
            let at = bytes.len().saturating_sub(2);
            bytes.splice(at..at, [0xff, 0xfe]);
            Message::Frame(Frame::message(bytes, OpCode::Data(Data::Text), true))
        }
        Broken::UnknownEvent => {
            let id = &event["event_id"];
            let event = json!({"type": "duologue.brand_new", "event_id": id, "value": {"list": [1, null, "x"]}});
            Message::text(event.to_string())
        }
        Broken::NullFields => {
            let fields = event.as_object().cloned().unwrap_or_default();
            let null = |(name, value): (String, Value)| match name.as_str() {
                "type" => (name, value),
                _ => (name, Value::Null),
            };
            Message::text(Value::Object(fields.into_iter().map(null).collect::<Map<_, _>>()).to_string())
        }
        Broken::BadBase64 => {
            let mut event = event.clone();
            if let Some(audio) = audio_of(&mut event) {
                *audio = json!("this is *not* base64");
            }
            Message::text(event.to_string())
        }
        Broken::NewValues | Broken::OddAudio => return None,
    })
}

/// Harms an event; true when its audio has to end inside a sample.
pub(super) fn harm(how: Broken, event: &mut Value) -> bool {
    if how == Broken::NewValues {
        renew(event);
    }
    how == Broken::OddAudio
}

fn renew(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(renew);
            if let Some(status) = fields.get_mut("status").filter(|status| status.is_string()) {
                *status = json!(NEW);
            }
            fields.insert(NEW.to_owned(), json!({"a": [1, null]}));
        }
        Value::Array(list) => list.iter_mut().for_each(renew),
        _ => {}
    }
}

/// True for events that carry audio.
pub(super) fn is_audio(event: &Value) -> bool {
    event["type"] == "response.output_audio.delta" || place_of(event).is_some()
}

fn place_of(event: &Value) -> Option<&'static str> {
    AUDIO.into_iter().find(|place| event.pointer(place).is_some())
}

/// The base64 of an event that carries audio.
fn audio_of(event: &mut Value) -> Option<&mut Value> {
    match place_of(event) {
        Some(place) => event.pointer_mut(place),
        None => event.get_mut("delta"),
    }
}

/// Puts the half sample that is left over before the audio of `event`, and with `cut` takes the last half off.
pub(super) fn shift_audio(event: &mut Value, half: &mut Option<u8>, cut: bool) {
    // Of ElevenLabs no event says that the audio is over, but the next reply has another number.
    let over = ["response.output_audio.done", "interruption", "user_transcript", "agent_response_complete"];
    if over.iter().any(|kind| event["type"] == *kind) || event.pointer("/serverContent/turnComplete").is_some() {
        *half = None;
    }
    if !is_audio(event) {
        return;
    }
    let Some(audio) = audio_of(event) else { return };
    let delta = audio.as_str().unwrap_or_default();
    let mut bytes: Vec<u8> = half.take().into_iter().collect();
    bytes.extend(base64_simd::STANDARD.decode_to_vec(delta.as_bytes()).unwrap_or_default());
    if cut {
        *half = bytes.pop();
    }
    *audio = json!(base64_simd::STANDARD.encode_to_string(bytes));
}

/// An event of `bytes` bytes that nobody knows.
pub(super) fn giant(bytes: usize) -> Message {
    let (head, tail) = ("{\"type\":\"duologue.giant\",\"padding\":\"", "\"}");
    let padding = bytes.saturating_sub(head.len() + tail.len());
    let mut text = String::with_capacity(bytes.max(head.len() + tail.len()));
    text.push_str(head);
    text.extend(std::iter::repeat_n('x', padding));
    text.push_str(tail);
    Message::text(text)
}
