//! What each vendor event means for the conversation.

use super::{
    Session,
    agent::MOST_ASKED,
    ops::Purpose,
    sequencer::{ANSWER_MS, Created},
    words::PartKind,
};
use crate::{
    config::RawEvents,
    error::{Error, ErrorClass, redact},
    event::{Direction, EventKind, InterruptSource, Raw, ResponseEnd, Usage, UsageScope},
    message::ResponseId,
    provider::{ErrorKind, Frame, Item, ItemKind, ProviderCommand, ProviderError, ProviderEvent, ResponseDone},
    time::Time,
};

/// A response of which nothing was heard for so long has ended, though nobody said so.
const SILENT_MS: u64 = 60_000;
/// The same of one that was cancelled, where the end of those is not always told.
const CANCELLED_MS: u64 = 2_500;

/// So long a gap in what comes may be while there is something to hear.
const MOST_GAP_MS: u64 = 10_000;

impl Session {
    pub(super) fn incoming(&mut self, event: ProviderEvent, frame: &Frame<'_>) {
        use ProviderEvent as E;
        self.heard_of(&event);
        self.words_end_with(&event);
        let Some(event) = self.outside(event) else { return };
        match event {
            E::SessionCreated(info) => self.greeted(&info),
            E::SessionUpdated(info) => self.configured(*info),
            E::SpeechStarted { item, audio_ms } => self.user_started(item, audio_ms),
            E::SpeechStopped { item, audio_ms } => self.user_stopped(&item, audio_ms),
            E::InputCommitted { item, previous } => {
                self.turn_committed();
                self.user_committed(item, previous.as_ref());
            }
            E::InputCleared => {}
            E::IdleTimeout { item } => self.idle_timeout(item),
            E::ItemAdded { item, previous } => self.item_added(&item, previous.as_ref()),
            E::ItemDone { item, .. } => {
                self.acknowledge(&item.id);
                self.item_done(&item);
            }
            E::ItemDeleted { item } => self.item_deleted(&item),
            // Our own truncates come back; the ledger already said what was heard.
            E::ItemTruncated { .. } => {}
            E::UserTranscriptDelta { item, part, delta } => self.user_delta(&item, part, &delta),
            E::UserTranscriptSoFar { item, part, transcript } => self.user_so_far(&item, part, transcript),
            E::UserTranscriptDone { item, part, transcript } => self.user_transcript(&item, part, transcript),
            E::UserTranscriptFailed { item, error } => self.user_transcript_failed(&item, &error),
            E::ResponseCreated { response, request, detached } => {
                self.response_created(&response, request.as_deref(), detached);
            }
            E::OutputItemAdded { response, item } => self.output_item(&response, &item),
            E::OutputItemDone { response, item } => {
                self.output_item(&response, &item);
                self.item_done(&item);
                self.call_done(&response, &item);
            }
            E::PartAdded { at, audio } => self.part_added(&at, if audio { PartKind::Audio } else { PartKind::Text }),
            E::Audio { at, pcm, odd } => self.agent_audio(at, pcm, odd),
            E::Alignment { at, characters } => self.agent_alignment(&at, &characters),
            E::Repeated => self.stats.duplicates += 1,
            E::OutputBuffer { response, state } => self.output_buffer(response, state),
            E::AudioDone { at } => self.agent_audio_done(&at),
            E::AgentDelta { at, audio, delta } => {
                self.agent_delta(&at, if audio { PartKind::Audio } else { PartKind::Text }, &delta);
            }
            E::AgentDone { at, audio, text } => {
                self.agent_text_done(&at, if audio { PartKind::Audio } else { PartKind::Text }, text);
            }
            E::ArgumentsDelta { item, delta } => self.arguments_delta(&item, &delta),
            E::Interrupted => self.interrupt(InterruptSource::Server),
            E::Used { response, input, output } => {
                let (scope, billed_ms) = (UsageScope::Response, None);
                let usage = Usage { scope, cumulative: false, input, output, cost: None, billed_ms };
                self.emit_about(Some(&response), None, EventKind::Usage(usage));
            }
            E::Queued => self.queued(),
            E::ToolRefused { name } => self.tool_refused(&name),
            E::CallCancelled { call } => self.call_taken_back(&call),
            E::HeardTranscript { item, part, transcript } => self.heard_was(&item, part, transcript),
            E::Leaves => self.leaves = true,
            E::Resumable { handle } => self.resumable(handle),
            E::EndsIn { ms } => {
                self.link.announced = true;
                self.ends_in(ms);
            }
            E::ResponseDone(done) => self.response_done(*done),
            E::Error(error) => self.provider_error(error),
            E::Other { name, known } => self.other(&name, known, frame),
        }
    }

    /// What commands led to, where the vendor does not say so.
    pub(super) fn echoes(&mut self) {
        // Each may lead to a command, which may be echoed.
        loop {
            let mut events = std::mem::take(&mut self.provider_events);
            self.codec.echo(&mut events);
            if events.is_empty() {
                self.provider_events = events;
                return;
            }
            for event in events.drain(..) {
                self.incoming(event, &Frame::Text("".into()));
            }
            self.provider_events = events;
        }
    }

    fn other(&mut self, name: &str, known: bool, frame: &Frame<'_>) {
        if !known {
            self.stats.unknown_events += 1;
            let name: String = name.chars().take(80).collect();
            let text = format!("the service sent {name:?}, which duologue does not know; it is passed over");
            self.warn_rarely(ErrorClass::Protocol, "unknown_event", redact(&text));
        }
        if let (RawEvents::Unknown, Some(text)) = (self.config.raw_events, frame.text()) {
            self.emit(EventKind::Raw(Raw { direction: Direction::Output, json: text.into() }));
        }
    }

    /// An item of ours is in the conversation.
    pub(super) fn acknowledge(&mut self, item: &crate::message::ItemId) {
        if let Some(op) = self.ops.acknowledged(item) {
            self.complete(op, None);
        }
        self.replay_acknowledged();
    }

    fn response_created(&mut self, response: &ResponseId, request: Option<&str>, detached: bool) {
        // What a connection before called so is another one.
        let epoch = self.link.epoch;
        self.responses.retain(|r| r.id != *response || r.epoch == epoch);
        self.response(response);
        // What was outside the conversation once stays there, whatever else is called so.
        if self.outside_began(response, request, detached) || self.is_outside(response) {
            return;
        }
        self.tools.awaits = false;
        let expected = std::mem::take(&mut self.speaking.answer_expected);
        match self.sequencer.created(response, request, expected) {
            Created::Ours(op) => {
                self.tools.began(request.unwrap_or_default(), response);
                if let Some(op) = op {
                    self.complete_about(op, response);
                }
            }
            Created::Abandoned => {
                self.response(response).fence();
                self.cancel(response.clone());
            }
            Created::Theirs => {}
        }
        // Its end came before its beginning: it is in nobody's way.
        if self.response(response).end.is_some()
            && !self.response(response).lost
            && let Some(op) = self.sequencer.done(response).and_then(|request| request.op)
        {
            self.complete_about(op, response);
        }
    }

    /// Asks the vendor to stop a response, once. That it ended meanwhile is no error.
    pub(super) fn cancel(&mut self, response: ResponseId) {
        if std::mem::replace(&mut self.response(&response).cancelled, true) {
            return;
        }
        if self.codec.quirks().loses_ends {
            // Its end may never be told, and is waited for from here on.
            let now = self.now;
            self.response(&response).heard_of = now;
        }
        if let Some(id) = self.send_own(&ProviderCommand::CancelResponse { response: Some(response.clone()) }) {
            self.remember(id, Purpose::Cancel(response));
        }
    }

    fn output_item(&mut self, response: &ResponseId, item: &Item) {
        self.response(response);
        self.item_seen(item, Some(response), None);
    }

    fn response_done(&mut self, done: ResponseDone) {
        let id = done.response.clone();
        let outside = self.response(&id).outside;
        if !outside && let Some(op) = self.sequencer.done(&id).and_then(|request| request.op) {
            self.complete_about(op, &id);
        }
        // Items whose own events were lost are still in the summary.
        for item in done.items.iter().filter(|_| !outside) {
            self.item_seen(item, Some(&id), None);
            self.item_done(item);
            if done.status == "completed" {
                self.call_done(&id, item);
            }
        }
        let end = ResponseEnd { status: vendor_text(&done.status), reason: done.reason.as_deref().map(vendor_text) };
        let record = self.response(&id);
        let lost = std::mem::take(&mut record.lost);
        let told = record.end.is_some();
        if told && !lost {
            return;
        }
        if !told {
            record.end = Some(end.clone());
            record.inferred |= done.inferred;
            self.emit_whole(Some(&id), None, done.inferred, EventKind::GenerationDone(end));
        }
        if done.usage.is_some() || done.billed_ms.is_some() {
            let (input, output) = done.usage.unwrap_or_default();
            let (scope, billed_ms) = (UsageScope::Response, done.billed_ms);
            let usage = Usage { scope, cumulative: false, input, output, cost: None, billed_ms };
            self.emit_about(Some(&id), None, EventKind::Usage(usage));
        }
        if done.status == "failed" {
            self.response_failed(&id, done.error.unwrap_or_default());
        } else if done.status == "incomplete" {
            let reason = done.reason.map_or_else(|| "unknown reason".into(), |r| vendor_text(&r));
            let text = format!("the response was cut short by the service: {reason}");
            let warning = Error::new(ErrorClass::Provider, "response_incomplete", text).provider_code(reason);
            self.emit_about(Some(&id), None, EventKind::Warning(warning));
        }
        self.generation_over(&id, done.status == "cancelled");
    }

    /// Nothing more comes of this response: settles its audio, its turn and its tools.
    fn generation_over(&mut self, id: &ResponseId, cancelled: bool) {
        self.media_generated(id, cancelled);
        if self.response(id).fenced {
            // Its audio is incomplete for good; the flush settles it.
            self.drop_unheard(&[]);
        } else if !self.still_sounds(id) {
            let mut events = std::mem::take(&mut self.ledger_events);
            self.ledger.complete_response(id, &mut events);
            self.ledger_events = events;
            let record = self.response(id);
            // What nobody hears must not part what is being heard.
            if !record.outside || record.audible {
                self.out.push_back(super::Output::PlayoutItemEnd);
            }
        }
        self.heard();
        self.tools.response_done(id, cancelled);
        self.follow_up();
    }

    /// Takes note of the newest word of a response.
    fn heard_of(&mut self, event: &ProviderEvent) {
        let id = match event {
            ProviderEvent::ArgumentsDelta { .. } => self.sequencer.active().cloned(),
            _ => event.response().cloned(),
        };
        let now = self.now;
        let Some(record) = id.and_then(|id| self.responses.iter_mut().rev().find(|r| r.id == id)) else { return };
        (record.heard_of, record.asked) = (now, 0);
        if record.lost && !record.outside && !matches!(event, ProviderEvent::ResponseDone(_)) {
            let id = record.id.clone();
            self.sequencer.revive(&id);
        }
    }

    /// Until when a response may say nothing. One in the way of a request, or one that another has
    /// followed, is given up sooner than one that only thinks for long.
    fn patience(&self, record: &super::Response) -> Option<Time> {
        if record.cancelled && record.end.is_none() && self.codec.quirks().loses_ends {
            return Some(record.heard_of.after_ms(CANCELLED_MS));
        }
        let active = self.sequencer.active() == Some(&record.id);
        if record.end.is_some() && !(record.lost && active) {
            return None;
        }
        // Its end may be nothing but silence.
        if let Some(ms) = self.may_be_quiet(&record.id).filter(|_| record.asked < MOST_ASKED) {
            // Who has much to be heard yet may take longer for the rest, if it is known what is heard.
            let left_ms = self.ledger.ms(self.ledger.queued());
            let left_ms = if self.reported() { 0 } else { left_ms.min(MOST_GAP_MS) };
            return Some(record.heard_of.after_ms(u64::from(ms) * u64::from(record.asked + 1) + left_ms));
        }
        Some(match (active, self.sequencer.waiting_since()) {
            (true, Some(since)) => record.heard_of.max(since).after_ms(ANSWER_MS),
            (true, None) => record.heard_of.after_ms(SILENT_MS),
            // It is in nobody's way.
            _ if record.outside => record.heard_of.after_ms(SILENT_MS),
            (false, _) => record.heard_of.after_ms(ANSWER_MS),
        })
    }

    /// When [`Self::give_up_silent`] may have something.
    pub(super) fn silent_until(&self) -> Option<Time> {
        self.responses.iter().filter_map(|r| self.patience(r)).min()
    }

    /// Gives up responses whose end seems to be lost, so that they block nothing.
    pub(super) fn give_up_silent(&mut self) {
        let due = |r: &&super::Response| self.patience(r).is_some_and(|t| self.now >= t);
        let silent: Vec<ResponseId> = self.responses.iter().filter(due).map(|r| r.id.clone()).collect();
        for id in silent {
            if self.response(&id).cancelled && self.codec.quirks().loses_ends {
                self.end_unseen(&id, "cancelled", None);
                continue;
            }
            if self.gone_quiet(&id) {
                continue;
            }
            let text = "the service said nothing more of a response and not that it ended; going on without";
            self.warn_rarely(ErrorClass::Protocol, "response_lost", text);
            self.end_unseen(&id, "incomplete", Some("lost"));
        }
    }

    /// Concludes the end of a response that the vendor did not tell.
    pub(super) fn end_unseen(&mut self, id: &ResponseId, status: &str, reason: Option<&str>) {
        let outside = self.response(id).outside;
        if !outside && let Some(op) = self.sequencer.done(id).and_then(|request| request.op) {
            self.complete(op, None);
        }
        let record = self.response(id);
        record.lost = reason.is_some();
        if record.end.is_none() {
            let end = ResponseEnd { status: status.to_owned(), reason: reason.map(str::to_owned) };
            record.inferred = true;
            record.end = Some(end.clone());
            self.emit_whole(Some(id), None, true, EventKind::GenerationDone(end));
        }
        self.generation_over(id, status == "cancelled");
    }

    fn response_failed(&mut self, id: &ResponseId, error: ProviderError) {
        let kind = self.codec.classify(&error);
        let error = vendor_error(&error, "the response failed");
        match kind {
            ErrorKind::Fatal => return self.fail(error),
            ErrorKind::SessionOver => return self.session_over(error),
            _ => {}
        }
        self.emit_about(Some(id), None, EventKind::Error(error.retryable()));
    }

    fn provider_error(&mut self, error: ProviderError) {
        let kind = self.codec.classify(&error);
        let neutral = vendor_error(&error, "the service refused a request");
        let refused = self.codec.refused_field(&error.message);
        let neutral = refused.into_iter().fold(neutral, |neutral, (field, fix)| neutral.field(field).fix(fix));
        if self.link.is_configuring() && self.resume_refused(&neutral, true) {
            return;
        }
        // Whatever it names ends with the session, or is sent again over the next.
        match kind {
            ErrorKind::Fatal => return self.fail(neutral),
            ErrorKind::SessionOver => return self.session_over(neutral),
            _ => {}
        }
        let purpose = error.event_id.as_deref().and_then(|id| self.ops.failed(id));
        // The event id may be missing, then the code alone decides (reference §4). One that is not of
        // the request under way belongs to an event of the host's own.
        let ours = match &purpose {
            Some(Purpose::Response(request)) => self.sequencer.is_outstanding(request),
            _ => error.event_id.is_none(),
        };
        // Said of anything but a request for a response it is a refusal like any other.
        if kind == ErrorKind::AlreadyActive && (ours || matches!(purpose, Some(Purpose::Response(_)))) {
            self.stats.benign_errors += 1;
            if ours && purpose.is_none() && !self.sequencer.is_waiting_for_vendor() && self.speaking.answer_expected {
                // The vendor's own answer to the user found one running: it is asked for when that ends.
                self.speaking.answer_expected = false;
                self.want_answer();
            } else if let Some(request) = Some(()).filter(|()| ours).and_then(|()| self.sequencer.refused(self.now)) {
                self.request_failed(&request);
            }
            return;
        }
        match purpose {
            Some(Purpose::Configure) => self.configuration_refused(neutral),
            Some(Purpose::Item(op, item)) => {
                self.history.remove(&item, &mut self.changes);
                self.tell_changes();
                self.failed_for(op, neutral);
            }
            Some(Purpose::Replayed(op, item, _)) => self.replay_refused(op, &item, neutral),
            Some(Purpose::ToolResult(op, _, call)) => {
                self.failed_for(op, neutral);
                self.result_refused(&call, op.is_some());
            }
            Some(Purpose::Response(request)) => self.request_refused(&request, neutral),
            Some(Purpose::Commit(op, answer)) => {
                self.stats.benign_errors += 1;
                self.commit_refused(op, answer, neutral);
            }
            Some(Purpose::Update(op, _)) => self.update_refused(op, neutral),
            Some(Purpose::Cancel(response)) if kind == ErrorKind::Benign => {
                self.stats.benign_errors += 1;
                // It is over, and we were not told.
                if self.response(&response).end.is_none() {
                    self.end_unseen(&response, "cancelled", None);
                }
            }
            Some(Purpose::Housekeeping) if kind == ErrorKind::Benign => self.stats.benign_errors += 1,
            Some(Purpose::Housekeeping | Purpose::Cancel(_)) => {
                self.stats.truncate_refused += 1;
                self.emit(EventKind::Warning(neutral));
            }
            None if kind == ErrorKind::Benign => self.stats.benign_errors += 1,
            None => self.emit(EventKind::Error(neutral)),
        }
    }
}

/// The longest text of a vendor that is passed on.
const MAX_VENDOR_TEXT: usize = 2048;

/// A vendor's text without secrets, cut to 2 KiB.
pub(super) fn vendor_text(text: &str) -> String {
    // Redaction first: a key must not be cut into something that no longer looks like one.
    let mut text = redact(text);
    text.truncate(text.floor_char_boundary(MAX_VENDOR_TEXT));
    text
}

/// A vendor's error in our words, with its own code kept.
pub(super) fn vendor_error(error: &ProviderError, otherwise: &str) -> Error {
    let text = vendor_text(&error.message);
    let text = if text.trim().is_empty() { otherwise.to_owned() } else { text };
    let (code, kind) = (vendor_text(&error.code), vendor_text(&error.kind));
    let (class, word) = match code.as_str() {
        "insufficient_quota" | "billing_hard_limit_reached" => (ErrorClass::Quota, "quota"),
        "rate_limit_exceeded" | "inference_rate_limit_exceeded" => (ErrorClass::Quota, "rate_limited"),
        "invalid_api_key" | "account_deactivated" | "permission_denied" => (ErrorClass::Credential, "auth"),
        "invalid_model" | "model_not_found" => (ErrorClass::Config, "unknown_model"),
        "override_error" | "missing_dynamic_variable" | "missing_fields" => (ErrorClass::Provider, "policy"),
        "session_expired" | "max_duration_exceeded" => (ErrorClass::Limit, "session_expired"),
        "unknown_parameter" | "invalid_value" | "missing_required_parameter" => (ErrorClass::Provider, "rejected"),
        _ => (ErrorClass::Provider, "provider"),
    };
    let mut neutral = Error::new(class, word, text);
    if !code.is_empty() {
        neutral = neutral.provider_code(code);
    } else if !kind.is_empty() {
        neutral = neutral.provider_code(kind);
    }
    if let Some(param) = &error.param {
        neutral = neutral.field(vendor_text(param));
    }
    neutral
}

/// True for what a vendor may put into a conversation that duologue has a message for.
pub(super) fn is_message(item: &Item) -> bool {
    matches!(item.kind, ItemKind::Message { .. } | ItemKind::FunctionCall { .. })
}
