//! What must hold at the end, wherever the line died.

use crate::{
    common::PER_MS,
    vendor::{WORD_MS, What, answer},
    world::{Style, World},
};
use duologue::message::{Message, Part, Role, ToolCallState};

/// Less of an answer is no answer: it is given again.
const OWED_MS: u64 = 300;

/// The conversation as it was meant.
const WHOLE: [&str; 7] = ["question 1", "answer 1", "question 2", "tool ra", "answer 2", "question 3", "answer 3"];

fn audio(message: &Message) -> Option<(&str, &str, u64, u64)> {
    message.parts.iter().find_map(|part| match part {
        Part::Audio { transcript, heard_transcript, duration_ms, heard_ms } => {
            Some((transcript.as_str(), heard_transcript.as_deref().unwrap_or("(open)"), *duration_ms, *heard_ms))
        }
        _ => None,
    })
}

/// What a message is; `None`: too little of an answer.
fn name(message: &Message) -> Option<String> {
    match (message.role, message.parts.first()?) {
        // It was not written to its end, and nobody was asked to run it.
        (_, Part::ToolCall { output: None, state: ToolCallState::Cancelled, .. }) => None,
        (_, Part::ToolCall { output, .. }) => Some(format!("tool {}", output.as_deref().unwrap_or("open"))),
        (Role::User, _) => Some(message.text()).filter(|text| !text.is_empty()).or(Some("unknown words".into())),
        _ => {
            let (words, _, _, heard_ms) = audio(message)?;
            let number = "-xyz".find(words.chars().nth(1)?)?;
            (heard_ms >= OWED_MS).then(|| format!("answer {number}"))
        }
    }
}

pub fn check(world: &World) {
    let why = || world.describe();
    let messages = world.talk.session.messages();
    assert_eq!(world.vendor.faults, [""; 0], "{}", why());
    assert_eq!((world.runs, world.cancelled), (1, 0), "the tool runs once: {}", why());
    assert_eq!(world.talk.open_ops(), [], "every command ends: {}", why());
    let refused: Vec<_> = world.refused.iter().filter(|(op, _)| world.results.contains(op)).collect();
    assert!(refused.is_empty(), "the result is taken: {refused:?} {}", why());
    assert_eq!(world.vanished, [""; 0], "nothing vanishes: {}", why());
    let order: Vec<&str> = messages.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(world.mirror, order, "events tell the order: {}", why());

    let names: Vec<String> = messages.iter().filter_map(name).collect();
    // Words that were on their way when the line died are not known.
    let same = |name: &String, wish: &&str| {
        let unknown = name == "unknown words" && wish.starts_with("question");
        // A question that a tool was called for is not asked again, and the next session answers from the call and
        // its result alone: this vendor knows no better than the question before.
        let after = name.starts_with("answer") && *wish == "answer 2";
        name == wish || world.style == Style::Hasty && (unknown || after)
    };
    let gap: u64 = world.replaced.iter().map(|(_, gap)| gap).sum();
    if world.repeats == 0 {
        let whole = names.len() == WHOLE.len() && names.iter().zip(&WHOLE).all(|(name, wish)| same(name, wish));
        assert!(whole, "{names:?}: {}", why());
    } else {
        // A question may get lost on a line that was dead without anybody knowing, and the host is told so.
        assert!(gap > 0, "nobody has to ask twice: {}", why());
        let mut rest = names.iter();
        for wish in WHOLE {
            assert!(rest.any(|name| same(name, &wish)), "{wish} is missing in {names:?}: {}", why());
        }
    }
    for message in messages.iter().filter(|message| message.role == Role::Assistant) {
        heard(world, message);
    }
    told(world, messages);
}

/// The transcript holds what was heard.
fn heard(world: &World, message: &Message) {
    let Some((_, heard, duration_ms, heard_ms)) = audio(message) else { return };
    let why = || format!("{message:?}: {}", world.describe());
    let (received, played) = world.talk.speaker.truth(message.id.as_str(), 0);
    assert_eq!((heard_ms, duration_ms), (played / PER_MS, received / PER_MS), "heard is what was played: {}", why());
    let came = &world.received[message.id.as_str()];
    assert!(came.starts_with(heard), "{heard:?} of {came:?}: {}", why());
    let words = heard.split_whitespace().count() as u64;
    assert!((words * WORD_MS).abs_diff(heard_ms) <= WORD_MS, "{words} words in {heard_ms} ms: {}", why());
    let whole = answer(3, "").len();
    // Of one whose last word was the last that came the service never said that it was the last.
    assert!(message.interrupted || words == whole as u64, "what was cut says so: {}", why());
}

/// The newest session knows what the host sees, in the same order, and the result once.
fn told(world: &World, messages: &[Message]) {
    let why = || world.describe();
    let outputs = |of: &What| matches!(of, What::Output(..));
    let outputs = world.vendor.items.iter().filter(|held| outputs(&held.what)).count();
    assert_eq!(outputs, 1, "the result reached the model once: {}", why());
    let told = world.vendor.items.iter().filter(|held| !matches!(held.what, What::System | What::Output(..)));
    let told: Vec<&str> = told.map(|held| held.id.as_str()).collect();
    let tellable = |message: &&Message| match (message.role, audio(message)) {
        (Role::User, Some((words, ..))) => !words.is_empty() || told.contains(&message.id.as_str()),
        // The beginning of an answer whose question was said again is of no use before it.
        (Role::Assistant, Some((_, heard, _, ms))) => {
            !heard.is_empty() && (ms >= 300 || told.contains(&message.id.as_str()))
        }
        (Role::Assistant, None) => name(message).is_some(),
        _ => true,
    };
    let order: Vec<&str> = messages.iter().filter(tellable).map(|message| message.id.as_str()).collect();
    assert_eq!(told, order, "{}", why());
    for held in &world.vendor.items {
        let Some(message) = messages.iter().find(|message| message.id.as_str() == held.id) else { continue };
        match (&held.what, audio(message)) {
            (What::Assistant(words), Some((_, heard, ..))) => assert_eq!(words, heard, "{}", why()),
            (What::User(words), Some((said, ..))) if !said.is_empty() => assert_eq!(words, said, "{}", why()),
            _ => {}
        }
    }
    let lost = messages.iter().any(|m| m.role == Role::User && audio(m).is_some_and(|(words, ..)| words.is_empty()));
    for (context, _) in &world.replaced {
        assert!(lost || context == "full", "nothing was left out: {}", why());
    }
}
