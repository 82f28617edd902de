//! The conversation as a host has it that follows the events and nothing else.

use duologue::{
    event::{Event, EventKind, MessageChange, MessageOp, TranscriptMode, TranscriptStage},
    message::{ItemId, Message, MessageState, Part, Role, ToolCallState},
};
use serde_json::Value;
use std::collections::HashSet;

#[derive(Default)]
pub struct Mirror {
    pub messages: Vec<Message>,
}

impl Mirror {
    fn at(&self, id: &ItemId) -> Option<usize> {
        self.messages.iter().rposition(|m| m.id == *id)
    }

    pub fn follow(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Message(change) => self.change(change),
            EventKind::Transcript(t) if t.mode == TranscriptMode::Delta && t.stage != TranscriptStage::Heard => {
                let at = event.item.as_ref().and_then(|id| self.at(id));
                let part = at.and_then(|at| self.messages[at].parts.get_mut(t.part as usize));
                match part {
                    Some(Part::Text { content: text } | Part::Audio { transcript: text, .. }) => text.push_str(&t.text),
                    // Outside the conversation, though it was not known to be at first.
                    None if at.is_none() || event.item.as_ref().is_some_and(|id| id.as_str().starts_with('X')) => {}
                    _ => panic!("a transcript of a part nobody announced: {event:?}"),
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, change: &MessageChange) {
        let message = &change.message;
        let at = self.at(&message.id);
        match change.op {
            MessageOp::Added => {
                assert_eq!(at, None, "{:?} is added once", message.id);
                self.put(Message::clone(message), change.after.as_ref());
            }
            MessageOp::Removed => {
                let at = at.unwrap_or_else(|| panic!("{:?} is removed and was never there", message.id));
                self.messages.remove(at);
            }
            MessageOp::Updated => {
                let at = at.unwrap_or_else(|| panic!("{:?} changes and was never there", message.id));
                let mut mine = self.messages.remove(at);
                assert!(message.revision > mine.revision, "{:?}: revisions grow", message.id);
                if matches!(message.parts.get(1), Some(Part::ToolResult { .. })) {
                    mine.parts.truncate(1);
                }
                for (part, index) in message.parts.iter().zip(&change.changed) {
                    while mine.parts.len() <= *index as usize {
                        mine.parts.push(Part::Text { content: String::new() });
                    }
                    mine.parts[*index as usize] = part.clone();
                }
                let parts = std::mem::take(&mut mine.parts);
                self.put(Message { parts, ..Message::clone(message) }, change.after.as_ref());
            }
        }
    }

    fn put(&mut self, message: Message, after: Option<&ItemId>) {
        let at = after.map_or(0, |after| {
            self.at(after).unwrap_or_else(|| panic!("{:?} stands behind {after:?}, which is not there", message.id)) + 1
        });
        self.messages.insert(at, message);
    }

    /// It is the conversation the session has.
    pub fn is(&self, messages: &[Message]) {
        let ids = |all: &[Message]| all.iter().map(|m| m.id.clone()).collect::<Vec<_>>();
        if self.messages.len() != messages.len() {
            assert_eq!(ids(&self.messages), ids(messages), "a host that follows the events has the conversation");
        }
        for (mine, theirs) in self.messages.iter().zip(messages) {
            if mine == theirs {
                continue;
            }
            assert_eq!(mine.id, theirs.id, "a host that follows the events has the order");
            // Arguments that stream are told when they are complete.
            let same = |mine: &Part, theirs: &Part| match theirs {
                Part::ToolCall { state: ToolCallState::Pending | ToolCallState::Cancelled, .. } => true,
                theirs => mine == theirs,
            };
            assert!(
                mine.parts.len() == theirs.parts.len()
                    && mine.parts.iter().zip(&theirs.parts).all(|(a, b)| same(a, b))
                    && (mine.state, mine.interrupted, mine.revision, mine.created_ms)
                        == (theirs.state, theirs.interrupted, theirs.revision, theirs.created_ms),
                "a host that follows the events has {mine:?}, the session {theirs:?}"
            );
        }
    }
}

/// An item a new session is to be told.
#[derive(Debug, PartialEq)]
pub enum Told {
    /// `open`: it still plays, and may not be told to its end.
    Text {
        id: Option<String>,
        role: &'static str,
        text: String,
        open: bool,
    },
    Picture {
        id: String,
    },
    /// `refused`: its result was, and it may be answered once more.
    Call {
        id: String,
        call: String,
        arguments: String,
        refused: bool,
    },
    Output {
        call: String,
        output: String,
        refused: bool,
    },
}

const MAX_MESSAGES: usize = 50;
const MAX_TEXT: usize = 64 * 1024;
const MAX_PICTURES: usize = 2 * 1024 * 1024;
const LIGHT: usize = 16 * 1024;

/// What a new session is told of a conversation, and whether that is all of it.
pub fn telling(
    messages: &[Message],
    lighter: bool,
    note: Option<&str>,
    refused: &HashSet<String>,
) -> (Vec<Told>, bool) {
    let (mut chosen, mut whole, mut texts, mut pictures) = (Vec::new(), true, 0, 0);
    for m in messages.iter().rev() {
        let id = m.id.to_string();
        if let Some(Part::ToolCall { id: call, arguments, output, state, .. }) = m.parts.first() {
            // Only complete pairs.
            let (true, Some(output)) = (matches!(state, ToolCallState::Completed | ToolCallState::Failed), output)
            else {
                continue;
            };
            let text = arguments.len() + output.len();
            if lighter && text > LIGHT {
                whole = false;
                continue;
            }
            if chosen.len() >= MAX_MESSAGES || texts >= MAX_TEXT {
                whole = false;
                break;
            }
            if texts + text > MAX_TEXT {
                whole = false;
                continue;
            }
            texts += text;
            let (call, arguments, output) = (call.to_string(), arguments.clone(), output.clone());
            let refused = refused.contains(&call);
            chosen.push(vec![
                Told::Call { id, call: call.clone(), arguments, refused },
                Told::Output { call, output, refused },
            ]);
            continue;
        }
        let words: Vec<&str> = m.parts.iter().filter_map(|p| words(p, m.role)).filter(|w| !w.is_empty()).collect();
        let words = words.join("\n");
        let picture = m.parts.iter().find_map(|p| match p {
            Part::Image { data: Some(data), .. } => Some(data.len()),
            _ => None,
        });
        if lighter && (words.len() > LIGHT || picture.is_some()) {
            whole = false;
            continue;
        }
        if words.trim().is_empty() && picture.is_none() {
            // Something was said, and nobody knows what.
            whole &= m.role != Role::User || m.state == MessageState::InProgress;
            continue;
        }
        if chosen.len() >= MAX_MESSAGES || texts >= MAX_TEXT {
            whole = false;
            break;
        }
        if texts + words.len() > MAX_TEXT || pictures + picture.unwrap_or(0) > MAX_PICTURES {
            whole = false;
            continue;
        }
        (texts, pictures) = (texts + words.len(), pictures + picture.unwrap_or(0));
        let role = match m.role {
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::System => "system",
        };
        // What is hardly begun is not told when it is asked for again, or its question is said again.
        let short = |p: &Part| matches!(p, Part::Audio { duration_ms, .. } if *duration_ms < 300);
        let begun = m.role == Role::Assistant && m.parts.iter().all(short);
        let open = plays(m) || begun;
        let told =
            if picture.is_some() { Told::Picture { id } } else { Told::Text { id: Some(id), role, text: words, open } };
        chosen.push(vec![told]);
    }
    let mut told: Vec<Told> = chosen.into_iter().rev().flatten().collect();
    if let Some(note) = note.filter(|_| !told.is_empty()) {
        told.push(Told::Text { id: None, role: "system", text: note.to_owned(), open: false });
    }
    (told, whole)
}

/// It is said, and may not be heard to its end.
pub fn plays(m: &Message) -> bool {
    let open = |p: &Part| matches!(p, Part::Audio { heard_transcript: None, .. });
    m.role == Role::Assistant && m.parts.iter().any(open)
}

/// Of the assistant only what was heard.
fn words(part: &Part, role: Role) -> Option<&str> {
    match part {
        Part::Text { content } => Some(content),
        Part::Audio { heard_transcript: Some(heard), .. } if role == Role::Assistant => Some(heard),
        Part::Audio { transcript, .. } => Some(transcript),
        _ => None,
    }
}

impl Told {
    /// It may be left out: nothing of it may ever be heard.
    pub fn may_miss(&self) -> bool {
        matches!(
            self,
            Self::Text { open: true, .. }
                | Self::Text { id: None, .. }
                | Self::Call { refused: true, .. }
                | Self::Output { refused: true, .. }
        )
    }

    /// This item of the wire is it.
    pub fn is(&self, item: &Value) -> bool {
        match self {
            Self::Text { id, role, text, open } => {
                let words = item["content"][0]["text"].as_str().unwrap_or_default();
                id.as_ref().is_none_or(|id| item["id"] == id.as_str())
                    && item["role"] == *role
                    && (words == text || (*open && words.lines().all(|w| text.lines().any(|part| part.starts_with(w)))))
                    && item["content"][0]["type"] == if *role == "assistant" { "output_text" } else { "input_text" }
                    && item["content"].as_array().is_some_and(|c| c.len() == 1)
            }
            Self::Picture { id } => item["id"] == id.as_str() && item["type"] == "message",
            Self::Call { id, call, arguments, .. } => {
                item["type"] == "function_call"
                    && (&item["id"], &item["call_id"], &item["arguments"])
                        == (&id.as_str().into(), &call.as_str().into(), &arguments.as_str().into())
            }
            Self::Output { call, output, .. } => {
                item["type"] == "function_call_output"
                    && (&item["call_id"], &item["output"]) == (&call.as_str().into(), &output.as_str().into())
            }
        }
    }
}
