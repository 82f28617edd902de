//! Which transport carries the conversation, and telling the host when it is another one.
//!
//! With `transport` `auto` the driver tries a call first and may come back with a WebSocket. Where no path was found for a
//! call none is looked for again in the same run, unless the network is another one: each try would cost two seconds. Nor is
//! one looked for that could not be told the configuration.

use super::Session;
use crate::{
    capabilities::TransportKind,
    config::TransportChoice,
    event::{EventKind, TransportChanged},
    provider::{Codec, DialRequest},
};

/// A session object that is longer fits no message of a call: 64 KiB, where the service does not say otherwise, and the
/// event around it.
const MOST_ON_A_CALL: usize = 65_536 - 256;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// What the connection before was.
    used: Option<TransportKind>,
    /// A call did not come about in this network.
    fell_back: bool,
}

impl Way {
    /// What to dial.
    pub fn request(&self, codec: &dyn Codec) -> DialRequest {
        let mut request = codec.dial().clone();
        let auto = request.transport == TransportChoice::Auto;
        if auto && (self.fell_back || codec.wish().to_string().len() > MOST_ON_A_CALL) {
            request.transport = TransportChoice::Websocket;
        }
        request
    }

    /// The network is another one: what did not come about may now.
    pub fn afresh(&mut self) {
        self.fell_back = false;
    }
}

impl Session {
    /// The connection is up: the host is told if it is another kind than before, or than was tried.
    pub(super) fn tell_transport(&mut self, why: Option<&str>) {
        let carries = self.link.carries;
        let tried = carries.fallback.map(|_| TransportKind::Webrtc);
        let from = tried.or(self.way.used).filter(|from| *from != carries.transport);
        self.way.used = Some(carries.transport);
        self.way.fell_back |= carries.fallback.is_some();
        let Some(from) = from else { return };
        let why = carries.fallback.map(|fallback| fallback.word()).or(why).unwrap_or("connect");
        let (from, to) = (from.word().into(), carries.transport.word().into());
        self.emit(EventKind::TransportChanged(TransportChanged { from, to, why: why.into() }));
    }
}
