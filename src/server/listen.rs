//! Sockets: who may listen where, and a bounded number of connections.

use super::{gate::Gate, routes};
use crate::error::{Error, ErrorClass, Result};
use axum::extract::ConnectInfo;
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// Connections at a time; more wait in the listen queue.
const MOST_CONNECTIONS: usize = 1024;
/// For the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// What is under way at the end has this long.
const LAST: Duration = Duration::from_secs(10);

/// A server that listens. Dropping it ends every connection at once; [`Serving::shutdown`] lets them finish.
#[derive(Debug)]
pub struct Serving {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Serving {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://ADDRESS:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes no more, and waits until what is under way is done (at most 10 s).
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        let _ = (&mut self.task).await;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// See `Server::serve`.
pub(super) async fn serve(gate: Arc<Gate>, address: SocketAddr) -> Result<Serving> {
    if !address.ip().is_loopback() {
        let refused = |why: &str, fix: &str| {
            let message = format!("{address} can be reached by others, and {why}");
            Err(Error::new(ErrorClass::Argument, "not_loopback", message).field("listen").fix(fix))
        };
        if gate.authenticate.is_none() {
            return refused("nobody is asked who they are", "listen on 127.0.0.1, or give tokens");
        }
        if !gate.behind_tls {
            let fix = "listen on 127.0.0.1, or say that a server in front speaks TLS";
            return refused("what is said could be read on the way", fix);
        }
    }
    let failed = |e: std::io::Error| {
        Error::new(ErrorClass::Network, "listen_failed", format!("cannot listen on {address}: {e}"))
            .fix("choose a free port, or port 0 for any")
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let router = routes::whole(gate, address);
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(accept(listener, TowerToHyperService::new(router), stopped));
    Ok(Serving { address, stop, task })
}

type Router = TowerToHyperService<axum::Router>;

async fn accept(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stop.changed() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((socket, peer)) => {
                    let _ = socket.set_nodelay(true);
                    connections.spawn(connection(socket, peer, router.clone(), stop.clone()));
                }
                Err(e) => {
                    // Out of descriptors, most likely: they come back when a connection ends.
                    tracing::warn!("accept failed: {e}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(LAST, async { while connections.join_next().await.is_some() {} }).await;
}

async fn connection(socket: TcpStream, peer: SocketAddr, router: Router, mut stop: watch::Receiver<bool>) {
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.call(request)
    });
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(socket), service);
    let mut http = pin!(http);
    let ended = tokio::select! {
        ended = &mut http => ended,
        _ = stop.changed() => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    if let Err(e) = ended {
        tracing::debug!("HTTP ended: {e}");
    }
}
