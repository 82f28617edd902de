//! Load driver: what a conversation through `duologue` costs, in a form a bench can compare.
//!
//! It keeps the driver contract of a bench harness whose server stamps every audio delta and reads
//! the stamps in microphone frames: `DuoStamp`, CLOCK_MONOTONIC nanoseconds and a sequence number in
//! the first 24 bytes. It opens the sessions, streams microphone audio, reads the stamps in the audio
//! sink, counts transcript text, answers tool calls, notes when playback had to stop, and prints one
//! line of JSON. Only the public API is used. Linux (and its `/proc`) is assumed.
//!
//! ```text
//! cargo build --release --example load
//! cd .../bench
//! ./run.py "cmd:.../target/release/examples/load" --seconds 20 --mode paced
//! ./run.py "cmd:.../target/release/examples/load" --seconds 2000 --mode fast
//! ```
//!
//! What is switched on is what an application would have: server VAD, transcription, one tool, an
//! event stream that is read, the audio sink, the heard ledger. Level events are off, because none
//! of the clients it is compared with measures loudness. Everything runs on one thread. A flush is the
//! `interrupted` event, which comes when audio was cut that had not been heard.

use duologue::{
    Client, Config, Credential,
    client::AudioChunk,
    config::{Audio, Tool},
    event::{EventKind, TranscriptMode, TranscriptStage},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep, sleep_until};

const HELP: &str = "\
Measures what realtime voice sessions cost, against a stamping bench server.

usage: load --url ws://127.0.0.1:PORT/v1/realtime [options]

  --url URL        the server's realtime endpoint; plain ws only to this machine
  --sessions N     sessions in this process (default 1)
  --seconds S      microphone audio for each, in seconds (default 20)
  --mode MODE      paced  real-time microphones (default)
                   fast   as fast as the replies come, at most two turns ahead
                   idle   connected only
                   tick   the pacing clock with nothing sent
  --turn-ms T      audio the server takes as one turn (default 4000)

Prints one line of JSON on stdout: CPU from getrusage between connected and the last audio, memory,
delivery latency of the stamped deltas, times of playback flushes, tool calls, transcript bytes.
Exit code 0 when the conversation ran, 1 when it did not, 2 for a wrong option.";

const MAGIC: &[u8; 8] = b"DuoStamp";
/// 20 ms of 24 kHz mono.
const FRAME: usize = 480;
const WEATHER: &str = r#"{"temp_c": 18, "sky": "clear"}"#;

#[derive(Clone)]
struct Options {
    url: String,
    sessions: usize,
    seconds: f64,
    mode: String,
    turn_ms: f64,
}

impl Options {
    fn parse(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options =
            Self { url: String::new(), sessions: 1, seconds: 20.0, mode: "paced".into(), turn_ms: 4000.0 };
        let mut args = args;
        while let Some(name) = args.next() {
            if name == "--help" || name == "-h" {
                return Err(String::new());
            }
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            let wrong = || format!("{name} cannot be {value:?}");
            match name.as_str() {
                "--url" => options.url.clone_from(&value),
                "--sessions" => options.sessions = value.parse().map_err(|_| wrong())?,
                "--seconds" => options.seconds = value.parse().map_err(|_| wrong())?,
                "--turn-ms" => options.turn_ms = value.parse().map_err(|_| wrong())?,
                "--mode" if ["paced", "fast", "idle", "tick"].contains(&value.as_str()) => {
                    options.mode.clone_from(&value);
                }
                "--mode" => return Err(wrong()),
                _ => return Err(format!("unknown option {name}")),
            }
        }
        if options.url.is_empty() {
            return Err("--url is missing".into());
        }
        Ok(options)
    }

    /// Audio a turn brings, over all sessions, in bytes.
    fn turn_bytes(&self) -> f64 {
        self.turn_ms * 48.0 * self.sessions as f64
    }

    /// A reply may be a few deltas short and count as there.
    fn slack(&self) -> f64 {
        12_000.0 * self.sessions as f64
    }
}

/// What was observed. Shared by the sinks, the event readers and the microphones, all on one thread.
struct Observed {
    delivery_us: Vec<u32>,
    flush_ns: Vec<u64>,
    errors: Vec<String>,
    out_bytes: u64,
    tools: u64,
    text: u64,
}

impl Observed {
    fn pcm(&mut self, pcm: &[i16]) {
        let bytes: &[u8] = bytemuck::cast_slice(pcm);
        self.out_bytes += bytes.len() as u64;
        let Some(rest) = bytes.strip_prefix(MAGIC) else { return };
        if let Some(sent) = rest.first_chunk() {
            let us = now_ns().saturating_sub(u64::from_le_bytes(*sent)) / 1000;
            self.delivery_us.push(us.try_into().unwrap_or(u32::MAX));
        }
    }
}

type Shared = Arc<Mutex<Observed>>;

fn lock(observed: &Shared) -> MutexGuard<'_, Observed> {
    observed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The microphone: one frame of a tone, stamped anew each time.
struct Microphone {
    frame: [i16; FRAME],
    sequence: u64,
}

impl Microphone {
    fn new() -> Self {
        let mut frame = [0; FRAME];
        for (i, sample) in frame.iter_mut().enumerate() {
            *sample = (6000.0 * (i as f64 * 0.11).sin()) as i16;
        }
        bytemuck::cast_slice_mut::<i16, u8>(&mut frame)[..8].copy_from_slice(MAGIC);
        Self { frame, sequence: 0 }
    }

    fn next(&mut self) -> &[i16] {
        self.sequence += 1;
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.frame);
        bytes[8..16].copy_from_slice(&now_ns().to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        &self.frame
    }
}

fn config(url: &str) -> Result<Config, String> {
    let base = url.strip_suffix("/realtime").ok_or("the URL must end in /realtime")?;
    let parameters = serde_json::json!({
        "type": "object",
        "properties": { "city": { "type": "string" } },
        "required": ["city"],
        "additionalProperties": false
    });
    let (name, description) = ("get_weather".into(), Some("Weather for a city".into()));
    Ok(Config {
        base_url: Some(base.to_owned()),
        model: Some("gpt-realtime-2.1".into()),
        instructions: Some("Be brief.".into()),
        tools: vec![Tool { name, description, parameters: Some(parameters), ..Default::default() }],
        audio: Audio { level_events: false, ..Audio::default() },
        ..Config::default()
    })
}

/// One connected session, its events read by a task of its own.
async fn open(config: &Arc<Config>, observed: &Shared) -> duologue::Result<Client> {
    let heard = observed.clone();
    let client = Client::builder()
        .config(config.clone())
        .credential(Credential::new("sk-none")?)
        .runtime(tokio::runtime::Handle::current())
        .audio_sink(move |chunk: AudioChunk<'_>| lock(&heard).pcm(chunk.pcm))
        .build()?;
    let mut events = client.events();
    client.connect().await?;
    let (session, observed) = (client.clone(), observed.clone());
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            match &event.kind {
                EventKind::Transcript(words) if words.stage != TranscriptStage::Heard => {
                    // The assistant's words as they come, the user's when they are final.
                    let streamed = words.stage == TranscriptStage::Generated;
                    if streamed == (words.mode == TranscriptMode::Delta) {
                        lock(&observed).text += words.text.len() as u64;
                    }
                }
                EventKind::Interrupted(_) => lock(&observed).flush_ns.push(now_ns()),
                EventKind::ToolCall(call) => {
                    // The outcome comes as an event; an error shows below.
                    drop(session.submit_tool_result(call.call.clone(), WEATHER, false));
                    lock(&observed).tools += 1;
                }
                EventKind::Error(error) | EventKind::Warning(error) => {
                    lock(&observed).errors.push(error.to_string());
                }
                _ => {}
            }
        }
    });
    Ok(client)
}

/// Hands one frame over. The engine takes half a second ahead; beyond that it has to have its turn.
async fn push(client: &Client, microphone: &mut Microphone) -> duologue::Result<()> {
    let frame = microphone.next();
    while client.push_audio(frame)? == 0 {
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn paced(options: &Options, clients: &[Client], microphone: &mut Microphone) -> duologue::Result<()> {
    let start = Instant::now();
    for tick in 0..(options.seconds * 200.0) as u32 {
        // Four phases, so that the frames of many sessions do not all fall on one moment.
        let phase = clients.iter().skip(tick as usize % 4).step_by(4);
        if phase.len() == 0 {
            continue;
        }
        sleep_until(start + Duration::from_millis(5) * tick).await;
        for client in phase {
            if options.mode == "tick" {
                microphone.next();
            } else {
                push(client, microphone).await?;
            }
        }
    }
    sleep(Duration::from_millis(300)).await;
    Ok(())
}

async fn fast(
    options: &Options,
    clients: &[Client],
    microphone: &mut Microphone,
    observed: &Shared,
) -> duologue::Result<()> {
    let received = |turns: f64| {
        let observed = lock(observed);
        !observed.errors.is_empty() || observed.out_bytes as f64 >= turns * options.turn_bytes() - options.slack()
    };
    for k in 0..(options.seconds * 50.0) as u64 {
        let turns = (k as f64 * 20.0 / options.turn_ms).floor();
        while !received((turns - 1.0).max(0.0)) {
            sleep(Duration::from_millis(1)).await;
        }
        for client in clients {
            push(client, microphone).await?;
        }
        if k % 10 == 9 {
            tokio::task::yield_now().await;
        }
    }
    while !received((options.seconds * 1000.0 / options.turn_ms).floor()) {
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// Holds the conversation; returns the figures.
async fn run(options: Options) -> Result<serde_json::Value, String> {
    let observed = Arc::new(Mutex::new(Observed {
        // Room made beforehand, so that keeping the figures does not count as growth.
        delivery_us: Vec::with_capacity(4096),
        flush_ns: Vec::new(),
        errors: Vec::new(),
        out_bytes: 0,
        tools: 0,
        text: 0,
    }));
    let config = Arc::new(config(&options.url)?);
    let mut microphone = Microphone::new();
    let (startup, (rss_base, _)) = (Cpu::now(), rss_kib());
    let mut clients = Vec::with_capacity(options.sessions);
    for _ in 0..options.sessions {
        clients.push(open(&config, &observed).await.map_err(|e| e.to_string())?);
    }
    // What connecting stirred up settles.
    sleep(Duration::from_millis(300)).await;
    let (connected, (rss_connected, _), start) = (Cpu::now(), rss_kib(), Instant::now());
    match options.mode.as_str() {
        "idle" => sleep(Duration::from_secs_f64(options.seconds)).await,
        "fast" => fast(&options, &clients, &mut microphone, &observed).await.map_err(|e| e.to_string())?,
        _ => paced(&options, &clients, &mut microphone).await.map_err(|e| e.to_string())?,
    }
    let (end, (rss, peak), wall) = (Cpu::now(), rss_kib(), start.elapsed());
    let mut observed = lock(&observed);
    for client in &clients {
        let stats = client.stats();
        let lost = stats.dropped_audio + stats.capture_overruns + stats.session.output_overrun;
        if lost + stats.session.malformed > 0 {
            observed.errors.push(format!("{stats:?}"));
        }
    }
    Ok(serde_json::json!({
        "peer": "duologue",
        "version": env!("CARGO_PKG_VERSION"),
        "mode": options.mode,
        "sessions": options.sessions,
        "wall_s": wall.as_secs_f64(),
        "in_s": microphone.sequence as f64 / 50.0,
        "out_s": observed.out_bytes as f64 / 48_000.0,
        "cpu_ms": end.total() - connected.total(),
        "cpu_user_ms": end.user - connected.user,
        "cpu_sys_ms": end.system - connected.system,
        "wakeups": end.waits - connected.waits,
        "startup_cpu_ms": startup.total(),
        "connect_cpu_ms": connected.total() - startup.total(),
        "rss_base_kib": rss_base,
        "rss_connected_kib": rss_connected,
        "rss_kib": rss,
        "rss_peak_kib": peak,
        "delivery_us": percentiles(&mut observed.delivery_us),
        "flush_ns": observed.flush_ns,
        "tools": observed.tools,
        "text_chars": observed.text,
        "errors": observed.errors,
    }))
}

/// CPU of this process so far, milliseconds.
#[derive(Clone, Copy)]
struct Cpu {
    user: f64,
    system: f64,
    /// Times it went to sleep.
    waits: i64,
}

impl Cpu {
    fn now() -> Self {
        // SAFETY: rusage is plain data, for which zeroes are a value, and getrusage only writes it.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
            usage
        };
        let ms = |t: libc::timeval| t.tv_sec as f64 * 1e3 + t.tv_usec as f64 / 1e3;
        Self { user: ms(usage.ru_utime), system: ms(usage.ru_stime), waits: usage.ru_nvcsw }
    }

    fn total(self) -> f64 {
        self.user + self.system
    }
}

/// The clock the server stamps with.
fn now_ns() -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime only writes the timespec it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut t) };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}

/// Resident memory now and at its peak.
fn rss_kib() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|l| l.strip_prefix(name));
        line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse().ok()).unwrap_or(0)
    };
    (field("VmRSS:"), field("VmHWM:"))
}

fn percentiles(us: &mut [u32]) -> serde_json::Value {
    if us.is_empty() {
        return serde_json::Value::Null;
    }
    us.sort_unstable();
    let at = |q: f64| us[((us.len() - 1) as f64 * q).round() as usize];
    serde_json::json!({ "n": us.len(), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": at(1.0) })
}

fn main() -> std::process::ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(wrong) if wrong.is_empty() => {
            println!("{HELP}");
            return 0.into();
        }
        Err(wrong) => {
            eprintln!("{wrong}\n\n{HELP}");
            return 2.into();
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(|e| e.to_string()).and_then(|runtime| runtime.block_on(run(options))) {
        Ok(figures) => {
            println!("{figures}");
            0.into()
        }
        Err(wrong) => {
            eprintln!("{wrong}");
            1.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read_and_wrong_ones_named() {
        let options =
            parse("--url ws://127.0.0.1:9/v1/realtime --sessions 10 --seconds 2.5 --mode fast --turn-ms 500").unwrap();
        assert_eq!((options.sessions, options.mode.as_str()), (10, "fast"));
        assert_eq!((options.seconds, options.turn_ms), (2.5, 500.0));
        for (line, named) in [("", "--url"), ("--mode slow", "--mode"), ("--sessions", "--sessions"), ("-x 1", "-x")] {
            assert!(parse(line).err().unwrap().contains(named), "{line}");
        }
        assert_eq!(parse("--help").err().unwrap(), "");
    }

    #[test]
    fn stamps_are_read_where_they_are_written() {
        let mut observed =
            Observed { delivery_us: vec![], flush_ns: vec![], errors: vec![], out_bytes: 0, tools: 0, text: 0 };
        observed.pcm(Microphone::new().next());
        observed.pcm(&[0; 100]);
        assert_eq!((observed.delivery_us.len(), observed.out_bytes), (1, 960 + 200));
    }

    #[cfg(feature = "simulator")]
    #[tokio::test]
    async fn the_figures_have_the_shape_the_bench_reads() {
        let simulator = duologue::simulator::Simulator::builder().start().await.unwrap();
        for mode in ["idle", "paced"] {
            let url = format!("{}/realtime", simulator.base_url());
            let options = Options { url, sessions: 2, seconds: 0.1, mode: mode.into(), turn_ms: 4000.0 };
            let figures = run(options).await.unwrap();
            assert_eq!((&figures["peer"], &figures["sessions"]), (&"duologue".into(), &2.into()));
            assert_eq!(figures["errors"], serde_json::json!([]), "{figures}");
            assert_eq!(figures["in_s"].as_f64(), Some(if mode == "idle" { 0.0 } else { 0.2 }));
            for figure in [
                "wall_s",
                "out_s",
                "cpu_ms",
                "cpu_user_ms",
                "cpu_sys_ms",
                "startup_cpu_ms",
                "connect_cpu_ms",
                "rss_base_kib",
                "rss_connected_kib",
                "rss_kib",
                "rss_peak_kib",
                "tools",
                "text_chars",
            ] {
                assert!(figures[figure].is_number(), "{figure} in {figures}");
            }
            assert!(figures["flush_ns"].is_array() && figures["version"].is_string());
        }
    }
}
