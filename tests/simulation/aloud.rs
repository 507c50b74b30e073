//! Events in a line each, for whoever looks into a seed.

use walletwatch::reactor::event::Event;
use walletwatch::types::{B256, BlockRef};

/// One event in a line.
pub fn event(event: &Event) -> String {
    match event {
        Event::Run(run) => {
            let blocks: Vec<String> = run
                .blocks
                .iter()
                .map(|block| {
                    let txs: Vec<String> = block.movements.iter().map(|movement| short(movement.tx)).collect();
                    format!("{}{}", place(block.at), if txs.is_empty() { String::new() } else { format!("{txs:?}") })
                })
                .collect();
            let shown = if blocks.len() > 24 { &blocks[blocks.len() - 24..] } else { &blocks };
            format!("{} {:?} run of {} by {}: {}", run.chain, run.part, blocks.len(), run.endpoint, shown.join(" "))
        }
        Event::Head(head) => {
            let lacks = head.lacks.map(short);
            format!("{} head of {}: {} lacks {lacks:?}", head.chain, head.endpoint, place(head.at))
        }
        Event::Explored(answer) => {
            let rows: Vec<String> =
                answer.rows.iter().map(|row| format!("{}@{}", short(row.movement.tx), row.block)).collect();
            let (head, address) = (answer.index_head, answer.address);
            format!(
                "{} {:?} of {address} from {} at {head:?}: {}",
                answer.chain,
                answer.list,
                answer.from,
                rows.join(" ")
            )
        }
        other => format!("{other:?}"),
    }
}

fn place(at: BlockRef) -> String {
    format!("{}:{}<{}", at.number, short(at.hash), short(at.parent))
}

/// Hashes differ in their ninth to sixteenth byte.
fn short(hash: B256) -> String {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash[8..16]);
    u64::from_be_bytes(bytes).to_string()
}
