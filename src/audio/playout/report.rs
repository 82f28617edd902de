//! What the heard ledger is told.

use serde::{Deserialize, Serialize};

/// What the speaker really did, in ring frames.
///
/// Ring frames are numbered at the output rate from the start: every frame that enters the ring
/// has the next number, whether it is played or dropped later; silence has none. Ring frame `f`
/// plays source frame `source + (f - frames - delay) * source_rate / rate` of the last `Anchor`
/// or `Flushed` before it. Numbers never go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PlayoutReport {
    /// The mapping from ring frames to source frames starts anew here. Reported first of all, and
    /// later when playing reaches the place.
    Anchor {
        /// Ring frame.
        frames: u64,
        /// Source frame it plays, counted over everything ever pushed.
        source: u64,
        /// Ring frames per second.
        rate: u32,
        /// Source frames per second.
        source_rate: u32,
        /// Ring frames of resampler delay after which `source` plays; 0 as long as the resampler
        /// cuts its lead-in off.
        delay: u32,
    },
    /// Every ring frame below this number that was not dropped has been played.
    Position {
        /// Number of the next ring frame to play.
        frames: u64,
    },
    /// A flush took effect: what is below ring frame `played` was played (including the 10 ms fade),
    /// later frames were dropped. When `played` is where the mapping in force started, nothing was
    /// played under it.
    Flushed {
        /// Number of the first ring frame not played.
        played: u64,
        /// Ring number of the next frame pushed.
        resume: u64,
        /// Source number of the next frame pushed.
        source: u64,
    },
}
