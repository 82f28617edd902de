//! The other side of a call: an offer is answered, and events and sound go the other way round.

use super::{WebRtc, peer::Answering, sdp};
use crate::{
    audio::opus::Opus,
    error::{Error, ErrorClass, Result},
    transport::Transport,
};
use std::net::IpAddr;

/// A call whose answer is on its way.
pub(crate) struct Offered {
    answering: Answering,
    negotiated: sdp::Negotiated,
}

impl Offered {
    /// Takes an offer of somebody at `at`; returns the answer to it. Like that of the service it does not say how long a
    /// message may be.
    ///
    /// # Errors
    /// `invalid_offer`: the offer has no audio with Opus, no data channel, or is none at all.
    pub async fn answer(at: IpAddr, offer: &str) -> Result<(Self, String)> {
        let invalid = |e: Error| Error::new(ErrorClass::Protocol, "invalid_offer", sdp::why(&e));
        Self::answered(at, offer).await.map_err(|e| if e.code == "invalid_answer" { invalid(e) } else { e })
    }

    async fn answered(at: IpAddr, offer: &str) -> Result<(Self, String)> {
        let negotiated = sdp::read(offer)?;
        let (answering, answer) = Answering::new(at, offer).await?;
        let lines = answer.lines().filter(|line| !line.starts_with("a=max-message-size"));
        let answer = lines.flat_map(|line| [line, "\r\n"]).collect();
        Ok((Self { answering, negotiated }, answer))
    }

    /// Waits for the caller.
    ///
    /// # Errors
    /// `ice_failed`, `channel_failed`: the caller did not come.
    pub async fn open(self) -> Result<Box<dyn Transport>> {
        let peer = self.answering.opened().await?;
        Ok(Box::new(WebRtc::new(peer, None, self.negotiated, Box::new(Opus::new()?))?))
    }
}
