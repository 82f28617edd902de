//! Opening and closing the audio device of the audio path.

use super::{
    analyser::Taps,
    audio_path::{AudioPath, Speaker, rebase},
    microphone::Microphone,
};
use crate::{
    audio::{
        capture::{CaptureReader, capture_ring},
        clocked::ClockedPlayout,
        device::{AudioBackend, AudioStream, DeviceIo, StreamWish},
        playout::{Playout, PlayoutReport, playout_with_tap},
    },
    error::{Error, ErrorClass, Result},
};
use futures_util::task::AtomicWaker;
use std::{
    future::Future,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::task::JoinHandle;

/// A device being opened; it gives the backend back.
pub(super) type Opening = JoinHandle<(Box<dyn AudioBackend>, Result<Opened>)>;

/// A device that was opened.
pub(super) struct Opened {
    stream: Box<dyn AudioStream>,
    capture: Option<CaptureReader>,
    speaker: Option<Box<Playout>>,
}

impl AudioPath {
    /// Opens the device, if there is one to open; `capture`: its microphone too. A device that is open
    /// without its microphone is opened anew with it, and what was not heard yet plays on.
    pub fn open_device(&mut self, capture: bool) {
        self.wanted = true;
        self.capture |= capture && self.device_input;
        if self.opening.is_some() || !(self.device_input || self.device_output) {
            return;
        }
        if self.stream.is_some() && self.captures == self.capture {
            return;
        }
        let Some(mut backend) = self.backend.take() else { return };
        self.stream = None;
        self.captures = self.capture;
        let parked = match std::mem::replace(&mut self.speaker, Speaker::Clock(ClockedPlayout::new(self.output_rate))) {
            Speaker::Device(mut playout) => {
                while let Some(report) = playout.report() {
                    self.reports.push_back(rebase(report, self.base));
                }
                Some(playout)
            }
            other => {
                self.speaker = other;
                None
            }
        };
        let wish = StreamWish { input: self.capture, output: self.device_output, rate: self.output_rate };
        let (wake, source_rate) = (self.wake.clone(), self.output_rate);
        let (handle, taps) = (self.wake.clone(), self.taps.clone());
        // Opening may take as long as the system likes: not on a worker.
        self.opening = Some(tokio::task::spawn_blocking(move || {
            let opened = open(backend.as_mut(), &wish, parked, source_rate, &wake, &taps);
            handle.wake();
            (backend, opened)
        }));
    }

    /// A device is being opened.
    pub fn is_opening(&self) -> bool {
        self.opening.is_some()
    }

    /// Closes the device. The microphone and the speaker are released, at once or, when the device is
    /// just being opened, as soon as it is.
    pub fn close_device(&mut self) {
        (self.wanted, self.capture, self.captures) = (false, false, false);
        self.stream = None;
        self.waiting.clear();
        self.speaker_pushed = 0;
        self.discard = false;
        if self.device_input {
            self.microphone = None;
        }
        if let Speaker::Device(playout) = &mut self.speaker {
            // No callback comes any more: a flush that was under way is settled by what was played.
            let settled = playout.set_output_rate(self.map.2);
            debug_assert!(settled.is_ok(), "the rate is the one it has");
            while let Some(report) = playout.report() {
                self.reports.push_back(rebase(report, self.base));
            }
            self.speaker = Speaker::Clock(ClockedPlayout::new(self.output_rate));
            self.base = self.output_pushed;
        }
    }

    /// Takes a device that has been opened (true); an error says why it was not.
    pub fn poll_device(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        let Some(opening) = &mut self.opening else { return Ok(false) };
        let Poll::Ready(joined) = std::pin::Pin::new(opening).poll(cx) else { return Ok(false) };
        self.opening = None;
        let (backend, opened) = joined.map_err(|e| {
            // The backend went with the panic that ended the opening.
            Error::new(ErrorClass::Device, "device_failed", format!("the audio backend failed: {e}"))
                .fix("make a new client with a new backend")
        })?;
        self.backend = Some(backend);
        if !self.wanted {
            // Closed while it was being opened: dropping it releases it.
            return Ok(true);
        }
        let opened = opened.inspect_err(|_| self.captures = false)?;
        self.stream = Some(opened.stream);
        if let Some(reader) = opened.capture {
            self.microphone = Some(Microphone::new(reader, self.input_rate, self.taps.input.clone())?);
        }
        if let Some(mut speaker) = opened.speaker {
            self.base = self.output_pushed - self.waiting.len() as u64 - self.speaker_pushed;
            if std::mem::take(&mut self.discard) {
                self.discard_unheard(&mut speaker);
            }
            let waiting = std::mem::take(&mut self.waiting);
            self.speaker_pushed += waiting.len() as u64;
            speaker.push(&waiting);
            speaker.pump();
            self.speaker = Speaker::Device(speaker);
        }
        if self.capture != self.captures {
            // The microphone was asked for while the speaker alone was being opened.
            self.open_device(self.capture);
        }
        Ok(true)
    }

    /// A flush came while the device was opened anew, and was reported: what the speaker still has
    /// of before must not be heard, and playing goes on behind it.
    fn discard_unheard(&mut self, speaker: &mut Playout) {
        speaker.flush();
        while let Some(report) = speaker.report() {
            if let PlayoutReport::Flushed { resume, source, .. } = report {
                let (rate, source_rate) = (self.map.2, self.map.3);
                let (frames, source) = (resume, source + self.base);
                self.reports.push_back(PlayoutReport::Anchor { frames, source, rate, source_rate, delay: 0 });
            } else {
                self.reports.push_back(rebase(report, self.base));
            }
        }
    }
}

fn open(
    backend: &mut dyn AudioBackend,
    wish: &StreamWish,
    parked: Option<Box<Playout>>,
    source_rate: u32,
    wake: &Arc<AtomicWaker>,
    taps: &Taps,
) -> Result<Opened> {
    let formats = backend.formats(wish)?;
    let (mut capture, mut writer) = (None, None);
    if let Some(rate) = formats.input_rate {
        let (w, reader) = capture_ring(rate, wake.clone());
        (capture, writer) = (Some(reader), Some(w.with_tap(taps.input.clone())));
    }
    let (mut speaker, mut render) = (None, None);
    if let Some(rate) = formats.output_rate {
        let (s, r) = match parked {
            Some(mut playout) => {
                let reader = playout.set_output_rate(rate)?;
                (playout, reader)
            }
            None => {
                let (playout, reader) = playout_with_tap(source_rate, rate, wake.clone(), taps.output.clone())?;
                (Box::new(playout), reader)
            }
        };
        (speaker, render) = (Some(s), Some(r));
    }
    let stream = backend.start(&formats, DeviceIo { capture: writer, render })?;
    Ok(Opened { stream, capture, speaker })
}
