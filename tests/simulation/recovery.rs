//! Recovery as it should be: what ends a run, when the next try comes, how many there are.

use crate::checks::Checks;
use duologue::{
    error::Error,
    event::{EndedBy, Phase, Status},
};

impl Checks {
    pub fn status(&mut self, status: &Status, epoch: u32) {
        match status {
            Status::Idle { .. } | Status::Error { .. } => {
                assert!(!self.terminal, "a run ends once");
                self.terminal = true;
                if let (true, Status::Error { error }) = (self.established, status) {
                    self.ended(error);
                }
                (self.established, self.up_at, self.attempts, self.offline_since) = (false, None, 0, None);
                (self.lighter, self.offline_frames, self.foreign) = (false, None, false);
            }
            Status::Connecting { phase } => {
                assert!(!self.established, "a run that was up reconnects");
                if matches!(phase, Phase::Credential | Phase::Dial) {
                    self.terminal = false;
                }
            }
            Status::Connected => {
                assert!(!self.terminal);
                self.came_up(epoch);
            }
            Status::Reconnecting { attempt, retry_in_ms, reason, phase } => {
                assert!(!self.terminal && self.established && self.reconnects, "nothing follows the end of a run");
                if phase.is_some() {
                    assert_eq!(*attempt, self.attempts, "the try under way is the one that was told");
                    return;
                }
                self.lost(*attempt, *retry_in_ms, reason);
            }
        }
    }

    pub fn lost(&mut self, attempt: u32, retry_in_ms: u64, reason: &str) {
        let lived = self.session_over();
        assert!(reason != "silent" || self.silence, "a connection that lives is given up");
        if lived.is_some() {
            self.offline_frames = Some(0);
        }
        let since = *self.offline_since.get_or_insert(self.now);
        if reason == "network_changed" {
            // The host's doing: what was before it does not count.
            self.short.clear();
            (self.attempts, self.offline_since) = (0, Some(self.now));
        } else {
            assert!(self.now.ms_since(since) + retry_in_ms <= self.max_offline_ms, "no try after the time is over");
        }
        self.attempts += 1;
        assert_eq!(attempt, self.attempts, "tries are counted");
        assert!(attempt <= self.max_attempts, "no more tries than configured");
        assert!(
            lived.is_none_or(|ms| ms >= 5_000) || self.short.len() < 5,
            "five sessions that ended at once are enough"
        );
        self.delays += u64::from(retry_in_ms > 0);
        let first = attempt == 1;
        let doubled = |base: u64| base << (attempt - 1).min(16);
        // A wish for less is none.
        let after = self.retry_after.take().filter(|ms| *ms >= 250);
        let (least, most) = match reason {
            "rate_limited" | "unavailable" if after.is_some() => {
                let ms = after.unwrap_or(0).min(60_000);
                (ms, ms)
            }
            "rate_limited" => (0, doubled(1000).min(30_000)),
            "try_again_later" => (0, doubled(2000).min(30_000)),
            "unavailable" => (0, doubled(500).min(7000)),
            "going_away" | "session_expired" | "network_changed" if first => (0, 0),
            _ if first && lived.is_some_and(|ms| ms >= 10_000) => (0, 0),
            _ => (0, doubled(300).min(7000)),
        };
        assert!(
            (least..=most).contains(&retry_in_ms),
            "{reason}: try {attempt} in {retry_in_ms} ms, not {least} to {most}"
        );
    }

    /// The session that was up ended; how long it was up.
    pub fn session_over(&mut self) -> Option<u64> {
        let lived = self.now.ms_since(self.up_at.take()?);
        // The next one had taken over and did not come up.
        if self.wires.get(&self.link).is_some_and(|w| !w.up) {
            return None;
        }
        let now = self.now;
        self.short.retain(|t| now.ms_since(*t) < 60_000);
        if lived < 5_000 {
            self.short.push_back(now);
        }
        Some(lived)
    }

    /// A run that was up ended with an error: not before it had to.
    pub fn ended(&mut self, error: &Error) {
        if error.code == "unstable" {
            self.session_over();
        }
        match error.code.as_ref() {
            "unstable" => {
                assert!(self.short.len() >= 5, "{} sessions that ended at once are not enough", self.short.len())
            }
            "reconnect_failed" => {
                let offline = self.offline_since.map_or(0, |since| self.now.ms_since(since));
                // The next try would have been too late; the longest wait is known.
                let most = self.retry_after.map_or(30_000, |ms| ms.min(60_000));
                let late = offline + most >= self.max_offline_ms;
                assert!(
                    self.attempts >= self.max_attempts || late,
                    "given up after {} tries and {offline} ms",
                    self.attempts
                );
            }
            _ => {}
        }
    }
}

/// What a peer's close must lead to, once a session was up.
pub fn mends(code: Option<u16>, up: bool, lighter: bool) -> Result<(), &'static str> {
    match code {
        Some(1000) if up => Err("remote_closed"),
        None | Some(1000 | 1001 | 1005 | 1006 | 1011 | 1012 | 1013 | 1014) => Ok(()),
        Some(1009) if !lighter => Ok(()),
        Some(1009) => Err("message_too_big"),
        Some(1008) => Err("policy"),
        Some(3000) => Err("auth"),
        Some(4300) => Err("queue_timeout"),
        Some(_) => Err("protocol"),
    }
}

/// The word a run ended with.
pub fn ending(status: &Status) -> Option<String> {
    match status {
        Status::Idle { ended } if ended.by != EndedBy::None => Some(ended.code.clone()),
        Status::Error { error } => Some(error.code.to_string()),
        _ => None,
    }
}
