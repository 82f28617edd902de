//! A history that is put back: with `continue` its turns are known by what was said, not by their number.

use super::{
    scenario::{OutputItem, Say, Text, Turn},
    script::Script,
};

impl Script {
    /// The turn that a user message belongs to, by its words alone.
    pub(super) fn recognised(&self, text: &str) -> Option<usize> {
        let same = |i: &usize| self.scenario().turns[*i].hear.to_lowercase() == text.trim();
        self.free().find(same)
    }

    /// A user message that is nobody's turn, or not yet: in a history it was answered already. When a reply is
    /// asked for, the next turn is taken for it.
    pub(super) fn unsettle(&mut self) {
        self.take(None);
        self.unsettled = true;
    }

    /// A reply is asked for: what was typed has to be some turn.
    pub(super) fn settle(&mut self) {
        if std::mem::take(&mut self.unsettled) {
            let next = self.next_plain();
            self.take(next);
        }
    }

    /// An assistant message of a history. It tells the turn when the user's words did not, and what of the reply is
    /// left when it is only the beginning of it.
    pub(super) fn recall_answer(&mut self, text: &str) {
        let text = text.trim().to_lowercase();
        if text.is_empty() {
            return;
        }
        let of = |i: &usize| said(&self.scenario().turns[*i], &text);
        let latest = self.latest.filter(|i| of(i).is_some());
        let turn = match (latest, self.unanswered) {
            (Some(turn), _) => Some(turn),
            // The user's words have told it: what was said is another matter.
            (None, Some(Some(_))) => None,
            (None, _) => self.free().find(|i| of(i).is_some()),
        };
        let left = turn.and_then(|turn| said(&self.scenario().turns[turn], &text)).flatten();
        if let Some(turn) = turn {
            self.take(Some(turn));
        }
        self.left = left;
    }

    /// A call of a history: it tells the turn when the user's words did not.
    pub(super) fn recall_call(&mut self, name: &str) {
        let calls = |i: &usize| {
            let reply = &self.scenario().turns[*i].reply;
            reply.iter().any(|item| matches!(item, OutputItem::Call(call) if call.call.name == name))
        };
        if self.latest.is_none_or(|turn| !calls(&turn)) {
            let turn = self.free().find(calls);
            if turn.is_some() {
                self.take(turn);
            }
        }
    }
}

/// Whether a turn's replies have an item that begins with `text`; then what is left to say, from that item on, if
/// it is not all of it.
fn said(turn: &Turn, text: &str) -> Option<Option<Vec<OutputItem>>> {
    [&turn.reply, &turn.after_tool].into_iter().find_map(|items| {
        let at = items.iter().position(|item| words(item).starts_with(text))?;
        let whole = words(&items[at]).trim() == text;
        Some((!whole).then(|| items[at..].to_vec()))
    })
}

fn words(item: &OutputItem) -> String {
    match item {
        OutputItem::Say(Say { say: words, .. }) | OutputItem::Text(Text { text: words }) => words.to_lowercase(),
        OutputItem::Call(_) | OutputItem::Fail(_) => String::new(),
    }
}
