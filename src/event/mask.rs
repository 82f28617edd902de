//! Sets of kinds of events.

use super::EventKind;
use std::ops::BitOr;

/// A set of kinds of events: bit [`EventKind::index`] each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct EventMask(pub u64);

macro_rules! masks {
    ($($(#[$doc:meta])* $name:ident = $bit:expr;)*) => {
        impl EventMask {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
        }
    };
}

masks! {
    /// `status`.
    STATUS = 0;
    /// `mode`.
    MODE = 1;
    /// `speech_started`.
    SPEECH_STARTED = 2;
    /// `speech_stopped`.
    SPEECH_STOPPED = 3;
    /// `playback_started`.
    PLAYBACK_STARTED = 4;
    /// `playback_finished`.
    PLAYBACK_FINISHED = 5;
    /// `generation_done`.
    GENERATION_DONE = 6;
    /// `turn_done`.
    TURN_DONE = 7;
    /// `interrupted`.
    INTERRUPTED = 8;
    /// `message`.
    MESSAGE = 9;
    /// `transcript`.
    TRANSCRIPT = 10;
    /// `audio`.
    AUDIO = 11;
    /// `audio_level`.
    AUDIO_LEVEL = 12;
    /// `tool_call`.
    TOOL_CALL = 13;
    /// `tool_cancelled`.
    TOOL_CANCELLED = 14;
    /// `tool_timeout`.
    TOOL_TIMEOUT = 15;
    /// `credential_needed`.
    CREDENTIAL_NEEDED = 16;
    /// `completed`.
    COMPLETED = 17;
    /// `session_configured`.
    SESSION_CONFIGURED = 18;
    /// `capability_changed`.
    CAPABILITY_CHANGED = 19;
    /// `session_replaced`.
    SESSION_REPLACED = 20;
    /// `transport_changed`.
    TRANSPORT_CHANGED = 21;
    /// `usage`.
    USAGE = 22;
    /// `latency`.
    LATENCY = 23;
    /// `device`.
    DEVICE = 24;
    /// `warning`.
    WARNING = 25;
    /// `error`.
    ERROR = 26;
    /// `raw`.
    RAW = 27;
    /// `lagged`.
    LAGGED = 28;
}

impl EventMask {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Everything, later kinds included.
    pub const ALL: Self = Self(u64::MAX);

    /// Those of any of `masks`.
    pub const fn of(masks: &[Self]) -> Self {
        let (mut all, mut at) = (0, 0);
        while at < masks.len() {
            all |= masks[at].0;
            at += 1;
        }
        Self(all)
    }

    /// The kind with this JSON tag, for example `tool_call`.
    pub fn named(name: &str) -> Option<Self> {
        EventKind::NAMES.iter().position(|n| *n == name).map(|at| Self(1 << at))
    }

    /// True when events of this kind are in it.
    pub fn contains(self, kind: &EventKind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    /// The bit of a kind.
    pub(crate) fn bit(kind: &EventKind) -> u64 {
        1 << kind.index()
    }
}

impl BitOr for EventMask {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
