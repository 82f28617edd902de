use super::*;
use crate::provider::AlignedChar;

const RATE: u32 = 24_000;

/// Speech (true) and silence, each of so many milliseconds.
fn sound(pieces: &[(bool, usize)]) -> Sound {
    let mut sound = Sound::default();
    for (speech, ms) in pieces {
        sound.envelope.push(&vec![if *speech { 3000 } else { 5 }; ms * 24], RATE);
    }
    sound
}

fn span(heard_ms: u64, received_ms: u64, complete: bool) -> Span {
    Span { heard_ms, received_ms, complete }
}

fn text(words: &Words) -> &str {
    &words.text
}

#[test]
fn silence_carries_no_words() {
    let pace = Pace::default();
    // Half a second of each word, with a second of silence in front and five behind.
    let sound = sound(&[(false, 1000), (true, 2000), (false, 5000)]);
    let words = "aaaa bbbb cccc dddd";
    let heard = |ms| pace.heard(words, span(ms, 8000, true), Some(&sound));
    assert_eq!(text(&heard(1000)), "");
    assert_eq!(text(&heard(2100)), "aaaa bbbb");
    assert_eq!(text(&heard(3500)), words, "all was said, and silence is left");
    // With nothing known of the sound it is spread over all of it.
    assert_eq!(text(&pace.heard(words, span(3500, 8000, true), None)), "aaaa bbbb");
}

#[test]
fn pauses_fall_where_the_text_has_a_stop() {
    let pace = Pace::default();
    // Four words before the comma are said in as long as three behind it: by letters alone it is 3.5.
    let sound = sound(&[(true, 1400), (false, 400), (true, 1400)]);
    let words = "aaaa bbbb cccc dddd, eeee ffff gggg";
    for complete in [true, false] {
        let heard = pace.heard(words, span(1500, if complete { 3200 } else { 3000 }, complete), Some(&sound));
        assert_eq!(text(&heard), "aaaa bbbb cccc dddd,", "complete: {complete}");
    }
}

#[test]
fn running_audio_goes_by_pace_whatever_text_has_come() {
    let mut pace = Pace::default();
    let words = "aaaa bbbb cccc dddd eeee ffff gggg hhhh iiii jjjj kkkk llll mmmm nnnn";
    let (sound, more) = (sound(&[(true, 5000)]), " oooo".repeat(100));
    let heard = |pace: &Pace, more: &str| pace.heard(&format!("{words}{more}"), span(1100, 1500, false), Some(&sound));
    let first = heard(&pace, "");
    assert_eq!(text(&first), "aaaa bbbb cccc dddd", "1.1 s at 55 ms a letter are 20 letters, gaps included");
    assert_eq!(heard(&pace, &more), first, "text that ran ahead changes nothing");
    // A voice known to have this pace is better known: 70 letters in 3850 ms.
    let mut known = pace.clone();
    known.learn(words, 3850, None);
    let later = |pace: &Pace| pace.heard(&format!("{words}{more}"), span(3300, 4000, false), Some(&sound));
    assert_eq!(text(&heard(&known, &more)), text(&first));
    assert!(later(&known).error < later(&pace).error, "{:?} {:?}", later(&known), later(&pace));
    // A quicker voice: 70 letters, gaps included, in two seconds.
    pace.learn(words, 2000, None);
    let later = heard(&pace, &more);
    assert_eq!(text(&later), "aaaa bbbb cccc dddd eeee ffff gggg hhhh", "1.1 s at 29 ms");
}

#[test]
fn what_is_certain_has_no_error_and_what_is_not_has_a_larger_one_the_longer_it_is() {
    let pace = Pace::default();
    let words = "word ".repeat(200);
    let sound = sound(&[(true, 60_000)]);
    let error = |ms, complete| pace.heard(&words, span(ms, 60_000, complete), Some(&sound)).error;
    assert_eq!((error(0, false), error(0, true), error(60_000, true)), (None, None, None));
    assert!(error(30_000, false) > error(5000, false), "longer speech without a pause is less certain");
    assert!(error(30_000, true) < error(30_000, false), "an end that is known is a help");
    assert_eq!(pace.heard(&words, span(60_000, 60_000, true), Some(&sound)).text, words.trim_end());
}

#[test]
fn words_are_never_cut_inside() {
    let pace = Pace::default();
    assert_eq!(text(&pace.heard("où êtes-vous né", span(500, 1000, true), None)), "où");
    assert_eq!(text(&pace.heard("日本語", span(500, 1000, true), None)), "日");
    assert_eq!(text(&pace.heard("", span(500, 1000, true), None)), "");
    assert_eq!(text(&pace.heard("… — …", span(500, 1000, false), None)), "");
}

/// Every letter takes 100 ms, spaces too.
fn aligned(text: &str) -> Vec<AlignedChar> {
    let char = |(i, character)| AlignedChar { character, start_ms: i * 100, end_ms: i * 100 + 100 };
    (0u32..).zip(text.chars()).map(char).collect()
}

#[test]
fn an_alignment_leaves_nothing_to_estimate() {
    let pace = Pace::default();
    let mut sound = sound(&[(true, 10_000)]);
    // In pieces, as a vendor sends it; the third word is the longest by far.
    let all = aligned("so an extraordinarily odd end");
    all.chunks(7).for_each(|some| sound.alignment.push(some));
    let heard = |text: &str, ms, complete| pace.heard(text, span(ms, 10_000, complete), Some(&sound));
    let written = "So, an [laughs out loud] extraordinarily odd … end!";
    for (ms, words) in [(100, ""), (101, "So,"), (1350, "So, an"), (1351, "So, an [laughs out loud] extraordinarily")] {
        assert_eq!(heard(written, ms, false), Words { text: words.into(), error: None }, "{ms}");
    }
    assert_eq!(heard(written, 9000, true), Words { text: written.into(), error: None });
    // It does not reach so far yet, or is of other words.
    assert!(heard(written, 9000, false).error.is_some());
    assert!(heard("So, a very odd end", 1000, true).error.is_some());
    // Text runs ahead of what is aligned.
    assert_eq!(heard(&format!("{written} And on"), 2850, false).text, written);
}

#[test]
fn the_oldest_sounds_go_when_there_are_too_many() {
    let mut sounds = Sounds::default();
    let id = |i: u32| crate::message::ItemId::from(format!("A{i}"));
    (0..300).for_each(|i| sounds.push(&id(i), 0, &[1000; 480], RATE));
    assert!(sounds.take(&id(43), 0).is_none());
    assert!(sounds.take(&id(44), 0).is_some());
    assert!(sounds.take(&id(44), 0).is_none(), "once");
    assert!(sounds.take(&id(299), 1).is_none(), "another part");
    // An hour of audio nobody ever plays.
    (0..90).for_each(|i| sounds.align(&id(i), 0, &aligned(&"a".repeat(20_000))));
    assert!(sounds.bytes() <= 1 << 20);
}

/// 300 s of the worst: no ordinary answer has so many pauses and words.
#[test]
fn pauses_are_bounded() {
    let sound = sound(&[(true, 100), (false, 100)].repeat(2000));
    let runs = sounds::runs(Some(&sound), 400_000);
    assert!(runs.len() <= 129, "{}", runs.len());
    assert_eq!(runs.last().unwrap().to, 400_000, "what was not kept track of is speech");
    let words = Pace::default().heard(&"so much ".repeat(10_000), span(200_000, 400_000, false), Some(&sound));
    assert!(words.error.is_some());
}
