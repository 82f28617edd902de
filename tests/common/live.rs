//! A client over a real connection: waiting for what it tells, and speaking to it.

#![allow(dead_code)]

use duologue::{
    Client,
    client::EventStream,
    event::{Event, EventKind, TranscriptMode},
    message::Role,
    simulator::Scenario,
};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Nothing that is waited for takes so long on a machine that works.
const PATIENCE: Duration = Duration::from_secs(30);

/// The next event that `pick` takes.
pub async fn until<T>(events: &mut EventStream, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
    let wait = async {
        loop {
            let event = events.next().await.expect("the client ended");
            if let Some(found) = pick(&event) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the event never came")
}

pub fn turn_done(event: &Event) -> Option<()> {
    matches!(event.kind, EventKind::TurnDone(_)).then_some(())
}

/// A clip of a scenario, then enough silence to end the turn.
pub fn speech(scenario: &Scenario, clip: &str) -> Vec<i16> {
    let mut pcm = scenario.clip(clip).unwrap().to_vec();
    pcm.extend(std::iter::repeat_n(0, 24_000));
    pcm
}

/// Says it as fast as it is taken, 20 ms at a time.
pub fn say(client: &Client, pcm: Vec<i16>) -> JoinHandle<()> {
    let speaker = client.clone();
    tokio::spawn(async move {
        for frame in pcm.chunks(480) {
            while speaker.push_audio(frame).unwrap() == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    })
}

/// What the user said, once it is known and an answer is heard, in whatever order: on a call one comes as an event and the
/// other as sound.
pub async fn said_and_answered(events: &mut EventStream) -> String {
    let (mut said, mut audible) = (None, false);
    until(events, |event| {
        match &event.kind {
            EventKind::Transcript(t) if t.role == Role::User && t.mode == TranscriptMode::Final => {
                said = Some(t.text.clone());
            }
            EventKind::PlaybackStarted(_) => audible = true,
            _ => {}
        }
        said.take_if(|_| audible)
    })
    .await
}
