//! What holds of every answer of Circle's and of every hook, however broken: read by the fuzz target, and by the tests that mangle recordings.

use walletwatch::wire::circle::{self, CircleError, HookKind, Next, Refusal};

/// The statuses that matter: two that are a success, and of every kind of refusal one.
const STATUSES: [u16; 9] = [200, 201, 202, 302, 400, 401, 409, 429, 503];

/// An answer is what was asked for, Circle's own error, or unreadable; an error is never a success, nor a success an error.
pub fn answer(body: &str) {
    let own = CircleError::read(body);
    for status in STATUSES {
        match circle::open(status, body, circle::accepted) {
            Ok(accepted) => {
                assert!(status <= 201, "{status}: {body}");
                assert!(!accepted.id.as_str().is_empty() && !accepted.id.as_str().contains(['/', '.', '%', '?']));
            }
            Err(Refusal::Said { status: said, error }) => {
                assert!(said == status && status >= 400 && own.as_ref() == Some(&error), "{status}: {body}");
            }
            Err(Refusal::Unreadable { .. }) => assert!(status < 400 || own.is_none(), "{status}: {body}"),
        }
    }
    if let Ok(page) = circle::open(200, body, circle::transactions) {
        assert!(page.rows.len() <= page.length, "{body}");
        for row in &page.rows {
            assert_eq!(row.amounts.is_none().then(|| row.amount(6)).flatten(), None);
        }
    }
    let row = circle::open(200, body, circle::transaction);
    if let Ok(row) = row {
        let again = serde_json::json!({"transaction": row.write()}).to_string();
        let again = circle::transaction(&again).expect("what was written reads back");
        assert_eq!((again.id, again.state.is_final()), (row.id.clone(), row.state.is_final()), "{body}");
        assert_eq!((again.destination, again.amounts, again.tx), (row.destination, row.amounts, row.tx), "{body}");
    }
    let _balances = circle::open(200, body, circle::balances);
    let _wallet = circle::open(200, body, circle::wallet);
    let _token = circle::open(200, body, circle::token);
    let _fee = circle::open(200, body, circle::estimate);
    let _key = circle::open(200, body, circle::entity_key);
    let _signer = circle::open(200, body, circle::hook_key);
}

/// A hook is a hint at an id that can stand in a path, or nothing; a link leads behind such an id, or nowhere.
pub fn hook(body: &str) {
    if let Ok(hook) = circle::hook(body.as_bytes())
        && let HookKind::Transaction { id } = hook.kind
    {
        assert!(!id.as_str().is_empty() && !id.as_str().contains(['/', '.', '%', '?']), "{body}");
    }
    if let Next::After(id) = circle::next_page(Some(body)) {
        assert!(!id.as_str().is_empty() && !id.as_str().contains(['/', '.', '%', '?']), "{body}");
    }
    assert!(circle::verify(body.as_bytes(), body, body.as_bytes()).is_err(), "{body}");
    if let Ok(terms) = circle::thaw(body.as_bytes())
        && let Ok(frozen) = circle::freeze(&terms)
    {
        assert_eq!(circle::thaw(&frozen), Ok(terms), "{body}");
    }
}
