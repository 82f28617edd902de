//! Whatever happens, the reports tell what was played.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Op {
    Push(usize),
    End,
    Flush,
    Callback(usize),
    Stall(usize),
    Device,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (1..3_000usize).prop_map(Op::Push),
        1 => Just(Op::End),
        1 => Just(Op::Flush),
        10 => (1..700usize).prop_map(Op::Callback),
        1 => (1..700usize).prop_map(Op::Stall),
        1 => Just(Op::Device),
    ]
}

/// Recognisable and never 0.
fn frame(n: u64) -> i16 {
    (n * 7_919 % 30_000) as i16 + 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..Default::default() })]

    /// The rates are equal, so what comes out tells which source frame it was.
    #[test]
    fn positions_are_exact(ops in prop::collection::vec(op(), 1..150)) {
        let mut rig = Rig::new(24_000, 24_000);
        let (mut pushed, mut truth, mut seen) = (0u64, 0u64, 0);
        let mut waiting: VecDeque<u64> = VecDeque::new();
        let (mut faded, mut ramps) = (0, 1);
        for op in ops {
            let before = rig.out.len();
            let real = rig.real;
            match op {
                Op::Push(n) => {
                    rig.push(&(pushed..pushed + n as u64).map(frame).collect::<Vec<_>>());
                    waiting.extend(pushed..pushed + n as u64);
                    pushed += n as u64;
                }
                Op::End => rig.end(),
                Op::Flush => rig.flush(),
                Op::Callback(n) => _ = rig.callback(n),
                Op::Stall(n) => {
                    rig.out.resize(before + n, 1);
                    rig.real += rig.reader.render(&mut rig.out[before..]);
                }
                Op::Device => {
                    rig.reader = rig.speaker.set_output_rate(24_000).unwrap();
                    rig.drive();
                    ramps += 1;
                }
            }
            for &sample in &rig.out[before..before + rig.real - real] {
                let source = waiting.pop_front().unwrap();
                truth = source + 1;
                prop_assert!(sample >= 0 && sample <= frame(source), "{} is not frame {}", sample, source);
                faded += usize::from(sample != frame(source));
            }
            prop_assert!(rig.out[before + rig.real - real..].iter().all(|&s| s == 0));
            for report in &rig.reports[seen..] {
                if let PlayoutReport::Flushed { source, .. } = report {
                    waiting.retain(|n| n >= source);
                    ramps += 1;
                }
            }
            seen = rig.reports.len();
            if let Op::Stall(_) = op {
                rig.drive();
                for report in &rig.reports[seen..] {
                    if let PlayoutReport::Flushed { source, .. } = report {
                        waiting.retain(|n| n >= source);
                        ramps += 1;
                    }
                }
                seen = rig.reports.len();
            }
            prop_assert_eq!(rig.heard(), truth);
        }
        prop_assert!(faded <= 240 * (ramps + 2 * rig.speaker.underruns() as usize));
        // Whatever happened, the rest plays out.
        rig.end();
        rig.callbacks(pushed as usize / 240 + 100);
        prop_assert_eq!(rig.speaker.queued_ms(), 0);
        let flushed = |r: &PlayoutReport| matches!(r, PlayoutReport::Flushed { source, .. } if *source == pushed);
        prop_assert!(rig.heard() == pushed || rig.reports.iter().any(flushed));
    }

    /// The same over any rates: never back, never beyond what was pushed, complete at the end.
    #[test]
    fn positions_are_monotonic_over_any_rates(
        ops in prop::collection::vec((op(), prop::sample::select(vec![8_000u32, 16_000, 22_050, 44_100, 48_000])), 1..80)
    ) {
        let mut rig = Rig::new(24_000, 48_000);
        let (mut pushed, mut last, mut flushed) = (0u64, 0, false);
        for (op, rate) in ops {
            match op {
                Op::Push(n) => {
                    rig.push(&vec![1_000; n]);
                    pushed += n as u64;
                    flushed = false;
                }
                Op::End => rig.end(),
                Op::Flush => {
                    rig.flush();
                    flushed = true;
                }
                Op::Callback(n) | Op::Stall(n) => _ = rig.callback(n),
                Op::Device => {
                    rig.reader = rig.speaker.set_output_rate(rate).unwrap();
                    rig.drive();
                }
            }
            let heard = rig.heard();
            prop_assert!(last <= heard && heard <= pushed, "{} then {} of {}", last, heard, pushed);
            last = heard;
        }
        rig.end();
        rig.callbacks(pushed as usize / 240 + 100);
        prop_assert!(flushed || rig.heard() == pushed, "{} of {}", rig.heard(), pushed);
    }
}
