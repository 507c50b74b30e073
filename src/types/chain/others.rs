//! The smaller chains and the test networks that Etherscan lists, a line each. What is said of the table holds here too.
//!
//! Finality tables do not have most of these. A rollup gets the 20 minutes that Ethereum takes as its hard depth, a chain of few
//! validators the depth of the chain that it was made after, and a test network whatever keeps a test short.

use super::table::{MAIN, usdc};
use super::{ChainId, CoinFace, EtherscanPlan, KnownChain};
use alloy::primitives::address;

use EtherscanPlan::{Gone, Paid};

/// A main network: its name, id, coin, milliseconds between blocks, depths (confirmed, hard) and explorer.
const fn main(
    name: &'static str,
    id: u64,
    coin: &'static str,
    block_ms: u64,
    (confirmed, hard): (u64, u64),
    explorer: &'static str,
) -> KnownChain {
    KnownChain { name, id: ChainId(id), coin, block_ms, confirmed, hard, explorer: Some(explorer), ..MAIN }
}

/// The same of a test network.
const fn test(
    name: &'static str,
    id: u64,
    coin: &'static str,
    block_ms: u64,
    depths: (u64, u64),
    explorer: &'static str,
) -> KnownChain {
    KnownChain { test: true, ..main(name, id, coin, block_ms, depths, explorer) }
}

/// A predeploy that logs again what a call with value moved, as of Polygon and what was made after it.
const fn repeats(address: alloy::primitives::Address) -> CoinFace {
    CoinFace { address, repeats_the_coin: true }
}

pub(super) const CHAINS: &[KnownChain] = &[
    main("fraxtal", 252, "frxETH", 2_000, (30, 600), "https://fraxscan.com"),
    main("opbnb", 204, "BNB", 1_000, (60, 1_200), "https://opbnb.bscscan.com"),
    KnownChain {
        // Its blocks are executed on Ethereum hours later (three, at the least). Every movement of ETH, fees too, is logged by a
        // contract of the system.
        coin_face: Some(repeats(address!("0x000000000000000000000000000000000000800A"))),
        ..main("abstract", 2_741, "ETH", 1_000, (60, 10_800), "https://abscan.org")
    },
    main("apechain", 33_139, "APE", 260, (240, 4_615), "https://apescan.io"),
    // Its blocks are Ethereum's: they go when those go.
    main("taiko", 167_000, "ETH", 12_000, (64, 100), "https://taikoscan.io"),
    main("xdc", 50, "XDC", 2_000, (30, 600), "https://xdcscan.com"),
    KnownChain {
        coin_face: Some(repeats(address!("0x0000000000000000000000000000000000001010"))),
        ..main("bttc", 199, "BTT", 2_000, (128, 500), "https://bttcscan.com")
    },
    main("katana", 747_474, "ETH", 1_000, (60, 1_200), "https://katanascan.com"),
    main("plasma", 9_745, "XPL", 1_000, (60, 1_200), "https://plasmascan.to"),
    // USDT0 is its coin, and an ERC-20 too: the same movement may show in both lists, under two kinds.
    main("stable", 988, "USDT0", 700, (90, 1_715), "https://stablescan.xyz"),
    main("megaeth", 4_326, "ETH", 1_000, (60, 1_200), "https://mega.etherscan.io"),
    main("memecore", 4_352, "M", 7_000, (30, 172), "https://memecorescan.io"),
    KnownChain {
        etherscan: Paid,
        usdc: usdc!("0x5fd84259d66Cd46123540766Be93DFE6D43130D7"),
        tags: true,
        ..test("optimism-sepolia", 11_155_420, "ETH", 2_000, (10, 512), "https://sepolia-optimism.etherscan.io")
    },
    KnownChain {
        etherscan: Paid,
        usdc: usdc!("0x5425890298aed601595a70AB815c96711a31Bc65"),
        ..test("avalanche-fuji", 43_113, "AVAX", 2_000, (3, 3), "https://testnet.snowscan.xyz")
    },
    KnownChain { etherscan: Paid, ..test("bnb-testnet", 97, "BNB", 750, (15, 15), "https://testnet.bscscan.com") },
    KnownChain {
        usdc: usdc!("0xFEce4462D57bD51A6A552365A011b95f0E16d9B7"),
        ..test("linea-sepolia", 59_141, "ETH", 2_000, (30, 600), "https://sepolia.lineascan.build")
    },
    KnownChain {
        usdc: usdc!("0x31d0220469e10c4E71834a79b1f276d740d3768F"),
        ..test("unichain-sepolia", 1_301, "ETH", 1_000, (60, 1_440), "https://sepolia.uniscan.xyz")
    },
    KnownChain {
        etherscan: Gone,
        ..test("scroll-sepolia", 534_351, "ETH", 3_000, (60, 1_200), "https://sepolia.scrollscan.com")
    },
    KnownChain {
        coin_face: Some(repeats(address!("0x000000000000000000000000000000000000800A"))),
        ..test("abstract-sepolia", 11_124, "ETH", 1_000, (60, 10_800), "https://sepolia.abscan.org")
    },
    KnownChain {
        coin_face: Some(repeats(address!("0x0000000000000000000000000000000000001010"))),
        ..test("bttc-testnet", 1_029, "BTT", 2_000, (128, 500), "https://testnet.bttcscan.com")
    },
    test("apechain-curtis", 33_111, "APE", 260, (240, 4_615), "https://curtis.apescan.io"),
    test("berachain-bepolia", 80_069, "BERA", 2_000, (5, 5), "https://testnet.berascan.com"),
    test("blast-sepolia", 168_587_773, "ETH", 2_000, (60, 600), "https://sepolia.blastscan.io"),
    test("celo-sepolia", 11_142_220, "CELO", 1_000, (60, 1_200), "https://sepolia.celoscan.io"),
    test("fraxtal-hoodi", 2_523, "frxETH", 2_000, (30, 600), "https://hoodi.fraxscan.com"),
    test("katana-bokuto", 737_373, "ETH", 1_000, (60, 1_200), "https://bokuto.katanascan.com"),
    test("mantle-sepolia", 5_003, "MNT", 2_000, (60, 840), "https://sepolia.mantlescan.xyz"),
    test("megaeth-testnet", 6_343, "ETH", 1_000, (60, 1_200), "https://testnet-mega.etherscan.io"),
    test("memecore-insectarium", 43_522, "tM", 7_000, (30, 172), "https://testnet.memecorescan.io"),
    test("monad-testnet", 10_143, "MON", 400, (120, 120), "https://testnet.monadscan.com"),
    test("opbnb-testnet", 5_611, "BNB", 1_000, (60, 1_200), "https://opbnb-testnet.bscscan.com"),
    test("plasma-testnet", 9_746, "XPL", 1_000, (60, 1_200), "https://testnet.plasmascan.to"),
    test("sei-testnet", 1_328, "SEI", 500, (5, 5), "https://testnet.seiscan.io"),
    test("sonic-testnet", 14_601, "S", 1_000, (10, 10), "https://testnet.sonicscan.org"),
    test("stable-testnet", 2_201, "USDT0", 700, (90, 1_715), "https://testnet.stablescan.xyz"),
    test("taiko-hoodi", 167_013, "ETH", 12_000, (64, 100), "https://hoodi.taikoscan.io"),
    test("world-sepolia", 4_801, "ETH", 2_000, (30, 1_200), "https://sepolia.worldscan.org"),
    test("xdc-apothem", 51, "XDC", 2_000, (30, 600), "https://testnet.xdcscan.com"),
];
