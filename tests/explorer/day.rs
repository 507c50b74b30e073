//! What `check` says before the start is what the planner works by: the same lists, the same pace. That the planner keeps its pace over
//! whole days is shown beside it (`sources/etherscan/planner`).

use crate::config;
use crate::scene::{KEY, noon};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use walletwatch::config::forecast::forecasts;
use walletwatch::reactor::Reactor;
use walletwatch::reactor::event::{
    Contact, Event, ExplorerHead, Run, RunPart, SourceId, SourceKind, SourceReport, SourceState,
};
use walletwatch::reactor::settings::ChainSettings;
use walletwatch::sources::etherscan::planner::{Extras, Planner};
use walletwatch::types::{Address, B256, Block, BlockRef, ChainId, U256};

/// A config of so many watches on these chains, with these rules.
fn text(watches: usize, chains: &[&str], rest: &str) -> String {
    let mut text = config::etherscan("http://127.0.0.1:1/v2/api", 3, 100_000);
    let names = chains.iter().map(|chain| format!("\"{chain}\"")).collect::<Vec<_>>().join(", ");
    for number in 1..=watches {
        let address = Address::from_word(B256::from(U256::from(number)));
        write!(text, "[[watch]]\nname = \"w{number}\"\naddress = \"{address}\"\nchains = [{names}]\n")
            .expect("a String");
    }
    text + "[[sink]]\nname = \"ops\"\nkind = \"log\"\n" + rest
}

const TRANSFERS: &str = "[[rule]]\nname = \"in\"\nwhen = \"transfer\"\nnotify = [\"ops\"]\n";
const NATIVE: &str = "[[rule]]\nname = \"coin\"\nwhen = \"transfer\"\nasset = \"native\"\nnotify = [\"ops\"]\n";
const BALANCES: &str = "[[rule]]\nname = \"low\"\nwhen = \"balance\"\nasset = \"USDC\"\nbelow = \"500\"\nrecovers_at = \"600\"\nnotify = [\"ops\"]\n";
const NODE: &str = "[[chain]]\nname = \"polygon\"\nrpc = [\"ws://127.0.0.1:1\"]\netherscan = true\n";

/// A chain shows where it stands, by its endpoint where it has one.
fn begin(reactor: &mut Reactor, chain: &ChainSettings) {
    let Some(endpoint) = chain.endpoints.first().cloned() else {
        let head = ExplorerHead { chain: chain.id, source: "etherscan".into(), head: 1_000 };
        reactor.handle(noon(), Event::ExplorerHead(head));
        return;
    };
    let source = SourceId { kind: SourceKind::Rpc, chain: Some(chain.id), name: endpoint.clone() };
    let at = BlockRef { number: 1_000, hash: B256::repeat_byte(2), parent: B256::repeat_byte(1) };
    let block = Block { at, time: noon(), base_fee: None, next_base_fee: None, movements: Vec::new(), traced: false };
    let contact = Contact { chain: chain.id, endpoint: endpoint.clone(), genesis: Some(B256::ZERO), traces: None };
    let run = Run { chain: chain.id, endpoint, blocks: vec![block], part: RunPart::Tip, chosen_by: None };
    let fresh = SourceReport { source, state: SourceState::Fresh };
    for event in [Event::Source(fresh), Event::Contact(contact), Event::Run(run)] {
        reactor.handle(noon(), event);
    }
}

#[test]
fn the_planner_works_by_the_pace_that_check_has_said() {
    let three = ["ethereum", "polygon", "arbitrum"];
    let four = ["ethereum", "polygon", "arbitrum", "linea"];
    let cases: [(&str, String); 6] = [
        ("200 watches on 3 chains", text(200, &three, TRANSFERS)),
        ("200 watches on 3 chains, coin only", text(200, &three, NATIVE)),
        ("200 watches on 3 chains with balance rules", text(200, &three, &[TRANSFERS, BALANCES].concat())),
        ("200 watches on 3 chains, one with a node", text(200, &three, &[TRANSFERS, NODE].concat())),
        ("10 watches on 4 chains", text(10, &four, TRANSFERS)),
        ("1 watch that no rule looks at", text(1, &["ethereum"], "")),
    ];
    for (what, text) in cases {
        let config = config::checked(&text, Path::new("data"), &[("KEY", KEY)]);
        let forecast = forecasts(&config).pop().expect("there is an account");
        let mut reactor = Reactor::default();
        reactor.handle(noon(), Event::Configured(Box::new(config.settings.clone())));
        for chain in config.settings.chains.values() {
            begin(&mut reactor, chain);
        }
        let mut planner = Planner::new(forecast.limits);
        let chains = config.explorers.first().expect("it is there").chains.clone();
        let own = |chain: &ChainId| config.settings.chains[chain].endpoints.is_empty();
        let own_receipts: BTreeSet<ChainId> = chains.iter().copied().filter(own).collect();
        let extras = Extras { own_receipts, heads: BTreeSet::new() };
        for chain in chains {
            planner.take(noon(), chain, &reactor.wants().chains[&chain], &extras);
        }
        println!("{what:45} a round every {:?}, at most {:?} old", planner.pace().quiet, planner.pace().promised);
        assert_eq!(planner.pace(), forecast.pace, "{what}");
    }
}
