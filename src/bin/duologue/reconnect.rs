//! The way back to the service, for a person: why, which try, and how long until then.

use duologue::event::{Phase, SessionReplaced, Status};
use std::time::{Duration, Instant};

/// A connection that is being opened again.
pub struct Reconnect {
    reason: String,
    attempt: u32,
    step: Step,
}

enum Step {
    /// Nothing happens until then.
    Until(Instant),
    Doing(&'static str),
}

impl Reconnect {
    /// `None`: no connection is being opened again.
    pub fn of(status: &Status) -> Option<Self> {
        let Status::Reconnecting { attempt, retry_in_ms, reason, phase } = status else { return None };
        let step = match phase {
            None => Step::Until(Instant::now() + Duration::from_millis(*retry_in_ms)),
            Some(Phase::Credential) => Step::Doing("waiting for a key"),
            Some(Phase::Configure) => Step::Doing("telling the service what was said"),
            Some(_) => Step::Doing("dialling"),
        };
        Some(Self { reason: reason.clone(), attempt: *attempt, step })
    }

    /// As a line, at this moment.
    pub fn line(&self, now: Instant) -> String {
        let Self { reason, attempt, step } = self;
        let step = match step {
            // The last second is shown until it is over.
            Step::Until(at) => match at.saturating_duration_since(now).as_millis().div_ceil(1000) {
                0 => "now".to_owned(),
                s => format!("in {s} s"),
            },
            Step::Doing(what) => format!("· {what}"),
        };
        format!("reconnecting ({reason}), try {attempt} {step}")
    }
}

/// The conversation goes on in another session of the service.
pub fn replaced(session: &SessionReplaced) -> String {
    let why = match session.why.as_str() {
        "reconnect" => "connected again",
        "rollover" => "the service's session was about to end, and another took over",
        why => why,
    };
    let context = match session.context.as_str() {
        "full" => "the model knows what was said",
        "partial" => "the model knows a part of what was said",
        _ => "the model knows nothing of what was said",
    };
    let SessionReplaced { gap_ms, .. } = session;
    match gap_ms {
        0 => format!("{why}; {context}"),
        _ => format!("{why}; {context}; {gap_ms} ms of your voice reached nobody"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seconds_count_down_to_now() {
        let status = |retry_in_ms, phase| Status::Reconnecting {
            attempt: 2,
            retry_in_ms,
            reason: "connection_lost".into(),
            phase,
        };
        let line = Reconnect::of(&status(3000, None)).unwrap();
        let Step::Until(at) = line.step else { panic!() };
        for (left_ms, shown) in [(3000, "in 3 s"), (2001, "in 3 s"), (2000, "in 2 s"), (1, "in 1 s"), (0, "now")] {
            let at = at - Duration::from_millis(left_ms);
            assert_eq!(line.line(at), format!("reconnecting (connection_lost), try 2 {shown}"));
        }
        assert!(line.line(at + Duration::from_secs(9)).ends_with("try 2 now"));
        let dialling = Reconnect::of(&status(0, Some(Phase::Dial))).unwrap();
        assert_eq!(dialling.line(at), "reconnecting (connection_lost), try 2 · dialling");
        assert!(Reconnect::of(&Status::Connected).is_none());
    }
}
