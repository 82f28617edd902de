//! The clock on the wall, beside the one that timers run on.

use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Further apart than this since the last look, one of them was set or the machine slept.
const JUMP: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct WallClock {
    wall: SystemTime,
    timers: Instant,
}

impl WallClock {
    pub fn new() -> Self {
        Self { wall: SystemTime::now(), timers: Instant::now() }
    }

    /// The two have gone apart since the last look.
    pub fn jumped(&mut self) -> bool {
        self.look(SystemTime::now(), Instant::now())
    }

    fn look(&mut self, wall: SystemTime, timers: Instant) -> bool {
        let by_timers = timers.saturating_duration_since(self.timers);
        let expected = self.wall + by_timers;
        let apart = wall.duration_since(expected).unwrap_or_else(|e| e.duration());
        *self = Self { wall, timers };
        apart > JUMP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_and_a_machine_that_slept_are_seen_once() {
        let mut clock = WallClock::new();
        let (wall, timers) = (clock.wall, clock.timers);
        let second = Duration::from_secs(1);
        assert!(!clock.look(wall + second, timers + second));
        assert!(clock.look(wall + 3600 * second, timers + 2 * second), "slept, or set forward");
        assert!(!clock.look(wall + 3601 * second, timers + 3 * second), "told once");
        assert!(clock.look(wall, timers + 4 * second), "set back");
    }
}
