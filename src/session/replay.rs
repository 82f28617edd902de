//! A new session is told the conversation so far (protocols reference §9.6).
//!
//! What goes: the newest messages within a budget, oldest first, with their own ids: words of the user as text,
//! words of the assistant as far as they were heard, calls only together with their results, pictures that are
//! still kept. Then a note that the conversation goes on. Nothing asks for an answer here. What was left out,
//! what has no words, and what the vendor refused makes the context `partial`, and the host is told.

use super::{
    Session,
    heard_text::Span,
    ops::Purpose,
    recovery::{Why, gone},
    sequencer::Ask,
};
use crate::{
    capabilities::Reconnect,
    config::Scheduling,
    error::{Error, ErrorClass},
    event::{EventKind, OpId, SessionReplaced},
    message::{ItemId, Message, MessageState, Part, Role, ToolCallState},
    provider::ProviderCommand,
    request::Picture,
};
use std::collections::{HashMap, HashSet};

/// Messages, their text and their pictures that a new session is told at most (FAULTS §3).
const MAX_MESSAGES: usize = 50;
const MAX_TEXT: usize = 64 * 1024;
const MAX_PICTURES: usize = 2 * 1024 * 1024;
/// The same for what waits for its confirmation or its answer: the last session was sent it as well.
const MAX_WAITING_TEXT: usize = 1024 * 1024;
const MAX_WAITING_PICTURES: usize = 8 * 1024 * 1024;
/// A message longer than this is left out when the service found what it was sent too big.
const MAX_LIGHT: usize = 16 * 1024;

/// How much a new session knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Context {
    #[default]
    Full,
    Partial,
    None,
}

/// What the session of this connection was told.
#[derive(Debug, Default)]
pub(super) struct Replay {
    context: Context,
    /// Messages it was told, with the length of their words.
    told: HashMap<ItemId, usize>,
    /// Messages there were that it was not told.
    untold: HashSet<ItemId>,
    /// Items without a message of their own: the note, and what stands for something told otherwise before.
    hidden: HashSet<ItemId>,
    /// Items that another one stands for; the vendor has not said yet that they are gone.
    otherwise: HashSet<ItemId>,
}

impl Replay {
    /// It was told, and is to be known no more.
    pub fn take_told(&mut self, item: &ItemId) -> bool {
        self.told.remove(item).is_some()
    }
}

/// What becomes of a message.
enum Telling {
    /// It is told so.
    Told(Vec<ProviderCommand>, usize, usize),
    /// There is nothing to tell.
    Nothing,
    /// There is something, and it cannot be told.
    Untold,
}

impl Session {
    /// Sends the conversation. Whoever waits for the confirmation of something in it goes on waiting.
    pub(super) fn replay(&mut self) {
        self.replay = Replay::default();
        if self.recovery.cause.is_none() {
            return;
        }
        match self.codec.capabilities().reconnect {
            None => {
                self.replay.context = Context::None;
                return;
            }
            // What it is told is no more than a hint.
            Some(Reconnect::New) => self.replay.context = Context::Partial,
            Some(_) => {}
        }
        let (mut texts, mut pictures) = (0, 0);
        let mut chosen: Vec<(ItemId, Vec<ProviderCommand>, usize)> = Vec::new();
        let messages = self.history.messages().to_vec();
        let mut unconfirmed: HashSet<ItemId> = self.recovery.unconfirmed.iter().map(|(_, item)| item.clone()).collect();
        // The newest words that are not the assistant's are what an answer that is wanted is to answer.
        let mut wanted = self.sequencer.waiting() || self.recovery.owed.is_some();
        for message in messages.iter().rev() {
            if self.resuming.knows(&message.id) {
                if let Some(op) = self.take_unconfirmed(&message.id) {
                    self.complete(op, None);
                }
                unconfirmed.remove(&message.id);
                continue;
            }
            let asks = message.role == Role::User || is_call(message);
            let waits = unconfirmed.remove(&message.id) || (wanted && asks);
            let full = chosen.len() >= MAX_MESSAGES || (texts >= MAX_TEXT && !waits);
            let (most_text, most_pictures) =
                if waits { (MAX_WAITING_TEXT, MAX_WAITING_PICTURES) } else { (MAX_TEXT, MAX_PICTURES) };
            let fits =
                |text: usize, picture: usize| !full && texts + text <= most_text && pictures + picture <= most_pictures;
            let mut too_big = false;
            let telling = match self.telling(message) {
                Telling::Told(commands, ..) if self.too_big(&commands).is_some() => {
                    too_big = true;
                    Telling::Untold
                }
                telling => telling,
            };
            match telling {
                Telling::Nothing => continue,
                Telling::Told(commands, text, picture) if fits(text, picture) => {
                    (texts, pictures) = (texts + text, pictures + picture);
                    chosen.push((message.id.clone(), commands, text));
                }
                // One that is too long is left out; shorter ones before it may fit.
                Telling::Told(..) | Telling::Untold => {
                    self.replay.context = Context::Partial;
                    if wanted && asks && (too_big || self.recovery.lighter) {
                        self.forget_answer();
                    }
                    if chosen.len() >= MAX_MESSAGES || (full && unconfirmed.is_empty()) {
                        break;
                    }
                }
            }
            wanted &= !asks;
        }
        let told_any = !chosen.is_empty();
        for (message, commands, length) in chosen.into_iter().rev() {
            let op = self.take_unconfirmed(&message);
            let last = commands.len() - 1;
            for (i, command) in commands.into_iter().enumerate() {
                self.tell(op.filter(|_| i == last), &message, &command);
            }
            self.replay.told.insert(message, length);
        }
        let untold = messages.iter().filter(|m| !self.was_told(&m.id) && !self.resuming.knows(&m.id));
        self.replay.untold = untold.map(|m| m.id.clone()).collect();
        // Their messages left the history meanwhile, or are too much.
        for (op, item) in std::mem::take(&mut self.recovery.unconfirmed) {
            let big = "the service takes nothing so big; the history keeps it";
            let big = Error::new(ErrorClass::Limit, "too_long", big).fix("send less");
            let there = self.history.get(&item).is_some();
            self.complete(
                op,
                Some(if there && (self.recovery.lighter || self.link.carries.max_event_bytes.is_some()) {
                    big
                } else {
                    gone()
                }),
            );
        }
        if let Some(text) =
            self.config.recovery.context_note.clone().filter(|_| told_any && !self.resuming.is_resumed())
        {
            let item = ItemId::from(self.id("item"));
            self.replay.hidden.insert(item.clone());
            let message = item.clone();
            self.tell(None, &message, &ProviderCommand::CreateText { item, role: Role::System, text, previous: None });
        }
        self.tell_vendor(&ProviderCommand::Told);
    }

    /// What was to be answered cannot be told. Who asked by a command gets an answer to what there is.
    fn forget_answer(&mut self) {
        self.sequencer.forget_automatic();
        self.recovery.owed.take_if(|ask| *ask == Ask::Answer(None));
        let text = "what was said last cannot be told to the new session, so nothing answers it";
        self.warn(ErrorClass::Limit, "question_untold", text);
    }

    fn take_unconfirmed(&mut self, message: &ItemId) -> Option<OpId> {
        let at = self.recovery.unconfirmed.iter().position(|(_, item)| item == message)?;
        Some(self.recovery.unconfirmed.remove(at).0)
    }

    fn tell(&mut self, op: Option<OpId>, message: &ItemId, command: &ProviderCommand) {
        let Some(item) = item_of(command).cloned() else { return };
        match self.send_as("told", command) {
            Ok(event_id) => self.remember(event_id, Purpose::Replayed(op, item, message.clone())),
            Err(error) => {
                self.replay.context = Context::Partial;
                if let Some(op) = op {
                    self.complete(op, Some(error));
                }
            }
        }
    }

    /// How a message is told.
    fn telling(&mut self, message: &Message) -> Telling {
        let item = message.id.clone();
        if self.recovery.answered_again.contains(&item) {
            return Telling::Nothing;
        }
        if let Some(Part::ToolCall { id, name, arguments, output, state, .. }) = message.parts.first() {
            let over = matches!(state, ToolCallState::Completed | ToolCallState::Failed);
            // One whose result was refused may be answered once more, and is told with that.
            let over = over && !self.tools.is_running(id);
            let Some(output) = output.clone().filter(|_| over) else { return Telling::Nothing };
            let text = arguments.len() + output.len();
            if self.recovery.lighter && text > MAX_LIGHT {
                return Telling::Untold;
            }
            let result = ItemId::from(self.id("item"));
            self.tools.is_result(result.clone());
            let (call, name, arguments) = (id.clone(), name.clone(), arguments.clone());
            let commands = vec![
                ProviderCommand::CreateCall { item, call: call.clone(), name, arguments, previous: None },
                ProviderCommand::ToolOutput {
                    item: result,
                    call,
                    output,
                    is_error: *state == ToolCallState::Failed,
                    scheduling: Scheduling::Wait,
                    previous: None,
                },
            ];
            return Telling::Told(commands, text, 0);
        }
        let words = self.words_to_come(message).unwrap_or_else(|| words(message));
        let picture = message.parts.iter().find_map(picture);
        let lost = message.parts.iter().any(|p| matches!(p, Part::Image { data: None, url: None, .. }));
        if self.recovery.lighter && (words.len() > MAX_LIGHT || picture.is_some()) {
            return Telling::Untold;
        }
        if lost {
            self.replay.context = Context::Partial;
        }
        let text = Some(words).filter(|words| !words.trim().is_empty());
        match (text, picture) {
            (None, None) if message.state == MessageState::InProgress || message.role != Role::User => Telling::Nothing,
            // Something was said, and nobody knows what.
            (None, None) => Telling::Untold,
            (text, Some(picture)) if message.role == Role::User => {
                let bytes = match &picture {
                    Picture::Data { base64, .. } => base64.len(),
                    Picture::Elsewhere(_) | Picture::Uploaded(_) => 0,
                };
                let length = text.as_ref().map_or(0, String::len);
                let command = ProviderCommand::CreateImage { item, text, picture, detail: None };
                Telling::Told(vec![command], length, bytes)
            }
            (Some(text), _) => {
                let length = text.len();
                let command = ProviderCommand::CreateText { item, role: message.role, text, previous: None };
                Telling::Told(vec![command], length, 0)
            }
            (None, Some(_)) => Telling::Untold,
        }
    }

    /// The item is of an earlier connection, and this one was told of it.
    pub(super) fn was_told(&self, item: &ItemId) -> bool {
        self.replay.told.contains_key(item)
    }

    /// Puts a message behind another as the vendor has them, and behind what stands there and it was not told.
    pub(super) fn place(&mut self, item: &ItemId, previous: &ItemId) {
        let messages = self.history.messages();
        let behind = messages.iter().rposition(|m| m.id == *previous).map_or(messages.len(), |at| at + 1);
        let untold = |m: &&Message| m.id != *item && self.replay.untold.contains(&m.id) && !self.was_told(&m.id);
        let previous = messages[behind..].iter().take_while(untold).last().map_or(previous, |m| &m.id).clone();
        self.history.place(item, &previous, &mut self.changes);
        self.tell_changes();
    }

    /// The vendor lost an item of ours because another one stands for it.
    pub(super) fn is_told_otherwise(&mut self, item: &ItemId) -> bool {
        self.replay.otherwise.remove(item)
    }

    /// What will have been heard of a message that is still heard and will not be finished.
    fn words_to_come(&self, message: &Message) -> Option<String> {
        let mut told = message.clone();
        let mut changed = false;
        for heard in self.ledger.open().filter(|h| h.key.item == message.id) {
            let Some(Part::Audio { transcript, heard_transcript: to_come @ None, .. }) =
                told.parts.get_mut(heard.key.part as usize)
            else {
                continue;
            };
            let received_ms = self.ledger.ms(heard.received);
            let heard_ms = if self.speaking.flushing() {
                // It is being silenced.
                self.ledger.ms(heard.heard)
            } else if self.is_torn(&heard.key.response) {
                received_ms
            } else {
                continue;
            };
            let span = Span { heard_ms, received_ms, complete: false };
            let sound = self.sounds.get(&heard.key.item, heard.key.part);
            *to_come = Some(self.pace.heard(transcript, span, sound).text);
            changed = true;
        }
        changed.then(|| words(&told))
    }

    /// An item that has no message of its own.
    pub(super) fn is_hidden(&self, item: &ItemId) -> bool {
        self.replay.hidden.contains(item)
    }

    /// Less of an answer was heard than this session was told. The item it knows is text, which cannot be cut:
    /// another one takes its place.
    pub(super) fn tell_otherwise(&mut self, item: &ItemId) {
        let messages = self.history.messages();
        let Some(at) = messages.iter().rposition(|m| m.id == *item) else { return };
        let text = words(&messages[at]);
        let before = messages[..at].iter().rev().find(|m| self.replay.told.contains_key(&m.id));
        let previous = Some(before.map_or_else(|| "root".into(), |m| m.id.clone()));
        let as_told = self.replay.told.get(item) == Some(&text.len());
        if as_told || !self.link.is_told() || self.codec.quirks().keeps_items || !self.replay.take_told(item) {
            return;
        }
        self.tell_vendor(&ProviderCommand::DeleteItem { item: item.clone() });
        self.replay.otherwise.insert(item.clone());
        if text.trim().is_empty() {
            return;
        }
        let instead = ItemId::from(self.id("item"));
        self.replay.hidden.insert(instead.clone());
        self.tell_vendor(&ProviderCommand::CreateText { item: instead, role: Role::Assistant, text, previous });
    }

    /// The vendor does not take something of the conversation. It stays in the history.
    pub(super) fn replay_refused(&mut self, op: Option<OpId>, item: &ItemId, error: Error) {
        self.replay.context = Context::Partial;
        self.replay.told.remove(item);
        match op {
            Some(op) => self.complete(op, Some(error)),
            None => self.emit_about(None, Some(item), EventKind::Warning(error)),
        }
        self.replay_acknowledged();
    }

    /// Not everything was acknowledged in time; it may have arrived all the same.
    pub(super) fn replay_cut_short(&mut self) {
        self.replay.context = Context::Partial;
        for (op, _) in self.ops.replay_over() {
            if let Some(op) = op {
                let text = "the service did not confirm it on the new connection";
                let error = Error::new(ErrorClass::Provider, "unacknowledged", text);
                self.complete(op, Some(error.fix("look whether the conversation has it before sending it again")));
            }
        }
    }

    /// Tells the host about the new session.
    pub(super) fn tell_replaced(&mut self, why: Why) {
        let context = match self.replay.context {
            Context::Full => "full",
            Context::Partial => "partial",
            Context::None => "none",
        };
        let gap_ms = self.microphone_gap_ms();
        let replaced = SessionReplaced { why: why.word().into(), context: context.into(), gap_ms };
        self.emit(EventKind::SessionReplaced(replaced));
    }

    /// Tells this session of a call that an earlier one made and whose result is there now, at the call's own
    /// place. Returns what the result stands behind.
    pub(super) fn send_call(&mut self, item: &ItemId) -> Result<Option<ItemId>, Error> {
        if self.was_told(item) {
            // With a result that was refused.
            return Ok(Some(item.clone()));
        }
        let messages = self.history.messages();
        let Some(at) = messages.iter().rposition(|m| m.id == *item) else { return Ok(None) };
        let Some(Part::ToolCall { id, name, arguments, .. }) = messages[at].parts.first() else { return Ok(None) };
        let before = messages[..at].iter().rev().find(|m| self.replay.told.contains_key(&m.id));
        let previous = Some(before.map_or_else(|| "root".into(), |m| m.id.clone()));
        let (call, name, arguments) = (id.clone(), name.clone(), arguments.clone());
        let command = ProviderCommand::CreateCall { item: item.clone(), call, name, arguments, previous };
        let event_id = self.send(&command)?;
        self.remember(event_id, Purpose::Replayed(None, item.clone(), item.clone()));
        self.replay.told.insert(item.clone(), 0);
        Ok(Some(item.clone()))
    }
}

fn item_of(command: &ProviderCommand) -> Option<&ItemId> {
    match command {
        ProviderCommand::CreateText { item, .. }
        | ProviderCommand::CreateImage { item, .. }
        | ProviderCommand::CreateCall { item, .. }
        | ProviderCommand::ToolOutput { item, .. } => Some(item),
        _ => None,
    }
}

/// What was said: of the assistant what was heard.
fn words(message: &Message) -> String {
    let words = message.parts.iter().filter_map(|part| match part {
        Part::Text { content } => Some(content.as_str()),
        Part::Audio { transcript, heard_transcript, .. } => {
            Some(heard_transcript.as_deref().filter(|_| message.role == Role::Assistant).unwrap_or(transcript))
        }
        _ => None,
    });
    words.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

fn is_call(message: &Message) -> bool {
    matches!(message.parts.first(), Some(Part::ToolCall { .. }))
}

fn picture(part: &Part) -> Option<Picture> {
    match part {
        Part::Image { data: Some(data), mime_type, .. } => {
            Some(Picture::Data { mime_type: mime_type.clone(), base64: data.clone() })
        }
        Part::Image { url: Some(url), .. } => Some(Picture::Elsewhere(url.clone())),
        _ => None,
    }
}
