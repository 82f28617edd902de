//! Where one conversation stands in its scenario.

use super::scenario::{OutputItem, Scenario};
use std::sync::Arc;

/// The transcript of speech the scenario does not foresee.
const UNSCRIPTED: &str = "[speech the scenario does not know]";

/// Walks through the turns of a scenario.
#[derive(Debug)]
pub(super) struct Script {
    scenario: Arc<Scenario>,
    used: Vec<bool>,
    /// Nothing was said yet, by anybody.
    opening: bool,
    /// The user turn that waits for a reply; inside it `None` when the turns have run out.
    unanswered: Option<Option<usize>>,
    latest: Option<usize>,
    /// The turn whose calls are out, and whether an output has come back.
    calling: Option<usize>,
    outputs: bool,
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
        Self { scenario, used, opening: true, unanswered: None, latest: None, calling: None, outputs: false }
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
        self.opening = false;
        self.latest = turn;
        self.unanswered = Some(turn);
    }

    /// An assistant message was put into the history: what came before it is answered.
    pub(super) fn answered(&mut self) {
        self.opening = false;
        self.unanswered = None;
        self.calling = None;
        self.outputs = false;
    }

    /// The output of a call arrived. In a history that is being rebuilt the call was made elsewhere:
    /// then it belongs to the latest turn.
    pub(super) fn tool_output(&mut self) {
        if self.calling.is_none() {
            self.calling = self.latest;
            self.unanswered = None;
        }
        self.outputs = true;
    }

    /// The reply to whatever is pending: a user turn first, then the outputs of calls.
    pub(super) fn reply(&mut self) -> Reply {
        let turns = &self.scenario.turns;
        let opening = std::mem::replace(&mut self.opening, false);
        if let Some(Some(turn)) = self.unanswered.take() {
            let (items, instead) = (turns[turn].reply.clone(), turns[turn].after_tool.clone());
            if items.iter().any(|item| matches!(item, OutputItem::Call(_))) {
                self.calling = Some(turn);
                self.outputs = false;
            }
            return Reply { items, instead };
        }
        let after_tool = self.calling.filter(|_| self.outputs).map(|turn| &turns[turn].after_tool);
        let items = match (after_tool, &self.scenario.greeting) {
            (Some(items), _) if !items.is_empty() => {
                let items = items.clone();
                self.calling = None;
                self.outputs = false;
                items
            }
            (_, Some(greeting)) if opening => greeting.clone(),
            _ => self.scenario.fallback.clone(),
        };
        Reply { items, instead: Vec::new() }
    }
}
