//! The pager against a scripted list: whatever the list, it is read whole, or there is a fault.

use super::*;
use proptest::prelude::*;

/// A list: (block, serial number of the row). Equal rows are equal to the pager; the serial is only for the checker.
type Rows = Vec<(u64, u64)>;

/// A part's first and last block, and its head.
type Bounds = (u64, u64, Option<u64>);

/// What an explorer with this list answers.
fn answer(list: &Rows, head: u64, ask: Ask) -> Page<u64> {
    let skip = (ask.page as usize - 1) * ask.rows as usize;
    let inside = list.iter().filter(|(block, _)| (ask.start_block..=ask.end_block.min(head)).contains(block));
    let entries: Vec<_> = inside
        .skip(skip)
        .take(ask.rows as usize)
        .map(|(block, row)| Entry { block: *block, hash: None, row: Some(*row) })
        .collect();
    Page { count: entries.len(), head: (!entries.is_empty()).then_some(head), entries }
}

/// Reads a list; gives the parts as (from, to, head) and all rows.
fn read(from: u64, mut explorer: impl FnMut(usize, Ask) -> Page<u64>) -> Result<(Vec<Bounds>, Vec<u64>), PagerFault> {
    let (mut pager, mut parts, mut rows) = (Pager::new(from), Vec::new(), Vec::new());
    for call in 0..10_000 {
        let progress = pager.take(explorer(call, pager.ask()))?;
        let (part, done) = match progress {
            Progress::More(part) => (part, false),
            Progress::Done(part) => (Some(part), true),
        };
        if let Some(part) = part {
            parts.push((part.from, part.to, part.head));
            rows.extend(part.rows);
        }
        if done {
            return Ok((parts, rows));
        }
    }
    panic!("the pager never ends")
}

fn list(counts: &[(u64, u64)]) -> Rows {
    let blocks = counts.iter().flat_map(|(block, count)| std::iter::repeat_n(*block, usize::try_from(*count).unwrap()));
    blocks.zip(0..).collect()
}

#[test]
fn every_row_comes_once_however_it_lies_on_the_pages() {
    let check = |counts: &[(u64, u64)], from: u64, calls: usize| {
        let list = list(counts);
        let mut used = 0;
        let (parts, rows) = read(from, |call, ask| {
            used = call + 1;
            answer(&list, 9_000, ask)
        })
        .unwrap();
        let expected: Vec<u64> = list.iter().filter(|(block, _)| *block >= from).map(|(_, row)| *row).collect();
        assert_eq!(rows, expected, "{counts:?}");
        assert_eq!(used, calls, "{counts:?}");
        assert_eq!((parts[0].0, parts.last().unwrap().1), (from, 9_000), "{counts:?}");
        assert!(parts.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{parts:?}");
    };
    check(&[(5, 1)], 0, 1);
    check(&[(5, 999)], 0, 1);
    // A full page of one block: page 2 of that block, then on behind it.
    check(&[(5, 1_000)], 0, 3);
    check(&[(5, 1_200)], 0, 3);
    check(&[(5, 1_200), (6, 1)], 6, 1);
    // 1,200 in a block in the middle, which one page touches and the next fills.
    check(&[(4, 300), (5, 1_200), (6, 40)], 0, 4);
    // The page edge falls between two blocks, and inside one.
    check(&[(4, 1_000), (5, 1)], 0, 3);
    check(&[(4, 999), (5, 2)], 0, 2);
    check(&[(4, 800), (5, 800), (6, 900)], 0, 3);
    check(&(1..=2_500).map(|block| (block, 1)).collect::<Vec<_>>(), 0, 3);
    check(&(1..=8).map(|block| (block, 900)).collect::<Vec<_>>(), 0, 8);
    check(&[(5, 9_999)], 0, 11);
}

#[test]
fn an_empty_answer_proves_nothing() {
    let empty = |_, ask| answer(&Rows::new(), 9_000, ask);
    assert_eq!(read(70, empty), Ok((vec![(70, 69, None)], vec![])));
    assert_eq!(read(0, empty), Ok((vec![(0, 0, None)], vec![])));
}

#[test]
fn what_came_from_servers_at_different_heads_ends_at_the_lowest() {
    let rows = list(&[(10, 600), (20, 600), (30, 5)]);
    let heads = [100, 25, 100];
    let (parts, rows) = read(0, |call, ask| Page { head: Some(heads[call]), ..answer(&rows, 100, ask) }).unwrap();
    assert_eq!(parts, [(0, 25, Some(25))]);
    assert_eq!(rows.len(), 1_200, "the rows of block 30 lie past it");

    let silent = |_, ask| Page { head: None, ..answer(&list(&[(10, 600), (20, 600), (30, 5)]), 100, ask) };
    let (parts, rows) = read(0, silent).unwrap();
    assert_eq!((parts.as_slice(), rows.len()), (&[(0, 30, Some(30))][..], 1_205), "a list that tells no head");
}

#[test]
fn a_list_that_cannot_be_read_safely_is_a_fault() {
    let rows = list(&[(10, 600), (20, 600)]);
    let lagging = |call, ask| if call == 0 { answer(&rows, 100, ask) } else { answer(&Rows::new(), 100, ask) };
    assert_eq!(read(0, lagging), Err(PagerFault::Moved { block: 20 }));

    let reversed = |_, ask| {
        let mut page = answer(&rows, 100, ask);
        page.entries.reverse();
        page
    };
    assert_eq!(read(0, reversed), Err(PagerFault::Order { block: 10 }));

    let deaf = |_, _| answer(&rows, 100, Ask { start_block: 0, end_block: 100, page: 1, rows: 1_000 });
    assert_eq!(read(50, deaf), Err(PagerFault::Unreadable { block: 50 }));

    let huge = list(&[(10, 10_000)]);
    assert_eq!(read(0, |_, ask| answer(&huge, 100, ask)), Err(PagerFault::BlockTooLarge { block: 10 }));
    let (huge, mut pager) = (list(&[(5, 7), (10, 10_001), (11, 3)]), Pager::new(0));
    let fault = loop {
        let page = answer(&huge, 100, pager.ask());
        match pager.take(page) {
            Ok(Progress::More(None)) => {}
            Ok(progress) => panic!("{progress:?}"),
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault, PagerFault::BlockTooLarge { block: 10 });
    assert_eq!(pager.below(10), Some(Part { from: 0, to: 9, head: Some(100), rows: (0..7).collect() }));
    assert_eq!(Pager::<u64>::new(10).below(10), None);
    let huge = list(&[(10, 10_000)]);

    let hashed = |call: usize, ask| {
        let mut page = answer(&huge, 100, ask);
        page.entries.iter_mut().for_each(|entry| entry.hash = Some(B256::repeat_byte(u8::try_from(call).unwrap())));
        page
    };
    assert_eq!(read(0, hashed), Err(PagerFault::Moved { block: 10 }));
}

#[test]
fn rows_that_moved_nothing_or_cannot_be_read_take_their_place_on_the_page() {
    let rows = list(&[(10, 999), (20, 999)]);
    let (_, read_rows) = read(0, |_, ask| {
        let mut page = answer(&rows, 100, ask);
        page.entries.iter_mut().filter(|entry| entry.block == 10).for_each(|entry| entry.row = None);
        page.entries.swap_remove(3);
        page.entries.sort_by_key(|entry| entry.block);
        page
    })
    .unwrap();
    assert_eq!(read_rows.len(), 998, "the rows of block 20 but for the one that cannot be read");
}

#[test]
fn a_block_that_ends_a_page_of_rows_that_cannot_be_read_is_read_from_its_own_first_row() {
    // 400 rows of block 4 cannot be read: the page ends inside block 5, though it shows no other block.
    let rows = list(&[(4, 400), (5, 900), (6, 7)]);
    let (_, read_rows) = read(0, |_, ask| {
        let mut page = answer(&rows, 100, ask);
        page.entries.retain(|entry| entry.block != 4);
        page
    })
    .unwrap();
    assert_eq!(read_rows, (400..1_307).collect::<Vec<_>>());
}

#[test]
fn a_query_that_takes_too_long_is_halved_until_it_answers() {
    let rows = list(&[(10, 3), (700, 3), (999, 3)]);
    let (mut pager, mut asks) = (Pager::new(0), Vec::new());
    assert_eq!(Pager::<u64>::new(0).too_much(None), Err(PagerFault::HeadNeeded));
    let part = loop {
        let ask = pager.ask();
        if ask.end_block - ask.start_block > 300 {
            pager.too_much(Some(1_000)).unwrap();
            continue;
        }
        asks.push((ask.start_block, ask.end_block));
        match pager.take(answer(&rows, 1_000, ask)).unwrap() {
            Progress::More(None) => {}
            Progress::More(Some(part)) | Progress::Done(part) => break part,
        }
    };
    assert_eq!(part, Part { from: 0, to: 1_000, head: Some(1_000), rows: (0..9).collect() });
    assert!(asks.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{asks:?}");
    let mut single = Pager::<u64>::new(1_000);
    assert_eq!(single.too_much(Some(1_000)), Err(PagerFault::BlockTooSlow { block: 1_000 }));
}

#[test]
fn what_may_lack_rows_is_handed_out_and_nothing_counts_as_read() {
    let few = list(&[(10, 3), (20, 2)]);
    let mut pager = Pager::new(5);
    pager.doubt();
    let part = pager.take(answer(&few, 100, pager.ask()));
    assert_eq!(part, Ok(Progress::Done(Part { from: 5, to: 4, head: None, rows: (0..5).collect() })));
    // Also what is longer than a part, and what said so on one of its pages only.
    let many = list(&[(10, 4_900), (20, 900), (30, 700)]);
    let (mut pager, mut rows, mut calls) = (Pager::new(0), Vec::new(), 0);
    loop {
        let page = answer(&many, 100, pager.ask());
        if calls == 3 {
            pager.doubt();
        }
        calls += 1;
        let (part, done) = match pager.take(page).unwrap() {
            Progress::More(part) => (part, false),
            Progress::Done(part) => (Some(part), true),
        };
        if let Some(part) = part {
            assert_eq!((part.from, part.head, part.to), (0, None, 0), "from the first block there is none below");
            rows.extend(part.rows);
        }
        if done {
            break;
        }
    }
    assert_eq!(rows, (0..6_500).collect::<Vec<_>>());
}

#[test]
fn a_page_that_a_server_cuts_by_a_cap_of_its_own_is_not_taken_for_the_end() {
    for (cap, counts) in [
        (1_000, vec![(10, 700), (20, 1_900), (30, 400)]),
        (1_000, vec![(10, 1_000)]),
        (2_000, vec![(10, 5_000), (11, 2_000)]),
        (5_000, vec![(10, 7_000), (11, 1)]),
    ] {
        let (rows, mut pager, mut got) =
            (list(&counts), Pager::new(0).paged(Pages { rows: 10_000, last: 1 }), Vec::new());
        loop {
            let ask = pager.ask();
            let progress = pager.take(answer(&rows, 100, Ask { rows: ask.rows.min(cap), ..ask })).unwrap();
            match progress {
                Progress::More(part) => got.extend(part.into_iter().flat_map(|part| part.rows)),
                Progress::Done(part) => {
                    got.extend(part.rows);
                    break;
                }
            }
        }
        assert_eq!(got, (0..u64::try_from(rows.len()).unwrap()).collect::<Vec<_>>(), "{cap} {counts:?}");
    }
}

#[test]
fn each_kind_of_explorer_has_pages_of_its_own() {
    for dialect in Dialect::ALL {
        let Pages { rows, last } = dialect.pages();
        let (huge, mut pager) = (list(&[(10, 10_001), (11, 3)]), Pager::new(0).paged(dialect.pages()));
        let mut pages = Vec::new();
        let fault = loop {
            let ask = pager.ask();
            assert_eq!(ask.rows, rows);
            pages.push(ask.page);
            match pager.take(answer(&huge, 100, ask)) {
                Ok(Progress::More(None)) => {}
                Ok(progress) => panic!("{progress:?}"),
                Err(fault) => break fault,
            }
        };
        assert_eq!(
            (fault, pages),
            (PagerFault::BlockTooLarge { block: 10 }, (1..=last).collect::<Vec<_>>()),
            "{dialect:?}"
        );
        let (fine, mut pager) = (list(&[(10, u64::from(rows) + 7), (11, 3)]), Pager::new(0).paged(dialect.pages()));
        let mut read = Vec::new();
        for _ in 0..4 {
            match pager.take(answer(&fine, 100, pager.ask())).unwrap() {
                Progress::More(part) => read.extend(part.into_iter().flat_map(|part| part.rows)),
                Progress::Done(part) => read.extend(part.rows),
            }
            if read.len() == fine.len() {
                break;
            }
        }
        assert_eq!(read, (0..u64::from(rows) + 10).collect::<Vec<_>>(), "{dialect:?}");
    }
}

proptest! {
    #[test]
    fn any_list_is_read_whole_in_parts_that_join(
        counts in prop::collection::vec((1_u64..60, prop_oneof![Just(1_u64), 1_u64..20, 300_u64..1_600]), 0..12),
        from in 0_u64..40,
    ) {
        let mut rows = list(&counts);
        rows.sort_unstable();
        let blocks: std::collections::BTreeMap<u64, usize> =
            rows.iter().fold(std::collections::BTreeMap::default(), |mut blocks, (block, _)| { *blocks.entry(*block).or_default() += 1; blocks });
        prop_assume!(blocks.values().all(|count| *count < 10_000));
        let (parts, got) = read(from, |_, ask| answer(&rows, 60, ask)).unwrap();
        let expected: Vec<u64> = rows.iter().filter(|(block, _)| *block >= from).map(|(_, row)| *row).collect();
        let last = parts.last().copied().unwrap();
        prop_assert_eq!(last.2.is_some(), !expected.is_empty());
        prop_assert!(parts.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0));
        prop_assert_eq!(got, expected);
    }
}
