//! One session as the server sees it: client events and time in, server events out.
//!
//! A [`Peer`] does no I/O and spawns nothing. Its connection hands it every frame and wakes it at
//! [`Peer::deadline`]; when the connection goes, all of it goes.

use super::{
    conversation::Conversation,
    events::{self, Refusal},
    ids::Ids,
    journal::Journal,
    listening::Listening,
    output_buffer::OutputBuffer,
    responder::{Active, Pending},
    scenario::Scenario,
    script::Script,
    session_state::{Moment, SessionState},
    transcripts::{Outcome, Waiting},
    validate,
};
use serde_json::{Value, json};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::time::Instant;

/// The refusal of a second response, which the service does not always tie to the event that asked for it.
pub(super) const ACTIVE_RESPONSE: &str = "conversation_already_has_active_response";

/// The server side of one session.
pub(super) struct Peer {
    pub(super) session: SessionState,
    pub(super) conversation: Conversation,
    pub(super) conversation_id: String,
    pub(super) listening: Listening,
    /// Of a call.
    pub(super) output: Option<OutputBuffer>,
    pub(super) active: Vec<Active>,
    /// Responses that were asked for and have not begun.
    pub(super) pending: Vec<Pending>,
    /// Transcripts that wait for a reply.
    pub(super) waiting: Vec<Waiting>,
    pub(super) script: Script,
    pub(super) ids: Ids,
    /// Whether the assistant has spoken in this session.
    pub(super) audio_sent: bool,
    pub(super) timers: Vec<(Instant, Timer)>,
    pub(super) now: Instant,
    journal: Journal,
    connection: u64,
    life: Duration,
    /// What xAI says and hears otherwise.
    pub(super) xai: Option<super::xai::Xai>,
    out: VecDeque<Value>,
    close: Option<(u16, String)>,
}

/// What happens later.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Timer {
    /// Words of a user transcript, or its failure.
    Transcript { item: String, outcome: Outcome },
    /// A response that was asked for a while ago begins.
    Create { id: String },
    /// Nobody spoke for `idle_timeout_ms`.
    Idle { audio_start_ms: u64 },
    /// The session has lasted as long as it may.
    Expired,
}

impl Peer {
    /// Starts a session that lasts for `life`: `session.created` and `conversation.created` are ready to be sent.
    pub(super) fn new(
        session: SessionState,
        life: Duration,
        scenario: Arc<Scenario>,
        journal: Journal,
        connection: u64,
        xai: Option<super::xai::Xai>,
    ) -> Self {
        let now = Instant::now();
        let mut ids = Ids::new();
        let mut peer = Self {
            session,
            conversation: Conversation::default(),
            conversation_id: ids.next("conv_"),
            listening: Listening::new(),
            output: None,
            active: Vec::new(),
            pending: Vec::new(),
            waiting: Vec::new(),
            script: Script::new(scenario),
            ids,
            audio_sent: false,
            timers: vec![(now + life, Timer::Expired)],
            now,
            journal,
            connection,
            life,
            xai,
            out: VecDeque::new(),
            close: None,
        };
        peer.send(events::session_created(peer.session.value()));
        peer.send(events::conversation_created(&peer.conversation_id));
        peer
    }

    /// The next event to send, in order.
    pub(super) fn next_event(&mut self) -> Option<Value> {
        self.out.pop_front()
    }

    /// Set when the connection must be closed once everything is sent.
    pub(super) fn closing(&self) -> Option<(u16, &str)> {
        self.close.as_ref().map(|(code, reason)| (*code, reason.as_str()))
    }

    /// When [`Peer::on_time`] is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let timers = self.timers.iter().map(|(at, _)| *at);
        let sound = self.output.as_ref().and_then(OutputBuffer::due);
        self.active.iter().filter_map(Active::due).chain(timers).chain(sound).min()
    }

    /// Does everything that is due.
    pub(super) fn on_time(&mut self, now: Instant) {
        self.now = now;
        self.stream(now);
        self.play(now);
        let (due, later) = std::mem::take(&mut self.timers).into_iter().partition(|(at, _)| *at <= now);
        self.timers = later;
        let due: Vec<(Instant, Timer)> = due;
        for (_, timer) in due {
            match timer {
                Timer::Transcript { item, outcome } => self.transcript_due(item, &outcome),
                Timer::Create { id } => self.create_due(&id),
                Timer::Idle { audio_start_ms } => self.idle(audio_start_ms),
                Timer::Expired => self.expire(),
            }
        }
    }

    /// Takes one text frame. Returns the type of the event that it was, if it was accepted.
    pub(super) fn on_text(&mut self, text: &str, now: Instant) -> Option<String> {
        self.now = now;
        match serde_json::from_str::<Value>(text) {
            Ok(event) => self.on_event(&event).then(|| event["type"].as_str().unwrap_or_default().to_owned()),
            Err(e) => {
                self.journal.client(self.connection, &json!({"type": "<not JSON>", "bytes": text.len()}));
                let message = format!("The event is not valid JSON: {e}.");
                self.refuse(&Refusal::new("invalid_json", message), None);
                None
            }
        }
    }

    /// Takes a frame that is not text.
    pub(super) fn on_binary(&mut self, bytes: usize) {
        self.journal.client(self.connection, &json!({"type": "<binary>", "bytes": bytes}));
        self.refuse(&Refusal::new("invalid_event", "Events are JSON text; binary frames are not accepted."), None);
    }

    /// True when the event was accepted.
    fn on_event(&mut self, event: &Value) -> bool {
        self.journal.client(self.connection, event);
        let id = event.get("event_id").and_then(Value::as_str);
        let Err(refusal) = self.take(event) else { return true };
        let shy = refusal.code == ACTIVE_RESPONSE && !self.script.scenario().delivery.active_response_event_id;
        self.refuse(&refusal, id.filter(|_| !shy));
        false
    }

    pub(super) fn dispatch(&mut self, event: &Value) -> Result<(), Refusal> {
        let fields = event.as_object().ok_or_else(|| validate::wrong_type(event, "event", "an object"))?;
        let kind = match fields.get("type") {
            None => return Err(Refusal::missing("type")),
            Some(kind) => kind.as_str().ok_or_else(|| validate::wrong_type(kind, "type", "a string"))?,
        };
        let Some(table) = validate::client_event(kind) else {
            let kind: String = kind.chars().take(64).collect();
            return Err(Refusal::value("type", format!("Invalid value: '{kind}'. It is not a client event.")));
        };
        validate::object(event, table, "")?;
        match kind {
            "session.update" => self.update_session(&event["session"]),
            "input_audio_buffer.append" => self.append(event["audio"].as_str().unwrap_or_default()),
            "input_audio_buffer.commit" => self.commit(),
            "input_audio_buffer.clear" => self.clear(),
            "conversation.item.create" => self.create_item(event),
            "conversation.item.retrieve" => self.retrieve_item(event["item_id"].as_str().unwrap_or_default()),
            "conversation.item.truncate" => self.truncate_item(event),
            "conversation.item.delete" => self.delete_item(event["item_id"].as_str().unwrap_or_default()),
            "response.create" => self.create_response(event.get("response").unwrap_or(&Value::Null)),
            "response.cancel" => self.cancel_response(event.get("response_id").and_then(Value::as_str)),
            "output_audio_buffer.clear" if self.output.is_some() => {
                let cut = self.clear_output();
                self.cut_items(cut);
                Ok(())
            }
            _ => {
                let message = "output_audio_buffer.clear is for WebRTC and SIP; a WebSocket client owns its playback.";
                Err(Refusal::value("type", message))
            }
        }
    }

    fn update_session(&mut self, patch: &Value) -> Result<(), Refusal> {
        let under_way = Moment { audio_sent: self.audio_sent, responding: !self.active.is_empty() };
        self.session.update(patch, under_way)?;
        self.detection_changed();
        self.send(events::session_updated(self.session.value()));
        Ok(())
    }

    fn expire(&mut self) {
        let message = events::lived_out(self.life);
        self.refuse(&Refusal::new("session_expired", message.clone()), None);
        self.close = Some((1001, message));
    }

    pub(super) fn refuse(&mut self, refusal: &Refusal, client_event: Option<&str>) {
        self.send(events::error(refusal, client_event));
    }

    /// Refuses the whole connection: the error, then a close.
    pub(super) fn reject(&mut self, refusal: &Refusal, code: u16, reason: &'static str) {
        self.out.clear();
        self.refuse(refusal, None);
        self.close = Some((code, reason.to_owned()));
    }

    pub(super) fn send(&mut self, mut event: Value) {
        if let Some(xai) = &mut self.xai {
            for mut event in xai.outgoing(event) {
                event["event_id"] = json!(self.ids.next("event_"));
                self.out.push_back(event);
            }
            return;
        }
        event["event_id"] = json!(self.ids.next("event_"));
        self.out.push_back(event);
    }

    pub(super) fn later(&mut self, delay: Duration, timer: Timer) {
        self.timers.push((self.now + delay, timer));
    }

    pub(super) fn heard_samples(&self, samples: usize) {
        self.journal.audio(self.connection, samples);
    }

    pub(super) fn took_result(&self, item: &Value) {
        self.journal.tool_result(self.connection, item);
    }
}
