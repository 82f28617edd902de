//! What the other end reports of our packets, and when ours were sent: an observer in the stack's chain of interceptors.
//!
//! The stack sends RTCP and has a place for what comes of it, but never puts anything there: its `get_stats` knows neither
//! loss nor round trip of what we send, and no report reaches the application either. So the reports are read here, where
//! they pass. Both kinds carry them: a receiver that also sends puts its report into its own sender report.
//!
//! Nor does the stack pass on media of another source than the first (a changed SSRC), or say that there is any: it is
//! counted here.

use parking_lot::Mutex;
use rtc::{
    interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket},
    rtcp::{receiver_report::ReceiverReport, reception_report::ReceptionReport, sender_report::SenderReport},
    sansio::Protocol,
    shared::error::Error,
};
use std::{collections::VecDeque, sync::Arc, time::Instant};

/// Sender reports of ours that a report may refer to. They leave once a second.
const REMEMBERED: usize = 16;
/// Of the way to less loss, what each report goes. More loss is believed at once.
const EASE: f32 = 0.125;

/// What is known of our packets at the other end.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reported {
    /// Lost between the newest two reports, in thousandths; `None`: there was no report.
    pub lost_permille: Option<u16>,
    /// `None`: no report referred to one of ours yet.
    pub round_trip_us: Option<u64>,
    /// Packets in a hundred that will not arrive, as far as the past tells: a report covers some fifty packets, so a
    /// single one says little.
    pub expected_percent: f32,
    /// Media packets of another source than the first one's, which nobody hears.
    pub strangers: u64,
}

impl Reported {
    fn lost(&mut self, of_256: u8) {
        let percent = f32::from(of_256) / 2.56;
        self.lost_permille = Some((percent * 10.0) as u16);
        let off = percent - self.expected_percent;
        self.expected_percent += if off > 0.0 { off } else { off * EASE };
    }
}

/// The observer of a connection. It changes nothing.
pub struct Reports {
    ssrc: u32,
    /// The source that is heard.
    heard: Option<u32>,
    told: Arc<Mutex<Reported>>,
    /// The middle of the time in our sender reports, and when they left.
    sent: VecDeque<(u32, Instant)>,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl Reports {
    /// Between what is sent by the stack's own interceptors and the wire.
    pub const PLACE: usize = 500;

    /// Watches what is said of the stream `ssrc`, and keeps `told`.
    pub fn new(ssrc: u32, told: Arc<Mutex<Reported>>) -> Self {
        Self { ssrc, heard: None, told, sent: VecDeque::new(), inbound: VecDeque::new(), outbound: VecDeque::new() }
    }

    fn read(&self, now: Instant, reports: &[ReceptionReport]) {
        for report in reports.iter().filter(|report| report.ssrc == self.ssrc) {
            let mut told = self.told.lock();
            told.lost(report.fraction_lost);
            // Zero: it has none of ours yet.
            let ours = self.sent.iter().rev().find(|(time, _)| *time == report.last_sender_report && *time != 0);
            if let Some((_, left)) = ours {
                let kept_us = u64::from(report.delay) * 1_000_000 / 65_536;
                let away_us = now.saturating_duration_since(*left).as_micros() as u64;
                told.round_trip_us = Some(away_us.saturating_sub(kept_us));
            }
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Reports {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(media) = &packet.message.packet
            && *self.heard.get_or_insert(media.header.ssrc) != media.header.ssrc
        {
            self.told.lock().strangers += 1;
        }
        if let Packet::Rtcp(parts) = &packet.message.packet {
            for part in parts {
                if let Some(report) = part.as_any().downcast_ref::<ReceiverReport>() {
                    self.read(packet.now, &report.reports);
                } else if let Some(report) = part.as_any().downcast_ref::<SenderReport>() {
                    self.read(packet.now, &report.reports);
                }
            }
        }
        self.inbound.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(parts) = &packet.message.packet {
            for report in parts.iter().filter_map(|part| part.as_any().downcast_ref::<SenderReport>()) {
                if self.sent.len() == REMEMBERED {
                    self.sent.pop_front();
                }
                self.sent.push_back(((report.ntp_time >> 16) as u32, packet.now));
            }
        }
        self.outbound.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }
}

impl Interceptor for Reports {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc::{interceptor::AttributedPacket, rtcp};
    use std::time::Duration;

    fn packet(now: Instant, part: impl rtcp::Packet + 'static) -> TaggedPacket {
        let message = AttributedPacket::new(Packet::Rtcp(vec![Box::new(part)]));
        TaggedPacket { now, transport: Default::default(), message }
    }

    fn report(ssrc: u32, fraction_lost: u8, last_sender_report: u32, delay: u32) -> ReceptionReport {
        ReceptionReport { ssrc, fraction_lost, last_sender_report, delay, ..Default::default() }
    }

    #[test]
    fn loss_and_round_trip_come_from_both_kinds_of_reports() {
        let told = Arc::new(Mutex::new(Reported::default()));
        let mut reports = Reports::new(7, told.clone());
        let start = Instant::now();
        assert_eq!(*told.lock(), Reported::default(), "nothing is known before the first report");
        // Another stream of the same connection, and one report without a time of ours.
        let both = vec![report(8, 255, 0, 0), report(7, 0, 0, 0)];
        reports.handle_read(packet(start, ReceiverReport { reports: both, ..Default::default() })).unwrap();
        assert_eq!(*told.lock(), Reported { lost_permille: Some(0), ..Default::default() });

        let ours = SenderReport { ntp_time: 0x0001_2345_6789_abcd, ..Default::default() };
        reports.handle_write(packet(start, ours)).unwrap();
        // Kept for half a second there, back after 620 ms.
        let back = start + Duration::from_millis(620);
        let theirs = SenderReport { reports: vec![report(7, 64, 0x2345_6789, 32_768)], ..Default::default() };
        reports.handle_read(packet(back, theirs)).unwrap();
        let expected =
            Reported { lost_permille: Some(250), round_trip_us: Some(120_000), expected_percent: 25.0, strangers: 0 };
        assert_eq!(*told.lock(), expected);
        // Nothing is kept back, in either direction.
        assert_eq!([reports.poll_read().is_some(), reports.poll_read().is_some()], [true; 2]);
        assert!(reports.poll_read().is_none() && reports.poll_write().is_some() && reports.poll_write().is_none());
    }

    #[test]
    fn media_of_another_source_is_counted() {
        let told = Arc::new(Mutex::new(Reported::default()));
        let mut reports = Reports::new(7, told.clone());
        for ssrc in [1, 1, 2, 1, 3] {
            let mut media = rtc::rtp::Packet::default();
            media.header.ssrc = ssrc;
            let message = AttributedPacket::new(Packet::Rtp(media));
            reports.handle_read(TaggedPacket { now: Instant::now(), transport: Default::default(), message }).unwrap();
        }
        assert_eq!(told.lock().strangers, 2);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_forgotten_says_nothing() {
        let told = Arc::new(Mutex::new(Reported::default()));
        let mut reports = Reports::new(7, told.clone());
        let start = Instant::now();
        for n in 1..=1000u64 {
            reports.handle_write(packet(start, SenderReport { ntp_time: n << 16, ..Default::default() })).unwrap();
        }
        assert_eq!(reports.sent.len(), REMEMBERED);
        let first = ReceiverReport { reports: vec![report(7, 0, 1, 0)], ..Default::default() };
        reports.handle_read(packet(start, first)).unwrap();
        assert_eq!(told.lock().round_trip_us, None);
    }

    #[test]
    fn more_loss_is_believed_at_once_and_less_of_it_only_after_a_while() {
        let mut told = Reported::default();
        told.lost(13);
        assert!((5.0..5.1).contains(&told.expected_percent), "{told:?}");
        let reports = (1..).find(|_| {
            told.lost(0);
            told.expected_percent < 1.0
        });
        assert!((10..20).contains(&reports.unwrap()), "5 % are forgotten after {reports:?} reports");
        assert_eq!(told.lost_permille, Some(0));
    }
}
