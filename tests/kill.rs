//! The line dies at every place of a conversation of three turns with a tool call: behind every event of the
//! service, every frame of the client (before and after the service read it) and every report of the speaker,
//! in every way a line dies, and once more while it comes back. Each time the journal is intact, the tool ran
//! once, its result reached the model once, every question has its answer, and the transcript holds what was
//! heard. Virtual time; `kill_sockets.rs` does it over sockets.

#[path = "kill/checks.rs"]
mod checks;
mod common;
#[path = "kill/vendor.rs"]
mod vendor;
#[path = "kill/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use world::{DEATHS, Death, Kill, Style, World};

/// One run, all checked; returns the names of its boundaries.
fn run(style: Style, kill: Option<Kill>) -> Vec<String> {
    let mut world = World::new(style, kill);
    let end = catch_unwind(AssertUnwindSafe(|| {
        world.run();
        checks::check(&world);
    }));
    if let Err(panic) = end {
        let at = kill.and_then(|kill| world.boundaries.get(kill.at));
        eprintln!("{style:?}: {kill:?}, behind {at:?}");
        std::panic::resume_unwind(panic);
    }
    // The log replays; that takes as long again, so that some have to do.
    if kill.is_none_or(|kill| kill.at.is_multiple_of(16)) {
        world.talk.finish();
    }
    world.boundaries
}

/// Of boundaries that come by hundreds and are much the same, one in so many.
const COMMON_STEP: usize = 4;

fn is_common(name: &str) -> bool {
    matches!(name, "played" | "input_audio_buffer.append unread")
}

fn everywhere(style: Style) {
    let undisturbed = run(style, None);
    let (mut runs, mut common) = (0, 0);
    let mut failed = Vec::new();
    for (at, name) in undisturbed.iter().enumerate() {
        let mut deaths = DEATHS.to_vec();
        if is_common(name) {
            common += 1;
            let one = common / COMMON_STEP % DEATHS.len();
            deaths = if common % COMMON_STEP == 0 { vec![DEATHS[one]] } else { vec![] };
        }
        for death in deaths {
            runs += 1;
            let kill = Kill { at, death, again: None };
            if catch_unwind(|| run(style, Some(kill))).is_err() {
                failed.push((at, name, death));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {runs}: {failed:?}", failed.len());
    println!("{style:?}: {} boundaries, {runs} deaths", undisturbed.len());
}

#[test]
fn spoken_turns_survive_every_death() {
    everywhere(Style::Spoken);
}

// An answer that came and is not heard yet, to words that are not known yet.
#[test]
fn answers_that_come_at_once_survive_every_death() {
    everywhere(Style::Hasty);
}

#[test]
fn turns_by_hand_survive_every_death() {
    everywhere(Style::ByHand);
}

#[test]
fn typed_turns_survive_every_death() {
    everywhere(Style::Typed);
}

#[test]
fn a_second_death_on_the_way_back_changes_nothing() {
    let mut runs = 0;
    for style in [Style::Spoken, Style::ByHand, Style::Typed] {
        let undisturbed = run(style, None);
        for at in (0..undisturbed.len()).filter(|at| !is_common(&undisturbed[*at])).step_by(3) {
            for more in (1..30).step_by(2) {
                runs += 1;
                run(style, Some(Kill { at, death: Death::Cut, again: Some(more) }));
            }
        }
    }
    println!("{runs} pairs of deaths");
}
