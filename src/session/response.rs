//! What is remembered of each response.

use super::Session;
use crate::{
    message::{ItemId, ResponseId},
    time::Time,
};

/// One response, as long as something may still refer to it.
#[derive(Debug)]
pub(super) struct Response {
    pub id: ResponseId,
    /// The connection it came on.
    pub epoch: u32,
    /// The user's turn it answers.
    pub turn: u64,
    /// Cut off: its late audio is dropped.
    pub fenced: bool,
    /// How generation ended.
    pub end: Option<crate::event::ResponseEnd>,
    /// `turn_done` was told.
    pub closed: bool,
    /// We asked the vendor to stop it.
    pub cancelled: bool,
    /// When the vendor last said anything of it.
    pub heard_of: Time,
    /// How often its silence was asked about since.
    pub asked: u32,
    /// Its end never came and was concluded. Should more of it come all the same, it is taken.
    pub lost: bool,
    /// Its end was concluded, not told.
    pub inferred: bool,
    /// Message items that will have speech; emptied as it is settled who heard them.
    pub spoken_items: Vec<ItemId>,
    /// It is no part of the conversation.
    pub outside: bool,
    /// `outside` only: the speaker plays it all the same.
    pub audible: bool,
    /// Audio that came.
    pub received_ms: u64,
    /// Audio of it that was heard before it was cut off.
    pub cut_ms: u64,
    /// Bytes of words that came and are no transcript.
    pub wrote: usize,
    /// The connection was lost while its sound was on its way.
    pub cut_short: bool,
}

impl Response {
    /// The connection was lost while it was generated, or while its sound came.
    pub fn is_torn(&self) -> bool {
        let lost = |reason: &str| matches!(reason, "connection_lost" | "remote_closed");
        self.cut_short || self.end.as_ref().and_then(|end| end.reason.as_deref()).is_some_and(lost)
    }

    /// Cuts it off.
    pub fn fence(&mut self) {
        self.fenced = true;
        if self.end.is_some() {
            // What was generated without audio has none and needs no cut.
            self.spoken_items.clear();
        }
    }
}

/// Responses remembered for late events.
const MAX_RESPONSES: usize = 64;

impl Session {
    /// It came on the connection there is: the vendor knows its items as they are.
    pub(super) fn is_of_this_connection(&self, id: &ResponseId) -> bool {
        self.responses.iter().any(|r| r.id == *id && r.epoch == self.link.epoch)
    }

    /// Its connection was lost while it was generated.
    pub(super) fn is_torn(&self, id: &ResponseId) -> bool {
        self.responses.iter().any(|r| r.id == *id && r.is_torn())
    }

    /// How much was heard of one that was cut off.
    pub(super) fn heard_ms(&self, response: &Response) -> u64 {
        let open = self.ledger.open().filter(|h| h.key.response == response.id);
        response.cut_ms + open.map(|h| self.ledger.ms(h.heard)).sum::<u64>()
    }

    /// So much was heard of a part that was cut.
    pub(super) fn was_cut_at(&mut self, id: &ResponseId, heard_ms: u64) {
        if let Some(record) = self.responses.iter_mut().rev().find(|r| r.id == *id) {
            record.cut_ms += heard_ms;
        }
    }

    /// The record of a response, made when it is new: a vendor may skip the announcement.
    pub(super) fn response(&mut self, id: &ResponseId) -> &mut Response {
        if let Some(i) = self.responses.iter().rposition(|r| r.id == *id) {
            return &mut self.responses[i];
        }
        if self.responses.len() >= MAX_RESPONSES {
            self.responses.pop_front();
        }
        let (turn, fenced, closed, cancelled) = (self.speaking.turn, false, false, false);
        let (end, spoken_items, heard_of, lost, inferred) = (None, Vec::new(), self.now, false, false);
        let (outside, audible) = (false, false);
        let (id, epoch) = (id.clone(), self.link.epoch);
        self.responses.push_back(Response {
            id,
            epoch,
            turn,
            fenced,
            end,
            closed,
            cancelled,
            heard_of,
            asked: 0,
            lost,
            inferred,
            spoken_items,
            outside,
            audible,
            received_ms: 0,
            cut_ms: 0,
            wrote: 0,
            cut_short: false,
        });
        let last = self.responses.len() - 1;
        &mut self.responses[last]
    }
}
