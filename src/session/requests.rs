//! Asking for responses: the conversation's one at a time through the sequencer, those outside the
//! conversation beside it.

use super::{
    Session,
    ops::Purpose,
    sequencer::{Ask, Request},
    updating::{VOICE_LOCKED, changed},
};
use crate::{
    config::{Modality, ToolChoice},
    error::{Error, ErrorClass, Result},
    event::{EventKind, OpId},
    message::ResponseId,
    provider::ProviderCommand,
    request::ResponseOptions,
    time::Time,
};
use serde_json::{Map, json};
use std::collections::VecDeque;

/// Responses outside the conversation that may be asked for at a time.
const MAX_OUT_OF_BAND: usize = 16;
/// How long the vendor may take to begin one.
const ANSWER_MS: u64 = super::sequencer::ANSWER_MS;

/// A response outside the conversation that was asked for.
#[derive(Debug)]
struct Outside {
    request: String,
    op: OpId,
    audible: bool,
    until: Time,
}

/// Responses outside the conversation that have not begun.
#[derive(Debug, Default)]
pub struct OutOfBand {
    waiting: Vec<Outside>,
    /// Given up, in case they begin late.
    given_up: VecDeque<String>,
    /// The host of the dialect calls no response part of the conversation, so that this says nothing.
    all_detached: bool,
}

impl OutOfBand {
    fn take(&mut self, request: &str) -> Option<Outside> {
        let at = self.waiting.iter().position(|o| o.request == request)?;
        Some(self.waiting.remove(at))
    }

    /// Nobody waits for it any more.
    fn give_up(&mut self, at: usize) -> OpId {
        let outside = self.waiting.remove(at);
        if self.given_up.len() >= MAX_OUT_OF_BAND {
            self.given_up.pop_front();
        }
        self.given_up.push_back(outside.request);
        outside.op
    }

    /// The host wants to hear none of them.
    pub fn abandon_audible(&mut self) -> Vec<OpId> {
        let mut ops = Vec::new();
        while let Some(at) = self.waiting.iter().position(|o| o.audible) {
            ops.push(self.give_up(at));
        }
        ops
    }

    /// None is waited for.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When one is given up.
    pub fn timeout(&self) -> Option<Time> {
        self.waiting.iter().map(|o| o.until).min()
    }

    /// The connection is gone: whoever waits.
    pub fn reset(&mut self) -> Vec<OpId> {
        std::mem::take(self).waiting.into_iter().map(|o| o.op).collect()
    }
}

impl Session {
    pub(super) fn request_response(&mut self, op: OpId, mut options: Box<ResponseOptions>) {
        if let Err(error) = options.check().and_then(|()| self.fit_options(&mut options)) {
            return self.complete(op, Some(error));
        }
        // The vendor's instructions of a response replace the session's (reference §4.1).
        if let (Some(own), Some(more), false) =
            (&self.config.instructions, &options.instructions, options.replace_instructions)
            && !own.is_empty()
        {
            options.instructions = Some(format!("{own}\n\n{more}"));
        }
        if self.commit_kept(op, &options) {
            return;
        }
        let id = self.id("req");
        if options.out_of_band {
            // Speech that nobody hears costs time and money.
            if !options.audible {
                options.output_modality.get_or_insert(Modality::Text);
            }
            return self.ask_outside(op, id, options);
        }
        self.want_response(Request { id, op: Some(op), ask: Ask::Answer(Some(options)) });
    }

    /// What the model or the moment does not go along with is refused before it is sent, or left out with a
    /// warning when the configuration is not strict: as for the session's own fields.
    fn fit_options(&mut self, options: &mut ResponseOptions) -> Result<()> {
        let spoken = options.output_modality.unwrap_or(self.config.output_modality) == Modality::Audio;
        if self.updates.spoke && spoken && options.voice.is_some() && options.voice != self.config.voice {
            let error = Error::new(ErrorClass::State, "voice_locked", VOICE_LOCKED).field("options.voice");
            return Err(error.fix("leave it out, or connect anew with the other voice"));
        }
        let mut changes = Map::new();
        if let Some(voice) = &options.voice {
            changes.insert("voice".into(), json!(voice));
        }
        if let Some(choice @ (ToolChoice::Required | ToolChoice::Function(_))) = &options.tool_choice {
            changes.insert("tool_choice".into(), json!(choice));
            if let Some(tools) = &options.tools {
                changes.insert("tools".into(), json!(tools));
            }
        }
        if changes.is_empty() {
            return Ok(());
        }
        let named = |error: Error| {
            let field = format!("options.{}", error.field.as_deref().unwrap_or_default());
            error.field(field)
        };
        let (settled, warnings) = changed(&self.config, &changes.into()).map_err(named)?;
        for warning in self.news(warnings) {
            self.emit(EventKind::Warning(named(warning)));
        }
        if options.voice != settled.voice {
            options.voice = None;
        }
        Ok(())
    }

    pub(super) fn say(&mut self, op: Option<OpId>, text: String) {
        let id = self.id("req");
        self.want_response(Request { id, op, ask: Ask::Say(text) });
    }

    /// What was said or answered last is to have a response.
    pub(super) fn want_answer(&mut self) {
        let id = self.id("req");
        self.want_response(Request::automatic(id));
    }

    /// What was asked for and hardly heard is to have another response.
    pub(super) fn want_again(&mut self, ask: Ask) {
        if self.sequencer.waiting() && ask == Ask::Answer(None) {
            return;
        }
        let id = self.id("req");
        self.want_response(Request { id, op: None, ask });
    }

    pub(super) fn want_response(&mut self, request: Request) {
        let op = request.op;
        if let Ask::Answer(Some(options)) = &request.ask
            && let Some(tools) = options.tools.as_ref().filter(|t| !t.is_empty())
        {
            self.tools.declare_for(&request.id, tools);
        }
        if !self.sequencer.want(request, self.now) {
            let error = Error::new(ErrorClass::Limit, "too_many_requests", "64 requests for a response are waiting")
                .fix("wait for turn_done before asking again")
                .retryable();
            self.failed_for(op, error);
        }
    }

    /// A request nobody answered fails, so that the next one has its turn.
    pub(super) fn give_up_unanswered(&mut self) {
        if let Some(request) = self.sequencer.unanswered(self.now) {
            self.request_failed(&request);
            // Whoever asked by a command was told that it failed, and asks again if it matters.
            self.recovery.unanswered = Some(request.ask).filter(|_| request.op.is_none());
        }
        let now = self.now;
        while let Some(at) = self.out_of_band.waiting.iter().position(|o| now >= o.until) {
            let op = self.out_of_band.give_up(at);
            self.failed_for(Some(op), unanswered());
        }
    }

    /// Tells whoever asked that the response never began.
    pub(super) fn request_failed(&mut self, request: &Request) {
        self.failed_for(request.op, unanswered());
    }

    /// The vendor refused a request for a response.
    pub(super) fn request_refused(&mut self, request: &str, error: Error) {
        let op = match self.out_of_band.take(request) {
            Some(outside) => Some(outside.op),
            None => self.sequencer.failed(request).and_then(|r| r.op),
        };
        self.failed_for(op, error);
    }

    /// Sends the next request for a response when the way is free.
    pub(super) fn send_next_response(&mut self) {
        if self.commit_is_first() {
            return;
        }
        let Some(request) = self.sequencer.next(self.now) else { return };
        if matches!(request.ask, Ask::Answer(_)) {
            self.unstick();
        }
        let id = request.id.clone();
        let command = match request.ask {
            Ask::Answer(options) => {
                ProviderCommand::CreateResponse { request: id.clone(), options: options.unwrap_or_default() }
            }
            Ask::Say(text) => ProviderCommand::Say { request: id.clone(), text },
        };
        match self.send(&command) {
            Ok(event_id) => {
                self.ops.sent_again(&id);
                self.remember(event_id, Purpose::Response(id));
            }
            Err(error) => {
                self.sequencer.failed(&id);
                self.failed_for(request.op, error);
            }
        }
    }

    fn ask_outside(&mut self, op: OpId, request: String, options: Box<ResponseOptions>) {
        if self.out_of_band.waiting.len() >= MAX_OUT_OF_BAND {
            let text = format!("{MAX_OUT_OF_BAND} requests outside the conversation are waiting");
            let error = Error::new(ErrorClass::Limit, "too_many_requests", text).retryable();
            return self.complete(op, Some(error.fix("wait for turn_done before asking again")));
        }
        let audible = options.audible;
        match self.send(&ProviderCommand::CreateResponse { request: request.clone(), options }) {
            Ok(event_id) => {
                self.remember(event_id, Purpose::Response(request.clone()));
                let until = self.now.after_ms(ANSWER_MS);
                self.out_of_band.waiting.push(Outside { request, op, audible, until });
            }
            Err(error) => self.complete(op, Some(error)),
        }
    }

    /// A response began; true: it is one outside the conversation. `detached`: the vendor says that it is,
    /// which counts where the host of the dialect returns no metadata.
    pub(super) fn outside_began(&mut self, response: &ResponseId, request: Option<&str>, detached: bool) -> bool {
        let beside = &mut self.out_of_band;
        let detached = detached && request.is_none() && !beside.all_detached;
        let outside = match request {
            Some(request) => beside.take(request),
            None if detached && !beside.waiting.is_empty() => Some(beside.waiting.remove(0)),
            None => None,
        };
        let late = match request {
            Some(request) => beside.given_up.iter().position(|g| g == request),
            None => (detached && outside.is_none() && !beside.given_up.is_empty()).then_some(0),
        };
        if outside.is_none() && late.is_none() {
            // Nobody asked for one.
            beside.all_detached |= detached;
            return false;
        }
        if let Some(late) = late {
            beside.given_up.remove(late);
        }
        self.sequencer.is_beside(response);
        let record = self.response(response);
        record.outside = true;
        match outside {
            Some(outside) => {
                record.audible = outside.audible;
                self.complete_about(outside.op, response);
            }
            // Whoever asked was told that it failed.
            None => self.cancel(response.clone()),
        }
        true
    }
}

fn unanswered() -> Error {
    Error::new(ErrorClass::Provider, "unanswered", "the service never began the response").fix("ask again").retryable()
}
