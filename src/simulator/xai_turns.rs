//! Spoken turns as xAI has them: their item is there as soon as somebody speaks, also when turns are ended by hand, and
//! one that has ended goes on when the user does, until it is committed.

use super::{
    conversation::Item,
    events,
    listening::Listening,
    peer::Peer,
    responder::Why,
    scenario::TranscriptTime,
    script::{Heard, Script},
    session_state::TurnDetection,
    vad::{Found, SUSTAINED_MS},
};

/// A turn that has ended and is not committed yet.
pub(super) struct Ended {
    item: String,
    /// When it will be, on the clock of what is heard.
    due: u64,
    heard: Heard,
    /// Where the script stood before.
    before: Box<Script>,
}

/// What finds speech where nobody asked for it to be found: the service's own defaults.
fn by_hand() -> TurnDetection {
    TurnDetection {
        start_score: 0.5,
        onset_ms: SUSTAINED_MS,
        prefix_padding_ms: 333,
        silence_ms: u64::MAX,
        idle_timeout_ms: None,
        create_response: false,
        interrupt_response: false,
        longest_wait_ms: None,
        sentence_ms: 0,
    }
}

impl Listening {
    /// Somebody was heard since the last turn.
    pub(super) fn heard_speech(&self) -> bool {
        self.speech_item.is_some()
    }

    /// The turn that has ended is as long as it will be.
    fn is_due(&self) -> bool {
        self.ended.as_ref().is_some_and(|ended| self.clock >= ended.due)
    }
}

impl Peer {
    /// Sound of a turn that ends by hand: speech in it is told, its end is the client's.
    pub(super) fn hear_by_hand(&mut self, samples: &[i16]) {
        let settings = by_hand();
        for &sample in samples {
            self.listening.clock += 1;
            self.listening.buffer.push(sample);
            let found = self.listening.vad.push(sample, self.listening.clock, &settings);
            if let Some(Found::Started { from }) = found
                && !self.listening.heard_speech()
            {
                let item = self.ids.next("item_");
                self.listening.speech_item = Some(item.clone());
                self.announce_speech(&item, from);
            }
        }
    }

    /// Speech began: its item is there at once, without words.
    pub(super) fn announce_speech(&mut self, item: &str, from: u64) {
        self.send(events::speech_started(item, from / 24));
        if self.xai.is_some() {
            let mut value = events::spoken_item(item, Some(""));
            value["status"] = "in_progress".into();
            let previous = self.conversation.last_id().map(str::to_owned);
            self.conversation.push(Item::new(value.clone(), Vec::new()));
            self.send(events::item_added(&value, previous.as_deref()));
        }
    }

    /// Speech that was told of ends with the commit, where the client ends turns. Inferred: clients that work with the
    /// service wait for its end, and no record says when it is told.
    pub(super) fn end_announced_speech(&mut self) {
        if self.xai.is_some()
            && let Some(item) = &self.listening.speech_item
        {
            self.send(events::speech_stopped(&item.clone(), self.listening.clock / 24));
        }
    }

    /// The speech under way is no turn.
    pub(super) fn forget_speech(&mut self) {
        if let Some(item) = self.listening.speech_item.take() {
            self.conversation.remove(&item);
        }
    }

    /// How long a turn that has ended may go on, in samples of what is heard; `None`: it is committed at once.
    pub(super) fn grace(&self) -> Option<u64> {
        let ms = self.script.scenario().delivery.commit_delay_ms;
        (self.xai.is_some() && ms > 0).then(|| u64::from(ms) * 24)
    }

    /// The end of speech was told. The turn is committed later; its answer begins already.
    pub(super) fn end_for_now(&mut self, item: String, grace: u64) {
        let before = Box::new(self.script.clone());
        let heard = self.script.heard();
        let due = self.listening.clock + grace;
        self.listening.ended = Some(Ended { item, due, heard, before });
    }

    /// The user speaks again before the turn is committed: it is the same turn, and what was begun for an answer is
    /// dropped without a word.
    pub(super) fn goes_on(&mut self, from: u64) -> bool {
        let Some(ended) = self.listening.ended.take() else { return false };
        self.drop_answer();
        self.script = *ended.before;
        self.send(events::speech_started(&ended.item, from / 24));
        self.listening.speech_item = Some(ended.item);
        true
    }

    /// What was begun for an answer goes without an end. Whether the service forgets its items is not known: they stay.
    fn drop_answer(&mut self) {
        self.pending.retain(|pending| pending.why == Why::Aside);
        self.active.retain(|active| !active.in_conversation);
    }

    /// What was heard reaches the end of a turn that may go on no longer.
    pub(super) fn commit_what_is_due(&mut self) {
        if self.listening.is_due() {
            self.commit_ended();
        }
    }

    /// A turn that has ended and might have gone on does not.
    pub(super) fn commit_ended(&mut self) {
        if let Some(Ended { item, mut heard, .. }) = self.listening.ended.take() {
            // The answer may have begun: its words wait for nothing more.
            if let Some(transcript) = &mut heard.transcript {
                transcript.when = TranscriptTime::Turn;
            }
            self.commit_heard(item, heard);
        }
    }
}
