//! How often and how many: rates by user and by address, requests at a time, calls of a user.

use super::refusal::Refusal;
use axum::http::StatusCode;
use governor::{Quota, RateLimiter, clock::Clock, middleware::NoOpMiddleware, state::keyed::HashMapStateStore};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

/// Monotonic time since any moment.
pub(super) type Now = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Names a rate is kept for at a time; more share one.
const MOST_KEYS: usize = 16 * 1024;
/// Calls that are remembered.
const MOST_CALLS: usize = 4096;
/// Longer than any call: the vendor ends them after an hour.
const LONGEST_CALL: Duration = Duration::from_secs(65 * 60);

#[derive(Clone)]
struct Ticks(Now);

impl Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0()
    }
}

type Limiter<K> = RateLimiter<K, HashMapStateStore<K>, Ticks, NoOpMiddleware<Duration>>;

/// So many requests a minute for each of many.
pub(super) struct Rate<K: Hash + Eq + Clone> {
    limiter: Limiter<Option<K>>,
    now: Now,
    what: &'static str,
}

impl<K: Hash + Eq + Clone> Rate<K> {
    pub(super) fn new(per_minute: NonZeroU32, what: &'static str, now: &Now) -> Self {
        let limiter = RateLimiter::hashmap_with_clock(Quota::per_minute(per_minute), Ticks(now.clone()));
        Self { limiter, now: now.clone(), what }
    }

    /// Counts a request.
    pub(super) fn check(&self, key: K) -> Result<(), Refusal> {
        if self.limiter.len() >= MOST_KEYS {
            self.limiter.retain_recent();
        }
        // Whoever comes when everybody is there already shares a place, so that memory is bounded.
        let key = (self.limiter.len() < MOST_KEYS).then_some(key);
        self.limiter.check_key(&key).map_err(|until| {
            let wait = until.wait_time_from((self.now)());
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let message = format!("Too many requests of this {}. Try again in {seconds} s.", self.what);
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message).retry_after_s(seconds.max(1))
        })
    }
}

/// Whom an address stands for: of IPv6 the network, of which one person has all addresses.
pub(super) fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        ip => ip,
    }
}

/// Which user made which call.
pub(super) struct Book {
    calls: Mutex<VecDeque<Entry>>,
    of_a_user: Option<usize>,
    now: Now,
}

struct Entry {
    id: String,
    user: String,
    at: Duration,
}

impl Book {
    pub(super) fn new(of_a_user: Option<usize>, now: &Now) -> Self {
        Self { calls: Mutex::default(), of_a_user, now: now.clone() }
    }

    /// A call was made. Comes back: the user's oldest, when they have more than they may.
    pub(super) fn made(&self, id: &str, user: &str) -> Option<String> {
        let now = (self.now)();
        let mut calls = self.calls.lock();
        while calls.front().is_some_and(|call| now.saturating_sub(call.at) > LONGEST_CALL) || calls.len() >= MOST_CALLS
        {
            calls.pop_front();
        }
        calls.push_back(Entry { id: id.to_owned(), user: user.to_owned(), at: now });
        let most = self.of_a_user?;
        if calls.iter().filter(|call| call.user == user).count() <= most {
            return None;
        }
        let oldest = calls.iter().position(|call| call.user == user)?;
        calls.remove(oldest).map(|call| call.id)
    }

    /// Whether this user made that call.
    pub(super) fn knows(&self, id: &str, user: &str) -> bool {
        self.calls.lock().iter().any(|call| call.id == id && call.user == user)
    }

    /// A call is over.
    pub(super) fn over(&self, id: &str) {
        self.calls.lock().retain(|call| call.id != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frozen() -> Now {
        Arc::new(|| Duration::ZERO)
    }

    #[test]
    fn one_network_is_one_address() {
        let of = |ip: &str| network(ip.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(of("192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn rates_have_a_bound_of_their_own() {
        let rate = Rate::new(NonZeroU32::new(2).unwrap(), "user", &frozen());
        for key in 0..MOST_KEYS {
            rate.check(key).unwrap();
        }
        // Everybody after them shares one place.
        let late: Vec<_> = (0..3).map(|n| rate.check(MOST_KEYS + n).is_ok()).collect();
        assert_eq!(late, [true, true, false]);
        assert!(rate.limiter.len() <= MOST_KEYS + 1);
        assert!(rate.check(0).is_err(), "and even who was there: nothing is known to be theirs");
    }

    #[test]
    fn a_call_is_its_users_and_the_oldest_makes_room() {
        let book = Book::new(Some(2), &frozen());
        assert_eq!(book.made("a", "ann"), None);
        assert_eq!(book.made("b", "bob"), None);
        assert_eq!(book.made("c", "ann"), None);
        assert_eq!(book.made("d", "ann").as_deref(), Some("a"));
        assert!(!book.knows("b", "ann") && !book.knows("a", "ann"));
        assert!(book.knows("b", "bob"));
        book.over("b");
        assert!(!book.knows("b", "bob") && book.knows("c", "ann"));
    }

    #[test]
    fn calls_are_forgotten_after_their_longest_and_beyond_their_most() {
        let time = Arc::new(Mutex::new(Duration::ZERO));
        let told = time.clone();
        let book = Book::new(None, &(Arc::new(move || *told.lock()) as Now));
        book.made("old", "ann");
        *time.lock() = LONGEST_CALL + Duration::from_secs(1);
        for n in 0..MOST_CALLS {
            book.made(&n.to_string(), "ann");
        }
        assert!(!book.knows("old", "ann") && book.knows("0", "ann"));
        book.made("more", "ann");
        assert_eq!(book.calls.lock().len(), MOST_CALLS);
        assert!(!book.knows("0", "ann") && book.knows("1", "ann"));
    }
}
