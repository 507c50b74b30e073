//! Balances and prices that pay: what has to be read, how deep, and how often, before anything is asked of Circle.

use crate::live::{in_earnest, in_full_earnest};
use crate::script::{CHAIN, address, check};
use crate::settings::{balance_rule, paying, price_rule};
use walletwatch::reactor::settings::{Approval, Payee, PaymentAmount, Settings};
use walletwatch::types::U256;

/// The rule `low` pays.
fn pays(settings: Settings, amount: PaymentAmount) -> Settings {
    let mut settings = Settings { payments: paying(Approval::None).payments, ..settings };
    (settings.payments[0].rule, settings.payments[0].amount) = ("low".into(), amount);
    let payee = Payee { name: "payee".into(), chain: CHAIN, address: address("A"), per_day: U256::from(10_000) };
    settings.payees.insert("payee".into(), payee);
    settings
}

fn filling() -> Settings {
    pays(balance_rule(60), PaymentAmount::FillTo(U256::from(160)))
}

/// Enough was read at block 110, which is final by now.
const ARMED: &str = "
    a fresh
    a 100..110
    wait 1s
    circle lists
    balance usdc A 150 at 110
    a 111..116
    balance usdc A 151 at 116
";

#[test]
fn a_balance_that_is_low_at_a_final_block_and_at_the_newest_for_long_enough_is_filled_up() {
    let on = |blockchain: &str| {
        let mut settings = in_earnest(filling());
        if let Some(live) = &mut settings.live {
            live.blockchain = blockchain.into();
        }
        settings
    };
    // The chain was never seen to show the payment: nothing follows. A wallet on a test network pays in its place, and it never will.
    for (blockchain, then) in [("ETH", ""), ("ETH-SEPOLIA", "; payment.approved")] {
        check(
            on(blockchain),
            &format!(
                "{ARMED}
            a 117
            balance usdc A 90 at 117
            wait 60s
            a 118..121
            balance usdc A 80 at 121
            = balance.crossed 1 80 at 121
            a 122
            balance usdc A 80 at 122
            = payment.approved
            balance usdc A 70 at 122
            wait 1s
            circle asked scan
            circle lists
            circle asked create
            circle takes c-1
            circle asked get
            circle shows INITIATED
            = payment.sent
            wait 6s
            circle shows COMPLETE
            = payment.complete
            a 123..128
            balance usdc A 200 at 128
            = balance.recovered 1 200 at 128
            a 129..134
            balance usdc A 200 at 134
            balance usdc A 90 at 134
            wait 60s
            a 135..140
            balance usdc A 90 at 140
            = balance.crossed 2 90 at 140{then}
            a 141..146
            balance usdc A 90 at 146
            "
            ),
        );
    }
}

#[test]
fn a_low_balance_pays_by_itself_when_two_operators_read_alike_both_balances_that_made_it() {
    let planned = format!(
        "trusted
        {ARMED}
        a 117
        balance usdc A 90 at 117
        wait 60s
        a 118..121
        balance usdc A 80 at 121
        = balance.crossed 1 80 at 121
        a 122
        balance usdc A 80 at 122
        opinions 2
        b says usdc A 90 at 117
        b says usdc A 80 at 122
        a says usdc A 90 at 117"
    );
    for then in [
        "a says usdc A 80 at 122\n= payment.approved\nopinions 0",
        "a says usdc A 81 at 122\nwait 120s\n= payment.held approval",
        "wait 120s\n= payment.held approval",
        "restart\nopinions 0\nwait 120s\n= payment.held approval",
    ] {
        check(in_full_earnest(filling()), &format!("{planned}\n{then}"));
    }
}

#[test]
fn a_first_reading_and_one_behind_a_failure_ask_a_person() {
    let low = "
        a 117
        balance usdc A 90 at 117
        wait 60s
        a 118..123
        balance usdc A 90 at 123
    ";
    let start = "
        a fresh
        a 100..110
        wait 1s
        circle lists
    ";
    let asks = "= balance.crossed 1 90 at 123; payment.held first_reading";
    check(in_earnest(filling()), &format!("{start}\na 111..116\n{low}\n{asks}"));
    check(in_earnest(filling()), &format!("{ARMED}\nbalance usdc A empty at 116\n{low}\n{asks}"));
    check(in_earnest(filling()), &format!("{ARMED}\n{low}\n= balance.crossed 1 90 at 123; payment.approved"));
    // Nothing but failures pays nothing.
    let broken = "
        a 117..122
        balance usdc A empty at 122
        wait 60s
        a 123..130
        balance usdc A empty at 130
        wait 600s
    ";
    check(in_earnest(filling()), &format!("{ARMED}\n{broken}"));
}

#[test]
fn a_balance_rule_is_rehearsed_when_it_crosses() {
    check(
        filling(),
        "
        a fresh
        a 101..110
        balance usdc A 200 at 110
        balance usdc A 99 at 110
        wait 60s
        balance usdc A 99 at 110
        = balance.crossed 1 99 at 110; payment.rehearsed
        balance usdc A 98 at 110
        ",
    );
}

#[test]
fn a_price_pays_when_it_crosses_after_it_was_back() {
    check(
        in_earnest(pays(price_rule(60, None), PaymentAmount::Fixed(U256::from(10)))),
        "
        a fresh
        a 100
        wait 1s
        circle lists
        price 106
        price 99
        wait 60s
        = price.crossed 1; payment.approved
        price 98
        price 106
        = price.recovered 1
        price 99
        wait 60s
        = price.crossed 2
        ",
    );
    check(
        in_earnest(pays(price_rule(60, None), PaymentAmount::Fixed(U256::from(10)))),
        "
        price 99
        wait 60s
        = price.crossed 1; payment.held first_reading
        ",
    );
}
