//! A mocked service between the network thread and the test's tasks.

use super::{
    calls::{Action, Call, CallName, EndedBy},
    state::{Connection, State},
    vendor::{Ids, Vendor},
    wire,
};
use crate::{
    client,
    config::Tls,
    credential::Credential,
    error::{Error, ErrorClass, Result},
    provider::DialRequest,
    transport::{
        Dialer, Dialling,
        mock::{MockLine, Service},
    },
};
use futures_util::future::{Either, select};
use parking_lot::Mutex;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::Notify;

/// State of a mock: it lives as long as the mock or a client of it.
pub struct Core {
    pub state: Mutex<State>,
    pub ids: Arc<Ids>,
    changed: Notify,
}

fn not_connected() -> Error {
    Error::new(ErrorClass::State, "not_connected", "no client is connected to the mocked service")
        .fix("connect a client to it first")
}

impl Core {
    pub fn new() -> Self {
        Self { state: Mutex::new(State::new()), ids: Arc::default(), changed: Notify::new() }
    }

    // The test's tasks

    /// Lets the vendor say something to the client that is connected.
    pub fn saying<T>(&self, say: impl FnOnce(&mut State, &mut Vendor) -> Result<T>) -> Result<T> {
        self.check()?;
        let done = {
            let mut state = self.state.lock();
            let at = state.in_use().ok_or_else(not_connected)?;
            let mut connection = state.connections.remove(at);
            let said = say(&mut state, &mut connection.vendor);
            let sent = match &said {
                Ok(_) => connection.flush(),
                Err(_) => {
                    connection.vendor.out.clear();
                    Ok(())
                }
            };
            state.connections.insert(at, connection);
            said.and_then(|said| sent.map(|()| said))
        };
        self.changed.notify_waiters();
        done
    }

    /// The service ends the connection.
    pub fn end(&self, code: Option<u16>, reason: &str) -> Result<()> {
        self.check()?;
        {
            let mut state = self.state.lock();
            let at = state.in_use().ok_or_else(not_connected)?;
            let connection = state.connections.remove(at);
            connection.remember(&mut state.seen);
            connection.line.close(code, reason)?;
            state.log.add(connection.number, Action::Close { by: EndedBy::Service });
        }
        self.changed.notify_waiters();
        Ok(())
    }

    pub fn is_open(&self) -> bool {
        !self.state.lock().connections.is_empty()
    }

    /// What went wrong on the network thread since the last time.
    pub fn check(&self) -> Result<()> {
        let Some(failure) = self.state.lock().failure.take() else { return Ok(()) };
        let message = format!("the mocked service failed: {failure}");
        Err(Error::new(ErrorClass::Host, "mock_failed", message).fix("see what the reply does"))
    }

    /// The first thing `look` finds, within a time.
    pub async fn until<T>(&self, limit: Duration, mut look: impl FnMut(&Self) -> Option<T>) -> Result<Option<T>> {
        // The test may run in another runtime than tokio's, or in one whose clock stands still.
        let time = {
            let runtime = client::runtime()?;
            let _guard = runtime.enter();
            tokio::time::sleep(limit)
        };
        let mut time = pin!(time);
        loop {
            let mut changed = pin!(self.changed.notified());
            // From before it is looked for, so that nothing comes unnoticed in between.
            changed.as_mut().enable();
            if let Some(found) = look(self) {
                return Ok(Some(found));
            }
            if let Either::Right(_) = select(changed, time.as_mut()).await {
                return Ok(look(self));
            }
        }
    }

    pub async fn call(&self, name: CallName, limit: Duration) -> Result<Call> {
        let found = self.until(limit, |core| core.state.lock().log.next(name)).await?;
        self.check()?;
        found.ok_or_else(|| self.timeout(&format!("no new {}", name.as_str()), limit))
    }

    /// What a test is told that waited in vain.
    pub fn timeout(&self, what: &str, limit: Duration) -> Error {
        let state = self.state.lock();
        let mut told = format!("the last calls were: {}", state.log.told());
        match state.in_use().and_then(|at| state.connections.get(at)).map(|connection| &connection.vendor) {
            None => told.push_str("; no client is connected"),
            Some(vendor) => {
                if let Some(open) = vendor.response.as_ref().or(vendor.outside.first()) {
                    told.push_str(&format!("; the response {} is open, simulate what it says", open.id));
                }
            }
        }
        Error::new(ErrorClass::State, "timeout", format!("{what} within {} ms", limit.as_millis())).fix(told)
    }

    // Answers

    /// Answers the responses that were opened, when the mock answers by itself.
    pub fn reply(&self) {
        loop {
            let (number, id, asked, reply) = {
                let mut state = self.state.lock();
                let Some(reply) = state.reply.clone() else { return };
                let open = state.connections.iter_mut().find_map(|connection| {
                    let vendor = &mut connection.vendor;
                    let mut open = vendor.response.iter_mut().chain(&mut vendor.outside);
                    let response = open.find(|response| response.wants_reply)?;
                    response.wants_reply = false;
                    Some((connection.number, response.id.clone(), response.asked.clone()))
                });
                let Some((number, id, asked)) = open else { return };
                (number, id, asked, reply)
            };
            // The test's own code runs without the lock.
            let words = catch_unwind(AssertUnwindSafe(|| reply(&asked)));
            let mut state = self.state.lock();
            if let Err(panic) = &words {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
                state.failure.get_or_insert(format!("the reply panicked: {said}"));
            }
            let Some(connection) = state.connections.iter_mut().find(|open| open.number == number) else { continue };
            connection.vendor.answer(&id, words.as_ref().ok().map(Option::as_deref));
            // The client may be closing.
            let _ = connection.flush();
        }
    }

    // The network thread

    /// The number of a new connection, unless it is refused.
    fn dialled(&self) -> Result<u64> {
        let dialled = self.state.lock().dialled();
        self.changed.notify_waiters();
        dialled
    }

    fn opened(&self, number: u64, line: MockLine) {
        {
            let mut state = self.state.lock();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let session = wire::session(number, (now + state.lifetime).as_secs());
            let mut vendor = Vendor::new(session.clone(), self.ids.clone());
            vendor.emit(serde_json::json!({"type": "session.created", "session": session}));
            state.log.add(number, Action::Connect);
            let mut connection = Connection { number, vendor, line, used: false };
            // It is open.
            let _ = connection.flush();
            let State { connections, seen, .. } = &mut *state;
            connections.iter().for_each(|old| old.remember(seen));
            connections.push(connection);
        }
        self.changed.notify_waiters();
    }

    fn received(&self, number: u64, frame: &str) {
        {
            let mut state = self.state.lock();
            let Some(at) = state.connections.iter().position(|open| open.number == number) else { return };
            let mut connection = state.connections.remove(at);
            state.take(&mut connection, frame);
            let _ = connection.flush();
            state.connections.insert(at, connection);
        }
        self.changed.notify_waiters();
        self.reply();
    }

    fn closed(&self, number: u64) {
        {
            let mut state = self.state.lock();
            let Some(at) = state.connections.iter().position(|open| open.number == number) else { return };
            state.connections.remove(at).remember(&mut state.seen);
            state.log.add(number, Action::Close { by: EndedBy::Client });
        }
        self.changed.notify_waiters();
    }
}

/// What clients dial.
pub struct Line(pub Arc<Core>);

impl Dialer for Line {
    fn dial(&self, request: DialRequest, credential: Option<Credential>, tls: &Tls) -> Dialling {
        let (core, tls) = (self.0.clone(), tls.clone());
        Box::pin(async move {
            let number = core.dialled()?;
            let side = Arc::new(Side { core, number, line: Mutex::new(None) });
            let line = MockLine::new(side.clone());
            *side.line.lock() = Some(line.clone());
            line.dial(request, credential, &tls).await
        })
    }
}

/// The service's side of one connection.
struct Side {
    core: Arc<Core>,
    number: u64,
    /// Until it is opened: it holds this.
    line: Mutex<Option<MockLine>>,
}

impl Service for Side {
    fn opened(&self) -> Vec<String> {
        let line = self.line.lock().take();
        if let Some(line) = line {
            self.core.opened(self.number, line);
        }
        Vec::new()
    }

    fn received(&self, frame: &str) -> Vec<String> {
        self.core.received(self.number, frame);
        Vec::new()
    }

    fn closed(&self) {
        self.core.closed(self.number);
    }
}
