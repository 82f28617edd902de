//! Keeps secrets out of the handshake the WebSocket library sees.
//!
//! That library writes the whole request, with all headers and the query, to its trace log. So it is given a
//! request with placeholders, and this puts the secrets in their places on the way to the socket.
//!
//! Of the answer it writes the headers too, and compares the protocol that was chosen with those it believes were
//! offered. Where the credential is in the only one of them (xAI), it comes back; there, too, the placeholder takes its
//! place.

use secrecy::zeroize::Zeroizing;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Stands for the query of the URL.
pub const QUERY: &str = "duologue-query";
/// Stands for the credential, at the end of a header.
pub const CREDENTIAL: &str = "duologue-credential";

/// A head of an answer has no more bytes; of a longer one the rest is passed on as it is.
const MOST_HEAD: usize = 16 * 1024;
const PROTOCOL: &[u8] = b"sec-websocket-protocol:";

/// What the placeholders stand for; wiped as soon as it was sent.
#[derive(Default)]
pub struct Secrets {
    pub query: Option<Zeroizing<String>>,
    pub credential: Option<Zeroizing<String>>,
}

impl Secrets {
    fn fill(&self, request: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let line = find(request, b"\r\n")?;
        let (mut first, mut rest) = (&request[..line], &request[line..]);
        // Never grows, so that no copy is left behind.
        let more = |secret: &Option<Zeroizing<String>>| secret.as_ref().map_or(0, |s| s.len());
        let mut out = Zeroizing::new(Vec::with_capacity(request.len() + more(&self.query) + more(&self.credential)));
        if let Some(query) = &self.query {
            let mark = format!("?{QUERY} HTTP/1.1");
            first = first.strip_suffix(mark.as_bytes())?;
            out.extend_from_slice(first);
            out.push(b'?');
            out.extend_from_slice(query.as_bytes());
            out.extend_from_slice(b" HTTP/1.1");
        } else {
            out.extend_from_slice(first);
        }
        if let Some(credential) = &self.credential {
            // The last one: the library writes Host, which the user chose, before it.
            let mark = format!("{CREDENTIAL}\r\n");
            let at = rest.windows(mark.len()).rposition(|w| w == mark.as_bytes())?;
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(credential.as_bytes());
            rest = &rest[at + CREDENTIAL.len()..];
        }
        out.extend_from_slice(rest);
        Some(out)
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}

/// A wire whose first write is a request with placeholders.
pub struct Filled<S> {
    inner: S,
    secrets: Option<Secrets>,
    /// The request as it is sent, and how much of it was.
    sending: Option<(Zeroizing<Vec<u8>>, usize)>,
    answer: Answer,
}

/// What is done with what comes.
enum Answer {
    /// The head is gathered.
    Head { credential: Zeroizing<String>, bytes: Zeroizing<Vec<u8>> },
    /// It is passed on, and what came with it.
    Gathered(Zeroizing<Vec<u8>>, usize),
    /// Everything is passed on as it comes.
    Through,
}

impl<S> Filled<S> {
    pub fn new(inner: S, secrets: Secrets) -> Self {
        Self { inner, secrets: Some(secrets), sending: None, answer: Answer::Through }
    }
}

/// An answer with the placeholder for the credential, where its head names a protocol with it.
fn hidden(answer: &[u8], credential: &[u8]) -> Zeroizing<Vec<u8>> {
    let head = find(answer, b"\r\n\r\n").unwrap_or(answer.len());
    let mut out = Zeroizing::new(Vec::with_capacity(answer.len() + CREDENTIAL.len()));
    let mut at = 0;
    while at < head {
        let end = find(&answer[at..head], b"\r\n").map_or(head, |n| at + n + 2);
        let line = &answer[at..end];
        let protocol = line.get(..PROTOCOL.len()).is_some_and(|name| name.eq_ignore_ascii_case(PROTOCOL));
        match find(line, credential).filter(|_| protocol && !credential.is_empty()) {
            Some(secret) => {
                out.extend_from_slice(&line[..secret]);
                out.extend_from_slice(CREDENTIAL.as_bytes());
                out.extend_from_slice(&line[secret + credential.len()..]);
            }
            None => out.extend_from_slice(line),
        }
        at = end;
    }
    out.extend_from_slice(&answer[at..]);
    out
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Filled<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if let Some(secrets) = this.secrets.take() {
            let request = secrets.fill(bytes).ok_or(io::ErrorKind::InvalidData)?;
            this.sending = Some((request, 0));
            if let Some(credential) = secrets.credential {
                // Never grows, so that no copy is left behind.
                this.answer = Answer::Head { credential, bytes: Zeroizing::new(Vec::with_capacity(2 * MOST_HEAD)) };
            }
        }
        // Until it is all sent the caller comes back with the same bytes.
        while let Some((request, sent)) = &mut this.sending {
            let n = ready!(Pin::new(&mut this.inner).poll_write(cx, &request[*sent..]))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *sent += n;
            if *sent == request.len() {
                this.sending = None;
                return Poll::Ready(Ok(bytes.len()));
            }
        }
        Pin::new(&mut this.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Filled<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.answer {
                Answer::Through => return Pin::new(&mut this.inner).poll_read(cx, out),
                Answer::Gathered(bytes, given) => {
                    let more = out.remaining().min(bytes.len() - *given);
                    out.put_slice(&bytes[*given..*given + more]);
                    *given += more;
                    if *given == bytes.len() {
                        this.answer = Answer::Through;
                    }
                    return Poll::Ready(Ok(()));
                }
                Answer::Head { credential, bytes } => {
                    let mut piece = Zeroizing::new([0; 2048]);
                    let mut piece = ReadBuf::new(&mut piece[..]);
                    ready!(Pin::new(&mut this.inner).poll_read(cx, &mut piece))?;
                    bytes.extend_from_slice(piece.filled());
                    let over = piece.filled().is_empty() || bytes.len() > MOST_HEAD;
                    if over || find(bytes, b"\r\n\r\n").is_some() {
                        this.answer = Answer::Gathered(hidden(bytes, credential.as_bytes()), 0);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn secret(text: &str) -> Option<Zeroizing<String>> {
        Some(Zeroizing::new(text.into()))
    }

    async fn sent(secrets: Secrets, request: &str) -> String {
        // A pipe that takes seven bytes at a time.
        let (ours, mut theirs) = tokio::io::duplex(7);
        let reading = tokio::spawn(async move {
            let mut got = String::new();
            theirs.read_to_string(&mut got).await.unwrap();
            got
        });
        let mut wire = Filled::new(ours, secrets);
        wire.write_all(request.as_bytes()).await.unwrap();
        wire.write_all(format!("then {CREDENTIAL}\r\n").as_bytes()).await.unwrap();
        drop(wire);
        reading.await.unwrap()
    }

    #[tokio::test]
    async fn placeholders_are_filled_once_and_nothing_else() {
        let head = format!("GET /{QUERY}?{QUERY} HTTP/1.1\r\nHost: {CREDENTIAL}\r\n");
        let request = format!("{head}authorization: Bearer {CREDENTIAL}\r\nuser-agent: x\r\n\r\n");
        let got = sent(Secrets { query: secret("a=b"), credential: secret("s") }, &request).await;
        let wanted = format!(
            "GET /{QUERY}?a=b HTTP/1.1\r\nHost: {CREDENTIAL}\r\nauthorization: Bearer s\r\nuser-agent: x\r\n\r\n"
        );
        assert_eq!(got, format!("{wanted}then {CREDENTIAL}\r\n"));
        assert_eq!(sent(Secrets::default(), &request).await, format!("{request}then {CREDENTIAL}\r\n"));
    }

    #[tokio::test]
    async fn a_protocol_that_comes_back_comes_without_the_credential() {
        let head = "HTTP/1.1 101 Switching\r\nX: s3cret\r\nSec-WebSocket-Protocol: xai.s3cret\r\n\r\n";
        let frames = "Sec-WebSocket-Protocol: s3cret\r\n\r\n";
        let hidden = head.replace("xai.s3cret", &format!("xai.{CREDENTIAL}"));
        for (credential, answer, wanted) in [
            (secret("s3cret"), format!("{head}{frames}"), format!("{hidden}{frames}")),
            (secret("other"), format!("{head}{frames}"), format!("{head}{frames}")),
            (None, format!("{head}{frames}"), format!("{head}{frames}")),
            // A service that breaks off in the head.
            (secret("s3cret"), "HTTP/1.1 400 s3".to_owned(), "HTTP/1.1 400 s3".to_owned()),
            (secret("s3cret"), "x".repeat(40_000), "x".repeat(40_000)),
            (secret("s3cret"), String::new(), String::new()),
        ] {
            let (ours, mut theirs) = tokio::io::duplex(7);
            let telling = tokio::spawn(async move {
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    asked.push(theirs.read_u8().await.unwrap());
                }
                theirs.write_all(answer.as_bytes()).await.unwrap();
            });
            let mark = if credential.is_some() { CREDENTIAL } else { "none" };
            let mut wire = Filled::new(ours, Secrets { query: None, credential });
            wire.write_all(format!("GET / HTTP/1.1\r\nP: {mark}\r\n\r\n").as_bytes()).await.unwrap();
            let mut got = String::new();
            wire.read_to_string(&mut got).await.unwrap();
            assert_eq!(got, wanted);
            telling.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_request_without_its_place_is_not_sent() {
        let (ours, _theirs) = tokio::io::duplex(100);
        let mut wire = Filled::new(ours, Secrets { query: None, credential: secret("s") });
        let error = wire.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
