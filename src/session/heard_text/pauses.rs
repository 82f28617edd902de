//! Lays a text over stretches of speech. Pauses fall between words, most of them where the text has a
//! stop, and between two pauses a speaker says about as much as the pace lets expect. Of all ways to
//! share the words among the stretches the likeliest is looked for, by keeping the best few ways to
//! reach each pause. Costs are negative logarithms of likelihoods.

use super::{
    envelope::Run,
    words::{Stop, Word},
};

/// Ways kept at each pause.
const KEPT: usize = 16;
/// How many words the end of a stretch may be from where the pace puts it.
const REACH: usize = 6;
/// How many pauses in a row may be no pause between words.
const PASSED: usize = 3;
/// Variance of where speech begins and ends: 60 ms.
const EDGE: f64 = 3600.0;
/// Variance of how long some speech takes, in ms² a millisecond: a word of 300 ms is 100 ms off.
pub const SPREAD: f64 = 33.0;
/// What a pause that is none costs, and one more for each so many milliseconds of it.
const PASSED_COST: f64 = 2.0;
const PASSED_MS: f64 = 100.0;

/// The stretch of speech that was looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Laid {
    /// Words before it.
    pub before: usize,
    /// Words until its end; none when speech goes on behind what is known.
    pub upto: Option<usize>,
    /// Where it begins, in milliseconds of speech.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// What speaks against the way that was found.
    pub cost: f64,
}

/// One way to have laid words until a pause.
#[derive(Debug, Clone, Copy)]
struct Way {
    words: usize,
    cost: f64,
    found: Option<Laid>,
}

/// A text and speech, both in milliseconds.
#[derive(Debug)]
pub struct Layout<'a> {
    words: &'a [Word],
    /// Weight before each word, and of all.
    weights: Vec<f64>,
    /// What it costs to say the words before each one without a pause.
    unpaused: Vec<f64>,
    /// Speech before each pause, and all.
    said: Vec<f64>,
    /// Length of the pause behind that.
    pauses: Vec<f64>,
}

impl<'a> Layout<'a> {
    pub fn new(words: &'a [Word], runs: &[Run]) -> Self {
        let sums = |values: &mut dyn Iterator<Item = f64>| {
            let mut sums = vec![0.0];
            sums.extend(values.scan(0.0, |sum, value| {
                *sum += value;
                Some(*sum)
            }));
            sums
        };
        let unpaused = |w: &Word| match w.stop {
            Stop::None => 0.0,
            Stop::Short => 1.0,
            Stop::Long => 2.0,
        };
        let mut pauses = vec![0.0];
        pauses.extend(runs.windows(2).map(|r| (r[1].from - r[0].to) as f64));
        Self {
            words,
            weights: sums(&mut words.iter().map(|w| w.weight)),
            unpaused: sums(&mut words.iter().map(unpaused)),
            said: sums(&mut runs.iter().map(|r| (r.to - r.from) as f64)),
            pauses,
        }
    }

    /// Weight of all words.
    pub fn weight(&self) -> f64 {
        self.weights[self.words.len()]
    }

    /// Weight of a word in the middle.
    pub fn mean_weight(&self) -> f64 {
        self.weight() / self.words.len().max(1) as f64
    }

    /// Milliseconds of speech.
    pub fn speech(&self) -> f64 {
        self.said[self.said.len() - 1]
    }

    /// How many words are over `weight` after the first `first`; a word counts when half of it is.
    pub fn count(&self, first: usize, weight: f64) -> usize {
        let until = self.weights[first] + weight;
        let middle = |i: usize| f64::midpoint(self.weights[i], self.weights[i + 1]);
        let end = self.weights.partition_point(|w| *w < until).min(self.words.len());
        let from = end.saturating_sub(1).max(first);
        from + (from..end).filter(|i| middle(*i) < until).count()
    }

    /// The words between two.
    pub fn weight_of(&self, from: usize, to: usize) -> f64 {
        self.weights[to] - self.weights[from]
    }

    /// The likeliest stretch for `place`, in milliseconds of speech, at a pace of `pace` milliseconds for a
    /// weight of one. `whole`: these are all the words and all the speech there is.
    pub fn lay(&self, pace: f64, place: f64, whole: bool) -> Option<Laid> {
        let last = self.pauses.len();
        let mut ways = vec![vec![Way { words: 0, cost: 0.0, found: None }]];
        // Index in `here` of the way that ends with a word.
        let mut index = vec![usize::MAX; self.words.len() + 1];
        for at in 1..=last {
            let mut here: Vec<Way> = Vec::new();
            let mut passed = 0.0;
            for from in (at.saturating_sub(PASSED + 1)..at).rev() {
                if from + 1 < at {
                    passed += PASSED_COST + self.pauses[from + 1] / PASSED_MS;
                }
                for way in &ways[from] {
                    self.extend(way, from..at, pace, whole, |end, cost| {
                        let (from, to) = (self.said[from], self.said[at]);
                        let upto = (whole || at < last).then_some(end);
                        let laid = Laid { before: way.words, upto, from, to, cost: 0.0 };
                        let found = way.found.or((place <= to).then_some(laid));
                        let new = Way { words: end, cost: way.cost + cost + passed, found };
                        match here.get_mut(index[end]) {
                            Some(other) if other.cost <= new.cost => {}
                            Some(other) => *other = new,
                            None => {
                                index[end] = here.len();
                                here.push(new);
                            }
                        }
                    });
                }
            }
            here.iter().for_each(|way| index[way.words] = usize::MAX);
            here.sort_by(|a, b| a.cost.total_cmp(&b.cost));
            here.truncate(KEPT);
            ways.push(here);
        }
        let best = ways.pop()?.into_iter().next()?;
        best.found.map(|laid| Laid { cost: best.cost, ..laid })
    }

    /// The words the speech between two pauses may end with, and what speaks against each.
    fn extend(
        &self,
        way: &Way,
        runs: std::ops::Range<usize>,
        pace: f64,
        whole: bool,
        mut take: impl FnMut(usize, f64),
    ) {
        let all = self.words.len();
        let long = self.said[runs.end] - self.said[runs.start];
        let due = self.weights[way.words] + long / pace;
        let off = |end: usize| (self.weights[end] - due) * pace;
        let (variance, unpaused) = (EDGE + SPREAD * long, |end: usize| {
            // The last word's stop has its pause.
            self.unpaused[end.saturating_sub(1).max(way.words)] - self.unpaused[way.words]
        });
        let middle = self.weights.partition_point(|w| *w < due);
        if runs.end < self.pauses.len() {
            for end in middle.saturating_sub(REACH).max(way.words)..=(middle + REACH).min(all) {
                let stop = match end.checked_sub(1).map(|w| self.words[w].stop) {
                    Some(Stop::Long) => 0.0,
                    Some(Stop::Short) => 0.3,
                    Some(Stop::None) => 3.0,
                    None => 6.0,
                };
                take(end, off(end).powi(2) / (2.0 * variance) + unpaused(end) + stop);
            }
        } else if whole {
            take(all, off(all).powi(2) / (2.0 * variance) + unpaused(all));
        } else {
            // Speech goes on; only more of it than there are words would be strange.
            let over = off(all).min(0.0);
            take(all, over.powi(2) / (2.0 * variance) + unpaused(middle.saturating_sub(1).clamp(way.words, all)));
        }
    }
}
