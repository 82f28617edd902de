//! What a host can ask a connected client for.

use super::{Client, op::Op};
use crate::{
    message::CallRef,
    request::{Image, ResponseOptions},
    session::Command,
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

    /// Forgets what the user said since the last turn.
    pub fn clear_input(&self) -> Op {
        self.command(Command::ClearInput)
    }

    /// Changes the session: `changes` is a JSON merge patch of the configuration document, of the fields in
    /// [`crate::Config::MUTABLE`]. Only what changes is sent. Completes when the vendor has confirmed; a
    /// refusal leaves everything as it was.
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

    /// Sends one vendor event (a JSON object) as it is.
    pub fn send_raw(&self, json: impl Into<String>) -> Op {
        self.command(Command::SendRaw { json: json.into() })
    }
}
