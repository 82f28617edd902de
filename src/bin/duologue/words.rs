//! From transcript events to what was said: one line a message, the assistant's cut to what was heard.

use duologue::{
    event::{Event, EventKind, MessageOp, TranscriptMode, TranscriptStage},
    message::{ItemId, Part, ResponseId, Role},
};
use std::collections::VecDeque;

/// Unheard words that are shown.
const LONGEST_REST: usize = 60;
/// Messages that may wait for their end.
const MOST: usize = 32;

/// A message that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub role: Role,
    pub text: String,
}

#[derive(Debug)]
struct Pending {
    item: ItemId,
    response: Option<ResponseId>,
    role: Role,
    text: String,
    /// Milliseconds that were heard of an item that was cut off.
    cut: Option<u64>,
}

/// Messages that are not over, oldest first.
#[derive(Debug, Default)]
pub struct Words {
    pending: VecDeque<Pending>,
    /// Items that were shown: what still comes about them is late.
    shown: VecDeque<ItemId>,
    /// The user spoke and the words have not come.
    awaited: Option<ItemId>,
}

impl Words {
    /// Takes an event; gives the messages it ends.
    pub fn observe(&mut self, event: &Event) -> Vec<Line> {
        match (&event.kind, &event.item) {
            (EventKind::Transcript(words), Some(item)) => {
                let Some(at) = self.find(event, item, words.role) else { return Vec::new() };
                let pending = &mut self.pending[at];
                match (words.stage, words.mode) {
                    (TranscriptStage::Heard, TranscriptMode::Final) => return self.end(at, Some(&words.text)),
                    (TranscriptStage::Heard, _) => {}
                    (_, TranscriptMode::Delta) => pending.text.push_str(&words.text),
                    (stage, mode) => {
                        pending.text.clone_from(&words.text);
                        // The assistant's are over when they were heard, the user's when they are final.
                        if stage == TranscriptStage::Recognized && mode == TranscriptMode::Final {
                            return self.end(at, None);
                        }
                    }
                }
            }
            (EventKind::Interrupted(cut), Some(item)) => {
                if let Some(at) = self.find(event, item, Role::Assistant) {
                    self.pending[at].cut = Some(cut.heard_ms);
                }
            }
            (EventKind::Message(change), Some(item)) => match change.op {
                MessageOp::Added if change.message.role == Role::User => {
                    let Some(Part::Text { content }) = change.message.parts.first() else {
                        self.awaited = Some(item.clone());
                        return Vec::new();
                    };
                    self.shown(item.clone());
                    return vec![Line { role: Role::User, text: content.clone() }];
                }
                MessageOp::Removed => {
                    self.awaited.take_if(|awaited| awaited == item);
                    if let Some(at) = self.pending.iter().position(|p| p.item == *item) {
                        return self.end(at, Some(""));
                    }
                }
                _ => {}
            },
            (EventKind::TurnDone(_), _) => {
                let of = |p: &Pending| p.role == Role::Assistant && p.response == event.response;
                let mut lines = Vec::new();
                while let Some(at) = self.pending.iter().position(of) {
                    lines.append(&mut self.end(at, None));
                }
                return lines;
            }
            _ => {}
        }
        Vec::new()
    }

    /// The user's last words are still being transcribed.
    pub fn awaits_user(&self) -> bool {
        self.awaited.is_some()
    }

    /// The words of `role` that are not over, as far as they are known.
    pub fn latest(&self, role: Role) -> Option<&str> {
        let pending = self.pending.iter().rev().find(|p| p.role == role && !p.text.is_empty());
        pending.map(|p| p.text.as_str())
    }

    /// Everything that is left, when the conversation ends.
    pub fn rest(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        while !self.pending.is_empty() {
            lines.append(&mut self.end(0, None));
        }
        lines
    }

    fn find(&mut self, event: &Event, item: &ItemId, role: Role) -> Option<usize> {
        if self.shown.contains(item) {
            return None;
        }
        if let Some(at) = self.pending.iter().position(|p| p.item == *item) {
            return Some(at);
        }
        let (item, response) = (item.clone(), event.response.clone());
        self.pending.push_back(Pending { item, response, role, text: String::new(), cut: None });
        if self.pending.len() > MOST {
            self.pending.pop_front();
        }
        Some(self.pending.len() - 1)
    }

    fn shown(&mut self, item: ItemId) {
        self.shown.push_back(item);
        if self.shown.len() > MOST {
            self.shown.pop_front();
        }
    }

    /// Takes a message out. `heard`: the words of it that were heard.
    fn end(&mut self, at: usize, heard: Option<&str>) -> Vec<Line> {
        let Some(done) = self.pending.remove(at) else { return Vec::new() };
        // An answer that is over waits for no transcript.
        if done.role == Role::Assistant || self.awaited.as_ref() == Some(&done.item) {
            self.awaited = None;
        }
        self.shown(done.item);
        let text = match (done.cut, heard) {
            (Some(ms), heard) => cut(&done.text, heard.unwrap_or_default(), ms),
            // Removed without an interruption: it never was.
            (None, Some("")) => return Vec::new(),
            (None, Some(heard)) => heard.to_owned(),
            (None, None) if done.text.trim().is_empty() && done.role == Role::User => "[not understood]".into(),
            (None, None) => done.text,
        };
        if text.trim().is_empty() { Vec::new() } else { vec![Line { role: done.role, text }] }
    }
}

/// `Of course. — [cut at 1.82 s; not heard: "The first ..."]`
fn cut(all: &str, heard: &str, ms: u64) -> String {
    let rest = all.strip_prefix(heard).unwrap_or_default().trim();
    let at = format!("cut at {}.{:02} s", ms / 1000, ms % 1000 / 10);
    let note = match rest.char_indices().nth(LONGEST_REST) {
        _ if rest.is_empty() => format!("[{at}]"),
        None => format!("[{at}; not heard: \"{rest}\"]"),
        Some((end, _)) => {
            // Whole words only.
            let end = rest[..end].rfind(' ').unwrap_or(end);
            format!("[{at}; not heard: \"{} ...\"]", &rest[..end])
        }
    };
    if heard.is_empty() { format!("— {note}") } else { format!("{heard} — {note}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_answer_shows_what_was_heard_and_marks_the_rest() {
        assert_eq!(
            cut("Of course. Yes, it is.", "Of course.", 1829),
            "Of course. — [cut at 1.82 s; not heard: \"Yes, it is.\"]"
        );
        assert_eq!(cut("Of course.", "", 5), "— [cut at 0.00 s; not heard: \"Of course.\"]");
        assert_eq!(cut("Of course.", "Of course.", 900), "Of course. — [cut at 0.90 s]");
        let long = "word ".repeat(40);
        let shown = cut(&long, "word", 100);
        assert!(shown.ends_with("word ...\"]") && shown.chars().count() < 110, "{shown}");
    }
}
