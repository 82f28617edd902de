//! What a host can ask a connected client for.

use super::{
    Client,
    op::{Op, Ping},
};
use crate::{
    message::{CallRef, ItemId},
    request::{FeedbackScore, Image, ResponseOptions},
    session::Command,
    transcript::Transcript,
};

impl Client {
    /// Adds a user message and asks for an answer.
    pub fn send_text(&self, text: impl Into<String>) -> Op {
        self.send_text_with(text, true, false)
    }

    /// Adds a user message; `respond`: asks for an answer; `interrupt`: cuts the assistant off first.
    pub fn send_text_with(&self, text: impl Into<String>, respond: bool, interrupt: bool) -> Op {
        self.command(Command::SendText { text: text.into(), respond, interrupt })
    }

    /// Adds a user message with a picture and asks for an answer.
    pub fn send_image(&self, image: Image) -> Op {
        self.send_image_with(image, None, true, false)
    }

    /// Adds a user message with a picture and words to it; `respond` and `interrupt` as for text. The picture
    /// may have 2 MiB ([`crate::request::MAX_IMAGE`]); what the vendor does not take is refused with
    /// `image_type`, `image_url` or `image_too_large`.
    pub fn send_image_with(&self, image: Image, text: Option<String>, respond: bool, interrupt: bool) -> Op {
        self.command(Command::SendImage { image, text, respond, interrupt })
    }

    /// Shows what a camera sees, for a model that takes frames (`Capabilities::video_in`: Gemini, JPEG, about one a
    /// second; each is billed). The next spoken turn sees it, a typed one may not; it is no message of the history, no
    /// other connection is told of it, and nothing waits for one: refused with `not_connected` then, elsewhere with
    /// `video`.
    pub fn send_video_frame(&self, image: Image) -> Op {
        self.command(Command::SendVideoFrame { image })
    }

    /// Tells the service what the user thinks of an answer (`Capabilities::feedback`: ElevenLabs); `item` is its
    /// message, one of the newest 64 of this connection; `None` takes it back. Elsewhere refused with `feedback`.
    /// Completes when it is on its way: the service confirms nothing.
    pub fn send_feedback(&self, item: ItemId, score: Option<FeedbackScore>) -> Op {
        self.command(Command::SendFeedback { item, score })
    }

    /// Says that the user is there and busy, typing for example: an agent that would speak into the silence waits
    /// (`Capabilities::user_activity`: ElevenLabs). Good for a few seconds, so say it again while it lasts. Elsewhere
    /// refused with `user_activity`.
    pub fn send_user_activity(&self) -> Op {
        self.command(Command::SendUserActivity)
    }

    /// Tells the model something (a system message) without asking for an answer.
    pub fn send_context(&self, text: impl Into<String>) -> Op {
        self.command(Command::SendContext { text: text.into() })
    }

    /// Has the assistant say this, after what is under way. Where the vendor has no such command (OpenAI), the
    /// model is told to say it word for word, and may not.
    pub fn say(&self, text: impl Into<String>) -> Op {
        self.command(Command::Say { text: text.into() })
    }

    /// Asks for a response. Completes when it begins; the `completed` event names the response.
    pub fn request_response(&self, options: ResponseOptions) -> Op {
        self.command(Command::RequestResponse { options: Box::new(options) })
    }

    /// Cuts the assistant off. Completes when the speaker is silent and the vendor was told.
    pub fn interrupt(&self) -> Op {
        self.command(Command::Interrupt)
    }

    /// Begins the user's turn by hand (`turn_detection.mode: manual`): the assistant is cut off, and the
    /// microphone goes to the vendor, beginning with the moment before this call. With the vendor's turn
    /// detection it only switches capturing on.
    pub fn start_listening(&self) -> Op {
        self.command(Command::StartListening)
    }

    /// Ends the user's turn by hand and asks for the answer. Refused with `turn_too_short`, and thrown away,
    /// when less than `turn_detection.minimum_ms` was captured. With the vendor's turn detection it switches
    /// capturing off, and what the user is in the middle of saying is answered.
    pub fn stop_listening(&self) -> Op {
        self.command(Command::StopListening)
    }

    /// Forgets what the user said since the last turn. A vendor that keeps what it has heard (Gemini, ElevenLabs) can
    /// be spared only what it was not sent yet: refused with `unsupported_option` otherwise.
    pub fn clear_input(&self) -> Op {
        self.command(Command::ClearInput)
    }

    /// Changes the session: `changes` is a JSON merge patch of the configuration document, of the fields in
    /// [`crate::Config::MUTABLE`]. Only what changes is sent. Completes when the vendor has confirmed; a
    /// refusal leaves everything as it was. What a vendor takes only at the beginning (all of Gemini's setup but
    /// instructions and tools) goes into another connection that goes on with the conversation: it is opened at once, takes
    /// over between two turns or after 60 s, and the change is in force from then on (`session_replaced`, `why`
    /// `reconfigure`).
    pub fn update_session(&self, changes: serde_json::Value) -> Op {
        self.command(Command::UpdateSession { changes })
    }

    /// Answers a tool call; text as it is, everything else as JSON text.
    pub fn submit_tool_result(&self, call: CallRef, output: impl Into<String>, is_error: bool) -> Op {
        self.command(Command::SubmitToolResult { call, output: output.into(), is_error })
    }

    /// Sends microphone audio to the vendor, or stops.
    pub fn set_capture(&self, on: bool) -> Op {
        self.command(Command::SetCapture { on })
    }

    /// Sends silence instead of the microphone.
    pub fn set_input_muted(&self, muted: bool) -> Op {
        self.command(Command::SetInputMuted { muted })
    }

    /// Says that the network is another one now (the phone left the WLAN): what there is of a connection is given
    /// up and opened anew at once. Completes when that has begun; `status` tells the rest. Refused with
    /// `not_connected`, and with `reconnect_off` where `recovery.reconnect` is.
    pub fn network_changed(&self) -> Op {
        self.command(Command::NetworkChanged)
    }

    /// Measures the way to the service and back; awaiting it gives the time, and so does the `completed` event.
    /// At most 16 at a time; refused with `not_connected`, also while the connection is coming back.
    pub fn ping(&self) -> Ping {
        Ping(self.command(Command::Ping))
    }

    /// The conversation as a neutral document, in any status, pending words included: to be kept, or given to
    /// another client.
    pub fn export_history(&self) -> Transcript {
        self.inner.shared.read(|state| Transcript::from(state.messages.as_slice()))
    }

    /// Adds a conversation that was held elsewhere behind what there is, all of it or nothing; the next connect
    /// tells it to the service. Each of its messages comes as a `message` event. Names of messages and calls that
    /// services do not take (longer than 32 characters, or of others than letters, digits, `_` and `-`), that are
    /// there twice or that this client could give itself are replaced; what was open is settled, and calls that
    /// ran are cancelled.
    ///
    /// Refused with `connected` before the client is disconnected, with `history_full` beyond 2000 messages, 8 MiB
    /// of text or 8 MiB of pictures with what there is, and, before the engine takes it, with `invalid_transcript`.
    pub fn import_history(&self, transcript: Transcript) -> Op {
        match transcript.check() {
            Ok(()) => self.command(Command::ImportHistory { messages: transcript.into_messages() }),
            Err(error) => Op::refused(self.inner.shared.next_op(), error),
        }
    }

    /// Forgets the conversation. Each message comes as a `message` event that removes it. Refused with
    /// `connected` before the client is disconnected.
    pub fn clear_history(&self) -> Op {
        self.command(Command::ClearHistory)
    }

    /// Sends one vendor event (a JSON object) as it is.
    pub fn send_raw(&self, json: impl Into<String>) -> Op {
        self.command(Command::SendRaw { json: json.into() })
    }
}
