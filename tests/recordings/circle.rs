//! Circle's recorded and published bodies, both ways: what is read, written again and read again is the same.

#[path = "../fuzz/circle_laws.rs"]
mod laws;

use super::recordings;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use walletwatch::types::{Address, ChainId, U256, chain};
use walletwatch::wire::circle::{self, CircleError, CircleState, Direction, HookFault, HookKind, Refusal};

/// The text of a recording; `None`, said plainly, where there are none.
fn text(file: &str) -> Option<String> {
    let folder = recordings("circle")?;
    Some(fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}")))
}

fn value(file: &str) -> Option<Value> {
    Some(serde_json::from_str(&text(file)?).expect("the recording is JSON"))
}

#[test]
fn recorded_answers_of_wallets_are_read_and_written_so_that_they_read_back() {
    let Some(body) = text("w3s_create_transfer_201.json") else { return };
    let accepted = circle::open(201, &body, circle::accepted).expect("it is a success");
    assert_eq!(
        (accepted.id.as_str(), &accepted.state),
        ("1af639ce-c8b2-54a6-af49-7aebc95aaac1", &CircleState::Initiated)
    );
    let again = json!({"id": accepted.id.as_str(), "state": accepted.state.word()}).to_string();
    assert_eq!(circle::accepted(&again), Ok(accepted));

    let Some(body) = text("w3s_get_transaction_complete_200.json") else { return };
    let row = circle::open(200, &body, circle::transaction).expect("it is a success");
    assert_eq!(
        (&row.state, &row.direction, row.amount(6)),
        (&CircleState::Complete, &Direction::Outbound, Some(U256::from(10_000)))
    );
    assert_eq!(row.reference, None, "an empty text is none");
    assert_eq!(row.fee(), Some(U256::from(35_910_000_189_000_u64)));
    assert_eq!(
        row.destination.map(|to| format!("{to:#x}")).as_deref(),
        Some("0xc90e058234d4b2db799d787a855ec68d801a53a3")
    );
    assert_eq!(row.blockchain.as_ref().and_then(|word| circle::chain_of(word.as_str())), Some(ChainId(80_002)));
    assert_eq!(row.created.map(|at| at.to_string()).as_deref(), Some("2023-08-07T14:40:54.000Z"));
    let again = json!({"transaction": row.write()}).to_string();
    assert_eq!(circle::transaction(&again), Ok(row.clone()));
    let page =
        circle::transactions(&json!({"transactions": [row.write(), row.write()]}).to_string()).expect("it is a list");
    assert_eq!((page.rows, page.length), (vec![row.clone(), row], 2));

    let Some(body) = text("w3s_wallet_balances_200.json") else { return };
    let held = circle::open(200, &body, circle::balances).expect("it is a success");
    let said: Vec<_> = held
        .iter()
        .map(|row| (row.token.native, row.token.contract.is_some(), row.amount.raw(row.token.decimals.unwrap_or(0))))
        .collect();
    assert_eq!(said, [(true, false, Ok(U256::ZERO)), (false, true, Ok(U256::from(10_000_000)))]);
    let again: Vec<Value> = held.iter().map(circle::TokenBalance::write).collect();
    assert_eq!(circle::balances(&json!({"tokenBalances": again}).to_string()), Ok(held));
}

#[test]
fn the_recorded_entity_key_is_read_past_its_wrong_armour() {
    let Some(body) = text("w3s_entity_public_key_200.json") else { return };
    let key = circle::open(200, &body, circle::entity_key).expect("it is a success");
    assert!(body.contains("BEGIN RSA PUBLIC KEY"), "the armour of PKCS#1");
    assert_eq!((key.der.len(), key.der[0]), (550, 0x30), "and SubjectPublicKeyInfo of 4,096 bits inside");
    let sealer = walletwatch::payments::Sealer::new(&key).expect("it is an RSA key");
    let secret = walletwatch::types::Secret::new("0f".repeat(32));
    let secret = walletwatch::payments::EntitySecret::parse(&secret).expect("it is 64 digits");
    let sealed = sealer.seal(&secret).expect("it seals");
    assert_eq!(sealed.expose().len(), 684);
    assert_ne!(sealed.expose(), sealer.seal(&secret).expect("it seals").expose());
}

#[test]
fn every_published_error_is_circles_own_with_its_status_and_reads_back() {
    let Some(file) = value("error_bodies.json") else { return };
    let mut seen = Vec::new();
    for case in file["cases"].as_array().expect("cases") {
        let status = u16::try_from(case["http"].as_u64().expect("a status")).expect("a status");
        let Err(Refusal::Said { status: said, error }) =
            circle::open(status, &case["body"].to_string(), circle::accepted)
        else {
            panic!("{case}");
        };
        assert_eq!((said, Some(error.code)), (status, case["body"]["code"].as_i64()));
        assert_eq!(error.field.is_some(), case["body"]["errors"].is_array(), "{case}");
        assert_eq!(CircleError::read(&error.write()).map(|again| again.code), Some(error.code));
        seen.push((status, error.code, error.wants_fresh_ciphertext(), error.says_key_used()));
    }
    assert!(seen.contains(&(400, 156_004, true, false)) && seen.contains(&(409, 409, false, true)), "{seen:?}");
    assert_eq!(seen.len(), 11);
}

#[test]
fn the_real_signature_fits_also_with_s_mirrored_and_nothing_else_does() {
    let Some(vector) = value("webhook_v2_signature_vector_1.json") else { return };
    let word = |pointer: &str| vector.pointer(pointer).and_then(Value::as_str).expect("it is there").to_owned();
    let (signature, body) = (word("/headers/X-Circle-Signature"), word("/raw_body"));
    let key = STANDARD.decode(word("/public_key_spki_der_base64")).expect("base64");
    assert_eq!(circle::verify(&key, &signature, body.as_bytes()), Ok(()));
    let mirrored = STANDARD.encode(mirror(&STANDARD.decode(&signature).expect("base64")));
    assert_ne!(mirrored, signature);
    assert_eq!(circle::verify(&key, &mirrored, body.as_bytes()), Ok(()), "S replaced by n − S");
    for changed in [body.replacen(',', ", ", 1), format!("{body}\n"), body.replace("world", "World"), String::new()] {
        assert_eq!(circle::verify(&key, &signature, changed.as_bytes()), Err(HookFault::Mismatch), "{changed}");
    }
    let again = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&body).expect("JSON")).expect("JSON");
    assert_eq!(circle::verify(&key, &signature, again.as_bytes()), Err(HookFault::Mismatch), "written anew");
    assert_eq!(circle::hook(body.as_bytes()).map(|hook| hook.kind), Ok(HookKind::Test));

    let Some(published) = text("w3s_notification_public_key_200.json") else { return };
    let (id, shown) = circle::open(200, &published, circle::hook_key).expect("it is a success");
    assert_eq!((id.to_string(), shown), (word("/headers/X-Circle-Key-Id"), key));
}

/// The same signature with S replaced by n − S.
fn mirror(signature: &[u8]) -> Vec<u8> {
    let order = U256::from_be_bytes([
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ]);
    let split = 4 + usize::from(signature[3]);
    let (r, s) = (&signature[2..split], &signature[split + 2..]);
    let s = (order - U256::from_be_slice(s)).to_be_bytes::<32>();
    let s: Vec<u8> = std::iter::once(0).chain(s.into_iter().skip_while(|byte| *byte == 0)).collect();
    let s = if s[1] & 0x80 == 0 { &s[1..] } else { &s[..] };
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).expect("it is short");
    let s = [&[2, length(s)], s].concat();
    [&[0x30, length(r) + length(&s)], r, &s].concat()
}

#[test]
fn recorded_hooks_are_hints_at_a_transaction() {
    let Some(body) = text("w3s_webhook_transactions_outbound_complete.json") else { return };
    let hook = circle::hook(body.as_bytes()).expect("it is a hook");
    assert_eq!(hook.kind, HookKind::Transaction { id: "ad3f40ae-9c0e-52cf-816f-91838850572a".into() });
    assert_eq!(hook.id.to_string(), "acab8c14-92ae-481a-8335-6eb5271da014");
    let inner = json!({"transaction": serde_json::from_str::<Value>(&body).expect("JSON")["notification"]}).to_string();
    let row = circle::transaction(&inner).expect("it is a transaction, though an end user's");
    assert_eq!((&row.state, row.fee()), (&CircleState::Complete, Some(U256::from(70_375_000_474_052_190_u64))));
    let Some(test) = text("w3s_subscription_test_notification.json") else { return };
    assert_eq!(circle::hook(test.as_bytes()).map(|hook| hook.kind), Ok(HookKind::Test));
}

#[test]
fn what_belongs_to_mint_and_to_the_old_accounts_is_never_taken_for_wallets() {
    let Some(folder) = recordings("circle") else { return };
    let mut read = 0;
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let name = entry.expect("it can be listed").file_name().into_string().expect("plain names");
        if !(name.starts_with("mint_recorded") || name.starts_with("legacy_recorded")) {
            continue;
        }
        let Some(recording) = value(&name) else { return };
        let body = ["/response/body", "/response", "/body"]
            .iter()
            .find_map(|pointer| recording.pointer(pointer))
            .unwrap_or(&recording);
        let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        assert!(circle::open(201, &body, circle::accepted).is_err(), "{name}");
        assert!(circle::open(200, &body, circle::transaction).is_err(), "{name}");
        assert!(circle::open(200, &body, circle::transactions).is_err(), "{name}");
        assert!(circle::open(200, &body, circle::wallet).is_err(), "{name}");
        read += 1;
    }
    assert!(read >= 8, "{read}");
}

#[test]
fn the_recorded_table_of_usdc_is_ours_with_circles_words() {
    let Some(file) = value("usdc_tokens.json") else { return };
    let mut compared = 0;
    for (network, test) in [("mainnet", false), ("testnet", true)] {
        for row in file[network].as_array().expect("rows") {
            let id = ChainId(row["chain_id"].as_u64().expect("an id"));
            assert_eq!(circle::blockchain(id), row["w3s_chain"].as_str(), "{row}");
            assert_eq!(circle::test_twin(id).is_some(), !test, "{row}");
            let contract: Address = row["address"].as_str().expect("an address").parse().expect("an address");
            if let Some(usdc) = chain::by_id(id).and_then(|known| known.usdc) {
                assert_eq!(usdc.address, contract, "{row}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 10, "{compared}");
}

#[test]
fn mangled_recordings_are_read_or_refused_and_nothing_panics() {
    let Some(folder) = recordings("circle") else { return };
    let (mut state, mut bodies) = (0x9e37_79b9_7f4a_7c15, 0);
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let name = entry.expect("it can be listed").file_name().into_string().expect("plain names");
        if !name.starts_with("w3s_")
            || Path::new(&name).extension().is_some_and(|end| end == "yaml")
            || name.contains("error_codes")
        {
            continue;
        }
        let Some(body) = text(&name) else { return };
        laws::answer(&body);
        laws::hook(&body);
        for _ in 0..200 {
            let copy = super::mangled::mangle(&body, &mut state);
            laws::answer(&copy);
            laws::hook(&copy);
        }
        bodies += 1;
    }
    assert!(bodies >= 7, "{bodies}");
}
