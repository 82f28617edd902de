//! The client.

use super::{
    credential::CredentialInput,
    error::{DuologueError, ErrorInfo, Result},
    gate::Held,
    listener::{Adapter, EventListener},
    message::Message,
    queue::EventQueue,
    service::MockService,
    state::{Availability, State},
    status::Status,
};
use crate::{
    Config,
    audio::device::file::{FileBackend, WavMicrophone},
    client::{Listener, Slot},
    error::{Error, ErrorClass},
    event::{EventMask, Mode, StatusKind},
};
use std::{
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

static LIVE: AtomicU64 = AtomicU64::new(0);

pub(super) fn live() -> u64 {
    LIVE.load(Ordering::Acquire)
}

/// A sound card made of WAV files, in real time, for configurations that say `device`.
#[derive(Debug, Clone, uniffi::Record)]
pub struct FileAudio {
    /// What the microphone hears, once; then silence. Nothing: silence.
    pub microphone: Option<String>,
    /// Where both sides are recorded (left: microphone, right: speaker).
    pub speaker: Option<String>,
}

/// What a client is made with beside its configuration.
#[derive(Clone, Default, uniffi::Record)]
pub struct ClientOptions {
    /// For the first dial.
    pub credential: Option<CredentialInput>,
    /// A device made of files.
    pub files: Option<FileAudio>,
    /// A service played by the host instead of the network.
    pub service: Option<Arc<MockService>>,
}

/// Audio that was pulled.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Pulled {
    /// Samples, as many as asked for: audio first, then silence.
    pub pcm: Vec<u8>,
    /// Frames of it that are audio.
    pub frames: u32,
}

/// A voice session. It can connect, disconnect and connect again. Functions may be called from any thread.
#[derive(Debug, uniffi::Object)]
pub struct Client {
    pub(super) client: crate::Client,
    recording: Option<Arc<OnceLock<Error>>>,
    /// It is counted until it was destroyed; what a host's exceptions and closures still hold is no client.
    counted: AtomicBool,
}

impl Client {
    fn uncount(&self) {
        if self.counted.swap(false, Ordering::AcqRel) {
            LIVE.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.uncount();
    }
}

fn wrong(field: &str, message: &str, fix: &str) -> DuologueError {
    Error::new(ErrorClass::Argument, "invalid_argument", message).field(field).fix(fix).into()
}

/// Rate of the file device: what the services speak, so that nothing is resampled twice.
const FILE_RATE: u32 = 24_000;

#[uniffi::export]
impl Client {
    /// A client that is not connected, of a configuration document (JSON).
    #[uniffi::constructor]
    pub fn new(config_json: String, options: ClientOptions) -> Result<Arc<Self>> {
        let mut builder = crate::Client::builder().config(Config::from_json(&config_json)?);
        if let Some(credential) = options.credential {
            builder = builder.credential(credential.try_into()?);
        }
        if let Some(service) = options.service {
            builder = builder.dialer(Arc::new(service.0.clone()));
        }
        let mut recording = None;
        if let Some(files) = options.files {
            let microphone = match files.microphone {
                Some(path) => WavMicrophone::open(Path::new(&path)).map_err(|error| error.field("microphone"))?,
                None => WavMicrophone::silent(FILE_RATE),
            };
            let mut backend = FileBackend::new(Box::new(microphone), FILE_RATE);
            if let Some(path) = files.speaker {
                backend = backend.record_to(Path::new(&path));
                recording = Some(backend.errors());
            }
            builder = builder.audio_backend(Box::new(backend));
        }
        let client = builder.build()?;
        LIVE.fetch_add(1, Ordering::AcqRel);
        Ok(Arc::new(Self { client, recording, counted: AtomicBool::new(true) }))
    }

    /// Blocks until the status is `wanted`, at most `timeout_ms`, without one for ever. False: the time was
    /// over. Throws why it will not come.
    pub fn wait_status(&self, wanted: StatusKind, timeout_ms: Option<u64>) -> Result<bool> {
        Ok(self.client.wait_status(wanted, timeout_ms.map(Duration::from_millis))?)
    }

    /// The connection.
    pub fn status(&self) -> Status {
        (&self.client.status()).into()
    }

    /// One word for a user interface.
    pub fn mode(&self) -> Mode {
        self.client.mode()
    }

    /// A snapshot: connection, speakers, conversation.
    pub fn state(&self) -> State {
        self.client.state().into()
    }

    /// Whether a connect has a chance. Asks neither network nor device.
    pub fn availability(&self) -> Availability {
        self.client.availability().into()
    }

    /// The conversation in order.
    pub fn messages(&self) -> Vec<Message> {
        self.client.messages().iter().map(Into::into).collect()
    }

    /// Counters (JSON object), as in the Rust API.
    pub fn stats(&self) -> String {
        json(&self.client.stats())
    }

    /// What the provider and model can do (JSON object).
    pub fn capabilities(&self) -> String {
        json(self.client.capabilities())
    }

    /// The configuration the client was made with (JSON document); changes of a session are not in it.
    pub fn config(&self) -> String {
        json(&**self.client.config())
    }

    /// Why the recording of the file device ended early, if it did.
    pub fn recording_error(&self) -> Option<ErrorInfo> {
        self.recording.as_ref()?.get().map(Into::into)
    }

    /// Subscribes a thread or an event loop: events of `mask` (bits as in `event_names`) from now on.
    pub fn event_queue(&self, mask: u64) -> Arc<EventQueue> {
        EventQueue::new(self.client.event_queue(EventMask(mask)))
    }

    /// Calls `listener` with every event of `mask` on the engine's callback threads; nothing unregisters.
    /// Slots 0 to 31. Outside callbacks it waits until the old listener of the slot is released.
    pub fn set_listener(&self, slot: u8, mask: u64, listener: Option<Arc<dyn EventListener>>) -> Result<()> {
        let listener = listener.map(|listener| Arc::new(Adapter(Held::new(listener))) as Arc<dyn Listener>);
        Ok(self.client.set_listener(Slot(slot), EventMask(mask), listener)?)
    }

    /// Hands over microphone audio: mono 16-bit little-endian samples. Returns the frames taken: all or none.
    /// Never blocks.
    pub fn push_audio(&self, pcm: &[u8]) -> Result<u32> {
        self.push(pcm, None)
    }

    /// `push_audio` with the time when the first frame was captured, on the clock of `clock_us`.
    pub fn push_audio_at(&self, pcm: &[u8], captured_at_us: u64) -> Result<u32> {
        self.push(pcm, Some(captured_at_us))
    }

    /// Takes assistant audio to play now, `frames` of it, at most a second: see the Rust API.
    pub fn pull_audio(&self, frames: u32) -> Result<Pulled> {
        self.pull(frames, None)
    }

    /// `pull_audio` with the time when the first frame will leave the loudspeaker, on the clock of `clock_us`.
    pub fn pull_audio_at(&self, frames: u32, audible_at_us: u64) -> Result<Pulled> {
        self.pull(frames, Some(audible_at_us))
    }

    /// Says how much of an answer has been played: see the Rust API.
    pub fn report_playback(&self, item: String, part: u32, played_ms: u64, latency_ms: u64) -> Result<()> {
        Ok(self.client.report_playback(&item, part, played_ms, latency_ms)?)
    }

    /// Ends the client for good. Outside callbacks it waits until a callback that runs has returned and
    /// all listeners were released; hold no lock here that a callback needs.
    pub fn destroy(&self) {
        self.client.destroy();
        self.uncount();
    }
}

impl Client {
    fn push(&self, pcm: &[u8], captured_at_us: Option<u64>) -> Result<u32> {
        if !pcm.len().is_multiple_of(2) {
            return Err(wrong("pcm", "has an odd number of bytes", "give 16-bit samples"));
        }
        let frames = match bytemuck::try_cast_slice(pcm) {
            Ok(samples) => self.client.push_audio_at(samples, captured_at_us)?,
            // Bytes may lie anywhere; samples may not.
            Err(_) => self.client.push_audio_at(&bytemuck::allocation::pod_collect_to_vec(pcm), captured_at_us)?,
        };
        Ok(frames as u32)
    }

    fn pull(&self, frames: u32, audible_at_us: Option<u64>) -> Result<Pulled> {
        if frames > 192_000 {
            return Err(wrong("frames", "is more than a second at any rate", "pull what plays now, for example 10 ms"));
        }
        let mut samples = vec![0i16; frames as usize];
        let frames = self.client.pull_audio(&mut samples, audible_at_us)? as u32;
        Ok(Pulled { pcm: bytemuck::cast_slice(&samples).to_vec(), frames })
    }
}

/// What is made of text, numbers and maps with text keys always is JSON.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "{}".into())
}
