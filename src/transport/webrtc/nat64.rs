//! Networks with IPv6 alone, which reach IPv4 through a translator (NAT64).
//!
//! The service answers with addresses of IPv4. Host names are no trouble there: DNS64 makes addresses of IPv6 of them,
//! but an address in an answer nobody translates. So where no way leads to IPv4 we do it ourselves: the prefix of the
//! translator is learnt as RFC 7050 says, from what DNS makes of a name that has IPv4 alone, and the addresses are made
//! as RFC 6052 says.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::Duration,
};
use tokio::{net::lookup_host, time::timeout};

/// Has these two addresses and no others.
const WELL_KNOWN: &str = "ipv4only.arpa";
const ITS_ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 0, 170), Ipv4Addr::new(192, 0, 0, 171)];
/// Without an answer in this time there is no translator.
const DNS: Duration = Duration::from_secs(1);

/// The answer with candidates that can be reached from here: as it is, where IPv4 can be reached.
pub(super) async fn reachable(answer: &str) -> Cow<'_, str> {
    let Some(first) = candidates(answer).find_map(ipv4_of) else { return Cow::Borrowed(answer) };
    if has_route(first) {
        return Cow::Borrowed(answer);
    }
    let found = timeout(DNS, lookup_host((WELL_KNOWN, 9))).await;
    let addresses: Vec<SocketAddr> = found.ok().and_then(Result::ok).map(Iterator::collect).unwrap_or_default();
    let prefix = addresses.iter().find_map(|address| match address.ip() {
        IpAddr::V6(ip) => Prefix::of(ip),
        IpAddr::V4(_) => None,
    });
    tracing::debug!(translator = prefix.is_some(), "IPv4 cannot be reached");
    prefix.map_or(Cow::Borrowed(answer), |prefix| Cow::Owned(translated(answer, &prefix)))
}

/// Nothing is sent: the system only looks where it would go.
fn has_route(to: Ipv4Addr) -> bool {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| socket.connect((to, 9))).is_ok()
}

fn candidates(answer: &str) -> impl Iterator<Item = &str> {
    answer.lines().filter(|line| line.starts_with("a=candidate:"))
}

/// `a=candidate:<foundation> <component> <protocol> <priority> <address> <port> typ …`
fn ipv4_of(candidate: &str) -> Option<Ipv4Addr> {
    candidate.split(' ').nth(4)?.parse().ok()
}

/// Each candidate with an address of IPv4 is followed by the same with the translator's.
fn translated(answer: &str, prefix: &Prefix) -> String {
    let mut lines = String::new();
    for line in answer.lines() {
        lines += line;
        lines += "\r\n";
        if let Some(ip) = ipv4_of(line).filter(|_| line.starts_with("a=candidate:")) {
            let embedded = prefix.embed(ip).to_string();
            let words = line.split(' ').enumerate().map(|(at, word)| if at == 4 { &embedded } else { word });
            lines += &words.collect::<Vec<_>>().join(" ");
            lines += "\r\n";
        }
    }
    lines
}

/// Where a translator puts an address of IPv4.
#[derive(Debug, PartialEq, Eq)]
struct Prefix {
    bytes: [u8; 16],
    places: [usize; 4],
}

/// For each length a prefix may have, the bytes of the address behind it (RFC 6052, 2.2). Byte 8 is always zero.
const PLACES: [[usize; 4]; 6] =
    [[12, 13, 14, 15], [9, 10, 11, 12], [7, 9, 10, 11], [6, 7, 9, 10], [5, 6, 7, 9], [4, 5, 6, 7]];

impl Prefix {
    /// From what DNS made of the well-known name.
    fn of(made: Ipv6Addr) -> Option<Self> {
        let bytes = made.octets();
        let is_there = |places: &[usize; 4]| ITS_ADDRESSES.contains(&Ipv4Addr::from(places.map(|at| bytes[at])));
        let mut found = PLACES.into_iter().filter(is_there).filter(|places| places[0] == 12 || bytes[8] == 0);
        // An address that fits in two ways says nothing (RFC 7050, 3).
        let (places, None) = (found.next()?, found.next()) else { return None };
        let mut prefix = [0; 16];
        prefix[..places[0]].copy_from_slice(&bytes[..places[0]]);
        Some(Self { bytes: prefix, places })
    }

    fn embed(&self, ip: Ipv4Addr) -> Ipv6Addr {
        let mut bytes = self.bytes;
        for (at, byte) in self.places.into_iter().zip(ip.octets()) {
            bytes[at] = byte;
        }
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(made: &str) -> Option<Prefix> {
        Prefix::of(made.parse().unwrap())
    }

    /// The table of RFC 6052, 2.4: 192.0.2.33 behind prefixes of every length.
    #[test]
    fn addresses_are_embedded_as_the_rfc_has_them() {
        for (well_known, embedded) in [
            ("2001:db8:c000:aa::", "2001:db8:c000:221::"),
            ("2001:db8:1c0:0:aa::", "2001:db8:1c0:2:21::"),
            ("2001:db8:122:c000:0:aa00::", "2001:db8:122:c000:2:2100::"),
            ("2001:db8:122:3c0:0:aa::", "2001:db8:122:3c0:0:221::"),
            ("2001:db8:122:344:c0:0:aa00::", "2001:db8:122:344:c0:2:2100::"),
            ("2001:db8:122:344::192.0.0.170", "2001:db8:122:344::192.0.2.33"),
            ("64:ff9b::192.0.0.171", "64:ff9b::192.0.2.33"),
        ] {
            let found = prefix(well_known).unwrap_or_else(|| panic!("{well_known}"));
            let expected: Ipv6Addr = embedded.parse().unwrap();
            assert_eq!(found.embed(Ipv4Addr::new(192, 0, 2, 33)), expected, "{well_known}");
        }
        assert_eq!(prefix("2001:db8::1"), None);
    }

    #[test]
    fn candidates_of_ipv4_get_a_twin() {
        let answer = "v=0\r\na=candidate:1 1 udp 2130706431 192.0.2.33 3478 typ host\r\n\
            a=candidate:2 1 udp 1 2001:db8::5 3478 typ host\r\nm=audio 9\r\n";
        let twin = "a=candidate:1 1 udp 2130706431 64:ff9b::c000:221 3478 typ host\r\n";
        let expected = answer.replace("a=candidate:2", &format!("{twin}a=candidate:2"));
        assert_eq!(translated(answer, &prefix("64:ff9b::192.0.0.170").unwrap()), expected);
    }

    #[tokio::test]
    async fn where_ipv4_can_be_reached_nothing_is_changed() {
        let answer = "v=0\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n";
        assert!(matches!(reachable(answer).await, Cow::Borrowed(same) if same == answer));
        assert!(matches!(reachable("no answer").await, Cow::Borrowed("no answer")));
    }
}
