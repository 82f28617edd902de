//! The translation of events: every kind, every family, what C reads.

use super::{
    event::{duologue_event, duologue_text},
    event_enums::duologue_event_kind,
    handle::Registry,
    view::Viewed,
};
use crate::{
    error::{Error, ErrorClass},
    event::*,
    message::{CallId, CallRef, Message, MessageState, Part, Role, ToolCallState},
};
use std::{ffi::CStr, ptr, sync::Arc};

fn event(kind: EventKind) -> Arc<Event> {
    let (response, item) = (Some("resp".into()), Some("item".into()));
    Arc::new(Event { seq: 7, time_ms: 9, epoch: 2, turn: Some(3), response, item, inferred: true, labels: None, kind })
}

fn text(text: &duologue_text) -> Option<&str> {
    (!text.data.is_null()).then(|| {
        // SAFETY: texts of an event are NUL-terminated and live as long as it.
        let c = unsafe { CStr::from_ptr(text.data) };
        assert_eq!(c.count_bytes(), text.length);
        c.to_str().unwrap()
    })
}

fn failure() -> Error {
    Error::new(ErrorClass::Quota, "rate_limited", "too fast").fix("wait").retryable().fatal()
}

/// One event of every kind.
fn every_kind() -> Vec<EventKind> {
    let call = CallRef { epoch: 2, id: CallId::from("call") };
    let end = || ResponseEnd { status: "cancelled".into(), reason: Some("turn_detected".into()) };
    let tool_end = || ToolEnd { call: call.clone(), name: "clock".into() };
    let session = || SessionConfigured { effective: Arc::new(serde_json::json!({"a": 1})), differences: Vec::new() };
    let speech = Speech { who: Role::User, source: SpeechSource::Local, audio_ms: 5 };
    let tokens = Tokens { total: 1, text: 2, audio: 3, image: 4, cached: 5 };
    let (input, output, scope) = (tokens, tokens, UsageScope::Session);
    vec![
        EventKind::Status(Status::Error { error: failure() }),
        EventKind::Mode(ModeChange { mode: Mode::Speaking, user_speaking: true, agent: Agent::Speaking }),
        EventKind::SpeechStarted(speech),
        EventKind::SpeechStopped(speech),
        EventKind::PlaybackStarted(PlaybackStarted { part: 4 }),
        EventKind::PlaybackFinished(PlaybackFinished { part: 4, heard_ms: 6, complete: true, estimated: true }),
        EventKind::GenerationDone(end()),
        EventKind::TurnDone(end()),
        EventKind::Interrupted(Interrupted {
            heard_ms: 6,
            source: InterruptSource::Server,
            server_truncated: true,
            estimated: true,
        }),
        EventKind::Message(MessageChange {
            op: MessageOp::Updated,
            after: None,
            message: Arc::new(message()),
            changed: vec![1, 3],
        }),
        EventKind::Transcript(Transcript {
            role: Role::Assistant,
            part: 4,
            mode: TranscriptMode::Correction,
            text: "wörds".into(),
            stage: TranscriptStage::Heard,
            estimated: true,
            error_words: Some(2),
        }),
        EventKind::Audio(AudioOut { part: 4, rate: 24_000, pcm: Pcm(Arc::new(vec![1, -2, 3])) }),
        EventKind::AudioLevel(AudioLevel { direction: Direction::Output, rms: 0.25, peak: 0.5 }),
        EventKind::ToolCall(ToolCall { call: call.clone(), name: "clock".into(), arguments: "{}".into() }),
        EventKind::ToolCancelled(tool_end()),
        EventKind::ToolTimeout(tool_end()),
        EventKind::CredentialNeeded(CredentialNeeded { request_id: 8, reason: "expired".into(), deadline_ms: 11 }),
        EventKind::Completed(Completed { op: OpId(12), error: Some(failure()), round_trip_us: Some(15) }),
        EventKind::SessionConfigured(session()),
        EventKind::CapabilityChanged(session()),
        EventKind::SessionReplaced(SessionReplaced { why: "rollover".into(), context: "full".into(), gap_ms: 13 }),
        EventKind::TransportChanged(TransportChanged { from: "a".into(), to: "b".into(), why: "c".into() }),
        EventKind::Usage(Usage { scope, cumulative: true, input, output, cost: Some(0.5), billed_ms: Some(7) }),
        EventKind::Latency(Latency { endpointing_ms: 1, service_ms: 2, buffer_ms: 3, total_ms: 6 }),
        EventKind::Device(DeviceChange { change: "lost".into(), device: "mic".into(), half_duplex: true }),
        EventKind::Warning(failure()),
        EventKind::Error(failure()),
        EventKind::Raw(Raw { direction: Direction::Input, json: "{}".into() }),
        EventKind::Lagged(Lagged { levels: 1, raw: 2, figures: 3, merged: 4, audio: 5 }),
    ]
}

fn message() -> Message {
    let parts = vec![
        Part::Audio {
            transcript: "all of it".into(),
            heard_transcript: Some("all".into()),
            duration_ms: 20,
            heard_ms: 10,
        },
        Part::ToolCall {
            id: "call".into(),
            name: "clock".into(),
            arguments: "{}".into(),
            input: None,
            output: None,
            state: ToolCallState::Failed,
        },
    ];
    let (role, state) = (Role::Assistant, MessageState::Incomplete);
    Message { id: "item".into(), role, parts, state, interrupted: true, revision: 2, created_ms: 14 }
}

/// The family pointers of an event with the envelope each one points back to.
fn families(e: &duologue_event) -> Vec<(&'static str, *const duologue_event)> {
    let mut set = Vec::new();
    macro_rules! look {
        ($($field:ident),*) => {$(
            // SAFETY: a family pointer is NULL or points into the event.
            if let Some(family) = unsafe { e.$field.as_ref() } {
                set.push((stringify!($field), family.envelope));
            }
        )*};
    }
    look!(
        status,
        mode,
        speech,
        playback,
        response_end,
        interrupted,
        message,
        transcript,
        audio,
        audio_level,
        tool_call,
        tool_end,
        credential_needed,
        completed,
        session,
        session_replaced,
        transport_changed,
        usage,
        latency,
        device,
        error,
        raw,
        lagged
    );
    set
}

#[test]
fn every_kind_has_its_number_and_exactly_one_family() {
    let kinds = every_kind();
    assert_eq!(kinds.len(), duologue_event_kind::DUOLOGUE_EVENT_LAGGED as usize + 1);
    let mut families_seen = std::collections::HashSet::new();
    for (number, kind) in kinds.into_iter().enumerate() {
        assert_eq!(kind.index(), number, "masks have the same bits in Rust and C");
        let source = event(kind);
        let view = Viewed::new(&source);
        // SAFETY: the view is alive.
        let e = unsafe { &*view.event() };
        assert_eq!(e.kind as usize, number);
        assert_eq!((e.seq, e.time_ms, e.turn, e.epoch, e.inferred), (7, 9, 3, 2, 1));
        assert_eq!((text(&e.response), text(&e.item)), (Some("resp"), Some("item")));
        let set = families(e);
        assert_eq!(set.len(), 1, "{}: {set:?}", source.kind.name());
        assert_eq!(set[0].1, view.event(), "{} leads back to its envelope", source.kind.name());
        families_seen.insert(set[0].0);
        // SAFETY: the view is alive.
        assert_eq!(unsafe { Viewed::source(view.event()) }, source);
    }
    assert_eq!(families_seen.len(), 23, "every family was seen");
}

#[test]
fn labels_stand_in_the_envelope_of_every_kind() {
    let pairs = [("room", "Küche"), ("tenant", "")];
    let labels: Arc<Labels> = Arc::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    for kind in every_kind() {
        let source = Arc::new(Event { labels: Some(labels.clone()), ..Arc::unwrap_or_clone(event(kind)) });
        let view = Viewed::new(&source);
        // SAFETY: the view is alive, and so is all it points to.
        let seen: Vec<_> = unsafe {
            let e = &*view.event();
            std::slice::from_raw_parts(e.labels, e.label_count).iter().map(|label| &**label).collect()
        };
        let texts: Vec<_> = seen.iter().map(|label| (text(&label.key).unwrap(), text(&label.value).unwrap())).collect();
        assert_eq!(texts, pairs);
        assert!(seen.iter().all(|label| label.struct_size as usize == size_of_val(*label) && label.reserved == 0));
    }
    let view = Viewed::new(&event(every_kind().remove(0)));
    // SAFETY: the view is alive.
    let e = unsafe { &*view.event() };
    assert_eq!((e.labels.is_null(), e.label_count), (true, 0));
}

#[test]
fn a_message_has_its_parts_with_their_places() {
    let change = MessageChange {
        op: MessageOp::Updated,
        after: Some("before".into()),
        message: Arc::new(message()),
        changed: vec![1, 3],
    };
    let source = event(EventKind::Message(change));
    let view = Viewed::new(&source);
    // SAFETY: the view is alive, and so is all it points to.
    let (m, parts) = unsafe {
        let m = &*(*view.event()).message;
        (m, std::slice::from_raw_parts(m.parts, m.part_count).iter().map(|p| &**p).collect::<Vec<_>>())
    };
    assert_eq!((text(&m.id), text(&m.after), m.revision, m.created_ms), (Some("item"), Some("before"), 2, 14));
    assert_eq!(parts.iter().map(|p| p.index).collect::<Vec<_>>(), [1, 3]);
    assert_eq!((text(&parts[0].text), text(&parts[0].heard_text)), (Some("all of it"), Some("all")));
    assert_eq!((text(&parts[1].name), text(&parts[1].output)), (Some("clock"), None));
}

#[test]
fn an_error_is_whole_wherever_it_stands() {
    for kind in [EventKind::Status(Status::Error { error: failure() }), EventKind::Error(failure())] {
        let source = event(kind);
        let view = Viewed::new(&source);
        // SAFETY: the view is alive; one of the two is set.
        let e = unsafe {
            let e = &*view.event();
            if e.error.is_null() { &*(*e.status).error } else { &*e.error }
        };
        assert_eq!((e.result as i32, e.fatal, e.retryable), (-45, 1, 1));
        let texts = [text(&e.code), text(&e.message), text(&e.field), text(&e.fix)];
        assert_eq!(texts, [Some("rate_limited"), Some("too fast"), None, Some("wait")]);
    }
}

#[test]
fn audio_is_not_copied() {
    let pcm = Arc::new(vec![1, -2, 3]);
    let source = event(EventKind::Audio(AudioOut { part: 0, rate: 24_000, pcm: Pcm(pcm.clone()) }));
    let view = Viewed::new(&source);
    // SAFETY: the view is alive.
    let audio = unsafe { &*(*view.event()).audio };
    assert_eq!((audio.samples, audio.frame_count, audio.rate), (pcm.as_ptr(), 3, 24_000));
}

#[test]
fn text_with_a_nul_keeps_its_length() {
    let json = "{\"a\":\"\0\"}";
    let source = event(EventKind::Raw(Raw { direction: Direction::Output, json: json.into() }));
    let view = Viewed::new(&source);
    // SAFETY: the view is alive, and its text has that many bytes and one more.
    unsafe {
        let raw = &(*(*view.event()).raw).json;
        assert_eq!(std::slice::from_raw_parts(raw.data.cast::<u8>(), raw.length), json.as_bytes());
        assert_eq!(*raw.data.add(raw.length), 0);
    }
}

#[test]
fn a_handle_ends_once_and_never_comes_back() {
    let registry = Registry::new("thing");
    let first: *mut u8 = registry.insert(Arc::new(1));
    let second: *mut u8 = registry.insert(Arc::new(2));
    assert_ne!(first, second);
    assert_eq!((*registry.get(first).unwrap(), registry.len()), (1, 2));
    assert_eq!(registry.remove(first).as_deref(), Some(&1));
    assert!(registry.remove(first).is_none());
    assert_eq!(registry.get(first).unwrap_err().code, "invalid_handle");
    assert_eq!(registry.get::<u8>(ptr::null()).unwrap_err().code, "null_argument");
    assert_eq!(registry.try_get(second).unwrap().as_deref(), Ok(&2));
}

#[test]
fn a_handle_of_another_type_is_refused() {
    let (numbers, words) = (Registry::new("number"), Registry::new("word"));
    let number: *mut u8 = numbers.insert(Arc::new(1));
    let _: *mut u8 = words.insert(Arc::new("one"));
    assert_eq!(words.get(number).unwrap_err().field.as_deref(), Some("word"));
}

#[test]
fn an_audio_thread_does_not_wait() {
    let registry = Registry::new("thing");
    let handle: *mut u8 = registry.insert(Arc::new(1));
    let writing = registry.living.write();
    assert!(registry.try_get(handle).is_none());
    drop(writing);
    assert!(registry.try_get(handle).is_some());
}
