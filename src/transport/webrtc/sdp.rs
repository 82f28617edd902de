//! What an SDP answer says that we need ourselves, read leniently; the stack reads the rest.

use crate::error::{Error, ErrorClass, Result, redact};

/// What a message may have when the answer does not say (RFC 8841, 6.1).
pub const DEFAULT_MESSAGE: usize = 65_536;
/// The most our side of the data channel can send.
pub const LARGEST_MESSAGE: usize = 262_144;

/// The payload type under which we offer Opus.
pub const OPUS: u8 = 111;

/// What was negotiated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// Payload type of Opus.
    pub opus: u8,
    /// The other end can use what a packet repeats of the one before it (RFC 7587, 6.1); who does not say so cannot.
    pub redundancy: bool,
    /// Audio goes to the other end.
    pub listens: bool,
    /// Bytes of the largest message the service takes.
    pub largest_message: usize,
}

/// One part of a description: the session's own lines, or a medium with its lines.
struct Section<'a> {
    medium: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> Section<'a> {
    fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes(name).next()
    }

    fn attributes<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a str> + 's {
        self.lines.iter().filter_map(move |line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'))
    }

    fn direction(&self) -> Option<&'a str> {
        let mut words = self.lines.iter().filter_map(|line| line.strip_prefix("a="));
        words.rfind(|word| ["sendrecv", "sendonly", "recvonly", "inactive"].contains(word))
    }

    /// A medium with port 0 is refused.
    fn is(&self, medium: &str) -> bool {
        let mut words = self.medium.split_ascii_whitespace();
        words.next() == Some(medium) && words.next().is_some_and(|port| port != "0")
    }
}

fn sections(sdp: &str) -> Vec<Section<'_>> {
    let mut sections = vec![Section { medium: "", lines: Vec::new() }];
    for line in sdp.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix("m=") {
            Some(medium) => sections.push(Section { medium, lines: Vec::new() }),
            None => {
                if let Some(section) = sections.last_mut() {
                    section.lines.push(line);
                }
            }
        }
    }
    sections
}

/// The answer to our offer.
///
/// # Errors
/// `invalid_answer` (class `protocol`), saying what is missing.
pub fn read(answer: &str) -> Result<Negotiated> {
    if !answer.trim_start().starts_with("v=0") {
        let words = redact(&answer.trim().chars().take(200).collect::<String>());
        return Err(wrong(&if words.is_empty() {
            "it is empty".into()
        } else {
            format!("it is no session description: {words}")
        }));
    }
    let sections = sections(answer);
    let of = |medium| sections.iter().find(|s| s.is(medium));
    let audio = of("audio").ok_or_else(|| wrong("it takes no audio"))?;
    let channel = of("application").ok_or_else(|| wrong("it takes no data channel"))?;
    let opus = audio
        .attributes("rtpmap")
        .find_map(|map| {
            let (number, codec) = map.split_once(' ')?;
            let is_opus = codec.trim().get(..11)?.eq_ignore_ascii_case("opus/48000/");
            number.trim().parse::<u8>().ok().filter(|number| is_opus && *number < 128)
        })
        .ok_or_else(|| wrong("it takes no Opus"))?;
    let parameters = audio.attributes("fmtp").find_map(|fmtp| {
        let (number, parameters) = fmtp.split_once(' ')?;
        (number.trim().parse() == Ok(opus)).then_some(parameters)
    });
    let redundancy = parameters.is_some_and(|p| p.split(';').any(|p| p.trim().eq_ignore_ascii_case("useinbandfec=1")));
    // A medium's own word, or that of the whole session.
    let direction = [audio, &sections[0]].into_iter().find_map(Section::direction).unwrap_or("sendrecv");
    if direction == "inactive" {
        return Err(wrong("it takes no audio: it is inactive"));
    }
    let listens = direction != "sendonly";
    let anywhere = |name: &str| sections.iter().any(|s| s.attribute(name).is_some());
    for name in ["fingerprint", "ice-ufrag", "ice-pwd"] {
        if !anywhere(name) {
            return Err(wrong(&format!("it has no {name}")));
        }
    }
    let largest_message = match channel.attribute("max-message-size").map(|n| n.trim().parse::<usize>()) {
        // Zero: any size.
        Some(Ok(0)) => LARGEST_MESSAGE,
        Some(Ok(n)) => n.min(LARGEST_MESSAGE),
        _ => DEFAULT_MESSAGE,
    };
    Ok(Negotiated { opus, redundancy, listens, largest_message })
}

const UNUSABLE: &str = "the answer of the service cannot be used: ";

/// An answer that cannot be used.
pub fn wrong(why: &str) -> Error {
    Error::new(ErrorClass::Protocol, "invalid_answer", format!("{UNUSABLE}{why}"))
        .field("base_url")
        .fix("check that the URL is that of a realtime API that takes calls")
}

/// What is wrong with it alone: offers are read like answers.
#[cfg(feature = "simulator")]
pub fn why(error: &Error) -> &str {
    error.message.strip_prefix(UNUSABLE).unwrap_or(&error.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    /// The shape of the service's own example.
    const ANSWER: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=fingerprint:sha-256 AA:BB\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:111 opus/48000/2\r\na=setup:active\r\na=mid:0\r\n\
        a=ice-ufrag:u\r\na=ice-pwd:p\r\na=candidate:1 1 udp 2130706431 192.0.2.1 3478 typ host\r\n\
        a=candidate:2 1 tcp 1671430143 192.0.2.1 443 typ host tcptype passive\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\na=sctp-port:5000\r\n";

    #[test]
    fn an_answer_says_what_was_negotiated() {
        let got = read(ANSWER).unwrap();
        assert_eq!((got.opus, got.largest_message), (111, 65_536));
        for (said, largest) in [("0", 262_144), ("1000", 1000), ("9999999", 262_144), ("many", 65_536)] {
            let answer = format!("{ANSWER}a=max-message-size:{said}\r\n");
            assert_eq!(read(&answer).unwrap().largest_message, largest, "{said}");
        }
        assert_eq!(read(&ANSWER.replace("111 opus", "96 OPUS")).unwrap().opus, 96);
        assert!(read(&ANSWER.replace("\r\n", "\n")).is_ok());
    }

    #[test]
    fn redundancy_and_direction_are_those_of_the_audio() {
        let fmtp = |line: &str| ANSWER.replace("a=setup", &format!("{line}\r\na=setup"));
        let redundancy = |line: &str| read(&fmtp(line)).unwrap().redundancy;
        assert!(redundancy("a=fmtp:111 minptime=10;useinbandfec=1"));
        assert!(redundancy("a=fmtp:111 minptime=10; UseInbandFec=1"));
        for line in ["a=x", "a=fmtp:111 useinbandfec=0", "a=fmtp:0 useinbandfec=1", "a=fmtp:111 useinbandfec=10"] {
            assert!(!redundancy(line), "{line}");
        }
        let listens = |line: &str| read(&fmtp(line)).map(|n| n.listens).map_err(|e| e.code);
        for line in ["a=x", "a=sendrecv", "a=recvonly"] {
            assert_eq!(listens(line), Ok(true), "{line}");
        }
        assert_eq!(listens("a=sendonly"), Ok(false));
        assert_eq!(listens("a=inactive").unwrap_err(), "invalid_answer");
        // What is said of the session holds where a medium says nothing.
        let session = ANSWER.replace("t=0 0", "t=0 0\r\na=inactive");
        assert_eq!(read(&session).unwrap_err().code, "invalid_answer");
        assert!(read(&session.replace("a=setup", "a=sendrecv\r\na=setup")).unwrap().listens);
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (answer, why) in [
            (String::new(), "empty"),
            ("<html>Sign in to the network</html>".into(), "Sign in"),
            ("v=0\r\n".into(), "no audio"),
            (ANSWER.replace("m=audio 9", "m=audio 0"), "no audio"),
            (ANSWER.replace("m=application 9", "m=application 0"), "no data channel"),
            (ANSWER.replace("opus/48000/2", "G722/8000"), "no Opus"),
            (ANSWER.replace("111 opus", "300 opus"), "no Opus"),
            (ANSWER.replace("a=fingerprint", "a=x"), "no fingerprint"),
            (ANSWER.replace("a=ice-pwd", "a=x"), "no ice-pwd"),
        ] {
            let error = read(&answer).unwrap_err();
            assert_eq!(error.code, "invalid_answer");
            assert!(error.message.contains(why), "{error}");
        }
    }

    #[test]
    fn no_text_breaks_the_reader() {
        for cut in 0..ANSWER.len() {
            let _ = read(&ANSWER[..cut]);
            let _ = read(&format!("v=0{}", &ANSWER[cut..]));
        }
    }

    proptest! {
        /// Lines of an answer in any order and number, some with anything in them.
        #[test]
        fn what_is_read_is_within_bounds(
            lines in vec((0..24usize, any::<Option<String>>()), 0..60),
            largest in any::<u64>(),
        ) {
            let known: Vec<&str> = ANSWER.lines().collect();
            let mut answer = "v=0\r\n".to_owned();
            for (which, what) in lines {
                answer += match (known.get(which), &what) {
                    (Some(line), None) => line,
                    (Some(line), Some(_)) => &line[..line.len().min(which)],
                    (None, Some(what)) => what,
                    (None, None) => "a=max-message-size:",
                };
                answer += "\r\n";
            }
            answer += &format!("a=max-message-size:{largest}\r\n");
            match read(&answer) {
                Ok(got) => prop_assert!(got.opus < 128 && (1..=LARGEST_MESSAGE).contains(&got.largest_message)),
                Err(error) => prop_assert_eq!(error.code, "invalid_answer"),
            }
        }
    }
}
