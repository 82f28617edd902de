//! A service for tests of your own program: no network, no key, no waiting.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> duologue::Result<()> {
//! use duologue::testing::{CallName, MockService};
//!
//! let service = MockService::new();
//! let client = service.builder().connect().await?;
//! client.send_text("Hello!").await?;
//! assert_eq!(service.wait_for(CallName::SendText).await?.text(), "Hello!");
//! # Ok(()) }
//! ```
//!
//! The client is a real one: turns, interruption, tools, history and recovery are the engine's. Only the vendor is
//! played, which speaks as OpenAI's Realtime API does. What the mock is told to say is sent at once, and handled by
//! the client on a thread of its own: so wait for an event of the client or for a call
//! ([`MockService::wait_for`]), and subscribe to [`Client::events`] before you simulate.
//!
//! A connection that was lost may be followed by another one: the mock serves it too, with an empty conversation
//! that the client fills again ([`Action::Replay`]). [`Call::connection`] says where a call came in.
//!
//! Below this there are [`transport::mock`](crate::transport::mock), a service that you write yourself, and
//! [`transport::scripted`](crate::transport::scripted), frames by hand. The module is always compiled: it brings no
//! dependency, and a program that does not use it does not link it.

mod answer;
mod calls;
mod core;
mod state;
mod tool;
mod vendor;
mod wire;

pub use calls::{Action, Call, CallName, EndedBy, MAX_AUDIO, MAX_CALLS};
pub use tool::{ToolOutput, ToolResult};

use self::core::{Core, Line};
use crate::{
    Client, ClientBuilder,
    credential::Credential,
    error::{Error, ErrorClass, Result},
    message::Role,
    transport::Dialer,
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// The longest audio of one call: what the engine keeps for a speaker, 300 s.
const MAX_PCM: usize = 300 * wire::RATE;

/// Plays OpenAI's Realtime API for one client: give the client [`MockService::dialer`]. Clones are the same service.
///
/// A client that asks for a response gets one that waits for [`simulate_transcription`](Self::simulate_transcription)
/// of the assistant, [`simulate_audio`](Self::simulate_audio) or [`simulate_tool_call`](Self::simulate_tool_call);
/// with [`reply`](Self::reply) it is answered at once. Without a request they open a response of their own. Answers
/// are speech, or text where the client wants text. As with the vendor there is one response of the conversation at a
/// time: while one is open the client does not ask for another.
///
/// Every method can be called from any thread. When the function of [`reply_with`](Self::reply_with) panics the client
/// is told that the response failed, and the next method that simulates or waits returns `mock_failed`.
#[derive(Clone)]
pub struct MockService {
    core: Arc<Core>,
    timeout: Duration,
}

impl Default for MockService {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for MockService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MockService").field("connected", &self.is_connected()).finish_non_exhaustive()
    }
}

impl MockService {
    /// A service to which nobody is connected.
    pub fn new() -> Self {
        Self { core: Arc::new(Core::new()), timeout: Duration::from_secs(5) }
    }

    /// What every response says.
    #[must_use]
    pub fn reply(self, text: impl Into<String>) -> Self {
        let text = text.into();
        self.reply_with(move |_| Some(text.clone()))
    }

    /// What responses say: the function is given the newest words of the user, or the newest output of a tool, for a
    /// response outside the conversation its instructions. `None` leaves the response to `simulate_...`. It runs on
    /// the network thread: it must not block.
    #[must_use]
    pub fn reply_with(self, reply: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.core.state.lock().reply = Some(Arc::new(reply));
        self
    }

    /// How long this handle waits in [`Self::wait_for`] and for a [`ToolResult`]; at first 5 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long sessions last that begin from now on, as `expires_at` tells the client; at first an hour. The mock
    /// itself ends none: [`Self::simulate_close`] does.
    #[must_use]
    pub fn session_lifetime(self, lifetime: Duration) -> Self {
        self.core.state.lock().lifetime = lifetime;
        self
    }

    /// For [`ClientBuilder::dialer`].
    pub fn dialer(&self) -> Arc<dyn Dialer> {
        Arc::new(Line(self.core.clone()))
    }

    /// A builder of a client of this service, with a key that opens nothing.
    pub fn builder(&self) -> ClientBuilder {
        let builder = Client::builder().dialer(self.dialer());
        match Credential::new("mock") {
            Ok(credential) => builder.credential(credential),
            // It is a well-formed key.
            Err(_) => builder,
        }
    }

    // What the client did

    /// A client is connected.
    pub fn is_connected(&self) -> bool {
        self.core.is_open()
    }

    /// What clients did, in order; the newest 10 000.
    pub fn calls(&self) -> Vec<Call> {
        self.core.state.lock().log.calls.iter().cloned().collect()
    }

    /// The calls of a name.
    pub fn calls_named(&self, name: CallName) -> Vec<Call> {
        self.core.state.lock().log.calls.iter().filter(|call| call.name() == name).cloned().collect()
    }

    /// The client's events as they were on the wire, without audio; the newest 10 000.
    pub fn frames(&self) -> Vec<Value> {
        self.core.state.lock().log.frames.iter().cloned().collect()
    }

    /// The session object the client asked for, in the vendor's words: instructions, tools, voice.
    pub fn session(&self) -> Value {
        self.core.state.lock().wished.clone()
    }

    /// Microphone audio that came: 24 kHz, mono; the newest eleven minutes.
    pub fn audio(&self) -> Vec<i16> {
        self.core.state.lock().log.audio.iter().copied().collect()
    }

    /// The first call of `name` that was not returned before; waits for it.
    ///
    /// # Errors
    /// `timeout`: it did not come in time; the fix says what the client did instead. `mock_failed`: the reply panicked.
    pub async fn wait_for(&self, name: CallName) -> Result<Call> {
        self.wait_for_within(name, self.timeout).await
    }

    /// The same with a time of its own.
    ///
    /// # Errors
    /// As [`Self::wait_for`].
    pub async fn wait_for_within(&self, name: CallName, timeout: Duration) -> Result<Call> {
        self.check()?;
        self.core.call(name, timeout).await
    }

    /// Waits until `found` says so of all calls so far, for example that enough audio came.
    ///
    /// # Errors
    /// As [`Self::wait_for`].
    pub async fn wait_until(&self, mut found: impl FnMut(&[Call]) -> bool) -> Result<()> {
        self.check()?;
        let calls = |core: &Core| core.state.lock().log.calls.iter().cloned().collect::<Vec<_>>();
        let done = self.core.until(self.timeout, |core| found(&calls(core)).then_some(())).await?;
        self.check()?;
        done.ok_or_else(|| self.core.timeout("what was waited for did not happen", self.timeout))
    }

    /// What went wrong on the network thread since the last time.
    ///
    /// # Errors
    /// `mock_failed`: the reply panicked.
    pub fn check(&self) -> Result<()> {
        self.core.check()
    }

    // What happens to the client

    /// Somebody says something.
    ///
    /// The user speaks a turn: speech starts and stops, and its words are recognized. If the session says so the
    /// answer that is being generated ends, and a response to the turn begins. The assistant answers with words that
    /// have no sound ([`Self::simulate_audio`] has); `text` is the whole answer.
    ///
    /// # Errors
    /// `not_connected`; `no_transcription`: the session transcribes no users, simulate a turn without words.
    pub fn simulate_transcription(&self, text: &str, role: Role) -> Result<()> {
        self.transcription(text, role, true)
    }

    /// The same, and more follows: `text` is the next piece.
    ///
    /// # Errors
    /// As [`Self::simulate_transcription`].
    pub fn simulate_transcription_part(&self, text: &str, role: Role) -> Result<()> {
        self.transcription(text, role, false)
    }

    fn transcription(&self, text: &str, role: Role, whole: bool) -> Result<()> {
        self.core.saying(|_, vendor| {
            match role {
                Role::Assistant if whole => {
                    vendor.say_rest(text);
                    vendor.end_response("completed", Value::Null);
                }
                Role::Assistant => vendor.say(text, &[]),
                Role::User if !text.is_empty() && !vendor.transcribes() => {
                    let message = "the session has no transcription of the user";
                    return Err(Error::new(ErrorClass::State, "no_transcription", message)
                        .fix("configure transcription, or simulate a turn without words"));
                }
                Role::User if whole => vendor.end_turn(text),
                Role::User => vendor.partial(text),
                Role::System => return Err(bad("role", "a system says nothing", "use User or Assistant")),
            }
            Ok(())
        })?;
        self.core.reply();
        self.check()
    }

    /// The assistant speaks: 24 kHz, mono, in pieces of 100 ms that are sent at once, as fast as a real service is.
    /// The words are spread over the audio.
    ///
    /// # Errors
    /// `not_connected`; `invalid_argument`: no audio, or more than 300 s.
    pub fn simulate_audio(&self, pcm: &[i16], transcript: &str) -> Result<()> {
        self.speech(pcm, transcript, true)
    }

    /// The same, and the response goes on.
    ///
    /// # Errors
    /// As [`Self::simulate_audio`].
    pub fn simulate_audio_part(&self, pcm: &[i16], transcript: &str) -> Result<()> {
        self.speech(pcm, transcript, false)
    }

    fn speech(&self, pcm: &[i16], transcript: &str, whole: bool) -> Result<()> {
        if pcm.is_empty() {
            return Err(bad("pcm", "has no samples", "use simulate_transcription for words without sound"));
        }
        if pcm.len() > MAX_PCM {
            return Err(bad("pcm", "longer than 300 s", "simulate several responses"));
        }
        self.core.saying(|_, vendor| {
            vendor.say(transcript, pcm);
            if whole {
                vendor.end_response("completed", Value::Null);
            }
            Ok(())
        })
    }

    /// The model calls a function. `arguments` that are a text are told as they are, valid JSON or not.
    ///
    /// # Errors
    /// `not_connected`; `invalid_argument`: the name is empty.
    pub fn simulate_tool_call(&self, name: &str, arguments: impl Into<Value>) -> Result<ToolResult> {
        self.tool_call(name, &arguments.into(), true)
    }

    /// The same, and the response goes on, for example with another call.
    ///
    /// # Errors
    /// As [`Self::simulate_tool_call`].
    pub fn simulate_tool_call_part(&self, name: &str, arguments: impl Into<Value>) -> Result<ToolResult> {
        self.tool_call(name, &arguments.into(), false)
    }

    fn tool_call(&self, name: &str, arguments: &Value, whole: bool) -> Result<ToolResult> {
        if name.is_empty() {
            return Err(bad("name", "is empty", "give the name of a function"));
        }
        let told = arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned);
        let call_id = self.core.ids.new_id("call");
        self.core.saying(|state, vendor| {
            state.answers.insert(call_id.clone(), None);
            vendor.call(&call_id, name, &told);
            if whole {
                vendor.end_response("completed", Value::Null);
            }
            Ok(())
        })?;
        Ok(ToolResult::new(self.clone(), call_id, name))
    }

    /// The model answers the oldest open response outside the conversation ([`Call`] `request_response` with
    /// `out_of_band`).
    ///
    /// # Errors
    /// `not_connected`; `no_response`: none was asked for.
    pub fn simulate_out_of_band(&self, text: &str) -> Result<()> {
        self.core.saying(|_, vendor| {
            if vendor.outside.is_empty() {
                return Err(Error::new(
                    ErrorClass::State,
                    "no_response",
                    "no response outside the conversation is open",
                )
                .fix("wait for request_response first"));
            }
            vendor.answer_outside(0, text);
            Ok(())
        })
    }

    /// The user begins to speak over the answer.
    ///
    /// The answer that is being generated ends, if the session says so. The client stops playing and says what was
    /// heard: a `truncate`, or a `delete`. The turn is completed by the next
    /// [`simulate_transcription`](Self::simulate_transcription).
    ///
    /// # Errors
    /// `not_connected`; `no_turn_detection`: the client says when turns begin; `invalid_state`: the user speaks
    /// already, or the assistant never spoke.
    pub fn simulate_interruption(&self) -> Result<()> {
        let wrong = |code: &'static str, message: &str, fix: &str| {
            Err(Error::new(ErrorClass::State, code, message.to_owned()).fix(fix.to_owned()))
        };
        self.core.saying(|_, vendor| {
            if !vendor.detects_turns() {
                let message = "the session detects no turns, so the service does not hear an interruption";
                return wrong("no_turn_detection", message, "configure turn_detection");
            }
            if vendor.is_speaking() {
                let fix = "complete the turn with simulate_transcription";
                return wrong("invalid_state", "the user speaks already", fix);
            }
            if vendor.response.is_none() && vendor.audio_ms.is_empty() {
                return wrong("invalid_state", "there is nothing to interrupt", "let the assistant speak first");
            }
            vendor.start_turn();
            Ok(())
        })
    }

    /// The service reports an error that no event of the client caused, for example `session_expired`. Other shapes:
    /// [`Self::send`].
    ///
    /// # Errors
    /// `not_connected`.
    pub fn simulate_error(&self, code: &str, message: &str) -> Result<()> {
        self.core.saying(|_, vendor| {
            vendor.emit(wire::error("invalid_request_error", code, message, None, None));
            Ok(())
        })
    }

    /// The connection ends when the client has read what was sent before: with a WebSocket close code, or with
    /// `None` as a network does that breaks.
    ///
    /// # Errors
    /// `not_connected`; `invalid_argument`: there are codes 1000 to 4999.
    pub fn simulate_close(&self, code: impl Into<Option<u16>>, reason: &str) -> Result<()> {
        let code = code.into();
        if code.is_some_and(|code| !(1000..=4999).contains(&code)) {
            return Err(bad("code", "is no close code", "give 1000 to 4999"));
        }
        self.core.end(code, reason)
    }

    /// Refuses the next `times` dials with `error`, after those that are to be refused already. The classes and
    /// codes of a real service: `credential`/`auth` for 401, `quota`/`rate_limited` for 429,
    /// `network`/`unavailable` for 5xx, `network`/`connect_failed` where nobody answers. After a lost connection only
    /// what is [retryable](Error::retryable) is tried again, as the last three are at a real service; a `Retry-After`
    /// is [`Error::retry_after_ms`].
    pub fn refuse_dials(&self, times: u32, error: Error) {
        if times > 0 {
            self.core.state.lock().refusals.push_back((times, error));
        }
    }

    /// Sends an event of the vendor's as it is; an `event_id` is added when it has none.
    ///
    /// # Errors
    /// `not_connected`; `invalid_argument`: it is no object with a `type`.
    pub fn send(&self, event: Value) -> Result<()> {
        if !event["type"].is_string() {
            return Err(bad("event", "is no object with a type", r#"give one like {"type": "..."}"#));
        }
        self.core.saying(|_, vendor| {
            vendor.emit(event);
            Ok(())
        })
    }
}

fn bad(field: &str, message: &str, fix: &str) -> Error {
    Error::new(ErrorClass::Argument, "invalid_argument", message.to_owned()).field(field.to_owned()).fix(fix.to_owned())
}
