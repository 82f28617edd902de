//! A host that knows the conversation from its events alone.

use duologue::{
    event::{EventKind, MessageChange, MessageOp, TranscriptMode, TranscriptStage},
    message::{Message, Part, ToolCallState},
};

#[derive(Default)]
pub struct Mirror {
    messages: Vec<Message>,
}

impl Mirror {
    /// What a host does with an event; only what stands in it is used.
    pub fn hears(&mut self, item: Option<&str>, kind: &EventKind) {
        match kind {
            EventKind::Message(change) => self.change(change),
            EventKind::Transcript(t) if t.stage != TranscriptStage::Heard && t.mode == TranscriptMode::Delta => {
                let item = item.expect("words belong to an item");
                // Words of what is outside the conversation are nobody's message.
                let Some(message) = self.messages.iter_mut().find(|m| m.id.as_str() == item) else { return };
                match message.parts.get_mut(t.part as usize) {
                    Some(Part::Audio { transcript, .. }) => transcript.push_str(&t.text),
                    Some(Part::Text { content }) => content.push_str(&t.text),
                    other => panic!("words of part {} of {item}, which is {other:?}", t.part),
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, change: &MessageChange) {
        let MessageChange { op, after, message, changed } = change;
        let id = &message.id;
        let at = self.messages.iter().position(|m| m.id == *id);
        let mut now = (**message).clone();
        match (op, at) {
            (MessageOp::Added, None) => assert!(changed.is_empty() && now.revision == 1, "{id}: new is new"),
            (MessageOp::Removed, Some(at)) => return drop(self.messages.remove(at)),
            (MessageOp::Updated, Some(at)) => {
                let mut before = self.messages.remove(at);
                assert_eq!(now.revision, before.revision + 1, "{id}: no change is skipped or told twice");
                assert_eq!(changed.len(), now.parts.len(), "{id}: changed parts only, each with its index");
                for (&i, part) in changed.iter().zip(std::mem::take(&mut now.parts)) {
                    let i = i as usize;
                    while before.parts.len() < i {
                        before.parts.push(Part::Text { content: String::new() });
                    }
                    if i == before.parts.len() { before.parts.push(part) } else { before.parts[i] = part }
                }
                now.parts = before.parts;
            }
            (op, at) => panic!("{op:?} of {id}, which is at {at:?}"),
        }
        let place = match after {
            None => 0,
            Some(after) => 1 + self.messages.iter().position(|m| m.id == *after).expect("a place that is known"),
        };
        self.messages.insert(place, now);
    }

    /// It knows what the session knows.
    pub fn agrees(&self, messages: &[Message]) {
        let mut messages = messages.to_vec();
        for (message, mirrored) in messages.iter_mut().zip(&self.messages) {
            // Half a sentence of JSON is told to nobody before it is whole.
            if let (
                Some(Part::ToolCall { arguments, state: ToolCallState::Pending, .. }),
                Some(Part::ToolCall { arguments: mirrored, .. }),
            ) = (message.parts.first_mut(), mirrored.parts.first())
            {
                arguments.clone_from(mirrored);
            }
        }
        assert_eq!(self.messages, messages, "the events say something else than the conversation");
    }
}
