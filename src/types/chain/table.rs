//! The known chains: the main ones here, the smaller ones and test networks in [`super::others`]. It holds nothing that changes by
//! itself, and no endpoints.
//!
//! Where from, as of November 2026: ids, plans and coins from Etherscan's supported-chains page and its own client;
//! block times from alloy-rs/chains; hard finality from Circle's CCTP, Chainlink's CCIP and Wormhole's tables, the
//! most careful of the three; USDC from Circle's and Wormhole's lists, each checksum recomputed. Where finality comes
//! from L1 (13–20 minutes) the hard depth is that time in blocks. `tags` is set only where a source says they work.

use super::{ChainId, CoinFace, EtherscanPlan, KnownChain, KnownToken};
use alloy::primitives::address;

use EtherscanPlan::{Free, Gone, Paid};

/// A token, its contract written once.
macro_rules! token {
    ($symbol:literal, $address:literal, $decimals:literal) => {
        KnownToken { symbol: $symbol, address: address!($address), written: $address, decimals: $decimals }
    };
}

/// Circle's USDC: 6 decimals everywhere.
macro_rules! usdc {
    ($address:literal) => {
        Some($crate::types::chain::KnownToken {
            symbol: "USDC",
            address: alloy::primitives::address!($address),
            written: $address,
            decimals: 6,
        })
    };
}
pub(super) use usdc;

/// A main network without anything special; rows name what differs.
pub(super) const MAIN: KnownChain = KnownChain {
    name: "",
    id: ChainId(0),
    coin: "ETH",
    block_ms: 2_000,
    confirmed: 30,
    hard: 600,
    tags: false,
    explorer: None,
    etherscan: Free,
    usdc: None,
    look_alikes: &[],
    coin_face: None,
    test: false,
};

/// A test network without anything special.
pub(super) const TEST: KnownChain = KnownChain { test: true, ..MAIN };

pub(super) const CHAINS: &[KnownChain] = &[
    KnownChain {
        name: "ethereum",
        id: ChainId(1),
        block_ms: 12_000,
        confirmed: 64,
        hard: 72,
        tags: true,
        explorer: Some("https://etherscan.io"),
        usdc: usdc!("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"),
        ..MAIN
    },
    KnownChain {
        name: "sepolia",
        id: ChainId(11_155_111),
        block_ms: 12_000,
        confirmed: 12,
        hard: 72,
        tags: true,
        explorer: Some("https://sepolia.etherscan.io"),
        usdc: usdc!("0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238"),
        ..TEST
    },
    KnownChain {
        name: "hoodi",
        id: ChainId(560_048),
        block_ms: 12_000,
        confirmed: 12,
        hard: 72,
        tags: true,
        explorer: Some("https://hoodi.etherscan.io"),
        ..TEST
    },
    KnownChain {
        name: "base",
        id: ChainId(8_453),
        tags: true,
        explorer: Some("https://basescan.org"),
        etherscan: Paid,
        usdc: usdc!("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"),
        look_alikes: &[token!("USDbC", "0xd9aAEc86B65D86f6A7B5B1b0c42FFA531710b6CA", 6)],
        ..MAIN
    },
    KnownChain {
        name: "base-sepolia",
        id: ChainId(84_532),
        confirmed: 10,
        hard: 512,
        tags: true,
        explorer: Some("https://sepolia.basescan.org"),
        etherscan: Paid,
        usdc: usdc!("0x036CbD53842c5426634e7929541eC2318f3dCF7e"),
        ..TEST
    },
    KnownChain {
        name: "optimism",
        id: ChainId(10),
        tags: true,
        explorer: Some("https://optimistic.etherscan.io"),
        etherscan: Paid,
        usdc: usdc!("0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85"),
        look_alikes: &[token!("USDC.e", "0x7F5c764cBc14f9669B88837ca1490cCa17c31607", 6)],
        ..MAIN
    },
    KnownChain {
        name: "arbitrum",
        id: ChainId(42_161),
        block_ms: 260,
        confirmed: 240,
        hard: 4_096,
        tags: true,
        explorer: Some("https://arbiscan.io"),
        usdc: usdc!("0xaf88d065e77c8cC2239327C5EDb3A432268e5831"),
        look_alikes: &[token!("USDC.e", "0xFF970A61A04b1cA14834A43f5dE4533eBDDB5CC8", 6)],
        ..MAIN
    },
    KnownChain {
        name: "arbitrum-sepolia",
        id: ChainId(421_614),
        block_ms: 260,
        confirmed: 240,
        hard: 4_096,
        tags: true,
        explorer: Some("https://sepolia.arbiscan.io"),
        usdc: usdc!("0x75faf114eafb1BDbe2F0316DF893fd58CE46AA4d"),
        ..TEST
    },
    KnownChain {
        name: "polygon",
        id: ChainId(137),
        coin: "POL",
        block_ms: 2_100,
        // Sources disagree (2 blocks with milestones, 500 by CCIP): the careful ones.
        confirmed: 128,
        hard: 500,
        explorer: Some("https://polygonscan.com"),
        usdc: usdc!("0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"),
        look_alikes: &[token!("USDC.e", "0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174", 6)],
        // The predeploy moves POL by a call with value and logs the same again.
        coin_face: Some(CoinFace {
            address: address!("0x0000000000000000000000000000000000001010"),
            repeats_the_coin: true,
        }),
        ..MAIN
    },
    KnownChain {
        name: "polygon-amoy",
        id: ChainId(80_002),
        coin: "POL",
        block_ms: 2_100,
        confirmed: 16,
        hard: 128,
        explorer: Some("https://amoy.polygonscan.com"),
        usdc: usdc!("0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582"),
        coin_face: Some(CoinFace {
            address: address!("0x0000000000000000000000000000000000001010"),
            repeats_the_coin: true,
        }),
        ..TEST
    },
    KnownChain {
        name: "bnb",
        id: ChainId(56),
        coin: "BNB",
        block_ms: 450,
        confirmed: 15,
        hard: 15,
        tags: true,
        explorer: Some("https://bscscan.com"),
        etherscan: Paid,
        // Binance's wrapper, not Circle's: 18 decimals.
        look_alikes: &[token!("USDC (Binance-Peg)", "0x8AC76a51cc950d9822D68b83fE1Ad97B32Cd580d", 18)],
        ..MAIN
    },
    KnownChain {
        name: "avalanche",
        id: ChainId(43_114),
        coin: "AVAX",
        confirmed: 3,
        hard: 3,
        explorer: Some("https://snowscan.xyz"),
        etherscan: Paid,
        usdc: usdc!("0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E"),
        ..MAIN
    },
    KnownChain {
        name: "linea",
        id: ChainId(59_144),
        explorer: Some("https://lineascan.build"),
        usdc: usdc!("0x176211869cA2b568f2A7D4EE941E073a821EE1ff"),
        ..MAIN
    },
    KnownChain {
        name: "scroll",
        id: ChainId(534_352),
        block_ms: 3_000,
        confirmed: 60,
        // An hour.
        hard: 1_200,
        explorer: Some("https://scrollscan.com"),
        etherscan: Gone,
        ..MAIN
    },
    KnownChain {
        name: "gnosis",
        id: ChainId(100),
        coin: "xDAI",
        block_ms: 5_000,
        confirmed: 32,
        hard: 36,
        explorer: Some("https://gnosisscan.io"),
        ..MAIN
    },
    KnownChain {
        name: "celo",
        id: ChainId(42_220),
        coin: "CELO",
        block_ms: 1_000,
        confirmed: 60,
        // Finality tables still speak of the L1 it was until March 2025; 20 minutes, as for other OP-stack chains.
        hard: 1_200,
        explorer: Some("https://celoscan.io"),
        usdc: usdc!("0xcebA9300f2b948710d2653dD7B07f33A8B32118C"),
        // It moves CELO through a precompile that no tracer shows as a call with value: its logs are movements.
        coin_face: Some(CoinFace {
            address: address!("0x471EcE3750Da237f93B8E339c536989b8978a438"),
            repeats_the_coin: false,
        }),
        ..MAIN
    },
    KnownChain {
        name: "mantle",
        id: ChainId(5_000),
        coin: "MNT",
        confirmed: 60,
        hard: 840,
        explorer: Some("https://mantlescan.xyz"),
        ..MAIN
    },
    KnownChain { name: "blast", id: ChainId(81_457), confirmed: 60, explorer: Some("https://blastscan.io"), ..MAIN },
    KnownChain {
        name: "unichain",
        id: ChainId(130),
        block_ms: 1_000,
        confirmed: 60,
        hard: 1_440,
        explorer: Some("https://uniscan.xyz"),
        usdc: usdc!("0x078D782b760474a361dDA0AF3839290b0EF57AD6"),
        ..MAIN
    },
    KnownChain {
        name: "world",
        id: ChainId(480),
        hard: 1_200,
        explorer: Some("https://worldscan.org"),
        usdc: usdc!("0x79A02482A880bCE3F13e09Da970dC34db4CD24d1"),
        ..MAIN
    },
    KnownChain {
        name: "sonic",
        id: ChainId(146),
        coin: "S",
        block_ms: 1_000,
        confirmed: 10,
        hard: 10,
        explorer: Some("https://sonicscan.org"),
        usdc: usdc!("0x29219dd400f2Bf60E5a23d13Be72B486D4038894"),
        ..MAIN
    },
    KnownChain {
        name: "sei",
        id: ChainId(1_329),
        coin: "SEI",
        block_ms: 500,
        confirmed: 5,
        hard: 5,
        explorer: Some("https://seiscan.io"),
        usdc: usdc!("0xe15fC38F6D8c56aF07bbCBe3BAf5708A2Bf42392"),
        ..MAIN
    },
    KnownChain {
        name: "monad",
        id: ChainId(143),
        coin: "MON",
        block_ms: 400,
        confirmed: 120,
        hard: 120,
        explorer: Some("https://monadscan.com"),
        usdc: usdc!("0x754704Bc059F8C67012fEd69BC8A327a5aafb603"),
        ..MAIN
    },
    KnownChain {
        name: "hyperevm",
        id: ChainId(999),
        coin: "HYPE",
        confirmed: 5,
        hard: 5,
        explorer: Some("https://hyperevmscan.io"),
        usdc: usdc!("0xb88339CB7199b77E23DB6E890353E22632Ba630f"),
        ..MAIN
    },
    KnownChain {
        name: "berachain",
        id: ChainId(80_094),
        coin: "BERA",
        confirmed: 5,
        hard: 5,
        explorer: Some("https://berascan.com"),
        ..MAIN
    },
];
