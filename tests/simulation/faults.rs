//! What becomes of each fault at the moment it is drawn: it happens, or waits for what it needs.

use crate::{
    checks::MARK,
    script::{Call, Fault},
    vendor::State,
    world::World,
};
use duologue::{
    error::{Error, ErrorClass},
    provider::Frame,
    session::{Command, Input},
    time::Time,
};
use std::borrow::Cow;

impl World {
    pub fn breaks(&mut self, fault: Fault, die: u32) {
        let open: Vec<usize> = (0..self.conns.len()).filter(|i| self.conns[*i].state == State::Open).collect();
        // The newest, or any where there are two.
        let one = open.get(die as usize % open.len().max(1)).copied();
        match fault {
            Fault::Close(code) => {
                let Some(i) = one.filter(|i| !self.conns[*i].deaf()) else { return };
                self.fires(fault);
                let code = Some(code).filter(|code| *code > 0);
                self.gone(i, code, &format!("bye, sk-{MARK}-0123456789 of the service"), None);
            }
            Fault::HalfOpen => {
                let Some(i) = one.filter(|i| !self.conns[*i].deaf()) else { return };
                self.fires(fault);
                self.checks.silence = true;
                self.conns[i].dead_at = Some(self.now.after_ms(15_000));
            }
            Fault::DialNetwork
            | Fault::Dial429
            | Fault::Dial429After(_)
            | Fault::Dial503
            | Fault::DialAuth
            | Fault::DialTls
            | Fault::DialHandshake
            | Fault::DialNever => self.armed.dial = Some(fault),
            Fault::Omit | Fault::Duplicate | Fault::Reorder | Fault::Late => self.armed.event = Some(fault),
            Fault::RefuseItem | Fault::MissItem => self.armed.item = Some(fault),
            Fault::RefuseUpdate | Fault::MissUpdate => self.armed.update = Some(fault),
            Fault::RefuseResponse | Fault::MissResponse => self.armed.response = Some(fault),
            Fault::RefuseCommit | Fault::MissCommit => {
                self.armed.commit = Some(fault);
                if self.setup.config["turn_detection"]["mode"] == "manual" && self.is_connected() {
                    self.host(Call::StartListening, Command::StartListening);
                    self.microphone(10);
                    self.host(Call::StopListening, Command::StopListening);
                }
            }
            Fault::OddPcm => self.armed.odd = true,
            Fault::MissClose => self.armed.close = true,
            Fault::DeafSpeaker => {
                self.armed.deaf_speaker = true;
                if self.player.waiting() > 0 {
                    self.host(Call::Interrupt, Command::Interrupt);
                    self.flushes();
                }
            }
            Fault::Outage => {
                self.fires(fault);
                self.armed.outage = 1 + die % 14;
                for _ in 0..self.armed.outage {
                    self.serve(1);
                    self.pass(u64::from(die % 3) * 2_000);
                }
            }
            Fault::Flapping => {
                if !self.is_connected() {
                    return;
                }
                self.fires(fault);
                for _ in 0..3 + die % 4 {
                    let link = self.checks.link;
                    let Some(i) = self.conns.iter().position(|c| c.epoch == link && c.state == State::Open) else {
                        return;
                    };
                    if self.conns[i].deaf() {
                        return;
                    }
                    self.gone(i, None, "", None);
                    self.pass(3_000);
                    self.serve(200);
                    self.gives_credential(3);
                    self.serve(200);
                    self.serve(200);
                }
            }
            Fault::SessionExpired | Fault::Quota | Fault::BadKey => {
                let Some(i) = one else { return };
                self.fires(fault);
                self.ends(i, fault);
            }
            Fault::Malformed => {
                let Some(i) = one else { return };
                self.fires(fault);
                let deep = "[".repeat(10_000);
                let text =
                    ["{\"type\":", "null", "{\"type\":3}", &deep, "", "{\"type\":\"response.done\"}"][die as usize % 6];
                self.wire(i, text);
            }
            Fault::MalformedFlood => {
                let Some(i) = one else { return };
                self.fires(fault);
                for _ in 0..22 {
                    self.wire(i, "{\"type\":");
                }
                let conn = &self.conns[i];
                let over = conn.asked_to_close || conn.deaf() || self.checks.link != conn.epoch;
                assert!(over || !self.is_connected(), "more than 20 unreadable events in 10 s are too many");
            }
            Fault::Unknown => {
                let Some(i) = one else { return };
                self.fires(fault);
                self.wire(
                    i,
                    &format!(r#"{{"type":"response.hologram","event_id":"h{}","key":"sk-{MARK}-0123456789"}}"#, die),
                );
            }
            Fault::Stall => {
                let Some(i) = one else { return };
                self.fires(fault);
                self.conns[i].stalled = 4;
            }
            Fault::GiantResult => self.giant = true,
            Fault::ToolNever => {
                self.never = true;
            }
            Fault::Woken | Fault::WokenDead => {
                self.fires(fault);
                self.pass(u64::from(die % 600_000));
                self.input(Input::Woken);
                if fault == Fault::WokenDead {
                    self.checks.silence = true;
                    self.pings.clear();
                    self.pass(6_000);
                } else {
                    self.pongs();
                }
            }
            Fault::ClockBack => {
                self.fires(fault);
                let (now, back) = (self.now, Time(self.now.0.saturating_sub(u64::from(die % 5_000_000))));
                self.session.handle(back, Input::Timer);
                while let Some(output) = self.session.poll() {
                    self.output(&output);
                }
                self.now = now;
            }
            Fault::NetworkChanged => {
                self.fires(fault);
                self.host(Call::Connect, Command::NetworkChanged);
            }
            Fault::StaleFrame | Fault::StaleClose => {
                let Some(old) = self.conns.iter().find(|c| c.asked_to_close || c.state == State::Gone) else { return };
                let epoch = old.epoch;
                self.fires(fault);
                if fault == Fault::StaleClose {
                    let error = Error::new(ErrorClass::Network, "connect_failed", "too late").retryable();
                    self.input(Input::Closed { epoch, code: None, reason: String::new(), error: Some(error) });
                } else {
                    let text = r#"{"type":"session.created","event_id":"old","session":{}}"#;
                    self.input(Input::Frame { epoch, frame: Frame::Text(Cow::Borrowed(text)) });
                    self.input(Input::Pong { epoch });
                    self.input(Input::Opened { epoch, unix_s: None });
                }
            }
            Fault::Deleted => {
                let Some(i) = one.filter(|i| !self.conns[*i].items.is_empty()) else { return };
                self.fires(fault);
                let at = die as usize % self.conns[i].items.len();
                let item = self.conns[i].items.remove(at);
                self.conns[i].deleted.push(item.id.clone());
                self.checks.wire(self.conns[i].epoch).disturbed = true;
                self.says(i, "conversation.item.deleted", serde_json::json!({"item_id": item.id}));
            }
        }
    }
}
