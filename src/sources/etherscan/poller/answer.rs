//! What came back of a call, read as what was asked.

use super::super::fetch::{self, RowsAnswer};
use super::super::planner::Call;
use crate::net::Response;
use crate::reactor::event::List;
use crate::types::{Address, B256, U256, Untrusted};
use crate::wire::etherscan::{GasOracle, Refusal};

/// What an answer was.
pub(super) enum Answer {
    Rows(List, Address, RowsAnswer),
    Head(u64),
    Receipt(B256, Option<fetch::ReceiptRead>),
    Balances(Vec<(Address, U256)>),
    Balance(U256),
    Gas(GasOracle),
}

/// Reads the answer to a call.
pub(super) fn read(call: Call, response: &Response) -> Result<Answer, Refusal> {
    Ok(match call {
        Call::Receipt(_, tx) => Answer::Receipt(tx, fetch::read_receipt(tx, response)?),
        Call::Head(_) => Answer::Head(fetch::read_head(response)?),
        Call::View(_, address, list) => Answer::Rows(list, address, fetch::read_rows(list, response)?),
        // What lies before a watch is read once: there, rows that may be missing are waited for.
        Call::History(_, address, list) => match fetch::read_rows(list, response)? {
            rows if rows.partial => {
                let text = Untrusted::new("the explorer has not read all of these blocks yet");
                return Err(Refusal::NotYet { text });
            }
            rows => Answer::Rows(list, address, rows),
        },
        Call::Balances(..) => Answer::Balances(fetch::read_balances(response)?),
        Call::Balance(..) => Answer::Balance(fetch::read_balance(response)?),
        Call::Gas(_) => Answer::Gas(fetch::read_gas(response)?),
    })
}
