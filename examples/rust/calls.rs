//! Load driver for calls over WebRTC: what one costs, and how late sound comes back, against a simulator whose scenario
//! echoes (`"delivery": {"echo": true}`). `benches/calls.py` runs it beside aiortc. Only the transport is driven, as a
//! client drives it; a tone is spoken all the time, and everything that comes is decoded. Linux is assumed.

use duologue::{
    Credential,
    config::Tls,
    provider::DialRequest,
    transport::{Dialer, Transport, webrtc::WebRtcDialer},
};
use futures_util::future::join_all;
use std::{f64::consts::TAU, future::poll_fn, process::ExitCode, task::Poll, time::Duration};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

const HELP: &str = "\
usage: calls URL connect N      N calls one after the other: milliseconds from the dial to the open call, each
       calls URL hold N S       N calls at once for S seconds: CPU and memory of this process
       calls URL latency N      N clicks, one after the other: milliseconds until each comes back

URL is that of the WebSocket, ws://127.0.0.1:PORT/v1/realtime. Prints one line of JSON.";

const RATE: usize = 24_000;
/// 20 ms.
const FRAME: usize = RATE / 50;
const LOUD: i16 = 6000;
/// Nothing takes so long on a machine that works.
const PATIENCE: Duration = Duration::from_secs(30);

type Failed = Box<dyn std::error::Error>;

async fn dial(url: &str) -> Result<Box<dyn Transport>, duologue::Error> {
    let request = DialRequest {
        url: format!("{url}?model=gpt-realtime-2.1"),
        transport: Default::default(),
        auth: Default::default(),
        key_header: None,
        subprotocols: Vec::new(),
        credential_subprotocol: String::new(),
        token_scheme: None,
        signed_at: None,
    };
    WebRtcDialer::default().dial(request, Some(Credential::new("sk-simulated")?), &Tls::default()).await
}

/// A call, and the beat its microphone keeps.
struct Call {
    transport: Box<dyn Transport>,
    beat: Interval,
    heard: usize,
}

impl Call {
    async fn new(url: &str) -> Result<Self, duologue::Error> {
        let mut beat = interval(Duration::from_millis(20));
        beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Ok(Self { transport: dial(url).await?, beat, heard: 0 })
    }

    /// Drives it until `done`, which is asked after every wake-up with whether the microphone has a frame to give and
    /// what came meanwhile.
    async fn drive(
        &mut self,
        mut frame: impl FnMut() -> [i16; FRAME],
        mut heard: impl FnMut(&[i16]),
        mut done: impl FnMut() -> bool,
    ) -> Result<(), Failed> {
        let over = poll_fn(|cx| {
            while self.beat.poll_tick(cx).is_ready() {
                self.transport.send_media(&frame(), RATE as u32);
            }
            if let Poll::Ready(closed) = self.transport.poll_inbound(cx, &mut |_| {}) {
                return Poll::Ready(Err(format!("the call ended: {closed:?}")));
            }
            self.transport.poll_media(cx, &mut |pcm| {
                self.heard += pcm.len();
                heard(pcm);
            });
            self.transport.poll_outbound(cx);
            if done() { Poll::Ready(Ok(())) } else { Poll::Pending }
        });
        Ok(tokio::time::timeout(PATIENCE + Duration::from_secs(60), over).await??)
    }

    async fn end(mut self) {
        self.transport.close(1000);
        let over = poll_fn(|cx| {
            self.transport.poll_outbound(cx);
            self.transport.poll_inbound(cx, &mut |_| {}).map(drop)
        });
        let _ = tokio::time::timeout(PATIENCE, over).await;
    }
}

/// A tone of 440 Hz.
fn tone() -> impl FnMut() -> [i16; FRAME] {
    let mut at = 0;
    move || {
        let frame =
            std::array::from_fn(|i| ((((at + i) % RATE) as f64 * 440.0 * TAU / RATE as f64).sin() * 8000.0) as i16);
        at += FRAME;
        frame
    }
}

/// CPU of this process so far, and its memory.
fn usage() -> Result<(f64, i64), Failed> {
    // SAFETY: plain numbers, all of which it writes.
    let used = unsafe {
        let mut used = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut used);
        used
    };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    Ok((seconds(used.ru_utime) + seconds(used.ru_stime), resident.trim().trim_end_matches(" kB").parse()?))
}

async fn connect(url: &str, times: usize) -> Result<String, Failed> {
    let mut took = Vec::new();
    for _ in 0..times {
        let begun = Instant::now();
        let call = Call::new(url).await?;
        took.push(format!("{:.1}", begun.elapsed().as_secs_f64() * 1000.0));
        call.end().await;
    }
    Ok(format!("{{\"connect_ms\": [{}]}}", took.join(", ")))
}

async fn hold(url: &str, calls: usize, seconds: u64) -> Result<String, Failed> {
    let (_, before) = usage()?;
    let mut held = Vec::new();
    for _ in 0..calls {
        held.push(Call::new(url).await?);
    }
    let begun = Instant::now();
    // What connecting costs is another figure.
    let warm = begun + Duration::from_secs(2);
    let talk = |until: Instant| {
        move |call: Call| async move {
            let mut call = call;
            call.drive(tone(), |_| {}, || Instant::now() >= until).await.map(|()| call)
        }
    };
    let held: Result<Vec<_>, _> = join_all(held.into_iter().map(talk(warm))).await.into_iter().collect();
    let mut held = held?;
    held.iter_mut().for_each(|call| call.heard = 0);
    let (cpu, _) = usage()?;
    let held: Result<Vec<_>, _> =
        join_all(held.into_iter().map(talk(warm + Duration::from_secs(seconds)))).await.into_iter().collect();
    let (after, resident) = usage()?;
    let held = held?;
    let heard: usize = held.iter().map(|call| call.heard).sum();
    for call in held {
        call.end().await;
    }
    Ok(format!(
        "{{\"cpu_s\": {:.4}, \"call_s\": {}, \"heard_s\": {:.2}, \"kib_before\": {before}, \"kib\": {resident}}}",
        after - cpu,
        calls as u64 * seconds,
        heard as f64 / RATE as f64,
    ))
}

/// From when a click is given to when the frame that begins with it is given back, less its place in the frame.
async fn latency(url: &str, clicks: usize) -> Result<String, Failed> {
    use std::cell::{Cell, RefCell};
    let mut call = Call::new(url).await?;
    let (sent, quiet, took) = (Cell::new(None::<Instant>), Cell::new(0usize), RefCell::new(Vec::new()));
    let frame = || {
        // Half a second of silence between two.
        let click = quiet.get() > RATE / 2 && sent.get().is_none();
        if click {
            sent.set(Some(Instant::now()));
        }
        std::array::from_fn(|i| {
            if click && i % 48 < 24 {
                20_000
            } else if click {
                -20_000
            } else {
                0
            }
        })
    };
    let heard = |pcm: &[i16]| match pcm.iter().position(|s| s.saturating_abs() > LOUD) {
        Some(at) => {
            quiet.set(0);
            if let Some(sent) = sent.take() {
                took.borrow_mut().push(sent.elapsed().as_secs_f64() * 1000.0 + at as f64 * 1000.0 / RATE as f64);
            }
        }
        None => quiet.set(quiet.get() + pcm.len()),
    };
    call.drive(frame, heard, || took.borrow().len() >= clicks).await?;
    let delay = call.transport.media_stats().and_then(|media| media.delay_ms).unwrap_or(0);
    call.end().await;
    let took: Vec<String> = took.take().iter().map(|ms| format!("{ms:.1}")).collect();
    Ok(format!("{{\"latency_ms\": [{}], \"delay_ms\": {delay}}}", took.join(", ")))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let number = |word: &str| word.parse::<usize>().unwrap_or(0).max(1);
    let told = match words[..] {
        [url, "connect", times] => connect(url, number(times)).await,
        [url, "hold", calls, seconds] => hold(url, number(calls), number(seconds) as u64).await,
        [url, "latency", clicks] => latency(url, number(clicks)).await,
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match told {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tone_goes_on_over_frames() {
        let mut tone = tone();
        let both = [tone(), tone()].concat();
        let steps = both.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        // 440 Hz of 8000 changes by at most 2 pi 440 8000 / 24000 a sample.
        assert!(steps.max() < Some(930));
    }
}
