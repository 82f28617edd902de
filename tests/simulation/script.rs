//! What happens in a simulated conversation: a list of steps, each complete in itself, so that any of them can
//! be left out and the others still mean the same.

use serde_json::{Value, json};
use std::fmt;

/// splitmix64.
#[derive(Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn upto(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    pub fn once_in(&mut self, n: u64) -> bool {
        self.upto(n) == 0
    }

    pub fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.upto(all.len() as u64) as usize]
    }
}

/// What breaks. The numbers are rows of the fault catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// 1, 3-7: the peer closes with this code; 0: without one.
    Close(u16),
    /// 2: both directions are swallowed; the transport finds out after 15 s.
    HalfOpen,
    /// 9-11, 13-15: what becomes of the next dial.
    DialNetwork,
    Dial429,
    Dial429After(u32),
    Dial503,
    DialAuth,
    DialTls,
    DialHandshake,
    DialNever,
    /// 13: every dial for some time.
    Outage,
    /// A service that accepts and lets go at once, again and again.
    Flapping,
    /// 8: the vendor's session is over.
    SessionExpired,
    /// 12: an error event, then a close.
    Quota,
    BadKey,
    /// 26: of the next server event.
    Omit,
    Duplicate,
    Reorder,
    Late,
    /// 21, 23-25.
    Malformed,
    MalformedFlood,
    Unknown,
    OddPcm,
    /// 19: nothing comes for some steps, then all of it.
    Stall,
    /// 28, 29: of the newest call.
    GiantResult,
    ToolNever,
    /// The next item the client creates, the next change of the session, the next request for a response, the
    /// next end of a turn.
    RefuseItem,
    RefuseUpdate,
    RefuseResponse,
    RefuseCommit,
    MissItem,
    MissUpdate,
    MissResponse,
    MissCommit,
    /// The peer does not answer our close.
    MissClose,
    /// 20: the machine slept; with and without a sign of life afterwards.
    Woken,
    WokenDead,
    ClockBack,
    /// 17.
    NetworkChanged,
    /// What an abandoned connection still says.
    StaleFrame,
    StaleClose,
    /// The vendor deletes something of its conversation.
    Deleted,
    /// The speaker does not report.
    DeafSpeaker,
}

pub const FAULTS: [Fault; 57] = [
    Fault::Close(0),
    Fault::Close(1000),
    Fault::Close(1001),
    Fault::Close(1002),
    Fault::Close(1003),
    Fault::Close(1005),
    Fault::Close(1007),
    Fault::Close(1008),
    Fault::Close(1009),
    Fault::Close(1011),
    Fault::Close(1012),
    Fault::Close(1013),
    Fault::Close(3000),
    Fault::Close(4000),
    Fault::HalfOpen,
    Fault::DialNetwork,
    Fault::Dial429,
    Fault::Dial429After(3_000),
    Fault::Dial429After(90_000),
    Fault::Dial503,
    Fault::DialAuth,
    Fault::DialTls,
    Fault::DialHandshake,
    Fault::DialNever,
    Fault::Outage,
    Fault::Flapping,
    Fault::SessionExpired,
    Fault::Quota,
    Fault::BadKey,
    Fault::Omit,
    Fault::Duplicate,
    Fault::Reorder,
    Fault::Late,
    Fault::Malformed,
    Fault::MalformedFlood,
    Fault::Unknown,
    Fault::OddPcm,
    Fault::Stall,
    Fault::GiantResult,
    Fault::ToolNever,
    Fault::RefuseItem,
    Fault::RefuseUpdate,
    Fault::RefuseResponse,
    Fault::RefuseCommit,
    Fault::MissItem,
    Fault::MissUpdate,
    Fault::MissResponse,
    Fault::MissCommit,
    Fault::MissClose,
    Fault::Woken,
    Fault::WokenDead,
    Fault::ClockBack,
    Fault::NetworkChanged,
    Fault::StaleFrame,
    Fault::StaleClose,
    Fault::Deleted,
    Fault::DeafSpeaker,
];

/// Faults that need something to be under way, and so more tries to meet it.
const RARE: [Fault; 5] =
    [Fault::DeafSpeaker, Fault::RefuseCommit, Fault::MissCommit, Fault::ToolNever, Fault::GiantResult];

/// What the host calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Connect,
    Disconnect,
    Text,
    LongText,
    Image,
    Context,
    Say,
    Respond,
    RespondOutside,
    StartListening,
    StopListening,
    ClearInput,
    Update,
    Interrupt,
    AnswerTool,
    Capture,
    Mute,
    Ping,
    Import,
    Clear,
    Raw,
    Flood,
}

const CALLS: [(Call, u64); 22] = [
    (Call::Connect, 2),
    (Call::Disconnect, 1),
    (Call::Text, 10),
    (Call::LongText, 1),
    (Call::Image, 2),
    (Call::Context, 2),
    (Call::Say, 2),
    (Call::Respond, 4),
    (Call::RespondOutside, 2),
    (Call::StartListening, 4),
    (Call::StopListening, 4),
    (Call::ClearInput, 1),
    (Call::Update, 4),
    (Call::Interrupt, 4),
    (Call::AnswerTool, 16),
    (Call::Capture, 1),
    (Call::Mute, 1),
    (Call::Ping, 2),
    (Call::Import, 1),
    (Call::Clear, 1),
    (Call::Raw, 1),
    (Call::Flood, 1),
];

/// One thing that happens. The number decides whatever else is open about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Dials come to their end, closes are answered, and the vendor reads so many frames of each connection.
    Serve(u8),
    /// The vendor writes on.
    Write(u32),
    /// The user begins or stops to speak.
    User(u32),
    /// So many frames of 20 ms.
    Microphone(u8),
    /// The speaker plays that many milliseconds.
    Play(u16),
    /// The speaker falls silent if it was asked to.
    Flush,
    /// Nothing happens for so long.
    Pass(u32),
    Host(Call, u32),
    /// The host answers the request for a credential.
    Credential(u32),
    Fault(Fault, u32),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serve(n) => write!(f, "network and vendor: dials end, {n} frames are read"),
            Self::Write(_) => write!(f, "the vendor writes on"),
            Self::User(_) => write!(f, "the user begins or stops to speak"),
            Self::Microphone(n) => write!(f, "{} ms of microphone", u32::from(*n) * 20),
            Self::Play(ms) => write!(f, "{ms} ms pass and are played"),
            Self::Flush => write!(f, "the speaker reports its flush"),
            Self::Pass(ms) => write!(f, "{ms} ms pass"),
            Self::Host(call, _) => write!(f, "the host: {call:?}"),
            Self::Credential(_) => write!(f, "the host answers for a credential"),
            Self::Fault(fault, _) => write!(f, "fault: {fault:?}"),
        }
    }
}

/// The configuration and the vendor's ways.
#[derive(Debug, Clone)]
pub struct Setup {
    pub config: Value,
    pub vendor_interrupts: bool,
    /// How long the vendor's sessions last, when it says so.
    pub life_s: Option<u64>,
    /// The host has a conversation to bring along.
    pub imports: u8,
    /// What the host plays by itself it reports.
    pub reported: bool,
}

/// The whole of one run.
#[derive(Debug, Clone)]
pub struct Script {
    pub setup: Setup,
    pub steps: Vec<Step>,
}

const STEPS: usize = 150;

impl Script {
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let setup = setup(&mut dice);
        // Some conversations are undisturbed for long, others are not.
        let fault_every = dice.of(&[6, 12, 25, 50]);
        let mut steps = Vec::with_capacity(STEPS);
        for _ in 0..STEPS {
            steps.push(step(&mut dice, fault_every));
        }
        Self { setup, steps }
    }
}

fn step(dice: &mut Dice, fault_every: u64) -> Step {
    let die = dice.upto(1 << 31) as u32;
    if dice.once_in(fault_every) {
        let fault = if dice.once_in(5) { dice.of(&RARE) } else { dice.of(&FAULTS) };
        return Step::Fault(fault, die);
    }
    match dice.upto(100) {
        0..24 => Step::Serve(1 + dice.upto(6) as u8),
        24..46 => Step::Write(die),
        46..55 => Step::User(die),
        55..63 => Step::Microphone(1 + dice.upto(20) as u8),
        63..75 => Step::Play(dice.upto(800) as u16),
        75..80 => Step::Flush,
        80..83 => Step::Pass(dice.upto(400) as u32),
        83 => Step::Pass(dice.upto(20_000) as u32),
        84..87 => Step::Credential(die),
        _ => {
            let mut at = dice.upto(CALLS.iter().map(|c| c.1).sum());
            let call = CALLS.iter().find(|c| {
                let here = at < c.1;
                at = at.saturating_sub(c.1);
                here
            });
            Step::Host(call.unwrap().0, die)
        }
    }
}

fn setup(dice: &mut Dice) -> Setup {
    let mode = dice.of(&["server", "server", "semantic", "manual"]);
    let output = dice.of(&["device", "pull", "events", "reported"]);
    let reported = output == "reported";
    let output = match output {
        "device" => json!({"source": "device"}),
        "pull" => json!({"source": "host", "delivery": "pull"}),
        "events" => json!({"source": "host"}),
        _ => json!({"source": "host", "positions": "reported"}),
    };
    let mut recovery = json!({
        "max_attempts": dice.of(&[2, 10, 10, 10]),
        "max_offline_ms": dice.of(&[5_000, 60_000, 60_000, 300_000]),
        "pre_roll_ms": dice.of(&[0, 200, 1_000, 5_000, 5_000]),
        "rollover": !dice.once_in(4),
    });
    if dice.once_in(8) {
        recovery["reconnect"] = false.into();
    }
    if dice.once_in(4) {
        recovery["context_note"] = Value::Null;
    }
    let mut config = json!({
        "instructions": "a",
        "auto_capture": !dice.once_in(4),
        "audio": {"output": output, "input": {"source": if dice.once_in(12) { "none" } else { "host" }}},
        "recovery": recovery,
        "tools": [{"name": "f", "timeout_ms": 8_000}, {"name": "g"}],
        "tool_handling": {"timeout_ms": 20_000, "result_max_length": 16_384, "mute_input": dice.once_in(3)},
        "turn_detection": {"mode": mode, "interrupt_response": !dice.once_in(4), "create_response": !dice.once_in(4)},
    });
    if dice.once_in(4) {
        config["credentials"] = json!({"source": "asked", "refresh_ahead": dice.once_in(2)});
    }
    if dice.once_in(6) {
        config["greeting"] = "Good day.".into();
    }
    // Where nothing comes back a session that ends is the end.
    let lives =
        if config["recovery"]["reconnect"] == false { &[None][..] } else { &[None, Some(3_600), Some(40), Some(90)] };
    Setup {
        life_s: dice.of(lives),
        config,
        vendor_interrupts: dice.once_in(2),
        imports: dice.of(&[0, 0, 0, 3, 70]),
        reported,
    }
}
