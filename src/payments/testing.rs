//! A simulated Circle on loopback with a client, for the tests of this room.

use super::{CircleClient, CirclePlace, EntitySecret};
use crate::net::{SingleUse, Tls};
use crate::types::{Address, Name, Secret, Timestamp, U256, chain};
use crate::world::circle::{Circle, WalletFacts};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Circle's id of the paying wallet.
pub(super) const WALLET: &str = "ce714f5b-0d8e-4062-9454-61aa1154869b";

/// A clock that goes when it is told to.
#[derive(Debug, Clone)]
pub(super) struct Hands(Arc<AtomicI64>);

impl Hands {
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    pub(super) fn turn(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

/// Circle, and where it is.
pub(super) struct Bench {
    pub(super) circle: Arc<Circle>,
    pub(super) hands: Hands,
    pub(super) address: SocketAddr,
    _stop: tokio_util::sync::DropGuard,
}

/// USDC on Sepolia, as the chain table has it.
pub(super) fn token() -> Address {
    let sepolia = chain::by_name("sepolia").and_then(|known| known.usdc);
    sepolia.expect("the table has it").address
}

pub(super) fn wallet() -> Name {
    WALLET.into()
}

impl Bench {
    pub(super) async fn new() -> Self {
        let hands = Hands(Arc::new(AtomicI64::new(1_790_000_000_000)));
        let clock = {
            let hands = hands.clone();
            Arc::new(move || hands.now())
        };
        let facts = WalletFacts {
            id: wallet(),
            address: Address::repeat_byte(0xAA),
            blockchain: "ETH-SEPOLIA".into(),
            token: token(),
            usdc: U256::from(100_000_000),
            coin: U256::from(10).pow(U256::from(18)),
            contract_account: false,
        };
        let circle = Circle::new(clock, facts).shared();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let stop = CancellationToken::new();
        tokio::spawn(Arc::clone(&circle).serve(listener, stop.clone()));
        Self { circle, hands, address, _stop: stop.drop_guard() }
    }

    pub(super) fn client(&self) -> CircleClient {
        self.client_with(Circle::api_key())
    }

    pub(super) fn client_with(&self, key: Secret) -> CircleClient {
        let url = Secret::new(format!("http://{}", self.address));
        let place = CirclePlace::new(Some(&url), key).expect("it is here");
        CircleClient::new(SingleUse::new(Tls::baked()), place, || fastrand::u128(..).to_be_bytes())
    }

    pub(super) fn secret() -> EntitySecret {
        EntitySecret::parse(&Circle::entity_secret()).expect("it is 64 digits")
    }
}
