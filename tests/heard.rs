//! Heard words against the truth: answers whose words have known times are played through a session and
//! cut at random places (fixed seeds). `tests/heard.txt` has such answers, loudness instead of sound; it
//! is made by `benches/heard.py`, and `make heard` makes it anew and plays the sound itself
//! (`DUOLOGUE_HEARD`).

mod common;

use common::{PER_MS, Talk};
use duologue::session::Command;
use serde_json::json;

const CUTS: usize = 100;
/// Milliseconds of audio in a delta.
const DELTA_MS: usize = 200;

/// An answer with what is known of it.
struct Answer {
    text: String,
    /// Begin and end of each word in milliseconds.
    words: Vec<(u64, u64)>,
    pcm: Vec<i16>,
}

impl Answer {
    fn ms(&self) -> u64 {
        self.pcm.len() as u64 / PER_MS
    }

    /// The first words.
    fn first(&self, n: usize) -> String {
        self.text.split_whitespace().take(n).collect::<Vec<_>>().join(" ")
    }

    /// Words of which more than half are said then.
    fn said(&self, ms: u64) -> usize {
        self.words.iter().filter(|(from, to)| from.midpoint(*to) < ms).count()
    }
}

fn answers() -> Vec<Answer> {
    let path = std::env::var("DUOLOGUE_HEARD").ok();
    let text = match &path {
        Some(path) => std::fs::read_to_string(path).unwrap(),
        None => include_str!("heard.txt").to_owned(),
    };
    let sound = path.map(|path| std::fs::read(path + ".pcm").unwrap());
    let mut at = 0;
    let lines: Vec<&str> = text.lines().collect();
    let answer = |lines: &[&str]| {
        let times: Vec<u64> = lines[2].split(' ').map(|n| n.parse().unwrap()).collect();
        let levels = lines[3].as_bytes().chunks(2).map(|c| u8::from_str_radix(str::from_utf8(c).unwrap(), 16).unwrap());
        let frame = 20 * PER_MS as usize;
        let pcm: Vec<i16> = match &sound {
            Some(bytes) => {
                let from = at;
                at += levels.len() * frame * 2;
                bytes[from..at].chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
            }
            // A buzz as loud as it was.
            None => {
                let loud = |level: u8| ((f64::from(level) / 16.0).exp2() - 1.0).round() as i16;
                let buzz = |level| (0..frame).map(move |i| if i % 2 == 0 { loud(level) } else { -loud(level) });
                levels.flat_map(buzz).collect()
            }
        };
        let words: Vec<(u64, u64)> = times.chunks(2).map(|t| (t[0], t[1])).collect();
        assert_eq!(words.len(), lines[1].split_whitespace().count());
        Answer { text: lines[1].to_owned(), words, pcm }
    };
    lines.chunks(4).map(answer).collect()
}

/// A small generator of our own (splitmix64), so that a seed means the same for ever.
struct Dice(u64);

impl Dice {
    fn upto(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// When the answer is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Case {
    /// All its audio has come.
    Complete,
    /// More is to come, and the voice has not been heard before.
    First,
    /// More is to come; the voice said another answer before.
    Later,
}

/// Sends the first `ms` of an answer; text runs ahead.
fn sends(talk: &mut Talk, id: &str, answer: &Answer, ms: u64, text: &str) {
    talk.response(&format!("R{id}"));
    talk.item(&format!("R{id}"), &format!("A{id}"), None, "audio");
    let place = |field: &str, value: String| json!({"response_id": format!("R{id}"), "item_id": format!("A{id}"), "output_index": 0, "content_index": 0, field: value});
    talk.server("response.output_audio_transcript.delta", place("delta", text.to_owned()));
    for pcm in answer.pcm[..(ms * PER_MS) as usize].chunks(DELTA_MS * PER_MS as usize) {
        let bytes: Vec<u8> = pcm.iter().flat_map(|s| s.to_le_bytes()).collect();
        let audio = base64_simd::STANDARD.encode_to_string(bytes);
        talk.server("response.output_audio.delta", place("delta", audio));
    }
}

fn ends(talk: &mut Talk, id: &str, answer: &Answer) {
    talk.item_done(&format!("R{id}"), &format!("A{id}"), 0, &answer.text);
    talk.done(&format!("R{id}"), "completed", None);
}

/// Cuts an answer somewhere: by how many words what it says was heard is off, and by how many it says it may be.
fn cut(answers: &[Answer], at: usize, case: Case, dice: &mut Dice) -> (u64, u64) {
    let answer = &answers[at];
    let heard = 200 + dice.upto(answer.ms() - 400);
    let mut talk = Talk::connected(json!({"auto_capture": false}));
    if case == Case::Later {
        // Two answers of one voice stand together.
        let other = &answers[at ^ 1];
        sends(&mut talk, "0", other, other.ms(), &other.text);
        ends(&mut talk, "0", other);
        talk.plays(other.ms());
    }
    if case == Case::Complete {
        sends(&mut talk, "1", answer, answer.ms(), &answer.text);
        ends(&mut talk, "1", answer);
    } else {
        // Audio comes up to 4 s ahead, text up to 5 s ahead of that.
        let received = (heard + dice.upto(4000)).min(answer.ms() - 1);
        let written = answer.said(received + 500 + dice.upto(4500));
        sends(&mut talk, "1", answer, received, &answer.first(written));
    }
    talk.plays(heard);
    talk.take();
    talk.host(Command::Interrupt);
    talk.flushes();
    let told = talk.take().of("transcript");
    let told = told.iter().find(|t| t["stage"] == "heard").expect("what was heard");
    let text = told["text"].as_str().unwrap();
    assert!(answer.text.starts_with(text), "{text:?} are the answer's first words");
    assert_eq!(told["estimated"], true);
    let words = text.split_whitespace().count() as u64;
    (words.abs_diff(answer.said(heard) as u64), told["error_words"].as_u64().expect("a bound"))
}

/// AUDIO.md, A18.
fn heard_words_are_near_the_truth(case: Case, seed: u64) {
    let answers = answers();
    let mut dice = Dice(seed);
    let cuts: Vec<(u64, u64)> = (0..CUTS).map(|i| cut(&answers, i % answers.len(), case, &mut dice)).collect();
    let mut errors: Vec<u64> = cuts.iter().map(|c| c.0).collect();
    let mut bounds: Vec<u64> = cuts.iter().map(|c| c.1).collect();
    errors.sort_unstable();
    bounds.sort_unstable();
    let within = cuts.iter().filter(|c| c.0 <= c.1).count() * 100 / CUTS;
    let (median, p95, most) = (errors[CUTS / 2], errors[CUTS * 95 / 100], errors[CUTS - 1]);
    println!(
        "{case:?}: {CUTS} cuts, words off: median {median}, p95 {p95}, most {most}; told bound: median {}, most {}; within it: {within} %",
        bounds[CUTS / 2],
        bounds[CUTS - 1],
    );
    assert!(median <= 1, "the median error is {median} words");
    assert!(within >= 95, "only {within} % are within the bound");
    // A bound that says nothing would hold too.
    assert!(bounds[CUTS / 2] <= 4, "the bound says nothing: {bounds:?}");
}

#[test]
fn heard_words_of_a_complete_answer() {
    heard_words_are_near_the_truth(Case::Complete, 1);
}

#[test]
fn heard_words_of_the_first_answer() {
    heard_words_are_near_the_truth(Case::First, 2);
}

#[test]
fn heard_words_of_a_later_answer() {
    heard_words_are_near_the_truth(Case::Later, 3);
}
