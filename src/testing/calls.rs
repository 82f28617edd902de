//! What clients did to a mocked service.

use super::wire::PER_MS;
use crate::error::Error;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};

/// Calls, and frames, that are remembered: the newest.
pub const MAX_CALLS: usize = 10_000;
/// Samples of microphone audio that are remembered: the newest, about eleven minutes.
pub const MAX_AUDIO: usize = 16 * 1024 * 1024;

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// The client closed it, or is gone.
    Client,
    /// [`MockService::simulate_close`](super::MockService::simulate_close).
    Service,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal $({ $($(#[$about:meta])* $field:ident: $type:ty,)* })?;)*) => {
        /// One thing a client did, with what.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Action {
            $($(#[$doc])* $name $({ $($(#[$about])* $field: $type,)* })?,)*
        }

        /// What a client did, without the details: what a test waits for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum CallName {
            $($(#[$doc])* $name,)*
        }

        impl CallName {
            /// The word every language has for it, for example `send_text`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl Action {
            /// Without the details.
            pub fn name(&self) -> CallName {
                match self { $(Self::$name { .. } => CallName::$name,)* }
            }
        }
    };
}

actions! {
    /// A dial was refused, as [`MockService::refuse_dials`](super::MockService::refuse_dials) says.
    DialRefused = "dial_refused" {
        /// With what.
        error: Error,
    };
    /// A connection was opened.
    Connect = "connect";
    /// The session was configured, or changed.
    SessionUpdate = "session_update" {
        /// What the client asked for, in the vendor's words.
        session: Value,
    };
    /// Text was added to the conversation.
    SendText = "send_text" {
        /// The words.
        text: String,
        /// Who says it, in the vendor's words: `user`, rarely `assistant`.
        role: String,
        /// The client's id.
        item_id: String,
    };
    /// A picture was added to the conversation.
    SendImage = "send_image" {
        /// A `data:` URL, or the place of the picture.
        image_url: String,
        /// Words beside it.
        text: String,
        /// Who shows it, in the vendor's words.
        role: String,
        /// The client's id.
        item_id: String,
    };
    /// The model was told something that is not answered.
    SendContext = "send_context" {
        /// The words.
        text: String,
        /// The client's id.
        item_id: String,
    };
    /// Microphone audio came; one call until another comes between.
    SendAudio = "send_audio" {
        /// Samples: 24 kHz, mono.
        samples: usize,
        /// The same in whole milliseconds.
        ms: u64,
    };
    /// A turn by hand was committed: what `simulate_transcription_part` said is what the user said.
    StopListening = "stop_listening";
    /// What was said is thrown away; a turn by hand begins with it.
    ClearInput = "clear_input";
    /// A response was asked for: by the method of that name, by `send_text`, and when tools have answered.
    RequestResponse = "request_response" {
        /// Of this response alone.
        instructions: Option<String>,
        /// It is no part of the conversation.
        out_of_band: bool,
        /// All its options, in the vendor's words.
        response: Value,
    };
    /// A call of a function was answered, by the host or for it.
    SubmitToolResult = "submit_tool_result" {
        /// The call.
        call_id: String,
        /// The answer as the model reads it.
        output: String,
    };
    /// A response shall not be generated any further.
    Interrupt = "interrupt" {
        /// Which; absent: the conversation's.
        response_id: Option<String>,
    };
    /// So much of an answer was heard.
    Truncate = "truncate" {
        /// The answer.
        item_id: String,
        /// Its part.
        content_index: u64,
        /// Milliseconds heard.
        audio_end_ms: u64,
    };
    /// An answer of which nothing was heard, or another item, is taken out.
    Delete = "delete" {
        /// The item.
        item_id: String,
    };
    /// What no command asked for: a client that reconnects tells what was said, with a note that it goes on, and
    /// one that took over a conversation tells that.
    Replay = "replay" {
        /// The item, in the vendor's words.
        item: Value,
    };
    /// Anything else.
    SendRaw = "send_raw" {
        /// The client's event.
        event: Value,
    };
    /// The connection is over.
    Close = "close" {
        /// Who ended it.
        by: EndedBy,
    };
}

/// One thing a client did.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Number of the call, from 0.
    pub index: u64,
    /// Number of the connection it came on, from 1; 0 when there was none.
    pub connection: u64,
    /// What.
    pub action: Action,
}

impl Call {
    /// What, without the details.
    pub fn name(&self) -> CallName {
        self.action.name()
    }

    /// The words of texts, contexts and pictures, the output of a tool, the instructions of a response;
    /// empty when it has none.
    pub fn text(&self) -> &str {
        match &self.action {
            Action::SendText { text, .. } | Action::SendImage { text, .. } | Action::SendContext { text, .. } => text,
            Action::SubmitToolResult { output, .. } => output,
            Action::RequestResponse { instructions: Some(text), .. } => text,
            _ => "",
        }
    }
}

/// Calls in order, raw frames and audio, all bounded.
#[derive(Default)]
pub struct CallLog {
    pub calls: VecDeque<Call>,
    pub frames: VecDeque<Value>,
    pub audio: VecDeque<i16>,
    count: u64,
    /// The first call of a name that nobody waited for yet has this number, or a higher one.
    waited: HashMap<CallName, u64>,
}

impl CallLog {
    pub fn add(&mut self, connection: u64, action: Action) {
        if self.calls.len() == MAX_CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(Call { index: self.count, connection, action });
        self.count += 1;
    }

    pub fn frame(&mut self, event: Value) {
        if self.frames.len() == MAX_CALLS {
            self.frames.pop_front();
        }
        self.frames.push_back(event);
    }

    /// Records audio. What comes without another call in between is one call.
    pub fn hear(&mut self, connection: u64, pcm: &[i16]) {
        let over = (self.audio.len() + pcm.len()).saturating_sub(MAX_AUDIO).min(self.audio.len());
        self.audio.drain(..over);
        self.audio.extend(pcm);
        if let Some(Call { connection: on, action: Action::SendAudio { samples, ms }, .. }) = self.calls.back_mut()
            && *on == connection
        {
            *samples += pcm.len();
            *ms = (*samples / PER_MS) as u64;
        } else {
            let ms = (pcm.len() / PER_MS) as u64;
            self.add(connection, Action::SendAudio { samples: pcm.len(), ms });
        }
    }

    /// The first call of a name that was not given out before.
    pub fn next(&mut self, name: CallName) -> Option<Call> {
        let from = self.waited.get(&name).copied().unwrap_or(0);
        let call = self.calls.iter().find(|call| call.index >= from && call.name() == name)?.clone();
        self.waited.insert(name, call.index + 1);
        Some(call)
    }

    /// The newest calls in one line.
    pub fn told(&self) -> String {
        let newest = self.calls.range(self.calls.len().saturating_sub(20)..);
        let names: Vec<&str> = newest.map(|call| call.name().as_str()).collect();
        if names.is_empty() { "none".into() } else { names.join(", ") }
    }
}
