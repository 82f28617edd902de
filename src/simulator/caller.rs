//! The simulated person: plays the `caller` track of a scenario into a microphone.
//!
//! Two halves. [`CallerMicrophone`] belongs to the audio device and counts time by the frames it hands
//! out; [`Caller`] belongs to the program and is told the client's events. So "1800 ms after the answer
//! becomes audible" is 1800 ms of recorded audio from the block in which the microphone learned that
//! the answer is audible, however slow the machine is. Filling a block takes no lock and allocates
//! nothing; what nobody says is digital silence.
//!
//! ```no_run
//! # fn demo() -> duologue::Result<()> {
//! use duologue::{audio::device::file::FileBackend, simulator::{Scenario, caller}};
//! let (caller, microphone) = caller::from_scenario(&Scenario::bundled())?;
//! let backend = FileBackend::new(Box::new(microphone), 24_000);
//! // give `backend` to the client, every event to `caller.observe`, and await `caller.hung_up()`
//! # let _ = (caller, backend); Ok(()) }
//! ```

use super::{
    clips::RATE,
    scenario::{CallerStep, Scenario, Trigger, TriggerEvent},
};
use crate::{
    audio::device::MicSource,
    error::Result,
    event::{Agent, Event, EventKind, Status},
    message::ResponseId,
};
use futures_util::task::AtomicWaker;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering::*},
    },
    task::Poll,
};

/// Events that may wait for the next block of 10 ms.
const SIGNALS: usize = 64;
/// A caller whose trigger does not come hangs up after this much quiet.
const PATIENCE_MS: u64 = 5_000;

/// Why a caller hung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    /// Everything was said, and then it was quiet for as long as the script says.
    Done,
    /// The event that the next step waits for did not come in 5 s of quiet.
    GaveUp,
}

/// What both halves share.
#[derive(Debug, Default)]
struct Shared {
    /// Somebody speaks, or an answer is on its way.
    busy: AtomicBool,
    /// 0: on the line; else a [`HangUp`].
    over: AtomicU8,
    waker: AtomicWaker,
}

/// The half that is told what happens.
#[derive(Debug)]
pub struct Caller {
    signals: rtrb::Producer<TriggerEvent>,
    shared: Arc<Shared>,
    /// The response whose sound was heard and which was not cut off.
    audible: Option<ResponseId>,
}

/// The half that speaks.
#[derive(Debug)]
pub struct CallerMicrophone {
    signals: rtrb::Consumer<TriggerEvent>,
    shared: Arc<Shared>,
    rate: u32,
    steps: Vec<Step>,
    /// The step that has not begun.
    next: usize,
    /// Frames handed out.
    at: u64,
    /// Where the last begun step ends.
    free_at: u64,
    /// What is being said, and the frame it began at.
    saying: Option<(Arc<[i16]>, u64)>,
    /// First frame after each event that came since the last step began.
    seen: [Option<u64>; 3],
    /// Since when it is quiet.
    quiet_from: u64,
}

/// A step with its times in frames.
#[derive(Debug)]
enum Step {
    Say { clip: Arc<[i16]>, when: Option<(TriggerEvent, u64)> },
    Wait(u64),
    HangUp(u64),
}

/// A caller who follows the `caller` track of a scenario, at 24 kHz.
///
/// # Errors
/// `unknown_clip`; a scenario that was read from a file has none.
pub fn from_scenario(scenario: &Scenario) -> Result<(Caller, CallerMicrophone)> {
    let frames = |ms: u64| ms.saturating_mul(u64::from(RATE)) / 1000;
    let when = |t: &Trigger| (t.event, frames(t.after_ms));
    let step = |step: &CallerStep| {
        Ok(match step {
            CallerStep::Say(say) => Step::Say { clip: scenario.clip(&say.say)?, when: say.when.as_ref().map(when) },
            CallerStep::Wait(wait) => Step::Wait(frames(wait.wait_ms)),
            CallerStep::HangUp(end) => Step::HangUp(frames(end.hang_up.after_idle_ms)),
        })
    };
    let mut steps: Vec<Step> = scenario.caller().iter().map(step).collect::<Result<_>>()?;
    if !steps.iter().any(|s| matches!(s, Step::HangUp(_))) {
        steps.push(Step::HangUp(frames(PATIENCE_MS)));
    }
    Ok(pair(RATE, steps))
}

/// A caller who plays a recording (mono, `rate` frames a second) as soon as the session is up, says
/// nothing else, and hangs up once it has been quiet for `idle_ms`.
pub fn from_recording(rate: u32, recording: Vec<i16>, idle_ms: u64) -> (Caller, CallerMicrophone) {
    let say = Step::Say { clip: recording.into(), when: Some((TriggerEvent::Connected, 0)) };
    pair(rate, vec![say, Step::HangUp(idle_ms.saturating_mul(u64::from(rate)) / 1000)])
}

fn pair(rate: u32, steps: Vec<Step>) -> (Caller, CallerMicrophone) {
    let (producer, consumer) = rtrb::RingBuffer::new(SIGNALS);
    let shared = Arc::<Shared>::default();
    let microphone = CallerMicrophone {
        signals: consumer,
        shared: shared.clone(),
        rate,
        steps,
        next: 0,
        at: 0,
        free_at: 0,
        saying: None,
        seen: [None; 3],
        quiet_from: 0,
    };
    (Caller { signals: producer, shared, audible: None }, microphone)
}

impl Caller {
    /// Tells the caller what happened. Every event of the client, in order.
    pub fn observe(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Status(Status::Connected) => self.signal(TriggerEvent::Connected),
            EventKind::Mode(mode) => {
                self.shared.busy.store(mode.user_speaking || mode.agent != Agent::Idle, Release);
            }
            EventKind::PlaybackStarted(_) if self.audible != event.response => {
                self.audible.clone_from(&event.response);
                self.signal(TriggerEvent::AnswerAudible);
            }
            EventKind::Interrupted(_) if self.audible == event.response => self.audible = None,
            EventKind::TurnDone(_) if event.response.is_some() && self.audible == event.response => {
                self.audible = None;
                self.signal(TriggerEvent::AnswerFinished);
            }
            _ => {}
        }
    }

    fn signal(&mut self, event: TriggerEvent) {
        // Sixty-four in one block do not happen; a microphone that is gone needs none.
        let _ = self.signals.push(event);
    }

    /// Waits until the caller hangs up. Cancel-safe; at once when it already has.
    pub async fn hung_up(&self) -> HangUp {
        std::future::poll_fn(|cx| {
            self.shared.waker.register(cx.waker());
            match self.shared.over.load(Acquire) {
                0 => Poll::Pending,
                1 => Poll::Ready(HangUp::Done),
                _ => Poll::Ready(HangUp::GaveUp),
            }
        })
        .await
    }
}

impl MicSource for CallerMicrophone {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn fill(&mut self, out: &mut [i16]) -> bool {
        out.fill(0);
        while let Ok(event) = self.signals.pop() {
            self.seen[event as usize].get_or_insert(self.at);
        }
        let end = self.at + out.len() as u64;
        loop {
            self.speak(out, end);
            if !self.begin(end) {
                break;
            }
        }
        if self.saying.is_some() || self.shared.busy.load(Acquire) {
            self.quiet_from = end;
        }
        self.at = end;
        self.maybe_hang_up();
        self.shared.over.load(Relaxed) == 0
    }
}

impl CallerMicrophone {
    /// Writes what is being said into the block that ends at `end`.
    fn speak(&mut self, out: &mut [i16], end: u64) {
        let Some((clip, began)) = &self.saying else { return };
        let from = self.at.max(*began);
        let done = (from - began) as usize;
        let n = (clip.len() - done).min((end - from) as usize);
        let at = (from - self.at) as usize;
        out[at..at + n].copy_from_slice(&clip[done..done + n]);
        if done + n == clip.len() {
            self.saying = None;
        }
    }

    /// Begins the next step if its time comes before `end`.
    fn begin(&mut self, end: u64) -> bool {
        if self.saying.is_some() {
            return false;
        }
        let due = match self.steps.get(self.next) {
            Some(Step::Say { when: None, .. } | Step::Wait(_)) => self.free_at,
            Some(Step::Say { when: Some((event, after)), .. }) => match self.seen[*event as usize] {
                Some(seen) => (seen + after).max(self.free_at),
                None => return false,
            },
            Some(Step::HangUp(_)) | None => return false,
        };
        let due = due.max(self.at);
        if due >= end {
            return false;
        }
        match &self.steps[self.next] {
            Step::Say { clip, .. } => {
                self.free_at = due + clip.len() as u64;
                self.saying = Some((clip.clone(), due));
            }
            Step::Wait(frames) | Step::HangUp(frames) => self.free_at = due + frames,
        }
        // Triggers count from here; being connected lasts.
        self.seen[TriggerEvent::AnswerAudible as usize] = None;
        self.seen[TriggerEvent::AnswerFinished as usize] = None;
        self.next += 1;
        true
    }

    fn maybe_hang_up(&mut self) {
        let quiet = self.at - self.quiet_from.max(self.free_at.min(self.at));
        let patience = PATIENCE_MS * u64::from(self.rate) / 1000;
        let over = match self.steps.get(self.next) {
            Some(Step::HangUp(idle)) if self.at >= self.free_at && quiet >= *idle => 1,
            Some(Step::Say { when: Some((event, _)), .. })
                if self.seen[*event as usize].is_none() && quiet >= patience =>
            {
                2
            }
            _ => return,
        };
        if self.shared.over.swap(over, AcqRel) == 0 {
            self.shared.waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{InterruptSource, Interrupted, Mode, ModeChange, PlaybackStarted, ResponseEnd};

    fn event(response: Option<&str>, kind: EventKind) -> Event {
        let (turn, item, inferred) = (None, None, false);
        Event {
            seq: 1,
            time_ms: 0,
            epoch: 1,
            turn,
            response: response.map(Into::into),
            item,
            inferred,
            labels: None,
            kind,
        }
    }

    fn audible(response: &str) -> Event {
        event(Some(response), EventKind::PlaybackStarted(PlaybackStarted { part: 0 }))
    }

    fn done(response: &str) -> Event {
        event(Some(response), EventKind::TurnDone(ResponseEnd { status: "completed".into(), reason: None }))
    }

    fn busy(speaking: bool) -> Event {
        let agent = if speaking { Agent::Speaking } else { Agent::Idle };
        event(None, EventKind::Mode(ModeChange { mode: Mode::Listening, user_speaking: false, agent }))
    }

    /// One clip of three frames: 1, 2, 3.
    fn clip() -> Arc<[i16]> {
        vec![1, 2, 3].into()
    }

    /// A rate of 1000: a frame is a millisecond.
    fn start(steps: Vec<Step>) -> (Caller, CallerMicrophone) {
        pair(1000, steps)
    }

    fn fill(mic: &mut CallerMicrophone, frames: usize) -> Vec<i16> {
        let mut out = vec![9; frames];
        mic.fill(&mut out);
        out
    }

    #[test]
    fn a_clip_begins_at_the_exact_frame_after_its_trigger() {
        let when = Some((TriggerEvent::AnswerAudible, 15));
        let (mut caller, mut mic) = start(vec![Step::Say { clip: clip(), when }]);
        assert_eq!(fill(&mut mic, 10), [0; 10]);
        caller.observe(&audible("a"));
        assert_eq!(fill(&mut mic, 10), [0; 10]);
        assert_eq!(fill(&mut mic, 7), [0, 0, 0, 0, 0, 1, 2], "10 + 15 is the sixth frame of the third block");
        assert_eq!(fill(&mut mic, 3), [3, 0, 0]);
    }

    #[test]
    fn steps_follow_each_other_and_triggers_count_from_the_step_before() {
        let say = |when| Step::Say { clip: clip(), when };
        let (mut caller, mut mic) =
            start(vec![say(None), Step::Wait(2), say(None), say(Some((TriggerEvent::AnswerFinished, 0)))]);
        caller.observe(&audible("a"));
        caller.observe(&done("a"));
        assert_eq!(fill(&mut mic, 12), [1, 2, 3, 0, 0, 1, 2, 3, 0, 0, 0, 0], "the answer was before the third step");
        caller.observe(&audible("b"));
        caller.observe(&done("b"));
        assert_eq!(fill(&mut mic, 4), [1, 2, 3, 0]);
    }

    #[test]
    fn an_answer_that_is_cut_off_does_not_finish() {
        let when = Some((TriggerEvent::AnswerFinished, 0));
        let (mut caller, mut mic) = start(vec![Step::Say { clip: clip(), when }]);
        let interrupted =
            Interrupted { heard_ms: 1, source: InterruptSource::User, server_truncated: false, estimated: false };
        caller.observe(&audible("a"));
        caller.observe(&event(Some("a"), EventKind::Interrupted(interrupted)));
        caller.observe(&done("a"));
        // A response without sound is no answer either.
        caller.observe(&done("b"));
        assert_eq!(fill(&mut mic, 4), [0; 4]);
    }

    #[test]
    fn the_call_ends_after_quiet_and_not_before() {
        let (mut caller, mut mic) = start(vec![Step::Say { clip: clip(), when: None }, Step::HangUp(20)]);
        fill(&mut mic, 10);
        caller.observe(&busy(true));
        assert!(mic.fill(&mut [0; 100]));
        caller.observe(&busy(false));
        assert!(mic.fill(&mut [0; 19]));
        assert!(!mic.fill(&mut [0; 1]));
        assert_eq!(futures_util::FutureExt::now_or_never(caller.hung_up()), Some(HangUp::Done));
    }

    #[test]
    fn a_caller_does_not_wait_for_ever() {
        let when = Some((TriggerEvent::AnswerAudible, 0));
        let (caller, mut mic) = start(vec![Step::Say { clip: clip(), when }, Step::HangUp(20)]);
        assert!(mic.fill(&mut [0; 4_999]));
        assert!(futures_util::FutureExt::now_or_never(caller.hung_up()).is_none());
        assert!(!mic.fill(&mut [0; 1]));
        assert_eq!(futures_util::FutureExt::now_or_never(caller.hung_up()), Some(HangUp::GaveUp));
    }

    #[test]
    fn the_bundled_caller_speaks_after_connecting() {
        let (mut caller, mut mic) = from_scenario(&Scenario::bundled()).unwrap();
        assert!(fill(&mut mic, 24_000).iter().all(|s| *s == 0));
        caller.observe(&event(None, EventKind::Status(Status::Connected)));
        assert!(fill(&mut mic, 7_200).iter().all(|s| *s == 0), "300 ms");
        assert!(fill(&mut mic, 24_000).iter().any(|s| *s != 0));
    }
}
