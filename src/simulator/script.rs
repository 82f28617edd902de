//! Where one conversation stands in its scenario.

use super::scenario::{OutputItem, Scenario};
use std::sync::Arc;

/// The transcript of speech the scenario does not foresee.
const UNSCRIPTED: &str = "[speech the scenario does not know]";

/// What the next response answers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Pending {
    /// Nothing was said yet.
    Opening,
    /// A user turn, or `None` when the turns have run out.
    User(Option<usize>),
    /// The outputs of the calls of a turn.
    Tool(usize),
    /// All is answered.
    Nothing,
}

/// Walks through the turns of a scenario.
#[derive(Debug)]
pub(super) struct Script {
    scenario: Arc<Scenario>,
    used: Vec<bool>,
    latest: Option<usize>,
    pending: Pending,
}

/// The output items of a response.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) items: Vec<OutputItem>,
    /// Takes the place of the reply if its calls cannot be made.
    pub(super) instead: Vec<OutputItem>,
}

impl Script {
    pub(super) fn new(scenario: Arc<Scenario>) -> Self {
        let used = vec![false; scenario.turns.len()];
        Self { scenario, used, latest: None, pending: Pending::Opening }
    }

    pub(super) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The user spoke: takes the next turn and returns what was said.
    pub(super) fn heard(&mut self) -> String {
        let next = self.used.iter().position(|used| !used);
        self.take(next);
        next.map_or_else(|| UNSCRIPTED.to_owned(), |i| self.scenario.turns[i].hear.clone())
    }

    /// The user typed: takes the turn whose words match, else the next one that has no words.
    pub(super) fn typed(&mut self, text: &str) {
        let text = text.to_lowercase();
        let free = |i: &usize| !self.used[*i];
        let turns = &self.scenario.turns;
        let matches = |i: &usize| {
            let words = &turns[*i].words;
            let all = !words.is_empty() && words.iter().all(|w| text.contains(&w.to_lowercase()));
            all || text.trim() == turns[*i].hear.to_lowercase()
        };
        let matching = (0..turns.len()).filter(free).find(matches);
        let next = matching.or_else(|| (0..turns.len()).filter(free).find(|i| turns[*i].words.is_empty()));
        self.take(next);
    }

    fn take(&mut self, turn: Option<usize>) {
        if let Some(i) = turn {
            self.used[i] = true;
        }
        self.latest = turn;
        self.pending = Pending::User(turn);
    }

    /// An assistant message was put into the history: what came before it is answered.
    pub(super) fn answered(&mut self) {
        self.pending = Pending::Nothing;
    }

    /// The output of a call arrived.
    pub(super) fn tool_output(&mut self) {
        if let (Pending::Nothing, Some(turn)) = (self.pending, self.latest) {
            self.pending = Pending::Tool(turn);
        }
    }

    /// The reply to whatever is pending.
    pub(super) fn reply(&mut self) -> Reply {
        let pending = std::mem::replace(&mut self.pending, Pending::Nothing);
        let turns = &self.scenario.turns;
        let (items, instead) = match pending {
            Pending::User(Some(turn)) => (turns[turn].reply.clone(), turns[turn].after_tool.clone()),
            Pending::Tool(turn) if !turns[turn].after_tool.is_empty() => (turns[turn].after_tool.clone(), Vec::new()),
            Pending::Opening if self.scenario.greeting.is_some() => {
                (self.scenario.greeting.clone().unwrap_or_default(), Vec::new())
            }
            _ => (self.scenario.fallback.clone(), Vec::new()),
        };
        Reply { items, instead }
    }
}
