//! What an agent that lives elsewhere says, and a model does not: what was really heard, that the conversation is over, and
//! nothing where a response has ended.

use super::{Session, ending::agent_ended, incoming::vendor_text};
use crate::{
    capabilities::IdleAudio,
    error::{Error, ErrorClass},
    event::{EventKind, Transcript, TranscriptMode, TranscriptStage},
    message::{ItemId, Part, PartIndex, ResponseId, Role},
    provider::{Frame, ProviderCommand},
    time::Time,
};

/// A vendor that hangs up after a minute of silence is told so often that the user is there.
const STILL_HERE_MS: u64 = 20_000;
/// Things the vendor said of parts that are remembered.
const MAX_REMEMBERED: usize = 64;

impl Session {
    /// The vendor knows what was heard of an answer: that counts, and not what was made of positions here.
    pub(super) fn heard_was(&mut self, item: &ItemId, part: PartIndex, text: String) {
        if self.cut_here.contains(item) {
            // The host cut it off, and of that the vendor knows nothing.
            return;
        }
        let mut told = false;
        self.history.update(item, &mut self.changes, |m| match m.parts.get_mut(part as usize) {
            Some(Part::Audio { heard_transcript, .. }) => {
                told = true;
                m.interrupted = true;
                *heard_transcript = Some(text.clone());
                Some(vec![part])
            }
            _ => None,
        });
        self.tell_changes();
        if !told {
            return;
        }
        self.corrected.push_back((item.clone(), part));
        if self.corrected.len() > MAX_REMEMBERED {
            self.corrected.pop_front();
        }
        let (role, mode, stage) = (Role::Assistant, TranscriptMode::Correction, TranscriptStage::Heard);
        let transcript = Transcript { role, part, mode, text, stage, estimated: false, error_words: None };
        self.emit_about(None, Some(item), EventKind::Transcript(transcript));
    }

    /// The host cut it off.
    pub(super) fn cut_here(&mut self, item: &ItemId) {
        if self.cut_here.len() >= MAX_REMEMBERED {
            self.cut_here.pop_front();
        }
        self.cut_here.push_back(item.clone());
    }

    /// When a vendor that hangs up on silence has to be told that the user is still there.
    pub(super) fn quiet_until(&self) -> Option<Time> {
        let wants = self.codec.capabilities().idle_audio == Some(IdleAudio::Continuous);
        (wants && self.link.is_up()).then(|| self.said_at.after_ms(STILL_HERE_MS))
    }

    /// Tells it.
    pub(super) fn still_here(&mut self) {
        if self.quiet_until().is_some_and(|at| self.now >= at) {
            self.said_at = self.now;
            self.tell_vendor(&ProviderCommand::StillHere);
        }
    }

    /// Nobody answers before it is this conversation's turn.
    pub(super) fn queued(&mut self) {
        let text = "the account holds as many conversations as it may, and this one waits in the service's queue";
        let warning = Error::new(ErrorClass::Limit, "queued", text);
        self.emit(EventKind::Warning(
            warning.fix("tell the user to hold the line; speech before the answer may be lost"),
        ));
    }

    /// A tool of the vendor was not allowed to run.
    pub(super) fn tool_refused(&mut self, name: &str) {
        let text = format!("the agent asked to run {:?}, and was told that it may not", vendor_text(name));
        let warning = Error::new(ErrorClass::State, "tool_not_approved", text).field("tool_handling.approve");
        self.emit(EventKind::Warning(warning.fix("name the tool there if it may run")));
    }

    /// What was heard of it was said by the vendor.
    pub(super) fn is_corrected(&self, item: &ItemId, part: PartIndex) -> bool {
        self.corrected.iter().any(|(of, p)| of == item && *p == part)
    }

    /// Nothing came of a response for as long as the vendor may be silent in one. False: that says nothing.
    pub(super) fn gone_quiet(&mut self, id: &ResponseId) -> bool {
        if self.may_be_quiet(id).is_none() {
            return false;
        }
        let mut events = Vec::new();
        self.codec.gone_quiet(&mut events);
        for event in events {
            self.incoming(event, &Frame::Text("".into()));
        }
        let record = self.response(id);
        record.asked += 1;
        record.end.is_some() || record.asked < MOST_ASKED
    }

    /// So many milliseconds without a word may be the end of a response.
    pub(super) fn may_be_quiet(&self, id: &ResponseId) -> Option<u32> {
        let active = self.sequencer.active() == Some(id);
        self.codec.quirks().quiet_ms.filter(|_| active)
    }

    /// Sends what the vendor is owed for what it sent.
    pub(super) fn answer_vendor(&mut self) {
        for text in self.codec.answers() {
            self.send_frame(Some(text));
        }
    }

    /// The conversation is over when what was said is heard.
    pub(super) fn say_goodbye(&mut self) {
        let heard = self.ledger.open().next().is_none() && !self.speaking.flushing();
        if !self.leaves || !heard || self.sequencer.active().is_some() {
            return;
        }
        if self.hears_out() {
            return self.hear_no_more();
        }
        self.leaves = false;
        self.close(1000, agent_ended());
    }
}

/// A response is asked about so often; then it counts as one whose end was lost.
pub(super) const MOST_ASKED: u32 = 60;
