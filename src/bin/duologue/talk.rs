//! `duologue talk`: one conversation, from dialling to the closing table.

use crate::{
    args::TalkArgs,
    exit::{self, Failure},
    setup::{Person, Setup, prepare},
    signals::Signals,
    tools,
    typed::Next,
    view::{Summary, View},
};
use duologue::{
    Client, Error, ErrorClass,
    event::{Agent, EndedBy, Event, EventKind, Status},
    message::ResponseId,
    simulator::caller::HangUp,
};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// A service that owes an answer and says nothing for this long is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often what moves is drawn.
const TICK: Duration = Duration::from_millis(80);
/// An orderly end takes no longer.
const GOODBYE: Duration = Duration::from_secs(5);

/// Holds the conversation.
pub async fn run(args: TalkArgs) -> Result<u8, Failure> {
    let mut signals = Signals::listen()?;
    let json = args.json;
    let setup = prepare(args).await?;
    let typing = matches!(&setup.person, Person::Typed(typed) if typed.is_typing());
    let mut view = if json { View::json() } else { View::screen(&setup.title, typing) };
    let Setup { client, person, simulator, output, recording, .. } = setup;
    let client = client.build()?;
    view.watch(&client);
    let mut call = Call {
        client: client.clone(),
        person,
        view,
        agent: Agent::Idle,
        away: false,
        heard_from: Instant::now(),
        last: Last::default(),
    };

    let mut events = client.events();
    let outcome = call.hold(&mut events, &mut signals).await;
    // Everything is released and the recording is complete; whoever cannot wait asks again.
    let goodbye = timeout(GOODBYE, client.shutdown());
    tokio::select! {
        done = goodbye => if done.is_err() { tracing::warn!("the client did not end") },
        () = signals.next() => {}
    }
    while let Some(event) = events.try_next() {
        call.view.event(&event);
    }
    if let Some(simulator) = simulator {
        simulator.shutdown().await;
    }
    call.view.finish(&Summary { recording: output.as_deref().filter(|path| path.exists()) });
    let code = outcome?;
    match recording.get() {
        Some(error) => Err(error.clone().into()),
        None => Ok(code),
    }
}

/// A conversation under way.
struct Call {
    client: Client,
    person: Person,
    view: View,
    agent: Agent,
    /// The connection was lost, and nobody can answer.
    away: bool,
    /// When something other than loudness was last told.
    heard_from: Instant,
    last: Last,
}

/// How the latest answers went.
#[derive(Default)]
struct Last {
    /// What was told about an answer that is not over.
    told: Option<(ResponseId, Error)>,
    /// The last answer that is over failed, and why.
    failed: Option<Error>,
}

impl Last {
    fn observe(&mut self, event: &Event) {
        match (&event.kind, &event.response) {
            (EventKind::Error(error), Some(response)) => self.told = Some((response.clone(), error.clone())),
            (EventKind::TurnDone(end), Some(response)) => {
                let told = self.told.take_if(|(about, _)| about == response).map(|(_, error)| error);
                let unknown = || Error::new(ErrorClass::Provider, "response_failed", "the answer failed");
                self.failed = (end.status == "failed").then(|| told.unwrap_or_else(unknown));
            }
            _ => {}
        }
    }
}

/// What ended a wait.
enum Happened {
    Event(Option<std::sync::Arc<Event>>),
    Connected(Result<(), Error>),
    Person(Next),
    HungUp(HangUp),
    Signal,
    Silence,
    Tick,
}

impl Call {
    /// Dials, talks and hangs up. The exit code.
    async fn hold(&mut self, events: &mut duologue::client::EventStream, signals: &mut Signals) -> Result<u8, Failure> {
        let mut connecting = Some(self.client.connect());
        let mut verdict = Ok(exit::OK);
        let (mut leaving, mut asked) = (false, false);
        loop {
            let connected = connecting.is_none();
            let waits = matches!(&self.person, Person::Typed(t) if t.waits());
            let owed = !self.away && (waits || self.agent == Agent::Thinking);
            let happened = tokio::select! {
                biased;
                () = signals.next() => Happened::Signal,
                event = events.next() => Happened::Event(event),
                result = async { connecting.as_mut().unwrap().await }, if !connected => Happened::Connected(result),
                next = next(&mut self.person), if connected && !leaving => next,
                () = sleep_until(self.heard_from + PATIENCE), if connected && owed && !leaving => Happened::Silence,
                () = sleep(TICK), if self.view.moves() => Happened::Tick,
            };
            match happened {
                Happened::Event(Some(event)) => {
                    self.observe(&event);
                    match &event.kind {
                        EventKind::Status(Status::Error { error }) => return Err(error.clone().into()),
                        EventKind::Status(Status::Idle { ended }) if ended.by != EndedBy::None => {
                            return self.outcome(verdict);
                        }
                        _ => {}
                    }
                }
                Happened::Event(None) => return self.outcome(verdict),
                Happened::Connected(result) => {
                    connecting = None;
                    self.heard_from = Instant::now();
                    result?;
                    self.view.connected(self.client.stats().media.is_some());
                }
                Happened::Person(Next::Turn(text)) => {
                    self.heard_from = Instant::now();
                    if let Person::Typed(typed) = &mut self.person {
                        typed.say(&self.client, text);
                    }
                }
                Happened::Person(Next::Failed(error)) => return Err(error.into()),
                Happened::Person(Next::End) | Happened::HungUp(HangUp::Done) => leaving = true,
                Happened::HungUp(HangUp::GaveUp) => {
                    let text = "the caller hung up, because what the scenario waits for did not happen";
                    let error = Error::new(ErrorClass::Provider, "caller_gave_up", text);
                    verdict = Err(error.fix("see what was said, and the caller's steps in the scenario").into());
                    leaving = true;
                }
                Happened::Signal if leaving => return Ok(exit::INTERRUPTED),
                Happened::Signal => (verdict, leaving) = (Ok(exit::INTERRUPTED), true),
                Happened::Tick => self.view.tick(),
                Happened::Silence => {
                    let text = format!("the service did not answer within {} s", PATIENCE.as_secs());
                    let error = Error::new(ErrorClass::Provider, "no_answer", text);
                    return Err(error.fix("try again, or another model").into());
                }
            }
            // A closed standard output ends the call as a person would.
            leaving |= self.view.is_closed();
            if leaving && !std::mem::replace(&mut asked, true) {
                // The status tells when it is done.
                drop(self.client.disconnect());
            }
        }
    }

    /// An answer that failed for good is the cause of what followed, but not of a person's leaving.
    fn outcome(&mut self, verdict: Result<u8, Failure>) -> Result<u8, Failure> {
        match (verdict, self.last.failed.take()) {
            (Ok(exit::INTERRUPTED), _) => Ok(exit::INTERRUPTED),
            (_, Some(error)) => Err(error.into()),
            (verdict, None) => verdict,
        }
    }

    fn observe(&mut self, event: &Event) {
        self.view.event(event);
        self.last.observe(event);
        match &mut self.person {
            Person::Caller(caller) => caller.observe(event),
            Person::Typed(typed) => typed.observe(event),
        }
        if !matches!(event.kind, EventKind::AudioLevel(_)) {
            self.heard_from = Instant::now();
        }
        match &event.kind {
            EventKind::Status(status) => self.away = matches!(status, Status::Reconnecting { .. }),
            EventKind::Mode(mode) => self.agent = mode.agent,
            EventKind::ToolCall(call) => {
                let (output, is_error) = tools::answer(call);
                self.view.tool(call, &output);
                // The outcome comes as a `completed` event.
                drop(self.client.submit_tool_result(call.call.clone(), output, is_error));
            }
            _ => {}
        }
    }
}

/// What the person does next. Cancel-safe.
async fn next(person: &mut Person) -> Happened {
    match person {
        Person::Caller(caller) => Happened::HungUp(caller.hung_up().await),
        Person::Typed(typed) => Happened::Person(typed.next().await),
    }
}
