//! What sessions and codecs say to each other: commands to a vendor, and what a vendor said, in
//! neutral words.

use crate::{
    config::Scheduling,
    event::Tokens,
    message::{CallId, ItemId, PartIndex, ResponseId, Role},
    request::{FeedbackScore, ImageDetail, Picture, ResponseOptions},
};
use serde_json::Value;

/// What the session wants the vendor to do.
#[derive(Debug, Clone, PartialEq)]
pub enum ProviderCommand {
    /// Set the session to the configuration.
    Configure,
    /// Append a text message.
    CreateText {
        /// Id we chose.
        item: ItemId,
        /// Who says it.
        role: Role,
        /// The words.
        text: String,
        /// Item before it; absent: at the end.
        previous: Option<ItemId>,
    },
    /// Append a user message with a picture.
    CreateImage {
        /// Id we chose.
        item: ItemId,
        /// Words to it.
        text: Option<String>,
        /// The picture.
        picture: Picture,
        /// How closely to look.
        detail: Option<ImageDetail>,
    },
    /// What a camera sees; the vendor confirms nothing.
    VideoFrame {
        /// The frame.
        picture: Picture,
    },
    /// What the user wrote last waits for no answer. Sent where [`Quirks::answers_words`].
    Unasked,
    /// What the user thinks of an answer.
    Feedback {
        /// The message of the assistant.
        item: ItemId,
        /// Absent: nothing, or nothing any more.
        score: Option<FeedbackScore>,
    },
    /// The microphone is off: no more audio comes for a while.
    InputEnds,
    /// The user is there and busy, though nothing is said: typing, or silent for long.
    StillHere,
    /// Change the session: what [`super::Codec::update`] returned.
    Update {
        /// Vendor's object.
        patch: Value,
    },
    /// Answer a tool call.
    ToolOutput {
        /// Id we chose.
        item: ItemId,
        /// The call.
        call: CallId,
        /// Result text.
        output: String,
        /// It says why there is no result.
        is_error: bool,
        /// What the model does with it.
        scheduling: Scheduling,
        /// Item before it; absent: at the end.
        previous: Option<ItemId>,
    },
    /// All that a session which begins [`Beginning::Told`] is told of the conversation was sent.
    Told,
    /// Put a call that was made in an earlier session into this one; its result follows.
    CreateCall {
        /// Id of its item.
        item: ItemId,
        /// The call.
        call: CallId,
        /// Function name.
        name: String,
        /// JSON text.
        arguments: String,
        /// Item before it; absent: at the end.
        previous: Option<ItemId>,
    },
    /// Ask for a response. `request` comes back in [`ProviderEvent::ResponseCreated`].
    CreateResponse {
        /// Our id of the request.
        request: String,
        /// For this response only. `instructions` are whole: the session's own are in them already.
        options: Box<ResponseOptions>,
    },
    /// Have the assistant say this; a response as any other.
    Say {
        /// Our id of the request.
        request: String,
        /// The words.
        text: String,
    },
    /// Stop generating.
    CancelResponse {
        /// Which; absent: the one running.
        response: Option<ResponseId>,
    },
    /// Tell what was heard of an item.
    Truncate {
        /// The item.
        item: ItemId,
        /// Content index.
        part: PartIndex,
        /// Milliseconds heard.
        audio_end_ms: u64,
    },
    /// Forget an item.
    DeleteItem {
        /// The item.
        item: ItemId,
    },
    /// Fetch an item as the vendor has it.
    RetrieveItem {
        /// The item.
        item: ItemId,
    },
    /// End the user's turn by hand.
    CommitInput,
    /// Forget what was said since the last turn.
    ClearInput,
    /// Drop audio the vendor still has to send (not on WebSocket).
    ClearOutput,
    /// Send this JSON as it is.
    Raw(String),
}

/// What a connection begins with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Beginning<'a> {
    /// Nothing was said yet.
    #[default]
    Fresh,
    /// The session is told what was said, up to [`ProviderCommand::Told`].
    Told,
    /// The vendor has kept what was said, under the handle of [`ProviderEvent::Resumable`].
    Resumed(&'a Handle),
}

/// What a vendor calls a moment of a conversation it keeps. Who has it and a credential can go on with the conversation,
/// so that it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Handle(String);

impl Handle {
    /// The vendor's word.
    pub fn new(handle: impl Into<String>) -> Self {
        Self(handle.into())
    }

    /// For the vendor.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handle([redacted])")
    }
}

/// What kind of item it is.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemKind {
    /// Speech or text.
    Message {
        /// Who.
        role: Role,
        /// Text and transcripts known so far, by content index.
        parts: Vec<ItemPart>,
    },
    /// The model calls a function.
    FunctionCall {
        /// Vendor's call id.
        call: CallId,
        /// Function.
        name: String,
        /// JSON text.
        arguments: String,
    },
    /// The answer to a call.
    FunctionOutput {
        /// The call.
        call: CallId,
        /// Result text.
        output: String,
    },
    /// Something duologue has no word for.
    Other(String),
}

/// One content part of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPart {
    /// True for speech.
    pub audio: bool,
    /// Text or transcript.
    pub text: String,
}

/// An item as the vendor describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Vendor's id.
    pub id: ItemId,
    /// Kind and content.
    pub kind: ItemKind,
    /// `in_progress`, `completed`, `incomplete`, or empty.
    pub status: String,
}

/// Which part of which item of which response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRef {
    /// The response.
    pub response: ResponseId,
    /// The item.
    pub item: ItemId,
    /// Content index.
    pub part: PartIndex,
}

/// What the vendor says of the sound it sends beside the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputBuffer {
    /// It began to send.
    Started,
    /// It has sent all there was.
    Stopped,
    /// It sends no more of it, though there was more.
    Cleared,
}

/// When one sign of a text is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlignedChar {
    /// The sign.
    pub character: char,
    /// Where it begins in the audio of its part.
    pub start_ms: u32,
    /// Where it ends.
    pub end_ms: u32,
}

/// An error the vendor reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderError {
    /// Vendor's error type.
    pub kind: String,
    /// Vendor's code, may be empty.
    pub code: String,
    /// Vendor's text.
    pub message: String,
    /// The field it is about.
    pub param: Option<String>,
    /// Our event that caused it.
    pub event_id: Option<String>,
}

/// How the session should take a vendor error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Nothing to cancel, already cut and the like: not shown.
    Benign,
    /// A response was already running: ask again when it ends.
    AlreadyActive,
    /// The account or key: no use in going on.
    Fatal,
    /// The session has lasted as long as it may: another one works.
    SessionOver,
    /// Only this request failed.
    Request,
}

/// Ways of a vendor that a session has to know of. None by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quirks {
    /// The end of a turn by hand is the request for its answer too.
    pub commit_answers: bool,
    /// A turn the vendor's own detection has begun cannot be ended by hand: it ends with silence.
    pub commit_by_hand_only: bool,
    /// A response may be dropped without a word: after a cancel, and when the user goes on in the same item.
    pub loses_ends: bool,
    /// The client speaks first: it configures the session as soon as the connection is open. Otherwise it waits for
    /// [`ProviderEvent::SessionCreated`].
    pub speaks_first: bool,
    /// Once the model has the results of its calls it goes on by itself; otherwise it has to be asked.
    pub answers_results: bool,
    /// Whatever the user says or writes is answered: what is only to be known is told in another way.
    pub answers_words: bool,
    /// What the vendor was told it keeps: an item cannot be taken out of the conversation again.
    pub keeps_items: bool,
    /// What the vendor heard it keeps: nothing takes it back, so a turn by hand begins for it once it is long enough.
    pub keeps_audio: bool,
    /// The vendor wants to be told when the microphone is switched off: [`ProviderCommand::InputEnds`].
    pub stream_ends: bool,
    /// No more of the microphone is said again to the next connection than so many milliseconds.
    pub pre_roll_ms: Option<u32>,
    /// The vendor says the greeting of the configuration by itself.
    pub greets: bool,
    /// The end of a response may not be told: nothing for so many milliseconds is asked about
    /// ([`super::Codec::gone_quiet`]).
    pub quiet_ms: Option<u32>,
    /// A session is configured once: what [`super::Codec::renews`] takes a new connection.
    pub configured_once: bool,
}

/// End of a response.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseDone {
    /// The response.
    pub response: ResponseId,
    /// `completed`, `cancelled`, `failed`, `incomplete` or new.
    pub status: String,
    /// The vendor's reason.
    pub reason: Option<String>,
    /// Why it failed.
    pub error: Option<ProviderError>,
    /// Tokens in and out.
    pub usage: Option<(Tokens, Tokens)>,
    /// Time that is billed since the last response, milliseconds.
    pub billed_ms: Option<u64>,
    /// Everything it produced.
    pub items: Vec<Item>,
    /// The vendor did not say that it ended.
    pub inferred: bool,
}

/// A session as the vendor has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionInfo {
    /// The vendor's object.
    pub session: Value,
    /// The vendor cancels its response when the user speaks.
    pub interrupts: bool,
    /// The vendor answers by itself when the user stops; absent: it does not say.
    pub answers: Option<bool>,
    /// Silence that ends a turn.
    pub silence_duration_ms: Option<u64>,
    /// When the vendor ends the session, seconds since 1970.
    pub expires_at: Option<u64>,
    /// The model that answers, when it is not the one that was asked for and the vendor said nothing of it.
    pub other_model: Option<String>,
    /// An audio format in force that the codec does not speak.
    pub foreign_audio: Option<String>,
}

impl ProviderEvent {
    /// The response it is about, when it says so.
    pub fn response(&self) -> Option<&ResponseId> {
        match self {
            Self::ResponseCreated { response, .. }
            | Self::OutputItemAdded { response, .. }
            | Self::OutputItemDone { response, .. } => Some(response),
            Self::PartAdded { at, .. }
            | Self::Audio { at, .. }
            | Self::AudioDone { at }
            | Self::Alignment { at, .. }
            | Self::AgentDelta { at, .. }
            | Self::AgentDone { at, .. } => Some(&at.response),
            Self::ResponseDone(done) => Some(&done.response),
            _ => None,
        }
    }
}

/// What the vendor said, in neutral words.
#[derive(Debug, Clone, PartialEq)]
pub enum ProviderEvent {
    /// First word of a session.
    SessionCreated(Box<SessionInfo>),
    /// Configuration in force.
    SessionUpdated(Box<SessionInfo>),
    /// The user began to speak.
    SpeechStarted {
        /// Item the speech will be.
        item: ItemId,
        /// Position in the audio sent.
        audio_ms: u64,
    },
    /// The user stopped.
    SpeechStopped {
        /// Item.
        item: ItemId,
        /// Position in the audio sent.
        audio_ms: u64,
    },
    /// The user's turn is in the conversation.
    InputCommitted {
        /// Item.
        item: ItemId,
        /// The one before.
        previous: Option<ItemId>,
    },
    /// Nobody spoke for long and the vendor speaks up; the item is silence.
    IdleTimeout {
        /// Item.
        item: ItemId,
    },
    /// What the user said since the last turn is forgotten.
    InputCleared,
    /// An item is in the conversation.
    ItemAdded {
        /// The item.
        item: Item,
        /// The one before.
        previous: Option<ItemId>,
    },
    /// An item is complete.
    ItemDone {
        /// The item.
        item: Item,
        /// The one before.
        previous: Option<ItemId>,
    },
    /// An item is gone.
    ItemDeleted {
        /// The item.
        item: ItemId,
    },
    /// The vendor cut an item.
    ItemTruncated {
        /// The item.
        item: ItemId,
        /// Where.
        audio_end_ms: u64,
    },
    /// More words of the user.
    UserTranscriptDelta {
        /// Item.
        item: ItemId,
        /// Content index.
        part: PartIndex,
        /// Words.
        delta: String,
    },
    /// The words of the user so far, in place of those told before; the last before the answer are final.
    UserTranscriptSoFar {
        /// Item.
        item: ItemId,
        /// Content index.
        part: PartIndex,
        /// Words.
        transcript: String,
    },
    /// All words of the user.
    UserTranscriptDone {
        /// Item.
        item: ItemId,
        /// Content index.
        part: PartIndex,
        /// Words.
        transcript: String,
    },
    /// The user's words stay unknown.
    UserTranscriptFailed {
        /// Item.
        item: ItemId,
        /// Why.
        error: ProviderError,
    },
    /// A response began.
    ResponseCreated {
        /// The response.
        response: ResponseId,
        /// Our request, when it was ours.
        request: Option<String>,
        /// The vendor says that it is in no conversation.
        detached: bool,
    },
    /// A response has a new item.
    OutputItemAdded {
        /// The response.
        response: ResponseId,
        /// The item.
        item: Item,
    },
    /// An item of a response is complete.
    OutputItemDone {
        /// The response.
        response: ResponseId,
        /// The item.
        item: Item,
    },
    /// An item has a new part.
    PartAdded {
        /// Where.
        at: PartRef,
        /// True for speech.
        audio: bool,
    },
    /// Speech, mono at the vendor's rate.
    Audio {
        /// Where.
        at: PartRef,
        /// Samples.
        pcm: Vec<i16>,
        /// The frame had an odd number of bytes: half a sample came before or is still to come.
        odd: bool,
    },
    /// The vendor began or ended to send the sound of a response beside the events.
    OutputBuffer {
        /// The response.
        response: ResponseId,
        /// What it did.
        state: OutputBuffer,
    },
    /// No more speech for this part.
    AudioDone {
        /// Where.
        at: PartRef,
    },
    /// When some of the part's words are spoken, in order, each word once.
    Alignment {
        /// Where.
        at: PartRef,
        /// The words, sign by sign.
        characters: Vec<AlignedChar>,
    },
    /// More words of the assistant.
    AgentDelta {
        /// Where.
        at: PartRef,
        /// True: transcript of speech. False: written text.
        audio: bool,
        /// Words.
        delta: String,
    },
    /// All words of the part.
    AgentDone {
        /// Where.
        at: PartRef,
        /// True: transcript of speech. False: written text.
        audio: bool,
        /// Words.
        text: String,
    },
    /// More arguments of a call.
    ArgumentsDelta {
        /// Item of the call.
        item: ItemId,
        /// Piece of JSON.
        delta: String,
    },
    /// The vendor cut off what it was saying, for a reason of its own: the speaker falls silent.
    Interrupted,
    /// What a response cost, told after its end.
    Used {
        /// The response.
        response: ResponseId,
        /// Tokens in.
        input: Tokens,
        /// Tokens out.
        output: Tokens,
    },
    /// All lines are busy: the conversation waits for its turn.
    Queued,
    /// The vendor asked whether a tool of its own may run, and was told that it may not.
    ToolRefused {
        /// The tool.
        name: String,
    },
    /// The vendor takes a call back: its result is not wanted.
    CallCancelled {
        /// The call.
        call: CallId,
    },
    /// What was really heard of an answer, says the vendor.
    HeardTranscript {
        /// Item of the answer.
        item: ItemId,
        /// Content index.
        part: PartIndex,
        /// The words; none: nothing of it was heard.
        transcript: String,
    },
    /// The vendor has ended the conversation, and nothing more is to come than what is still to be heard.
    Leaves,
    /// From here the conversation can go on in another connection, with all that was answered so far.
    Resumable {
        /// What the vendor calls this moment.
        handle: Handle,
    },
    /// The vendor is going to end the connection.
    EndsIn {
        /// So soon, in milliseconds.
        ms: u64,
    },
    /// A response ended.
    ResponseDone(Box<ResponseDone>),
    /// Something was refused or failed.
    Error(ProviderError),
    /// An event that came before, by its id: nothing is to be done.
    Repeated,
    /// An event duologue does not act on. `known` tells whether the reference lists it.
    Other {
        /// The vendor's name of it.
        name: String,
        /// In the vendor's reference.
        known: bool,
    },
}
