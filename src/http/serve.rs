//! The listener: every connection in one future, with deadlines on all that a stranger could drag out.

use super::access::Peer;
use super::events::Ending;
use super::{Deadlines, LARGEST_HEAD, MOST_CONNECTIONS, Parts, router};
use axum::Router;
use axum::extract::Request;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Before the next try when no connection can be taken (no file descriptor is left).
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop`, then lets requests that are under way end within their grace.
pub async fn serve(listener: TcpListener, parts: Parts, stop: CancellationToken) {
    let deadlines = parts.deadlines;
    serve_router(listener, router::router(parts), deadlines, stop).await;
}

/// Serves these routes until `stop`, then lets requests that are under way end within their grace.
pub(super) async fn serve_router(listener: TcpListener, router: Router, deadlines: Deadlines, stop: CancellationToken) {
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(()) = open.next(), if !open.is_empty() => {}
            accepted = listener.accept(), if open.len() < MOST_CONNECTIONS => match accepted {
                Ok((stream, peer)) => open.push(connection(stream, peer.ip(), router.clone(), deadlines, stop.clone())),
                Err(fault) => {
                    tracing::debug!("no connection could be taken: {fault}");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while open.next().await.is_some() {}
}

async fn connection(stream: TcpStream, peer: IpAddr, router: Router, deadlines: Deadlines, stop: CancellationToken) {
    let router = TowerToHyperService::new(router);
    let ending = CancellationToken::new();
    let told = Ending(ending.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(told.clone());
        router.call(request)
    });
    // Answers are one small write each.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(deadlines.head)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // How it ended is the other side's affair.
        _ = &mut connection => return,
        () = stop.cancelled() => {}
        () = tokio::time::sleep(deadlines.connection) => {}
    }
    ending.cancel();
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(deadlines.grace, connection).await;
}
