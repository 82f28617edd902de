//! Frames to events.

use super::{
    memory::Memory,
    names::SERVER_EVENTS,
    profile::{IGNORED, MAX_DURATION, PCM_RATE, Profile, SESSION_OVER},
    server_event::{AudioDelta, Flat, Head, WireError, WireItem, WirePart, WireResponse, WireTokens},
};
use crate::{
    event::Tokens,
    message::{ItemId, PartIndex, ResponseId, Role},
    provider::{
        DecodeError, Item, ItemKind, ItemPart, OutputBuffer, PartRef, ProviderError, ProviderEvent, ResponseDone,
        SessionInfo,
        wire::{Samples, check_depth, samples, whole_characters},
    },
};
use serde::Deserialize;
use std::collections::VecDeque;

const AUDIO_DELTA: &str = "response.output_audio.delta";

/// What a stream of frames leaves behind for the next one.
#[derive(Debug, Default)]
pub struct Stream {
    /// Half a sample that waits for its other half, and the part it belongs to.
    half: Option<(ItemId, PartIndex, u8)>,
    recent: Recent,
}

/// Ids of the newest events: the same event twice must not be heard twice.
#[derive(Debug, Default)]
struct Recent {
    /// Hash of the id, hash of the type and length of the frame.
    seen: VecDeque<(u64, u64, usize)>,
    /// The vendor gives different events the same id, so ids say nothing.
    useless: bool,
}

impl Recent {
    /// The event of this type with this id in a frame of this length was here before.
    fn repeats(&mut self, kind: &str, id: &str, length: usize) -> bool {
        const REMEMBERED: usize = 64;
        if id.is_empty() || self.useless {
            return false;
        }
        // FNV-1a.
        let hash = |text: &str| {
            text.bytes().fold(0xcbf2_9ce4_8422_2325, |h: u64, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
        };
        let (id, kind) = (hash(id), hash(kind));
        if let Some((_, type_before, length_before)) = self.seen.iter().find(|(before, ..)| *before == id) {
            self.useless = *type_before != kind || *length_before != length;
            return !self.useless;
        }
        if self.seen.len() >= REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back((id, kind, length));
        false
    }
}

/// What one frame says.
pub fn decode(
    text: &str,
    stream: &mut Stream,
    profile: &Profile,
    memory: &Memory,
) -> Result<ProviderEvent, DecodeError> {
    let how = (profile, memory);
    match decode_strictly(text, stream, how) {
        // JSON may name half of a character that needs two; a Rust string cannot hold it.
        Err(error) => match whole_characters(text) {
            Some(text) => decode_strictly(&text, stream, how),
            None => Err(error),
        },
        event => event,
    }
}

fn decode_strictly(text: &str, stream: &mut Stream, how: (&Profile, &Memory)) -> Result<ProviderEvent, DecodeError> {
    // Nine frames of ten are audio. The tag stands near the front; a wrong guess only costs a parse.
    let front = text.get(..text.len().min(256)).unwrap_or(text);
    if front.contains(AUDIO_DELTA)
        && let Ok(delta) = serde_json::from_str::<AudioDelta<'_>>(text)
        && delta.kind.0 == AUDIO_DELTA
    {
        return audio(delta, text.len(), stream);
    }
    check_depth(text)?;
    let head: Head<'_> = parse(text).map_err(|e| DecodeError::Json(e.to_string()))?;
    let kind = head.kind.0;
    if kind == AUDIO_DELTA {
        let delta = parse::<AudioDelta<'_>>(text).map_err(|e| shape(&kind, &e))?;
        return audio(delta, text.len(), stream);
    }
    typed(&kind, text, stream, how)
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text)
}

fn shape(event: &str, e: &serde_json::Error) -> DecodeError {
    DecodeError::Shape { event: event.to_owned(), reason: e.to_string() }
}

fn missing(event: &str, field: &str) -> DecodeError {
    DecodeError::Shape { event: event.to_owned(), reason: format!("{field} is missing") }
}

fn audio(delta: AudioDelta<'_>, length: usize, stream: &mut Stream) -> Result<ProviderEvent, DecodeError> {
    let base64 = delta.delta.0.as_bytes();
    let at = PartRef {
        response: delta.response_id.0.as_ref().into(),
        item: delta.item_id.0.as_ref().into(),
        part: delta.content_index.unwrap_or(0),
    };
    if at.item.as_str().is_empty() {
        return Err(missing(AUDIO_DELTA, "item_id"));
    }
    if stream.recent.repeats(AUDIO_DELTA, &delta.event_id.0, length) {
        return Ok(ProviderEvent::Repeated);
    }
    let half = &mut stream.half;
    let pending = match half.take() {
        Some((item, part, byte)) if item == at.item && part == at.part => Some(byte),
        _ => None,
    };
    let Samples { pcm, odd, half: rest } = samples(base64, pending)?;
    *half = rest.map(|byte| (at.item.clone(), at.part, byte));
    Ok(ProviderEvent::Audio { at, pcm, odd })
}

fn typed(
    kind: &str,
    text: &str,
    stream: &mut Stream,
    (profile, memory): (&Profile, &Memory),
) -> Result<ProviderEvent, DecodeError> {
    use ProviderEvent as E;
    let grok = profile.grok;
    // Where the conversation is announced and the session not, that is the greeting (xAI reference §2).
    if grok && kind == "conversation.created" && !memory.greeted {
        return Ok(E::SessionCreated(Box::default()));
    }
    if !(HANDLED.contains(&kind) || grok && kind == SNAPSHOT) {
        let known = SERVER_EVENTS.contains(&kind) || grok && IGNORED.contains(&kind);
        return Ok(E::Other { name: kind.to_owned(), known });
    }
    let mut w: Flat<'_> = parse(text).map_err(|e| shape(kind, &e))?;
    if stream.recent.repeats(kind, &w.event_id.0, text.len()) {
        return Ok(E::Repeated);
    }
    let at = |w: &Flat<'_>| PartRef {
        response: w.response_id.0.as_ref().into(),
        item: w.item_id.0.as_ref().into(),
        part: w.content_index.unwrap_or(0),
    };
    let previous = Some(w.previous_item_id.0.as_ref()).filter(|p| !p.is_empty()).map(ItemId::from);
    let item_id = ItemId::from(w.item_id.0.as_ref());
    let needs_item = kind.starts_with("input_audio_buffer.") && kind != "input_audio_buffer.cleared"
        || kind.starts_with("conversation.item.input_audio")
        || kind.starts_with("response.output_text")
        || kind.starts_with("response.output_audio")
        || kind.starts_with("response.content_part")
        || kind.starts_with("response.function_call")
        || kind == "conversation.item.truncated"
        || kind == "conversation.item.deleted" && !grok;
    if needs_item && item_id.as_str().is_empty() {
        return Err(missing(kind, "item_id"));
    }
    Ok(match kind {
        "error" => match w.error {
            Some(told) => E::Error(error(told)),
            None if !w.message.0.is_empty() => {
                let (code, message) = (w.code.owned(), w.message.owned());
                E::Error(ProviderError { code, message, ..ProviderError::default() })
            }
            None => return Err(missing(kind, "error")),
        },
        "session.created" => E::SessionCreated(Box::new(session(w.session, profile))),
        "session.updated" => E::SessionUpdated(Box::new(session(w.session, profile))),
        "input_audio_buffer.speech_started" => {
            E::SpeechStarted { item: item_id, audio_ms: w.audio_start_ms.unwrap_or(0) }
        }
        "input_audio_buffer.speech_stopped" => {
            E::SpeechStopped { item: item_id, audio_ms: w.audio_end_ms.unwrap_or(0) }
        }
        "input_audio_buffer.committed" => E::InputCommitted { item: item_id, previous },
        "input_audio_buffer.cleared" => E::InputCleared,
        "input_audio_buffer.timeout_triggered" => E::IdleTimeout { item: item_id },
        "conversation.item.added" | "conversation.item.created" => {
            E::ItemAdded { item: required_item(kind, w.item)?, previous }
        }
        "conversation.item.done" => E::ItemDone { item: required_item(kind, w.item)?, previous },
        "conversation.item.deleted" => E::ItemDeleted { item: item_id },
        "conversation.item.truncated" => E::ItemTruncated { item: item_id, audio_end_ms: w.audio_end_ms.unwrap_or(0) },
        "conversation.item.input_audio_transcription.delta" => E::UserTranscriptDelta {
            item: item_id,
            part: w.content_index.unwrap_or(0),
            delta: std::mem::take(&mut w.delta).owned(),
        },
        SNAPSHOT | "conversation.item.input_audio_transcription.completed" if grok => E::UserTranscriptSoFar {
            item: item_id,
            part: w.content_index.unwrap_or(0),
            transcript: std::mem::take(&mut w.transcript).owned(),
        },
        "conversation.item.input_audio_transcription.completed" => E::UserTranscriptDone {
            item: item_id,
            part: w.content_index.unwrap_or(0),
            transcript: std::mem::take(&mut w.transcript).owned(),
        },
        "conversation.item.input_audio_transcription.failed" => {
            E::UserTranscriptFailed { item: item_id, error: w.error.map(error).unwrap_or_default() }
        }
        "response.created" => {
            let response = w.response.unwrap_or_default();
            let request = response.metadata.as_ref().and_then(|m| m["client_event_id"].as_str()).map(str::to_owned);
            let detached = response.conversation_id.as_ref().is_some_and(serde_json::Value::is_null);
            E::ResponseCreated { response: response_id(kind, &response)?, request, detached }
        }
        "response.output_item.added" => {
            E::OutputItemAdded { response: at(&w).response, item: required_item(kind, w.item)? }
        }
        "response.output_item.done" => {
            E::OutputItemDone { response: at(&w).response, item: required_item(kind, w.item)? }
        }
        "response.content_part.added" => {
            let audio = w.part.as_ref().is_some_and(is_audio);
            E::PartAdded { at: at(&w), audio }
        }
        "response.output_text.delta" => {
            E::AgentDelta { at: at(&w), audio: false, delta: std::mem::take(&mut w.delta).owned() }
        }
        "response.output_text.done" => {
            E::AgentDone { at: at(&w), audio: false, text: std::mem::take(&mut w.text).owned() }
        }
        "response.output_audio_transcript.delta" => {
            E::AgentDelta { at: at(&w), audio: true, delta: std::mem::take(&mut w.delta).owned() }
        }
        "response.output_audio_transcript.done" => {
            E::AgentDone { at: at(&w), audio: true, text: std::mem::take(&mut w.transcript).owned() }
        }
        "output_audio_buffer.started" => E::OutputBuffer { response: at(&w).response, state: OutputBuffer::Started },
        "output_audio_buffer.stopped" => E::OutputBuffer { response: at(&w).response, state: OutputBuffer::Stopped },
        "output_audio_buffer.cleared" => E::OutputBuffer { response: at(&w).response, state: OutputBuffer::Cleared },
        "response.output_audio.done" => E::AudioDone { at: at(&w) },
        "response.function_call_arguments.delta" => {
            E::ArgumentsDelta { item: item_id, delta: std::mem::take(&mut w.delta).owned() }
        }
        "response.done" => {
            let mut response = w.response.unwrap_or_default();
            // Where it stands beside the response, the one in it is empty.
            response.usage = w.usage.or(response.usage);
            E::ResponseDone(Box::new(done(kind, response)?))
        }
        other => E::Other { name: other.to_owned(), known: true },
    })
}

/// The words of a turn so far (xAI reference §5).
const SNAPSHOT: &str = "conversation.item.input_audio_transcription.updated";

/// Events [`typed`] turns into something. The rest is not even parsed.
pub const HANDLED: [&str; 30] = [
    "error",
    "session.created",
    "session.updated",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "input_audio_buffer.cleared",
    "input_audio_buffer.timeout_triggered",
    "conversation.item.added",
    "conversation.item.created",
    "conversation.item.done",
    "conversation.item.deleted",
    "conversation.item.truncated",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.completed",
    "conversation.item.input_audio_transcription.failed",
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done",
    "output_audio_buffer.started",
    "output_audio_buffer.stopped",
    "output_audio_buffer.cleared",
    "response.output_audio.done",
    "response.function_call_arguments.delta",
    "response.done",
];

/// The effective session decides, not the one asked for (reference §2.3).
fn session(session: Option<serde_json::Value>, profile: &Profile) -> SessionInfo {
    let session = session.unwrap_or_default();
    let place = if profile.grok { "/turn_detection" } else { "/audio/input/turn_detection" };
    let detection = session.pointer(place).unwrap_or(&serde_json::Value::Null);
    let foreign = |side: &str| {
        let format = &session["audio"][side]["format"];
        let pcm = format["type"].as_str().is_none_or(|t| t == "audio/pcm");
        let rate = format["rate"].as_u64().is_none_or(|r| r == u64::from(PCM_RATE));
        (!pcm || !rate).then(|| format.to_string())
    };
    SessionInfo {
        foreign_audio: foreign("input").or_else(|| foreign("output")),
        // xAI may drop its answer without a word: it is cancelled in any case (its reference §8).
        interrupts: !profile.grok && detection["interrupt_response"].as_bool().unwrap_or(false),
        // Without detection nothing ends a turn, so nothing is answered.
        other_model: None,
        answers: match session.pointer(place) {
            _ if profile.grok && detection.is_object() => Some(true),
            Some(serde_json::Value::Null) => Some(false),
            _ => detection["create_response"].as_bool(),
        },
        silence_duration_ms: detection["silence_duration_ms"].as_u64(),
        // Some answers say 0, which is no time at all (reference §2.1).
        expires_at: session["expires_at"].as_u64().filter(|at| *at > 0),
        session,
    }
}

fn response_id(kind: &str, response: &WireResponse) -> Result<ResponseId, DecodeError> {
    response.id.as_deref().filter(|id| !id.is_empty()).map(ResponseId::from).ok_or_else(|| missing(kind, "response.id"))
}

fn done(kind: &str, response: WireResponse) -> Result<ResponseDone, DecodeError> {
    let id = response_id(kind, &response)?;
    let details = response.status_details.unwrap_or_default();
    let items = response.output.unwrap_or_default().into_iter().filter_map(item).collect();
    // Of the whole conversation; what is new of it is found by whoever remembers the last one.
    let billed_s = response.usage.as_ref().and_then(|u| u.billable_audio_seconds);
    let billed_ms = billed_s.filter(|s| (0.0..=1e9).contains(s)).map(|s| (s * 1000.0).round() as u64);
    let usage = response.usage.map(|u| {
        let side = |total: Option<u64>, d: Option<WireTokens>| {
            let d = d.unwrap_or_default();
            Tokens {
                total: total.unwrap_or(0),
                text: d.text_tokens.unwrap_or(0),
                audio: d.audio_tokens.unwrap_or(0),
                image: d.image_tokens.unwrap_or(0),
                cached: d.cached_tokens.unwrap_or(0),
            }
        };
        (side(u.input_tokens, u.input_token_details), side(u.output_tokens, u.output_token_details))
    });
    Ok(ResponseDone {
        response: id,
        status: response.status.unwrap_or_default(),
        reason: details.reason,
        error: details.error.map(error),
        usage,
        billed_ms,
        items,
        inferred: false,
    })
}

fn error(e: WireError) -> ProviderError {
    let kind = e.kind.unwrap_or_default();
    // One word for the same end, whoever says it.
    let code = if kind == MAX_DURATION { Some(SESSION_OVER.to_owned()) } else { e.code };
    ProviderError {
        kind,
        code: code.unwrap_or_default(),
        message: e.message.unwrap_or_default(),
        param: e.param,
        event_id: e.event_id,
    }
}

fn is_audio(part: &WirePart) -> bool {
    // `audio` in response parts, `output_audio` and `input_audio` in items.
    part.kind.as_deref().is_some_and(|k| k.ends_with("audio"))
}

fn required_item(kind: &str, wire: Option<WireItem>) -> Result<Item, DecodeError> {
    wire.and_then(item).ok_or_else(|| missing(kind, "item.id"))
}

fn item(wire: WireItem) -> Option<Item> {
    let id = wire.id.filter(|id| !id.is_empty())?;
    let kind = match wire.kind.as_deref() {
        Some("message") => {
            let role = match wire.role.as_deref() {
                Some("user") => Role::User,
                Some("system") => Role::System,
                _ => Role::Assistant,
            };
            let parts = wire.content.unwrap_or_default().into_iter().map(|p| {
                let audio = is_audio(&p);
                ItemPart { audio, text: p.transcript.or(p.text).unwrap_or_default() }
            });
            ItemKind::Message { role, parts: parts.collect() }
        }
        Some("function_call") => ItemKind::FunctionCall {
            call: wire.call_id.unwrap_or_default().into(),
            name: wire.name.unwrap_or_default(),
            arguments: wire.arguments.unwrap_or_default(),
        },
        Some("function_call_output") => {
            let output = match wire.output {
                Some(serde_json::Value::String(text)) => text,
                Some(other) => other.to_string(),
                None => String::new(),
            };
            ItemKind::FunctionOutput { call: wire.call_id.unwrap_or_default().into(), output }
        }
        other => ItemKind::Other(other.unwrap_or_default().to_owned()),
    };
    Some(Item { id: id.into(), kind, status: wire.status.unwrap_or_default() })
}
