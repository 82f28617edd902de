//! The clock hosts give device times on, and the one on the wall.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds of a monotonic clock, with an origin that is the same for all code of this process.
///
/// [`crate::Client::pull_audio`] and [`crate::Client::push_audio_at`] take times on it. On Unix it is
/// `CLOCK_MONOTONIC`, so that a host may read it with `clock_gettime` or give what its audio system says;
/// elsewhere it counts from the first call. It allocates nothing and may be called in an audio callback.
pub fn clock_us() -> u64 {
    #[cfg(unix)]
    {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the pointer is to a timespec of ours, which is all the call asks for. It cannot fail:
        // every Unix has this clock.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
        let (seconds, nanos) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
        seconds.unwrap_or(0) * 1_000_000 + nanos.unwrap_or(0) / 1000
    }
    #[cfg(not(unix))]
    {
        use std::{sync::OnceLock, time::Instant};
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        u64::try_from(ORIGIN.get_or_init(Instant::now).elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Seconds since 1970, if the clock on the wall is past that.
pub(crate) fn unix_s() -> Option<u64> {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|d| d.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_and_never_back() {
        let first = clock_us();
        let mut last = first;
        // A microsecond passes before long.
        while last == first {
            let now = clock_us();
            assert!(now >= last);
            last = now;
        }
    }
}
