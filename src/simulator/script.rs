//! Where one conversation stands in its scenario.

use super::scenario::{OutputItem, Scenario, Transcript};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// The transcript of speech the scenario does not foresee.
const UNSCRIPTED: &str = "[speech the scenario does not know]";
/// Instructions with these words and a quoted text ask for that text and nothing else.
const VERBATIM: &str = "word for word";
/// The quotation begins at most so many bytes behind them.
const VERBATIM_NEAR: usize = 80;

/// Walks through the turns of a scenario.
#[derive(Debug, Clone)]
pub(super) struct Script {
    scenario: Arc<Scenario>,
    used: Vec<bool>,
    /// Nothing was said yet, by anybody.
    opening: bool,
    /// The user turn that waits for a reply; inside it `None` when the turns have run out.
    pub(super) unanswered: Option<Option<usize>>,
    pub(super) latest: Option<usize>,
    /// What was typed last has no turn yet.
    pub(super) unsettled: bool,
    /// What is left of a reply of which a history has only the beginning.
    pub(super) left: Option<Vec<OutputItem>>,
    /// The latest turn began with an image alone: what is said next belongs to it.
    shown: bool,
    /// What the latest image was.
    image: String,
    /// The turn whose calls are out, and whether an output has come back.
    calling: Option<usize>,
    outputs: bool,
    /// What a reply could not hold: it follows the outputs of the calls that it did hold.
    deferred: Vec<OutputItem>,
}

/// The output items of a response.
#[derive(Debug, Clone, Default)]
pub(super) struct Reply {
    pub(super) items: Vec<OutputItem>,
    /// Takes the place of the reply if its calls cannot be made.
    pub(super) instead: Vec<OutputItem>,
}

/// What the scenario says that the user said.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) text: String,
    pub(super) transcript: Option<Transcript>,
}

impl Script {
    pub(super) fn new(scenario: Arc<Scenario>) -> Self {
        Self {
            used: vec![false; scenario.turns.len()],
            scenario,
            opening: true,
            unanswered: None,
            latest: None,
            unsettled: false,
            left: None,
            shown: false,
            image: "no image".to_owned(),
            calling: None,
            outputs: false,
            deferred: Vec::new(),
        }
    }

    pub(super) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The user spoke: takes the next turn and returns what was said.
    pub(super) fn heard(&mut self) -> Heard {
        let next = self.next_spoken();
        self.take(next);
        let Some(turn) = next.map(|i| &self.scenario.turns[i]) else {
            return Heard { text: UNSCRIPTED.to_owned(), transcript: None };
        };
        Heard { text: turn.hear.clone(), transcript: turn.transcript.clone() }
    }

    /// What the user is about to say.
    pub(super) fn expected(&self) -> Option<&str> {
        self.next_spoken().map(|i| self.scenario.turns[i].hear.as_str())
    }

    fn next_spoken(&self) -> Option<usize> {
        let shown = self.latest.filter(|_| self.shown && self.unanswered.is_some());
        shown.or_else(|| self.used.iter().position(|used| !used))
    }

    /// The user typed: takes the turn whose words match, else the next one that asks for nothing else.
    pub(super) fn typed(&mut self, text: &str) {
        let text = text.to_lowercase();
        if let Some(turn) = self.recognised(&text).filter(|_| self.scenario.continues) {
            return self.take(Some(turn));
        }
        let turns = &self.scenario.turns;
        let matches = |i: &usize| {
            let turn = &turns[*i];
            !turn.see && (has_words(&text, &turn.words) || text.trim() == turn.hear.to_lowercase())
        };
        let found = self.free().find(matches);
        match found {
            None if self.scenario.continues => self.unsettle(),
            found => {
                let next = found.or_else(|| self.next_plain());
                self.take(next);
            }
        }
    }

    pub(super) fn next_plain(&self) -> Option<usize> {
        let turns = &self.scenario.turns;
        self.free().find(|i| turns[*i].words.is_empty() && !turns[*i].see)
    }

    /// The user showed an image, with or without words: takes the turn of an image. Without one, only the
    /// words count.
    pub(super) fn saw(&mut self, image: String, text: &str) {
        self.image = image;
        let lower = text.to_lowercase();
        let turns = &self.scenario.turns;
        let fits = |i: &usize| turns[*i].see && (turns[*i].words.is_empty() || has_words(&lower, &turns[*i].words));
        let found = self.free().find(fits);
        match found {
            Some(turn) => {
                self.take(Some(turn));
                self.shown = text.is_empty();
            }
            None if !text.is_empty() => self.typed(text),
            None => {}
        }
    }

    pub(super) fn free(&self) -> impl Iterator<Item = usize> {
        (0..self.used.len()).filter(|i| !self.used[*i])
    }

    pub(super) fn take(&mut self, turn: Option<usize>) {
        if let Some(i) = turn {
            self.used[i] = true;
        }
        self.opening = false;
        self.shown = false;
        self.unsettled = false;
        self.left = None;
        self.latest = turn;
        self.unanswered = Some(turn);
    }

    /// An assistant message was put into the history: what came before it is answered.
    pub(super) fn answered(&mut self, text: &str) {
        if self.scenario.continues {
            self.recall_answer(text);
        }
        self.unsettled = false;
        self.opening = false;
        self.unanswered = None;
        self.calling = None;
        self.outputs = false;
        self.deferred.clear();
    }

    /// The output of a call arrived. In a history that is being rebuilt the call was made elsewhere:
    /// then it belongs to the latest turn.
    pub(super) fn tool_output(&mut self) {
        if self.calling.is_none() && self.deferred.is_empty() {
            self.calling = self.latest;
            self.unanswered = None;
        }
        self.outputs = true;
    }

    /// Items that a reply could not hold wait for the outputs of its calls.
    pub(super) fn defer(&mut self, items: Vec<OutputItem>) {
        self.deferred = items;
        self.outputs = false;
    }

    /// How long the next reply of the conversation is in coming.
    pub(super) fn create_delay(&mut self) -> Duration {
        self.settle();
        let turn = self.unanswered.flatten().and_then(|i| self.scenario.turns[i].create_delay_ms);
        Duration::from_millis(turn.unwrap_or(self.scenario.delivery.create_delay_ms).into())
    }

    /// The reply to whatever is pending: a user turn first, then the outputs of calls.
    pub(super) fn reply(&mut self) -> Reply {
        self.settle();
        let left = self.left.take();
        let turns = &self.scenario.turns;
        let opening = std::mem::replace(&mut self.opening, false);
        if let Some(Some(turn)) = self.unanswered.take() {
            let (items, instead) = (self.filled(&turns[turn].reply), self.filled(&turns[turn].after_tool));
            if items.iter().any(|item| matches!(item, OutputItem::Call(_))) {
                self.calling = Some(turn);
                self.outputs = false;
                self.deferred.clear();
            }
            return Reply { items, instead };
        }
        if self.outputs && !self.deferred.is_empty() {
            self.outputs = false;
            return Reply { items: std::mem::take(&mut self.deferred), instead: Vec::new() };
        }
        let after_tool = self.calling.filter(|_| self.outputs).map(|turn| &turns[turn].after_tool);
        let items = match (after_tool, &self.scenario.greeting) {
            (Some(items), _) if !items.is_empty() => {
                let items = self.filled(items);
                self.calling = None;
                self.outputs = false;
                items
            }
            (_, Some(greeting)) if opening => greeting.clone(),
            _ => left.unwrap_or_else(|| self.scenario.fallback.clone()),
        };
        Reply { items, instead: Vec::new() }
    }

    /// The reply to a silence.
    pub(super) fn idle(&mut self) -> Reply {
        self.opening = false;
        let items = self.scenario.idle.as_ref().unwrap_or(&self.scenario.fallback).clone();
        Reply { items, instead: Vec::new() }
    }

    /// Somebody was told what to say: the conversation has begun, and what is pending stays so.
    pub(super) fn dictated(&mut self) {
        self.opening = false;
    }

    /// The reply to an out-of-band request.
    pub(super) fn aside(&self, wishes: &Value) -> Reply {
        let text = prompt_of(wishes).to_lowercase();
        let fits = |labels: &std::collections::BTreeMap<String, String>, words: &[String]| {
            labels.iter().all(|(name, value)| wishes["metadata"][name] == **value)
                && (words.is_empty() || has_words(&text, words))
        };
        let found = self.scenario.out_of_band.iter().find(|entry| fits(&entry.metadata, &entry.words));
        let items = found.map_or(&self.scenario.fallback, |entry| &entry.reply);
        Reply { items: self.filled(items), instead: Vec::new() }
    }

    /// Items with the image that was seen in their texts.
    fn filled(&self, items: &[OutputItem]) -> Vec<OutputItem> {
        let mut items = items.to_vec();
        for item in &mut items {
            match item {
                OutputItem::Say(say) => say.say = say.say.replace("{image}", &self.image),
                OutputItem::Text(text) => text.text = text.text.replace("{image}", &self.image),
                OutputItem::Call(_) | OutputItem::Fail(_) => {}
            }
        }
        items
    }
}

/// The text that instructions ask to be said word for word.
pub(super) fn verbatim(instructions: &str) -> Option<&str> {
    let lower = instructions.to_ascii_lowercase();
    for (at, phrase) in lower.match_indices(VERBATIM) {
        let rest = &instructions[at + phrase.len()..];
        let Some(open) = rest.find('"').filter(|open| *open <= VERBATIM_NEAR) else { continue };
        let quote = if rest[open..].starts_with("\"\"\"") { "\"\"\"" } else { "\"" };
        let start = open + quote.len();
        let Some(end) = rest.rfind(quote).filter(|end| *end >= start) else { continue };
        let text = rest[start..end].trim_matches('\n');
        if !text.is_empty() {
            return Some(text);
        }
    }
    None
}

/// True when there are words and all of them occur in `text`, which is in lower case.
fn has_words(text: &str, words: &[String]) -> bool {
    !words.is_empty() && words.iter().all(|word| text.contains(&word.to_lowercase()))
}

/// The instructions and the texts of the input of a request.
fn prompt_of(wishes: &Value) -> String {
    let mut text = wishes["instructions"].as_str().unwrap_or_default().to_owned();
    for item in wishes["input"].as_array().into_iter().flatten() {
        for part in item["content"].as_array().into_iter().flatten() {
            text.push(' ');
            text.push_str(part["text"].as_str().unwrap_or_default());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::verbatim;

    #[test]
    fn what_is_to_be_said_word_for_word() {
        let say =
            |text: &str| format!("Say the following text word for word, and nothing else:\n\"\"\"\n{text}\n\"\"\"");
        for text in ["Hello.", "Say \"yes\" word for word.", "two\nlines", "quotes \"\"\" inside"] {
            assert_eq!(verbatim(&say(text)), Some(text));
            assert_eq!(verbatim(&format!("Never repeat anything word for word.\n\n{}", say(text))), Some(text));
        }
        assert_eq!(verbatim("Repeat Word For Word: \"Good day\"."), Some("Good day"));
        for text in ["", "Say \"hello\".", "word for word", "word for word: \"\"", "word for word \"open"] {
            assert_eq!(verbatim(text), None, "{text}");
        }
    }
}
