//! The faults of a scenario: what goes wrong, when, and on which connection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What the journal calls it. Without it the kind of fault, for example `close`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The connection it happens on; without it the first. Not for `upgrade` and `client_secret`, which
    /// come before there is a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<On>,
    /// When it happens.
    #[serde(default)]
    pub when: When,
    /// How often, 1 to 1000000: so many requests in a row from the one that `when` names, or so many events in
    /// a row on each of its connections. For `refuse`, `captive_portal`, `no_path`, `duplicate`, `omit` and
    /// `broken`, and for requests that `stall` or stay `half_open`.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub times: u32,
    /// What happens.
    #[serde(rename = "do")]
    pub what: What,
}

/// On which connections: a number, counted from 1 over all WebSockets and calls that were let in, or `each`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum On {
    /// This one.
    Number(#[schemars(range(min = 1))] u64),
    /// Every one.
    Word(Each),
}

/// The word `each`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Each {
    /// Every connection.
    Each,
}

/// When a fault happens. What happens to an event (`duplicate`, `reorder`, `omit`, `broken`, `slow`) happens to
/// the event that is named here, or to the next one where none is; everything else happens right after it,
/// before the next event is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The connection is up and nothing was sent.
    #[default]
    Connect,
    /// So many server events of the connection, from 1: `session.created` is the first.
    Events(#[schemars(range(min = 1, max = 1_000_000))] u32),
    /// A server event of a type.
    Event(Nth),
    /// A client event of a type has arrived and was understood; nothing that follows from it was sent.
    ClientEvent(Nth),
    /// Milliseconds after the connection came up, 0 to 86400000.
    AfterMs(#[schemars(range(max = 86_400_000))] u32),
    /// The n-th request for a WebSocket or offer of a call, from 1, all of them counted.
    Upgrade(#[schemars(range(min = 1, max = 1_000_000))] u32),
    /// The n-th request for a client secret, from 1.
    ClientSecret(#[schemars(range(min = 1, max = 1_000_000))] u32),
}

/// The n-th event of a type on its connection.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nth {
    /// Type of the event.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which of them, from 1.
    #[serde(default = "once")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub nth: u32,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The connection is closed with a close frame.
    Close(CloseWith),
    /// The connection ends without a close frame (FIN).
    Drop,
    /// The connection is reset (RST).
    Reset,
    /// Nothing is read or written any more, pings included, and the socket stays open until the client gives up.
    /// A request gets no answer.
    HalfOpen,
    /// Nothing is read or written for a while, then everything at once. A request is answered late.
    Stall(Stall),
    /// From here on every event is so much late. What the client sends is read as ever.
    Slow(Slow),
    /// The event is sent twice.
    Duplicate,
    /// The event changes places with the one after it, or is a second late if none follows.
    Reorder,
    /// The event is not sent.
    Omit,
    /// One text frame beyond measure.
    Giant(Giant),
    /// A frame that is not what it should be.
    Broken(Broken),
    /// The session lasts so long: `expires_at` says so, and then comes what `expire` does.
    SessionCap(SessionCap),
    /// The session has hit its maximum duration: the error `session_expired`, then a close with 1001.
    Expire,
    /// The service sends an error, and closes the connection if `close` is given.
    Error(VendorError),
    /// The request is refused.
    Refuse(Refuse),
    /// The request is answered with status 200 and a page for people.
    CaptivePortal,
    /// The offer of a call is answered, and no path leads to whom the answer names. A request for a WebSocket is
    /// not harmed.
    NoPath,
}

/// A close frame.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseWith {
    /// 1000 to 1003, 1007 to 1014, or 3000 to 4999.
    pub code: u16,
    /// At most 123 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stall {
    /// Its length in milliseconds, 1 to 600000.
    #[schemars(range(min = 1, max = 600_000))]
    pub ms: u32,
}

/// A delay of every event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slow {
    /// Milliseconds, 0 to 60000.
    #[schemars(range(max = 60_000))]
    pub ms: u32,
}

/// A frame beyond measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Giant {
    /// Its size, 64 to 67108864; 17 MiB without it.
    #[serde(default = "giant")]
    #[schemars(range(min = 64, max = 67_108_864))]
    pub bytes: u32,
}

/// A short life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionCap {
    /// Milliseconds, 1 to 86400000. `expires_at` is in whole seconds and never later than the end.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub ms: u32,
}

/// How a frame is broken. The first six are frames of their own, sent before the event, which follows unharmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// The first half of the event.
    TruncatedJson,
    /// The event with 10000 arrays in each other inside.
    DeepJson,
    /// The event with bytes in it that are not UTF-8.
    InvalidUtf8,
    /// An event of a type that nobody knows.
    UnknownEvent,
    /// The event with null in every field but its type.
    NullFields,
    /// An audio delta that is not base64; waits for an audio delta.
    BadBase64,
    /// The event itself, with fields nobody knows in every object and an unknown value in every `status`.
    NewValues,
    /// The event itself, an audio delta that ends inside a sample; the next one begins with the rest. Waits for an
    /// audio delta.
    OddAudio,
}

/// An error of the service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VendorError {
    /// The service's code, for example `insufficient_quota`.
    pub code: String,
    /// For people.
    pub message: String,
    /// The close frame after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close: Option<CloseWith>,
}

/// A request that is refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refuse {
    /// HTTP status, 400 to 599.
    #[schemars(range(min = 400, max = 599))]
    pub status: u16,
    /// Seconds in the header `Retry-After`, 0 to 86400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 86_400))]
    pub retry_after_s: Option<u32>,
    /// The service's code; without it a usual one for the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl Fault {
    /// `what` on the first connection, when it comes up.
    pub fn new(what: What) -> Self {
        Self { name: None, connection: None, when: When::Connect, times: 1, what }
    }

    /// Closes the connection with this code.
    pub fn close(code: u16, reason: impl Into<String>) -> Self {
        Self::new(What::Close(CloseWith { code, reason: reason.into() }))
    }

    /// Refuses requests with this status; needs [`Fault::upgrade`] or [`Fault::client_secret`].
    pub fn refuse(status: u16) -> Self {
        Self::new(What::Refuse(Refuse { status, retry_after_s: None, code: None }))
    }

    /// What the journal calls it.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// On the connection of this number, from 1.
    pub fn on(mut self, connection: u64) -> Self {
        self.connection = Some(On::Number(connection));
        self
    }

    /// On every connection.
    pub fn on_each(mut self) -> Self {
        self.connection = Some(On::Word(Each::Each));
        self
    }

    /// When it happens.
    pub fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    /// At the server event of this number, from 1.
    pub fn events(self, number: u32) -> Self {
        self.when(When::Events(number))
    }

    /// At the n-th server event of this type.
    pub fn event(self, kind: impl Into<String>, nth: u32) -> Self {
        self.when(When::Event(Nth { kind: kind.into(), nth }))
    }

    /// When the n-th client event of this type has arrived.
    pub fn client_event(self, kind: impl Into<String>, nth: u32) -> Self {
        self.when(When::ClientEvent(Nth { kind: kind.into(), nth }))
    }

    /// At the n-th request for a WebSocket.
    pub fn upgrade(self, nth: u32) -> Self {
        self.when(When::Upgrade(nth))
    }

    /// At the n-th request for a client secret.
    pub fn client_secret(self, nth: u32) -> Self {
        self.when(When::ClientSecret(nth))
    }

    /// How often.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// What the journal calls it.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(self.what.kind())
    }

    /// Whether it is about the connection of this number.
    pub(super) fn is_on(&self, connection: u64) -> bool {
        match self.connection {
            Some(On::Number(number)) => number == connection,
            Some(On::Word(Each::Each)) => true,
            None => connection == 1,
        }
    }
}

impl What {
    /// The word that stands for it in a scenario file.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Close(_) => "close",
            Self::Drop => "drop",
            Self::Reset => "reset",
            Self::HalfOpen => "half_open",
            Self::Stall(_) => "stall",
            Self::Slow(_) => "slow",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Omit => "omit",
            Self::Giant(_) => "giant",
            Self::Broken(_) => "broken",
            Self::SessionCap(_) => "session_cap",
            Self::Expire => "expire",
            Self::Error(_) => "error",
            Self::Refuse(_) => "refuse",
            Self::CaptivePortal => "captive_portal",
            Self::NoPath => "no_path",
        }
    }

    /// Whether it happens to an event, not after it.
    pub(super) fn is_about_an_event(&self) -> bool {
        matches!(self, Self::Slow(_) | Self::Duplicate | Self::Reorder | Self::Omit | Self::Broken(_))
    }

    /// Whether it waits for audio.
    pub(super) fn needs_audio(&self) -> bool {
        matches!(self, Self::Broken(Broken::BadBase64 | Broken::OddAudio))
    }
}

impl<'de> Deserialize<'de> for On {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl serde::de::Visitor<'_> for Reader {
            type Value = On;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the number of a connection, from 1, or \"each\"")
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<On, E> {
                Ok(On::Number(number))
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<On, E> {
                match word {
                    "each" => Ok(On::Word(Each::Each)),
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

fn once() -> u32 {
    1
}

fn is_once(times: &u32) -> bool {
    *times == 1
}

fn giant() -> u32 {
    17 << 20
}
