//! A wire that can be cut in every way: between the monitor and a face of the world, on loopback.

use std::net::SocketAddr;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to connections that are made from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum New {
    /// They are forwarded.
    Forwarded,
    /// They are closed at once.
    Closed,
    /// They are taken, and nothing ever comes of it.
    Ignored,
}

#[derive(Debug, Clone, Copy)]
struct Modes {
    new: New,
    /// Connections with a lower number carry nothing any more, and stay open.
    frozen: u64,
    /// Connections with a lower number are closed.
    dropped: u64,
    /// The number of the next connection.
    next: u64,
}

/// The wire.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    modes: watch::Sender<Modes>,
}

impl Proxy {
    /// Leads to this address.
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let modes = watch::Sender::new(Modes { new: New::Forwarded, frozen: 0, dropped: 0, next: 0 });
        let kept = modes.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut number = 0;
                kept.send_modify(|modes| {
                    number = modes.next;
                    modes.next += 1;
                });
                tokio::spawn(carry(stream, target, number, kept.subscribe()));
            }
        });
        Self { address, modes }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> u64 {
        self.modes.borrow().next
    }

    /// What happens to new connections from now on.
    pub(crate) fn new_are(&self, new: New) {
        self.modes.send_modify(|modes| modes.new = new);
    }

    /// The present connections carry nothing any more, and nobody is told.
    pub(crate) fn freeze(&self) {
        self.modes.send_modify(|modes| modes.frozen = modes.next);
    }

    /// The present connections are closed.
    pub(crate) fn drop_all(&self) {
        self.modes.send_modify(|modes| modes.dropped = modes.next);
    }
}

async fn carry(mut near: TcpStream, target: SocketAddr, number: u64, mut modes: watch::Receiver<Modes>) {
    let new = modes.borrow().new;
    let mut own = modes.clone();
    let closed = async move {
        // The sender lives as long as the listener does.
        let _gone = own.wait_for(|modes| number < modes.dropped).await.is_err();
    };
    let frozen = async move {
        let _gone = modes.wait_for(|modes| number < modes.frozen).await.is_err();
    };
    let carried = async {
        match new {
            New::Closed => {}
            New::Ignored => std::future::pending().await,
            New::Forwarded => {
                let Ok(mut far) = TcpStream::connect(target).await else { return };
                let (_, _) = (near.set_nodelay(true), far.set_nodelay(true));
                tokio::select! {
                    _ended = copy_bidirectional(&mut near, &mut far) => {}
                    () = frozen => std::future::pending().await,
                }
            }
        }
    };
    tokio::select! { () = carried => {}, () = closed => {} }
}
