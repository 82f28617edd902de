//! The vendor speaks up when nobody has said anything for long (protocols reference §6.10). It puts a
//! silent item into the conversation first, which is nothing a person said and is shown to nobody, unless
//! words turn up in it.

use super::Session;
use crate::message::ItemId;
use std::collections::VecDeque;

/// Silent items remembered.
const MAX_SILENT: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub struct SilentItems {
    items: VecDeque<ItemId>,
}

impl SilentItems {
    /// The item is the vendor's silence.
    pub fn has(&self, item: &ItemId) -> bool {
        self.items.contains(item)
    }

    /// Somebody spoke after all.
    pub fn forget(&mut self, item: &ItemId) {
        self.items.retain(|i| i != item);
    }
}

impl Session {
    pub(super) fn idle_timeout(&mut self, item: ItemId) {
        if self.silent.items.len() >= MAX_SILENT {
            self.silent.items.pop_front();
        }
        self.silent.items.push_back(item);
        self.speaking.begin_turn();
        self.speaking.answer_expected = true;
    }
}
