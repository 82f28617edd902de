//! The response sequencer: at most one response of the conversation is asked for at a time.
//!
//! The vendor refuses a second one, the user may start one by speaking at the same moment, and the
//! refusal may come without saying which request it refuses. So requests queue here, automatic ones
//! (follow-ups of tools) melt into one, and a refused request waits for the running response to end.

use crate::{event::OpId, message::ResponseId, request::ResponseOptions, time::Time};
use std::collections::VecDeque;

/// How long to wait for the end of a response we were told of but never saw.
const HOLD_MS: u64 = 2000;
/// How long the vendor may take to begin or refuse what was asked for.
pub const ANSWER_MS: u64 = 15_000;
/// Given-up requests remembered, in case they begin late.
const MAX_GIVEN_UP: usize = 8;
/// Requests that may wait. More are refused, not dropped.
const MAX_QUEUE: usize = 64;
/// Refusals in a row, with no response to be seen in the way, after which a request fails.
const MAX_REFUSALS: u32 = 8;

/// What is wished for.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// An answer, with the host's options.
    Answer(Option<Box<ResponseOptions>>),
    /// These words.
    Say(String),
}

/// A wish for a response.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Our id, tied to the response through its metadata.
    pub id: String,
    /// The command that asked, if a host did.
    pub op: Option<OpId>,
    /// What for.
    pub ask: Ask,
}

impl Request {
    /// A wish of the session's own: whatever was said last is to be answered.
    pub fn automatic(id: String) -> Self {
        Self { id, op: None, ask: Ask::Answer(None) }
    }

    fn is_automatic(&self) -> bool {
        self.op.is_none() && self.ask == Ask::Answer(None)
    }
}

/// What a `created` event turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// Our request; its command is done.
    Ours(Option<OpId>),
    /// Ours, but given up meanwhile: cancel it.
    Abandoned,
    /// The vendor's own.
    Theirs,
}

#[derive(Debug)]
struct Outstanding {
    request: Request,
    abandoned: bool,
    until: Time,
    /// A response that began without saying whose it is.
    maybe: Option<ResponseId>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Sequencer {
    queue: VecDeque<Request>,
    outstanding: Option<Outstanding>,
    active: Option<ResponseId>,
    /// The request at the front was under way once, and was refused or lost.
    returned: Option<String>,
    /// What the running response was asked for, when it was asked for.
    asked: Option<Ask>,
    /// Since when the oldest request has waited.
    waits: Option<Time>,
    /// Refusals in a row that no response we know of explains.
    refusals: u32,
    hold_until: Option<Time>,
    given_up: VecDeque<String>,
    /// The vendor has returned our metadata, so what comes without is not ours.
    returns_metadata: bool,
}

impl Sequencer {
    /// Queues a request. An automatic one is dropped when another automatic one waits already.
    /// False: the queue is full.
    pub fn want(&mut self, request: Request, now: Time) -> bool {
        if request.is_automatic() && self.queue.iter().any(Request::is_automatic) {
            return true;
        }
        if self.queue.len() >= MAX_QUEUE {
            return false;
        }
        if !self.waits_for_way() {
            self.waits = Some(now);
        }
        self.queue.push_back(request);
        true
    }

    /// The request to send now, if the way is free.
    pub fn next(&mut self, now: Time) -> Option<Request> {
        if self.outstanding.is_some() || self.active.is_some() || self.hold_until.is_some_and(|t| now < t) {
            return None;
        }
        self.hold_until = None;
        let request = self.queue.pop_front()?;
        self.returned = None;
        self.waits = Some(now);
        let until = now.after_ms(ANSWER_MS);
        self.outstanding = Some(Outstanding { request: request.clone(), abandoned: false, until, maybe: None });
        Some(request)
    }

    /// A response began. `request` is what its metadata says; `expected`: the vendor was going to
    /// answer by itself, so it need not be ours.
    pub fn created(&mut self, response: &ResponseId, request: Option<&str>, expected: bool) -> Created {
        self.active = Some(response.clone());
        self.asked = None;
        self.hold_until = None;
        self.refusals = 0;
        self.returns_metadata |= request.is_some();
        if request.is_some_and(|r| self.is_given_up(r)) {
            return Created::Abandoned;
        }
        if let Some(o) = &mut self.outstanding
            && request.is_none()
            && !self.returns_metadata
            && !expected
        {
            o.maybe = Some(response.clone());
            if o.abandoned {
                return Created::Abandoned;
            }
        }
        match self.outstanding.take_if(|o| Some(o.request.id.as_str()) == request) {
            Some(o) if o.abandoned => Created::Abandoned,
            Some(o) => {
                self.asked = Some(o.request.ask);
                Created::Ours(o.request.op)
            }
            None => Created::Theirs,
        }
    }

    /// A response ended. Only the active one frees the way: a late end of an older one does not.
    /// Returns the request it answered, when only that shows it: some hosts of the dialect return no
    /// metadata, and a request that was not refused before the end of a response was not in its way.
    pub fn done(&mut self, response: &ResponseId) -> Option<Request> {
        self.active.take_if(|a| a == response);
        self.hold_until = None;
        self.outstanding.take_if(|o| o.maybe.as_ref() == Some(response)).map(|o| o.request)
    }

    /// A response turns out to be beside the conversation: it is in nobody's way, and answers no request of it.
    pub fn is_beside(&mut self, response: &ResponseId) {
        self.active.take_if(|a| a == response);
        if let Some(o) = &mut self.outstanding {
            o.maybe.take_if(|r| r == response);
        }
    }

    /// The request was refused because a response runs: it goes back to the front of the queue. When
    /// no response is known the pause grows, and after some refusals the request is returned: it failed.
    pub fn refused(&mut self, now: Time) -> Option<Request> {
        let taken = self.outstanding.take().filter(|o| !o.abandoned);
        if self.active.is_none() {
            let pause = (HOLD_MS << self.refusals.min(3)).min(ANSWER_MS);
            self.hold_until = Some(now.after_ms(pause));
            if taken.is_some() {
                self.refusals += 1;
            }
        }
        let request = taken?.request;
        if self.refusals >= MAX_REFUSALS {
            self.refusals = 0;
            return Some(request);
        }
        self.go_back(request);
        None
    }

    fn go_back(&mut self, request: Request) {
        self.returned = Some(request.id.clone());
        self.queue.push_front(request);
    }

    /// Some request is under way.
    pub fn is_waiting_for_vendor(&self) -> bool {
        self.outstanding.is_some()
    }

    /// This is the request under way.
    pub fn is_outstanding(&self, request: &str) -> bool {
        self.outstanding.as_ref().is_some_and(|o| o.request.id == request)
    }

    /// A response that was given up says something after all.
    pub fn revive(&mut self, response: &ResponseId) {
        if self.active.is_none() {
            self.active = Some(response.clone());
        }
    }

    /// Since when a request has waited for its response, if one does.
    pub fn waiting_since(&self) -> Option<Time> {
        self.waits.filter(|_| self.waits_for_way())
    }

    fn waits_for_way(&self) -> bool {
        self.outstanding.is_some() || !self.queue.is_empty()
    }

    /// The request with this id failed for good.
    pub fn failed(&mut self, request: &str) -> Option<Request> {
        self.outstanding.take_if(|o| o.request.id == request).map(|o| o.request)
    }

    /// The host no longer wants what was asked for but has not begun. Returns the command that asked.
    pub fn abandon(&mut self) -> Option<OpId> {
        if let Some(o) = &mut self.outstanding {
            o.abandoned = true;
            return o.request.op.take();
        }
        let returned = self.returned.take()?;
        let at_front = self.queue.front().is_some_and(|r| r.id == returned);
        let request = if at_front { self.queue.pop_front()? } else { return None };
        self.never(request.id);
        request.op
    }

    /// Should it begin all the same, it is cancelled.
    fn never(&mut self, request: String) {
        if self.given_up.len() >= MAX_GIVEN_UP {
            self.given_up.pop_front();
        }
        self.given_up.push_back(request);
    }

    /// Nobody wants the answer to this request any more.
    pub fn is_given_up(&self, request: &str) -> bool {
        self.given_up.iter().any(|g| g == request)
    }

    /// There is nothing to answer any more: nobody asked by a command.
    pub fn forget_automatic(&mut self) {
        self.queue.retain(|r| !r.is_automatic());
    }

    /// There is nothing to answer any more: the request is dropped, or cancelled should it begin.
    pub fn forget(&mut self, request: &str) {
        self.queue.retain(|r| r.id != request);
        if let Some(o) = self.outstanding.as_mut().filter(|o| o.request.id == request) {
            o.abandoned = true;
        }
    }

    /// The request the vendor neither began nor refused in time: the way is free again. What a
    /// host asked for is cancelled should it begin late, because the host was told that it failed.
    pub fn unanswered(&mut self, now: Time) -> Option<Request> {
        // As long as a response runs, it may be the one (without metadata) or the reason for the silence.
        let o = self.outstanding.take_if(|o| now >= o.until && self.active.is_none())?;
        if o.abandoned || o.request.op.is_some() {
            self.never(o.request.id.clone());
        }
        Some(o.request).filter(|_| !o.abandoned)
    }

    /// The running response.
    pub fn active(&self) -> Option<&ResponseId> {
        self.active.as_ref()
    }

    /// What the running response was asked for, when we asked.
    pub fn asked(&self) -> Option<&Ask> {
        // Where no metadata comes back, only the time it began says so.
        let maybe = self.outstanding.as_ref().filter(|o| o.maybe.is_some() && o.maybe == self.active);
        self.asked.as_ref().or(maybe.map(|o| &o.request.ask)).filter(|_| self.active.is_some())
    }

    /// The connection is gone: what was asked for and not begun is asked for on the next one. Returns the command
    /// whose response may have begun.
    pub fn connection_lost(&mut self) -> Option<OpId> {
        let old = std::mem::take(self);
        (self.queue, self.returned, self.given_up) = (old.queue, old.returned, old.given_up);
        self.returns_metadata = old.returns_metadata;
        let o = old.outstanding?;
        if o.abandoned || o.maybe.is_some() {
            return o.request.op;
        }
        let melts = o.request.is_automatic() && self.queue.iter().any(Request::is_automatic);
        if !melts {
            self.go_back(o.request);
        }
        None
    }

    /// A response was asked for and has not begun.
    pub fn waiting(&self) -> bool {
        self.outstanding.as_ref().is_some_and(|o| !o.abandoned) || !self.queue.is_empty()
    }

    /// When [`Self::next`] or [`Self::unanswered`] may have something again.
    pub fn timeout(&self) -> Option<Time> {
        let hold = self.hold_until.filter(|_| !self.queue.is_empty() && self.active.is_none());
        let answer = self.outstanding.as_ref().filter(|_| self.active.is_none()).map(|o| o.until);
        [hold, answer].into_iter().flatten().min()
    }

    /// The connection is gone: everything that waited, for telling the hosts.
    pub fn reset(&mut self) -> Vec<OpId> {
        let old = std::mem::take(self);
        old.outstanding.map(|o| o.request).into_iter().chain(old.queue).filter_map(|r| r.op).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: &str, op: Option<u64>) -> Request {
        Request { op: op.map(OpId), ..Request::automatic(id.into()) }
    }

    #[test]
    fn automatic_requests_melt_and_explicit_ones_keep_their_order() {
        let mut s = Sequencer::default();
        for r in [request("a", None), request("b", Some(1)), request("c", None), request("d", Some(2))] {
            assert!(s.want(r, Time(0)));
        }
        let mut order = Vec::new();
        while let Some(r) = s.next(Time(0)) {
            let id = ResponseId::from(format!("resp_{}", r.id));
            assert_eq!(s.created(&id, Some(&r.id), false), Created::Ours(r.op));
            assert_eq!(s.next(Time(0)), None, "one at a time");
            s.done(&id);
            order.push(r.id);
        }
        assert_eq!(order, ["a", "b", "d"]);
    }

    #[test]
    fn a_refused_request_waits_for_the_response_that_was_in_its_way() {
        let mut s = Sequencer::default();
        s.want(request("a", Some(1)), Time(0));
        s.next(Time(0)).unwrap();
        assert_eq!(s.created(&"vad".into(), None, false), Created::Theirs);
        s.refused(Time(0));
        assert_eq!(s.next(Time(0)), None);
        s.done(&"older".into());
        assert_eq!(s.next(Time(0)), None, "a stale end does not free a newer response");
        s.done(&"vad".into());
        assert_eq!(s.next(Time(0)).unwrap().id, "a");
    }

    #[test]
    fn a_host_that_returns_no_metadata_does_not_block_the_next_request() {
        let mut s = Sequencer::default();
        s.want(request("a", Some(1)), Time(0));
        s.next(Time(0)).unwrap();
        assert_eq!(s.created(&"r1".into(), None, false), Created::Theirs);
        assert_eq!(s.done(&"r1".into()).unwrap().id, "a");
        s.want(request("b", None), Time(0));
        assert_eq!(s.next(Time(0)).unwrap().id, "b");
        // One that does is taken by its word.
        assert_eq!(s.created(&"r2".into(), Some("b"), false), Created::Ours(None));
        assert_eq!(s.done(&"r2".into()), None);
        s.want(request("c", None), Time(0));
        s.next(Time(0)).unwrap();
        assert_eq!(s.created(&"vad".into(), None, false), Created::Theirs);
        assert_eq!(s.done(&"vad".into()), None);
    }

    #[test]
    fn an_answer_the_vendor_was_going_to_give_is_not_taken_for_ours() {
        let mut s = Sequencer::default();
        s.want(request("a", Some(1)), Time(0));
        s.next(Time(0)).unwrap();
        assert_eq!(s.created(&"vad".into(), None, true), Created::Theirs);
        assert_eq!(s.done(&"vad".into()), None);
        s.want(request("b", None), Time(0));
        assert_eq!(s.next(Time(0)), None, "the first is still on its way");
    }

    #[test]
    fn a_refusal_without_a_known_response_is_retried_after_a_pause() {
        let mut s = Sequencer::default();
        s.want(request("a", None), Time(0));
        s.next(Time(0)).unwrap();
        s.refused(Time(0));
        assert_eq!(s.next(Time(0)), None);
        let again = s.timeout().unwrap();
        assert!(s.next(again).is_some());
    }

    #[test]
    fn an_abandoned_request_that_starts_late_is_to_be_cancelled() {
        let mut s = Sequencer::default();
        s.want(request("a", None), Time(0));
        s.next(Time(0)).unwrap();
        s.abandon();
        assert_eq!(s.created(&"r".into(), Some("a"), false), Created::Abandoned);
    }
}
