//! The snapshot a host can read at any time: events folded into state.

use crate::{
    error::Error,
    event::{Agent, Event, EventKind, MessageOp, Mode, Status, TranscriptMode, TranscriptStage},
    message::{Message, MessageState, Part, Role},
};
use serde::Serialize;

/// Where a client is. `revision` grows with every change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct State {
    /// Number of changes so far.
    pub revision: u64,
    /// The connection.
    pub status: Status,
    /// One word for a user interface.
    pub mode: Mode,
    /// The person is speaking.
    pub user_speaking: bool,
    /// The agent.
    pub agent: Agent,
    /// The newest error of this run, fatal or not.
    pub error: Option<Error>,
    /// The conversation in order, pending words included.
    pub messages: Vec<Message>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            revision: 0,
            status: Status::never_connected(),
            mode: Mode::Idle,
            user_speaking: false,
            agent: Agent::Idle,
            error: None,
            messages: Vec::new(),
        }
    }
}

impl State {
    /// What is being said and is not yet known whole: the words so far of the newest message of `role`.
    pub fn pending(&self, role: Role) -> Option<String> {
        let newest = self.messages.iter().rev().find(|m| m.role == role)?;
        (newest.state == MessageState::InProgress).then(|| newest.text()).filter(|text| !text.is_empty())
    }

    /// Applies one event.
    pub(super) fn apply(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Status(status) => {
                if matches!(status, Status::Connecting { .. }) {
                    self.error = None;
                }
                self.status = status.clone();
            }
            EventKind::Error(error) => self.error = Some(error.clone()),
            EventKind::Mode(m) => (self.mode, self.user_speaking, self.agent) = (m.mode, m.user_speaking, m.agent),
            EventKind::Message(change) => {
                let message = &change.message;
                let at = self.messages.iter().rposition(|m| m.id == message.id);
                let place = |messages: &[Message]| match &change.after {
                    None => 0,
                    Some(after) => messages.iter().rposition(|m| m.id == *after).map_or(messages.len(), |i| i + 1),
                };
                match (change.op, at) {
                    (MessageOp::Removed, Some(at)) => drop(self.messages.remove(at)),
                    (MessageOp::Removed, None) => return,
                    (MessageOp::Added, Some(at)) => self.messages[at] = (**message).clone(),
                    (_, None) => self.messages.insert(place(&self.messages), (**message).clone()),
                    (MessageOp::Updated, Some(at)) => {
                        let mut whole = self.messages.remove(at);
                        let mut parts = std::mem::take(&mut whole.parts);
                        for (&i, part) in change.changed.iter().zip(&message.parts) {
                            put(&mut parts, i as usize, part.clone());
                        }
                        let to = place(&self.messages);
                        self.messages.insert(to, Message { parts, ..(**message).clone() });
                    }
                }
            }
            EventKind::Transcript(t) if t.stage != TranscriptStage::Heard && t.mode == TranscriptMode::Delta => {
                let Some(message) = self.messages.iter_mut().rev().find(|m| Some(&m.id) == event.item.as_ref()) else {
                    return;
                };
                // A message event has told what kind of part it is before its first words.
                match message.parts.get_mut(t.part as usize) {
                    Some(Part::Audio { transcript, .. }) => transcript.push_str(&t.text),
                    Some(Part::Text { content }) => content.push_str(&t.text),
                    _ => return,
                }
            }
            _ => return,
        }
        self.revision += 1;
    }
}

fn put(parts: &mut Vec<Part>, index: usize, part: Part) {
    while parts.len() < index {
        parts.push(Part::Text { content: String::new() });
    }
    if index < parts.len() { parts[index] = part } else { parts.push(part) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Config,
        event::OpId,
        provider::{Frame, codec_for},
        session::{Command, Input, Output, Session},
        time::Time,
    };
    use std::sync::Arc;

    /// Folded events and the session agree after each frame.
    fn agree(frames: &[&str]) -> Vec<Message> {
        let config = Config::from_json("{}").unwrap();
        let codec = codec_for(&config).unwrap();
        let mut session = Session::new(Arc::new(config), codec, 1);
        let mut state = State::default();
        session.handle(Time(0), Input::Command { op: OpId(1), command: Command::Connect });
        session.handle(Time(0), Input::Opened { epoch: 1, unix_s: None });
        let hello = [r#"{"type":"session.created","session":{}}"#, r#"{"type":"session.updated","session":{}}"#];
        for frame in hello.iter().chain(frames) {
            session.handle(Time(0), Input::Frame { epoch: 1, frame: Frame::Text((*frame).into()) });
            while let Some(output) = session.poll() {
                if let Output::Event(event) = output {
                    state.apply(&event);
                }
            }
            assert_eq!(state.messages, session.messages(), "after {frame}");
        }
        state.messages
    }

    #[test]
    fn words_stand_in_their_own_part_while_they_stream() {
        let messages = agree(&[
            r#"{"type":"response.created","response":{"id":"R"}}"#,
            r#"{"type":"response.output_item.added","response_id":"R","item":{"id":"A","type":"message","role":"assistant"}}"#,
            r#"{"type":"response.content_part.added","response_id":"R","item_id":"A","content_index":0,"part":{"type":"audio"}}"#,
            r#"{"type":"response.output_audio_transcript.delta","response_id":"R","item_id":"A","content_index":0,"delta":"one "}"#,
            r#"{"type":"response.output_audio.delta","response_id":"R","item_id":"A","content_index":0,"delta":"AAAAAAAA"}"#,
            r#"{"type":"response.content_part.added","response_id":"R","item_id":"A","content_index":1,"part":{"type":"text"}}"#,
            r#"{"type":"response.output_text.delta","response_id":"R","item_id":"A","content_index":1,"delta":"written"}"#,
            r#"{"type":"response.output_audio_transcript.delta","response_id":"R","item_id":"A","content_index":0,"delta":"two"}"#,
            r#"{"type":"response.output_audio.done","response_id":"R","item_id":"A","content_index":0}"#,
            r#"{"type":"response.output_text.done","response_id":"R","item_id":"A","content_index":1,"text":"written."}"#,
            r#"{"type":"response.done","response":{"id":"R","status":"completed"}}"#,
        ]);
        assert_eq!(messages[0].text(), "one two written.");
    }

    #[test]
    fn written_words_that_nobody_announced_are_a_text_part() {
        let messages = agree(&[
            r#"{"type":"response.output_text.delta","response_id":"R","item_id":"A","content_index":0,"delta":"a"}"#,
            r#"{"type":"response.output_text.delta","response_id":"R","item_id":"A","content_index":0,"delta":"b"}"#,
            r#"{"type":"conversation.item.input_audio_transcription.delta","item_id":"U","content_index":1,"delta":"c"}"#,
            r#"{"type":"conversation.item.input_audio_transcription.completed","item_id":"U","content_index":1,"transcript":"cd"}"#,
        ]);
        assert_eq!(messages[0].parts, [Part::Text { content: "ab".into() }]);
        assert_eq!(messages[1].text(), "cd");
    }
}
