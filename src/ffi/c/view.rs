//! An event of the engine as C structs.

use super::{
    arena::{Arena, NO_TEXT, size},
    event::{duologue_event, duologue_label},
    event_enums::*,
    view_conversation as conversation, view_service as service,
};
use crate::event::{Event, EventKind, Labels};
use std::{ptr, sync::Arc};

/// The C form of an event. A pointer to it is a pointer to its `event`, which comes first.
#[repr(C)]
pub(super) struct View {
    event: duologue_event,
    source: Arc<Event>,
    arena: Arena,
}

/// Owns a [`View`] in place.
pub(super) struct Viewed(*mut View);

// SAFETY: a view is plain data that nobody else has while this owns it.
unsafe impl Send for Viewed {}

impl Viewed {
    /// Translates an event.
    pub fn new(source: &Arc<Event>) -> Self {
        let (event, arena) = (envelope(source.kind_number()), Arena::default());
        let view = Box::into_raw(Box::new(View { event, source: source.clone(), arena }));
        let viewed = Self(view);
        // SAFETY: made above; nothing else refers to it yet.
        let View { event, arena, .. } = unsafe { &mut *view };
        fill_envelope(event, source, arena);
        let at = view.cast::<duologue_event>().cast_const();
        fill(event, at, &source.kind, arena);
        viewed
    }

    /// For a callback.
    pub fn event(&self) -> *const duologue_event {
        self.0.cast()
    }

    /// Gives it to the host, who gives it back to [`Self::take_back`].
    pub fn give(self) -> *mut duologue_event {
        let pointer = self.0.cast();
        std::mem::forget(self);
        pointer
    }

    /// # Safety
    /// `event` came from [`Self::give`] and was not taken back.
    pub unsafe fn take_back(event: *mut duologue_event) -> Self {
        Self(event.cast())
    }

    /// The engine's event behind a C event.
    ///
    /// # Safety
    /// `event` is one that duologue gave and that is still alive.
    pub unsafe fn source(event: *const duologue_event) -> Arc<Event> {
        // SAFETY: it is the first field of a view.
        unsafe { (*event.cast::<View>()).source.clone() }
    }
}

impl Drop for Viewed {
    fn drop(&mut self) {
        // SAFETY: it came from Box::into_raw and is owned.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

trait KindNumber {
    fn kind_number(&self) -> duologue_event_kind;
}

impl KindNumber for Event {
    fn kind_number(&self) -> duologue_event_kind {
        use duologue_event_kind::*;
        match &self.kind {
            EventKind::Status(_) => DUOLOGUE_EVENT_STATUS,
            EventKind::Mode(_) => DUOLOGUE_EVENT_MODE,
            EventKind::SpeechStarted(_) => DUOLOGUE_EVENT_SPEECH_STARTED,
            EventKind::SpeechStopped(_) => DUOLOGUE_EVENT_SPEECH_STOPPED,
            EventKind::PlaybackStarted(_) => DUOLOGUE_EVENT_PLAYBACK_STARTED,
            EventKind::PlaybackFinished(_) => DUOLOGUE_EVENT_PLAYBACK_FINISHED,
            EventKind::GenerationDone(_) => DUOLOGUE_EVENT_GENERATION_DONE,
            EventKind::TurnDone(_) => DUOLOGUE_EVENT_TURN_DONE,
            EventKind::Interrupted(_) => DUOLOGUE_EVENT_INTERRUPTED,
            EventKind::Message(_) => DUOLOGUE_EVENT_MESSAGE,
            EventKind::Transcript(_) => DUOLOGUE_EVENT_TRANSCRIPT,
            EventKind::Audio(_) => DUOLOGUE_EVENT_AUDIO,
            EventKind::AudioLevel(_) => DUOLOGUE_EVENT_AUDIO_LEVEL,
            EventKind::ToolCall(_) => DUOLOGUE_EVENT_TOOL_CALL,
            EventKind::ToolCancelled(_) => DUOLOGUE_EVENT_TOOL_CANCELLED,
            EventKind::ToolTimeout(_) => DUOLOGUE_EVENT_TOOL_TIMEOUT,
            EventKind::CredentialNeeded(_) => DUOLOGUE_EVENT_CREDENTIAL_NEEDED,
            EventKind::Completed(_) => DUOLOGUE_EVENT_COMPLETED,
            EventKind::SessionConfigured(_) => DUOLOGUE_EVENT_SESSION_CONFIGURED,
            EventKind::CapabilityChanged(_) => DUOLOGUE_EVENT_CAPABILITY_CHANGED,
            EventKind::SessionReplaced(_) => DUOLOGUE_EVENT_SESSION_REPLACED,
            EventKind::TransportChanged(_) => DUOLOGUE_EVENT_TRANSPORT_CHANGED,
            EventKind::Usage(_) => DUOLOGUE_EVENT_USAGE,
            EventKind::Latency(_) => DUOLOGUE_EVENT_LATENCY,
            EventKind::Device(_) => DUOLOGUE_EVENT_DEVICE,
            EventKind::Warning(_) => DUOLOGUE_EVENT_WARNING,
            EventKind::Error(_) => DUOLOGUE_EVENT_ERROR,
            EventKind::Raw(_) => DUOLOGUE_EVENT_RAW,
            EventKind::Lagged(_) => DUOLOGUE_EVENT_LAGGED,
        }
    }
}

fn envelope(kind: duologue_event_kind) -> duologue_event {
    duologue_event {
        struct_size: size::<duologue_event>(),
        kind,
        seq: 0,
        time_ms: 0,
        turn: 0,
        epoch: 0,
        inferred: 0,
        response: NO_TEXT,
        item: NO_TEXT,
        status: ptr::null(),
        mode: ptr::null(),
        speech: ptr::null(),
        playback: ptr::null(),
        response_end: ptr::null(),
        interrupted: ptr::null(),
        message: ptr::null(),
        transcript: ptr::null(),
        audio: ptr::null(),
        audio_level: ptr::null(),
        tool_call: ptr::null(),
        tool_end: ptr::null(),
        credential_needed: ptr::null(),
        completed: ptr::null(),
        session: ptr::null(),
        session_replaced: ptr::null(),
        transport_changed: ptr::null(),
        usage: ptr::null(),
        latency: ptr::null(),
        device: ptr::null(),
        error: ptr::null(),
        raw: ptr::null(),
        lagged: ptr::null(),
        labels: ptr::null(),
        label_count: 0,
    }
}

fn fill_envelope(event: &mut duologue_event, source: &Event, arena: &mut Arena) {
    event.seq = source.seq;
    event.time_ms = source.time_ms;
    event.turn = source.turn.unwrap_or(0);
    event.epoch = source.epoch;
    event.inferred = source.inferred.into();
    event.response = arena.maybe(source.response.as_ref().map(|r| r.as_str()));
    event.item = arena.maybe(source.item.as_ref().map(|i| i.as_str()));
    if let Some(source) = &source.labels {
        event.labels = labels(source, arena);
        event.label_count = source.len();
    }
}

fn labels(source: &Labels, arena: &mut Arena) -> *const *const duologue_label {
    let label = |(key, value): (&String, &String)| duologue_label {
        struct_size: size::<duologue_label>(),
        reserved: 0,
        key: arena.text(key),
        value: arena.text(value),
    };
    // Elements of a vector stay where they are when the vector moves.
    let labels: Vec<duologue_label> = source.iter().map(label).collect();
    let pointers: Vec<*const duologue_label> = labels.iter().map(ptr::from_ref).collect();
    let list = pointers.as_ptr();
    arena.keep(labels);
    arena.keep(pointers);
    list
}

/// Makes the family struct; `at` is where the envelope is.
fn fill(event: &mut duologue_event, at: *const duologue_event, kind: &EventKind, arena: &mut Arena) {
    match kind {
        EventKind::Status(s) => event.status = service::status(at, s, arena),
        EventKind::Mode(m) => event.mode = conversation::mode(at, m, arena),
        EventKind::SpeechStarted(s) | EventKind::SpeechStopped(s) => {
            event.speech = conversation::speech(at, s, arena);
        }
        EventKind::PlaybackStarted(p) => event.playback = conversation::playback_started(at, p, arena),
        EventKind::PlaybackFinished(p) => event.playback = conversation::playback_finished(at, p, arena),
        EventKind::GenerationDone(r) | EventKind::TurnDone(r) => {
            event.response_end = conversation::response_end(at, r, arena);
        }
        EventKind::Interrupted(i) => event.interrupted = conversation::interrupted(at, i, arena),
        EventKind::Message(m) => event.message = conversation::message(at, m, arena),
        EventKind::Transcript(t) => event.transcript = conversation::transcript(at, t, arena),
        EventKind::Audio(a) => event.audio = conversation::audio(at, a, arena),
        EventKind::AudioLevel(l) => event.audio_level = conversation::audio_level(at, l, arena),
        EventKind::ToolCall(t) => event.tool_call = conversation::tool_call(at, t, arena),
        EventKind::ToolCancelled(t) | EventKind::ToolTimeout(t) => {
            event.tool_end = conversation::tool_end(at, t, arena);
        }
        EventKind::CredentialNeeded(c) => event.credential_needed = service::credential_needed(at, c, arena),
        EventKind::Completed(c) => event.completed = service::completed(at, c, arena),
        EventKind::SessionConfigured(s) | EventKind::CapabilityChanged(s) => {
            event.session = service::session(at, s, arena);
        }
        EventKind::SessionReplaced(s) => event.session_replaced = service::session_replaced(at, s, arena),
        EventKind::TransportChanged(t) => event.transport_changed = service::transport_changed(at, t, arena),
        EventKind::Usage(u) => event.usage = service::usage(at, u, arena),
        EventKind::Latency(l) => event.latency = service::latency(at, l, arena),
        EventKind::Device(d) => event.device = service::device(at, d, arena),
        EventKind::Warning(e) | EventKind::Error(e) => event.error = service::error(at, e, arena),
        EventKind::Raw(r) => event.raw = service::raw(at, r, arena),
        EventKind::Lagged(l) => event.lagged = service::lagged(at, l, arena),
    }
}
