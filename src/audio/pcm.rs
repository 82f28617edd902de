//! Plain 16-bit PCM: bytes to frames, channels to mono, frames to milliseconds.
//!
//! Pure functions, any thread. The ones that take `out` append to it and may allocate.

/// Appends the little-endian 16-bit frames of `bytes` to `out`.
///
/// An odd trailing byte is ignored; a caller that reads a byte stream in pieces keeps it for the
/// next call.
pub fn i16_from_le_bytes(bytes: &[u8], out: &mut Vec<i16>) {
    out.extend(bytes.as_chunks::<2>().0.iter().map(|b| i16::from_le_bytes(*b)));
}

/// Appends the mono mix of `interleaved` to `out`: the mean of the channels, rounded to nearest.
///
/// An incomplete last frame is ignored, and so is everything when `channels` is 0.
pub fn downmix(interleaved: &[i16], channels: usize, out: &mut Vec<i16>) {
    match channels {
        0 => {}
        1 => out.extend_from_slice(interleaved),
        _ => {
            let n = channels as i64;
            out.extend(interleaved.chunks_exact(channels).map(|frame| {
                let sum: i64 = frame.iter().map(|&s| i64::from(s)).sum();
                (2 * sum + n).div_euclid(2 * n) as i16
            }));
        }
    }
}

/// Frames in `ms` milliseconds at `rate` frames per second, rounded down.
pub fn ms_to_frames(ms: u64, rate: u32) -> u64 {
    scale(ms, u64::from(rate), 1000)
}

/// Whole milliseconds in `frames` frames at `rate` frames per second, rounded down; 0 for rate 0.
pub fn frames_to_ms(frames: u64, rate: u32) -> u64 {
    scale(frames, 1000, u64::from(rate))
}

/// `value * up / down` rounded down, saturating, 0 when `down` is 0.
pub(crate) fn scale(value: u64, up: u64, down: u64) -> u64 {
    match (u128::from(value) * u128::from(up)).checked_div(u128::from(down)) {
        Some(v) => u64::try_from(v).unwrap_or(u64::MAX),
        None => 0,
    }
}

/// `value * up / down` rounded up, saturating, 0 when `down` is 0.
pub(crate) fn scale_up(value: u64, up: u64, down: u64) -> u64 {
    if down == 0 {
        return 0;
    }
    let v = (u128::from(value) * u128::from(up)).div_ceil(u128::from(down));
    u64::try_from(v).unwrap_or(u64::MAX)
}

/// `x` in −1..=1 as a 16-bit frame, rounded to nearest and clipped; not-a-number becomes 0.
pub(crate) fn to_i16(x: f32) -> i16 {
    (x * 32768.0).round() as i16
}

/// Serialises samples as base64 of their little-endian bytes.
pub(crate) fn serialize_base64<S: serde::Serializer>(pcm: &[i16], serializer: S) -> Result<S::Ok, S::Error> {
    let bytes: Vec<u8> = pcm.iter().flat_map(|s| s.to_le_bytes()).collect();
    serializer.serialize_str(&base64_simd::STANDARD.encode_to_string(bytes))
}

/// The reverse of [`serialize_base64`].
pub(crate) fn deserialize_base64<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<i16>, D::Error> {
    let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
    let bytes = base64_simd::STANDARD.decode_to_vec(text.as_bytes()).map_err(serde::de::Error::custom)?;
    let mut pcm = Vec::with_capacity(bytes.len() / 2);
    i16_from_le_bytes(&bytes, &mut pcm);
    Ok(pcm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_little_endian_and_an_odd_one_is_left() {
        let mut out = vec![7];
        i16_from_le_bytes(&[0x01, 0x00, 0xff, 0xff, 0x00, 0x80, 0x55], &mut out);
        assert_eq!(out, [7, 1, -1, i16::MIN]);
    }

    #[test]
    fn downmix_is_the_rounded_mean() {
        let mut out = Vec::new();
        downmix(&[1, 2, -1, -2, i16::MIN, i16::MIN, i16::MAX, i16::MAX, 9], 2, &mut out);
        assert_eq!(out, [2, -1, i16::MIN, i16::MAX]);
        downmix(&[3, 4], 1, &mut out);
        downmix(&[3, 4], 0, &mut out);
        assert_eq!(out, [2, -1, i16::MIN, i16::MAX, 3, 4]);
    }

    #[test]
    fn milliseconds_round_down_and_never_overflow() {
        assert_eq!(ms_to_frames(10, 44_100), 441);
        assert_eq!(ms_to_frames(1, 22_050), 22);
        assert_eq!(frames_to_ms(479, 48_000), 9);
        assert_eq!(frames_to_ms(u64::MAX, 1), u64::MAX);
        assert_eq!(frames_to_ms(5, 0), 0);
        assert_eq!(scale_up(1, 24_000, 44_100), 1);
    }

    #[test]
    fn floats_clip() {
        assert_eq!([1.5, -1.5, 0.5, f32::NAN].map(to_i16), [i16::MAX, i16::MIN, 16384, 0]);
    }
}
