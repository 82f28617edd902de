//! A piece of network between two WebRTC peers: real sockets on loopback, and in between what a seed makes of each
//! datagram. What it does can be changed while packets pass.

use crate::chance::Chance;
use parking_lot::Mutex;
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering::SeqCst},
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

/// IPv4 and UDP headers.
const HEADERS: usize = 28;
/// Datagrams on their way in one direction; more are lost, as in a router whose queue is full.
const ON_THE_WAY: usize = 4096;
/// Datagrams of the data channel that are lost one after the other. Its retransmissions wait 1, 2, 4 and 8 s, so chance
/// alone would once in a while keep it silent for longer than a client waits for an answer.
const LOST_IN_A_ROW: u32 = 1;
/// By how much a datagram that is overtaken is late: more than the 20 ms after which the next one leaves.
const OVERTAKEN: Duration = Duration::from_millis(45);

/// What happens to datagrams, in both directions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Road {
    /// Of a hundred, how many are lost, come twice, and are overtaken by those after them.
    pub lost: u64,
    pub twice: u64,
    pub overtaken: u64,
    /// Standard deviation of a normal distribution, of which the absolute value is the delay.
    pub jitter_ms: u64,
    /// Nothing arrives.
    pub hole: bool,
    /// The longest packet, IP header included; 0: any.
    pub mtu: usize,
}

/// What passed in one direction, before anything was lost.
#[derive(Debug, Default)]
pub struct Passed {
    /// By their first byte (RFC 7983).
    pub stun: AtomicU64,
    pub dtls: AtomicU64,
    pub rtp: AtomicU64,
    pub rtcp: AtomicU64,
    /// Those that were too long for the road, and those that did not arrive for whatever reason.
    pub too_long: AtomicU64,
    pub dropped: AtomicU64,
    pub longest: AtomicU64,
}

impl Passed {
    fn count(&self, datagram: &[u8]) {
        let kind = match datagram {
            [0..=3, ..] => &self.stun,
            [20..=63, ..] => &self.dtls,
            // RFC 5761, 4: types of RTCP, where RTP has the marker and its payload type.
            [128..=191, 192..=223, ..] => &self.rtcp,
            [128..=191, ..] => &self.rtp,
            _ => return,
        };
        kind.fetch_add(1, SeqCst);
        self.longest.fetch_max((datagram.len() + HEADERS) as u64, SeqCst);
    }

    pub fn of(&self, count: impl Fn(&Self) -> &AtomicU64) -> u64 {
        count(self).load(SeqCst)
    }
}

/// See the module. It ends when it is dropped.
pub struct Shim {
    /// Where the two ends send to.
    pub for_client: SocketAddr,
    pub for_service: SocketAddr,
    road: Arc<Mutex<Road>>,
    service: Arc<Mutex<Option<SocketAddr>>>,
    /// To the service, and to the client.
    pub up: Arc<Passed>,
    pub down: Arc<Passed>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Shim {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Shim {
    pub async fn start(road: Arc<Mutex<Road>>, seed: u64, client: SocketAddr) -> Self {
        let bind = || async { Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap()) };
        let (front, back) = (bind().await, bind().await);
        let (client, service) = (Arc::new(Mutex::new(Some(client))), Arc::<Mutex<_>>::default());
        let (up, down) = (Arc::<Passed>::default(), Arc::<Passed>::default());
        let way = |from: &Arc<UdpSocket>, via: &Arc<UdpSocket>, to: &Arc<_>, passed: &Arc<_>, seed| Way {
            from: from.clone(),
            via: via.clone(),
            to: Arc::clone(to),
            passed: Arc::clone(passed),
            road: road.clone(),
            chance: Chance(seed | 1),
            lost_in_a_row: 0,
        };
        let tasks = [
            tokio::spawn(way(&front, &back, &service, &up, seed).run()),
            tokio::spawn(way(&back, &front, &client, &down, seed.rotate_left(32) ^ 0x9e37_79b9).run()),
        ];
        let (for_client, for_service) = (front.local_addr().unwrap(), back.local_addr().unwrap());
        Self { for_client, for_service, road: road.clone(), service, up, down, tasks }
    }

    /// Where the service is, once it has answered.
    pub fn answered(&self, service: SocketAddr) {
        *self.service.lock() = Some(service);
    }

    /// From now on.
    pub fn set(&self, road: Road) {
        *self.road.lock() = road;
    }
}

/// One direction.
struct Way {
    from: Arc<UdpSocket>,
    via: Arc<UdpSocket>,
    to: Arc<Mutex<Option<SocketAddr>>>,
    passed: Arc<Passed>,
    road: Arc<Mutex<Road>>,
    chance: Chance,
    lost_in_a_row: u32,
}

impl Way {
    async fn run(mut self) {
        let mut waiting: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>> = BinaryHeap::new();
        let (mut number, mut room) = (0, vec![0; 65_536]);
        loop {
            let due = waiting.peek().map(|Reverse((due, ..))| *due);
            tokio::select! {
                // What a closed port answers is no end.
                came = self.from.recv_from(&mut room) => {
                    let Ok((n, _)) = came else { continue };
                    for delay in self.delays(&room[..n]) {
                        number += 1;
                        if waiting.len() < ON_THE_WAY {
                            waiting.push(Reverse((Instant::now() + delay, number, room[..n].to_vec())));
                        }
                    }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    let Some(Reverse((.., datagram))) = waiting.pop() else { continue };
                    let to = *self.to.lock();
                    if let Some(to) = to {
                        let _ = self.via.send_to(&datagram, to).await;
                    }
                }
            }
        }
    }

    /// How late each copy of a datagram arrives; none: it does not.
    fn delays(&mut self, datagram: &[u8]) -> Vec<Duration> {
        let (road, chance) = (*self.road.lock(), &mut self.chance);
        self.passed.count(datagram);
        let too_long = road.mtu > 0 && datagram.len() + HEADERS > road.mtu;
        // All chances are taken each time, so that one kind of harm does not change the others.
        let (lost, twice, overtaken) = (chance.of(road.lost), chance.of(road.twice), chance.of(road.overtaken));
        let jitter = |chance: &mut Chance| chance.half_normal(Duration::from_millis(road.jitter_ms));
        let (first, second) = (jitter(chance), jitter(chance));
        let mut lost = lost;
        if matches!(datagram, [20..=63, ..]) {
            self.lost_in_a_row = if lost { self.lost_in_a_row + 1 } else { 0 };
            lost &= self.lost_in_a_row <= LOST_IN_A_ROW;
        }
        if too_long {
            self.passed.too_long.fetch_add(1, SeqCst);
        }
        if too_long || lost || road.hole {
            self.passed.dropped.fetch_add(1, SeqCst);
            return Vec::new();
        }
        let first = if overtaken { first + OVERTAKEN } else { first };
        if twice { vec![first, second] } else { vec![first] }
    }
}

impl Chance {
    fn of(&mut self, percent: u64) -> bool {
        (self.next() >> 32) % 100 < percent
    }

    /// The sum of twelve even chances is very nearly normal, with a deviation of one twelfth of its range.
    fn half_normal(&mut self, deviation: Duration) -> Duration {
        let sum: f64 = (0..12).map(|_| (self.next() >> 11) as f64 / (1u64 << 53) as f64).sum();
        deviation.mul_f64((sum - 6.0).abs())
    }
}
