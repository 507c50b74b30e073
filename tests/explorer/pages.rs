//! Lists that are longer than a page: they come whole and once, or it is said why not.

use crate::scene::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use walletwatch::reactor::event::{Event, List, Unlistable};
use walletwatch::types::{Asset, Name};
use walletwatch::world::explorer::ExplorerSettings;

#[tokio::test(start_paused = true)]
async fn twenty_five_hundred_transfers_of_one_range_come_whole_and_once() {
    // The first page ends between two equal transfers of one transaction, and inside a block of 600; a block of 1,200 fills a page by
    // itself, whose edge lies between two equal ones too.
    let twin = |at: usize, mut amounts: Vec<u64>| {
        amounts.insert(at, amounts[at]);
        amounts
    };
    let blocks = [
        amounts(1, 400),
        vec![],
        twin(599, amounts(1_000, 601)),
        twin(999, amounts(2_000, 1_199)),
        amounts(4_000, 298),
    ];
    let chain = chain(ETHEREUM, &blocks);
    let truth = truth(&chain);
    assert_eq!(truth.len(), 2_500);
    let settings = ExplorerSettings { calls_per_second: 3, ..ExplorerSettings::default() };
    let scene = scene(&[chain], KEY, settings, Duration::from_millis(200)).await;
    let wants = views([0x22].into_iter());
    let events = play(&scene, [(ETHEREUM, wants)].into(), 3, Duration::from_secs(13)).await;
    let parts = explored(events, List::Tokens);
    let [part] = &parts[..] else { panic!("{} parts", parts.len()) };
    assert_eq!((part.from, part.to, part.index_head), (0, 5, Some(5)));
    assert_eq!(part.rows.len(), 2_500);
    let got = keys(part.rows.iter().map(|row| &row.movement));
    assert_eq!(got.len(), 2_500, "no two are one");
    let blocks: BTreeMap<_, _> = part.rows.iter().map(|row| (row.movement.tx, row.block)).collect();
    let said: BTreeSet<_> = got.iter().map(|key| (blocks[&key.tx], key.amount, key.nth)).collect();
    assert_eq!(said, truth);
    assert!(got.iter().all(|key| (key.asset, key.from, key.to) == (Asset::Token(TOKEN), PAYER, OWNER)));
    assert!(scene.explorer.most_in_a_second() <= 3, "{}", scene.explorer.most_in_a_second());
}

#[tokio::test(start_paused = true)]
async fn a_block_with_more_rows_than_an_explorer_gives_out_is_said_and_ends_no_other_list() {
    let chain = chain(ETHEREUM, &[amounts(1, 30), amounts(100, 10_001), amounts(20_000, 5)]);
    let settings = ExplorerSettings { calls_per_second: 3, ..ExplorerSettings::default() };
    let scene = scene(&[chain], KEY, settings, Duration::from_millis(50)).await;
    let wants = views([0x22].into_iter());
    let events = play(&scene, [(ETHEREUM, wants)].into(), 3, Duration::from_mins(2)).await;
    let stuck: Vec<_> = events.iter().filter(|event| matches!(event, Event::Unlistable(_))).cloned().collect();
    let (source, address, list) = (Name::from("etherscan"), OWNER, List::Tokens);
    assert_eq!(stuck, [Event::Unlistable(Unlistable { chain: ETHEREUM, source, address, list, block: 2 })]);
    let coin = explored(events.clone(), List::Transactions);
    assert!(coin.len() >= 6, "the other lists are read on, every 15 s: {}", coin.len());
    let read: Vec<_> =
        explored(events, List::Tokens).iter().map(|part| (part.from, part.to, part.rows.len())).collect();
    assert_eq!(read, [(0, 1, 30)], "what lies below it stays true");
}
