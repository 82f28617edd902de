//! Speech as Opus over networks of every kind (AUDIO.md, A9 and A10), in virtual time: a sender, a network from a seed,
//! the receiver and its codec, and no socket and no clock. How long each packet waited is seen where it is decoded, so
//! nothing here believes the receiver's own figures.
//!
//! `make impair` runs it with `DUOLOGUE_IMPAIR=FOLDER`: what was heard is written there, and how good it sounds is said by
//! `benches/pesq_table.py`.
#![cfg(feature = "opus")]

#[path = "common/chance.rs"]
mod chance;

use bytes::Bytes;
use chance::Chance;
use duologue::{
    Result,
    audio::{
        codec::Codec,
        jitter::{MOST_PACKETS, Receiver},
        opus::Opus,
        resample::Resampler,
        wav::read_wav,
    },
};
use std::{collections::HashMap, fmt::Write as _, path::Path};

const RATE: u32 = 24_000;
const FRAME: usize = RATE as usize / 50;
const STEP_US: u64 = 20_000;
/// The sender's and the receiver's clock have nothing in common, nor do their beats.
const EPOCH_US: u64 = 1_000_007_000;
const SEEDS: [u64; 3] = [11, 12, 13];

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 16) % n
    }

    /// Half-normal with this deviation, as a sum of twelve even chances.
    fn half_normal(&mut self, deviation_us: u64) -> u64 {
        let sum: u64 = (0..12).map(|_| self.below(deviation_us.max(1))).sum();
        sum.abs_diff(6 * deviation_us)
    }
}

/// The clips of the bundled scenario one after the other, some twice: 40 s with the pauses of a conversation.
fn speech() -> Vec<i16> {
    let clips = ["question1", "answer1", "question2", "answer2", "question3", "answer3", "question1", "answer1"];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let mut pcm = Vec::new();
    for clip in clips {
        let wav = read_wav(&folder.join(clip).with_extension("wav")).unwrap();
        assert_eq!(wav.rate, RATE);
        pcm.extend(wav.samples);
        pcm.extend([0; RATE as usize * 3 / 10]);
    }
    pcm.truncate(pcm.len() / FRAME * FRAME);
    pcm
}

fn encode(pcm: &[i16], expected_loss: u8) -> Vec<Bytes> {
    let mut codec = Opus::new().unwrap();
    codec.expect_loss(expected_loss);
    let packets = pcm.chunks_exact(FRAME).map(|frame| {
        let mut packet = Vec::new();
        codec.encode(frame, RATE, &mut packet).unwrap();
        Bytes::from(packet)
    });
    packets.collect()
}

/// A packet on its way.
#[derive(Clone)]
struct Sent {
    left: u64,
    arrives: u64,
    seq: u16,
    time: u32,
    ssrc: u32,
    payload: Bytes,
}

fn send(packets: &[Bytes], seq: u16, time: u32) -> Vec<Sent> {
    let one = |(i, payload): (usize, &Bytes)| {
        let left = EPOCH_US + i as u64 * STEP_US;
        let (seq, time) = (seq.wrapping_add(i as u16), time.wrapping_add(i as u32 * 960));
        Sent { left, arrives: left, seq, time, ssrc: 7, payload: payload.clone() }
    };
    packets.iter().enumerate().map(one).collect()
}

fn over(mut sent: Vec<Sent>, lost: u64, jitter_us: u64, seed: u64) -> Vec<Sent> {
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    sent.retain_mut(|packet| {
        packet.arrives += chance.half_normal(jitter_us);
        chance.below(100) >= lost
    });
    sent
}

/// Opus, and what it was asked for when.
struct Spy {
    opus: Opus,
    now: u64,
    /// When a packet left, by where its bytes are.
    left: HashMap<usize, u64>,
    /// When, and how long the packet had waited.
    decoded: Vec<(u64, u64)>,
    made_up: Vec<u64>,
    recovered: Vec<u64>,
}

impl Codec for Spy {
    fn encode(&mut self, _: &[i16], _: u32, _: &mut Vec<u8>) -> Result<()> {
        unreachable!()
    }
    fn takes(&self, rate: u32) -> bool {
        self.opus.takes(rate)
    }
    fn expect_loss(&mut self, _: u8) {}
    fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> Result<()> {
        self.opus.decode(packet, pcm)?;
        if let Some(left) = self.left.get(&(packet.as_ptr() as usize)) {
            self.decoded.push((self.now, self.now - left));
        }
        Ok(())
    }
    fn recover(&mut self, next: &[u8], frames: usize, pcm: &mut Vec<i16>) {
        self.recovered.push(self.now);
        self.opus.recover(next, frames, pcm);
    }
    fn conceal(&mut self, frames: usize, pcm: &mut Vec<i16>) {
        self.made_up.push(self.now);
        self.opus.conceal(frames, pcm);
    }
    fn forget(&mut self) {
        self.opus.forget();
    }
}

/// What became of a stream.
struct Heard {
    receiver: Receiver,
    spy: Spy,
    /// From the moment the first packet left.
    pcm: Vec<i16>,
}

impl Heard {
    /// Milliseconds a packet waited on average: the network's own time included, of which the fastest has none.
    fn delay_ms(&self) -> f64 {
        let waited = self.spy.decoded.iter().map(|(_, waited)| *waited as f64 / 1000.0);
        waited.sum::<f64>() / self.spy.decoded.len() as f64
    }

    /// Of those frames that were made up, and those that came with the next packet, until the last packet was played.
    fn share(&self, of: &[u64]) -> f64 {
        let end = self.spy.decoded.last().map_or(0, |(at, _)| *at);
        let count = of.iter().filter(|at| **at < end).count();
        100.0 * count as f64 / (self.spy.decoded.len() + self.spy.made_up.len() + self.spy.recovered.len()) as f64
    }

    fn concealed(&self) -> f64 {
        self.share(&self.spy.made_up)
    }

    fn recovered(&self) -> f64 {
        self.share(&self.spy.recovered)
    }
}

fn hear(mut sent: Vec<Sent>) -> Heard {
    sent.sort_by_key(|packet| packet.arrives);
    let end = sent.last().unwrap().arrives + 1_000_000;
    let left = sent.iter().map(|packet| (packet.payload.as_ptr() as usize, packet.left)).collect();
    let opus = Opus::new().unwrap();
    let spy = Spy { opus, now: 0, left, decoded: Vec::new(), made_up: Vec::new(), recovered: Vec::new() };
    let mut heard = Heard { receiver: Receiver::default(), spy, pcm: Vec::new() };
    let mut sent = sent.into_iter().peekable();
    let mut now = EPOCH_US + 3_000;
    while now < end {
        while let Some(p) = sent.next_if(|packet| packet.arrives <= now) {
            heard.receiver.insert(p.arrives, p.ssrc, p.seq, p.time, p.payload);
        }
        heard.spy.now = now;
        match heard.receiver.pull(now, &mut heard.spy) {
            Some(frame) => heard.pcm.extend_from_slice(frame),
            None => heard.pcm.extend([0; FRAME]),
        }
        assert!(heard.receiver.waiting() <= MOST_PACKETS);
        now += STEP_US;
    }
    assert!(heard.receiver.is_idle(), "a stream that ended is over");
    heard
}

/// The rows of the table: what is lost of a hundred, and the jitter in milliseconds.
const NETWORKS: [(u64, u64); 6] = [(0, 0), (0, 30), (5, 0), (5, 30), (10, 30), (20, 30)];

/// A9. The quality itself needs PESQ: `make impair`.
#[test]
fn a9_speech_waits_as_long_as_the_network_needs_and_not_longer() {
    let folder = std::env::var("DUOLOGUE_IMPAIR").ok();
    let pcm = speech();
    let mut rows = String::new();
    for (lost, jitter_ms) in NETWORKS {
        for redundant in [false, true] {
            let packets = encode(&pcm, if redundant { lost.max(1) as u8 } else { 0 });
            for seed in SEEDS {
                let heard = hear(over(send(&packets, 65_000, u32::MAX - 100_000), lost, jitter_ms * 1000, seed));
                let (delay, concealed, recovered) = (heard.delay_ms(), heard.concealed(), heard.recovered());
                let what = format!("{lost} % lost, {jitter_ms} ms, redundancy {redundant}, seed {seed}");
                println!("{what}: waits {delay:.0} ms, made up {concealed:.2} %, recovered {recovered:.2} %");
                if lost == 0 && jitter_ms == 0 {
                    assert!(delay <= 60.0 && concealed == 0.0, "{what}: {delay} ms, {concealed} %");
                }
                if lost <= 5 {
                    assert!(delay <= 110.0, "{what}: {delay} ms");
                }
                if lost == 5 && redundant {
                    assert!(concealed <= 1.5, "{what}: {concealed} % made up");
                }
                if let Some(folder) = &folder {
                    let name = format!("{lost}-{jitter_ms}-{redundant}-{seed}");
                    write(&Path::new(folder).join(&name).with_extension("wav"), &heard.pcm);
                    writeln!(rows, "{lost} {jitter_ms} {redundant} {seed} {delay} {concealed} {recovered} {name}.wav")
                        .unwrap();
                }
            }
        }
    }
    if let Some(folder) = folder {
        write(&Path::new(&folder).join("reference.wav"), &pcm);
        std::fs::write(Path::new(&folder).join("rows.txt"), rows).unwrap();
    }
}

/// At 16 kHz, which is what PESQ takes.
fn write(path: &Path, pcm: &[i16]) {
    let (mut resampler, mut out) = (Resampler::new(RATE, 16_000).unwrap(), Vec::new());
    resampler.push(pcm, &mut out);
    resampler.finish(&mut out);
    let format = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, format).unwrap();
    out.into_iter().for_each(|sample| wav.write_sample(sample).unwrap());
    wav.finalize().unwrap();
}

/// A10: both kinds of stall, one whose packets all come at its end, and one whose packets never come.
#[test]
fn a10_two_seconds_without_a_packet_are_over_half_a_second_after_their_end() {
    let packets = encode(&speech()[..20 * RATE as usize], 20);
    for vanish in [false, true] {
        for seed in SEEDS {
            for (lost, jitter_us) in [(0, 0), (0, 30_000), (20, 30_000)] {
                // Both counters wrap in the middle of the stall.
                let mut sent = over(send(&packets, u16::MAX - 450, u32::MAX - 450 * 960), lost, jitter_us, seed);
                let (from, to) = (EPOCH_US + 400 * STEP_US, EPOCH_US + 500 * STEP_US);
                let within = |packet: &Sent| (from..to).contains(&packet.arrives);
                if vanish {
                    sent.retain(|packet| !within(packet));
                } else {
                    sent.iter_mut().filter(|packet| within(packet)).for_each(|packet| packet.arrives = to);
                }
                let heard = hear(sent);
                let what = format!("vanish {vanish}, {lost} % lost, jitter {jitter_us} us, seed {seed}");
                let (again, _) = heard.spy.decoded.iter().find(|(at, _)| *at >= to).unwrap();
                let after_ms = (again - to) / 1000;
                assert!(after_ms <= 500, "{what}: heard again after {after_ms} ms");
                // The delay is what it was before, or nearly.
                let waited = |from: u64| {
                    let later = heard.spy.decoded.iter().filter(|(at, _)| (from..from + 2_000_000).contains(at));
                    let waits: Vec<u64> = later.map(|(_, waited)| waited / 1000).collect();
                    waits.iter().sum::<u64>() / waits.len() as u64
                };
                let (before, after) = (waited(from - 2_000_000), waited(to + 500_000));
                assert!(after <= before + 100 && after <= 400, "{what}: {before} ms before, {after} ms after");
                // What was made up in the gap fades to silence: no more than a few frames of it.
                let gap = heard.spy.made_up.iter().filter(|at| (from..to).contains(*at)).count();
                assert!(gap <= 12, "{what}: {gap} frames made up");
            }
        }
    }
}

/// A10: twice, out of order, and beyond both wraps: every packet is played, and nothing made up.
#[test]
fn a10_order_copies_and_wraps_change_nothing_that_is_heard() {
    let packets = encode(&speech()[..10 * RATE as usize], 0);
    let mut sent = send(&packets, u16::MAX - 200, u32::MAX - 200 * 960);
    for pair in sent.chunks_mut(2) {
        let second = pair[1].arrives;
        pair[0].arrives = second + 1;
    }
    let copies: Vec<Sent> = sent.iter().step_by(2).cloned().collect();
    sent.extend(copies);
    let heard = hear(sent);
    let counts = heard.receiver.counts();
    let n = packets.len() as u64;
    assert_eq!((counts.packets, counts.duplicates, counts.late, counts.streams), (n, n / 2, 0, 0));
    assert_eq!((heard.receiver.lost(), heard.spy.decoded.len() as u64), (0, n));
    assert_eq!(heard.concealed(), 0.0);
}

/// Whatever comes under the name of RTP: counted, bounded, and what is good is heard.
#[test]
fn packets_of_rubbish_are_counted_and_no_harm() {
    let packets = encode(&speech()[..10 * RATE as usize], 10);
    for seed in 1..=20u64 {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let good = send(&packets, 100, 100);
        let mut sent = Vec::new();
        for packet in good {
            let mut bad = packet.clone();
            let cut = chance.below(packet.payload.len() as u64) as usize;
            let noise = |chance: &mut Chance, n: u64| Bytes::from_iter((0..n).map(|_| chance.next() as u8));
            match chance.below(10) {
                0 => bad.payload = packet.payload.slice(..cut),
                1 => bad.payload = Bytes::new(),
                2 => {
                    let n = chance.below(60_000);
                    bad.payload = noise(&mut chance, n);
                }
                3 => bad.payload = [&packet.payload[..], &noise(&mut chance, 1300)[..]].concat().into(),
                4 => bad.ssrc = chance.next() as u32,
                5 => bad.seq = chance.next() as u16,
                6 => bad.time = chance.next() as u32,
                7 => (bad.seq, bad.time, bad.payload) = (bad.seq + 1, bad.time + 960, noise(&mut chance, 1)),
                _ => {}
            }
            // In place of the good one, or beside it.
            if seed % 2 == 0 {
                sent.push(packet);
            }
            sent.push(bad);
        }
        let n = sent.len() as u64;
        let heard = hear(sent);
        let counts = heard.receiver.counts();
        assert!(counts.packets + counts.duplicates + counts.foreign >= n, "{counts:?} of {n}");
        assert!(counts.foreign > 0, "{counts:?}");
        assert!(heard.spy.decoded.len() > packets.len() / 10, "{} of {}", heard.spy.decoded.len(), packets.len());
        assert!(heard.pcm.iter().any(|s| s.abs() > 3000));
    }
}
