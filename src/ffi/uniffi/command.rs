//! What a host can ask a client for. Every command returns its number at once and ends in one `completed` event
//! with it, unless it throws.

use super::{client::Client, error::Result, message::CallRef};
use crate::{
    ResponseOptions,
    client::Op,
    error::{Error, ErrorClass},
    request::{FeedbackScore, Image, ImageDetail},
    transcript::Transcript,
};

/// A picture: exactly one of `data` and `url`.
#[derive(Debug, Clone, uniffi::Record)]
pub struct ImageInput {
    /// The encoded picture, a PNG or JPEG file.
    pub data: Option<Vec<u8>>,
    /// Where the picture is; `data:` URLs too.
    pub url: Option<String>,
    /// For example `image/png`. Nothing: told from the picture itself.
    pub mime_type: Option<String>,
    /// How closely the model looks, where the model lets one choose.
    pub detail: Option<ImageDetail>,
}

impl From<ImageInput> for Image {
    fn from(image: ImageInput) -> Self {
        let data = image.data.and_then(|bytes| Self::from_bytes(&bytes).data);
        Self { data, url: image.url, mime_type: image.mime_type, detail: image.detail }
    }
}

/// The number of a command that was taken.
fn taken(op: Op) -> Result<u64> {
    match op.refusal() {
        Some(error) => Err(error.clone().into()),
        None => Ok(op.id().0),
    }
}

#[uniffi::export]
impl Client {
    /// Dials, configures, and completes when the vendor has confirmed.
    pub fn connect(&self) -> Result<u64> {
        taken(self.client.connect())
    }

    /// Ends the run, also while connecting. Completes when idle; doing it twice is no error.
    pub fn disconnect(&self) -> Result<u64> {
        taken(self.client.disconnect())
    }

    /// Begins the user's turn by hand (manual turns), or capturing.
    pub fn start_listening(&self) -> Result<u64> {
        taken(self.client.start_listening())
    }

    /// Ends the user's turn by hand and asks for the answer, or ends capturing. Completes with
    /// `turn_too_short` when there was less than the shortest turn.
    pub fn stop_listening(&self) -> Result<u64> {
        taken(self.client.stop_listening())
    }

    /// Forgets what the user said since the last turn.
    pub fn clear_input(&self) -> Result<u64> {
        taken(self.client.clear_input())
    }

    /// Adds a user message; `respond`: asks for an answer; `interrupt`: cuts the assistant off first.
    pub fn send_text(&self, text: String, respond: bool, interrupt: bool) -> Result<u64> {
        taken(self.client.send_text_with(text, respond, interrupt))
    }

    /// Adds a user message with a picture, and words to it; `respond` and `interrupt` as for text.
    pub fn send_image(&self, image: ImageInput, text: Option<String>, respond: bool, interrupt: bool) -> Result<u64> {
        taken(self.client.send_image_with(image.into(), text, respond, interrupt))
    }

    /// Shows what a camera sees, for a model that takes frames; it is no message of the history.
    pub fn send_video_frame(&self, image: ImageInput) -> Result<u64> {
        taken(self.client.send_video_frame(image.into()))
    }

    /// Tells the service what the user thinks of an answer; `score`: `like`, `dislike`, or none to take it back.
    pub fn send_feedback(&self, item: String, score: Option<String>) -> Result<u64> {
        let score = score.map(|word| FeedbackScore::parse(&word)).transpose()?;
        taken(self.client.send_feedback(item.into(), score))
    }

    /// Says that the user is there and busy, so that the agent waits.
    pub fn send_user_activity(&self) -> Result<u64> {
        taken(self.client.send_user_activity())
    }

    /// Tells the model something without asking for an answer.
    pub fn send_context(&self, text: String) -> Result<u64> {
        taken(self.client.send_context(text))
    }

    /// Has the assistant say this, after what is under way.
    pub fn say(&self, text: String) -> Result<u64> {
        taken(self.client.say(text))
    }

    /// Asks for a response, with options (JSON object) for it alone. Completes when it begins; the `completed`
    /// event names the response.
    pub fn request_response(&self, options_json: Option<String>) -> Result<u64> {
        let options = options_json.map_or_else(|| Ok(ResponseOptions::default()), |o| ResponseOptions::from_json(&o));
        taken(self.client.request_response(options?))
    }

    /// Changes the session: a JSON merge patch of the configuration. Completes when the vendor has confirmed.
    pub fn update_session(&self, changes_json: String) -> Result<u64> {
        let changes = serde_json::from_str(&changes_json).map_err(|e| {
            let error = Error::new(ErrorClass::Argument, "invalid_json", format!("the changes are not JSON: {e}"));
            error.field("changes").fix("give a JSON object")
        })?;
        taken(self.client.update_session(changes))
    }

    /// Cuts the assistant off. Completes when the speaker is silent and the vendor was told.
    pub fn interrupt(&self) -> Result<u64> {
        taken(self.client.interrupt())
    }

    /// Answers a tool call; text as it is, everything else as JSON text.
    pub fn submit_tool_result(&self, call: CallRef, output: String, is_error: bool) -> Result<u64> {
        taken(self.client.submit_tool_result(call.into(), output, is_error))
    }

    /// Sends microphone audio to the vendor, or stops.
    pub fn set_capture(&self, on: bool) -> Result<u64> {
        taken(self.client.set_capture(on))
    }

    /// Sends silence instead of the microphone.
    pub fn set_input_muted(&self, muted: bool) -> Result<u64> {
        taken(self.client.set_input_muted(muted))
    }

    /// Says that the network is another one now: the connection is opened anew at once.
    pub fn network_changed(&self) -> Result<u64> {
        taken(self.client.network_changed())
    }

    /// Measures the way to the service and back; the `completed` event has the time.
    pub fn ping(&self) -> Result<u64> {
        taken(self.client.ping().into_op())
    }

    /// The conversation as a neutral document (a transcript, JSON text), in any status.
    pub fn export_history(&self) -> String {
        self.client.export_history().to_json()
    }

    /// Adds a conversation that was held elsewhere (a transcript, JSON text); only while not connected.
    pub fn import_history(&self, transcript_json: String) -> Result<u64> {
        taken(self.client.import_history(Transcript::from_json(&transcript_json)?))
    }

    /// Forgets the conversation; only while not connected.
    pub fn clear_history(&self) -> Result<u64> {
        taken(self.client.clear_history())
    }

    /// Sends one vendor event (a JSON object) as it is.
    pub fn send_raw(&self, json: String) -> Result<u64> {
        taken(self.client.send_raw(json))
    }
}
