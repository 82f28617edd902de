//! Where numbers may lie: one table for checking and for saying so.

use super::invalid;
use crate::error::Result;

/// Path, least and most. `[]` stands for any place in a list.
pub(super) const RANGES: &[(&str, f64, f64)] = &[
    ("speed", 0.25, 1.5),
    ("max_output_tokens", 1.0, 4096.0),
    ("temperature", 0.0, 2.0),
    ("turn_detection.threshold", 0.0, 1.0),
    ("turn_detection.idle_timeout_ms", 5000.0, 30_000.0),
    ("turn_detection.minimum_ms", 100.0, 10_000.0),
    ("audio.input.rate", 8000.0, 192_000.0),
    ("audio.output.rate", 8000.0, 192_000.0),
    ("tools[].timeout_ms", 1.0, 3_600_000.0),
    ("tool_handling.timeout_ms", 1.0, 3_600_000.0),
    ("tool_handling.result_max_length", 256.0, 262_144.0),
    ("credentials.timeout_ms", 100.0, 120_000.0),
    ("recovery.max_attempts", 1.0, 1000.0),
    ("recovery.max_offline_ms", 1000.0, 3_600_000.0),
    ("recovery.pre_roll_ms", 0.0, 30_000.0),
];

/// The bounds of the number at `path`, when it has some of its own.
pub(super) fn bounds(path: &str) -> Option<(f64, f64)> {
    let plain: String = path.chars().filter(|c| !c.is_ascii_digit()).collect();
    RANGES.iter().find(|(name, ..)| *name == plain).map(|(_, low, high)| (*low, *high))
}

/// Checks a number against the table.
pub(super) fn range(path: &str, value: Option<f64>) -> Result<()> {
    match (value, bounds(path)) {
        (Some(v), Some((low, high))) => within(path, v, low, high),
        _ => Ok(()),
    }
}

/// Checks a number against bounds that depend on something else.
pub(super) fn within(path: &str, value: f64, low: f64, high: f64) -> Result<()> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(invalid(path, format!("{value} is out of range")).fix(format!("use {low} to {high}")))
}
