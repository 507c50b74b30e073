//! Anvil: a real node on a free port, whose blocks are mined when a test says so.

use super::{Printed, http_client};
use alloy::primitives::{Address, B256, Bytes, U256};
use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// Where anvil is, when it is not on the PATH.
const VARIABLE: &str = "WALLETWATCH_ANVIL";

/// Runs a program until our end of its input closes, however that happens, then ends it with everything that it started: what is
/// called anvil may be a script around it, and a killed test must not leave a node behind. It is the first of its process group.
const KEEPER: &str = r#""$0" "$@" </dev/null & exec >/dev/null; cat >/dev/null; kill -KILL 0"#;

/// A node of its own. It ends with its value.
#[derive(Debug)]
pub struct Anvil {
    child: Child,
    port: u16,
    http: reqwest::Client,
    next: AtomicU64,
}

/// The program, if it is here; else one line that says what is left out.
pub fn program(test: &str) -> Option<PathBuf> {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found =
        named.or_else(|| std::env::split_paths(&paths).map(|path| path.join("anvil")).find(|path| path.is_file()));
    if found.is_none() {
        // Not by `println`: what a passing test prints is not shown.
        let _ = writeln!(std::io::stderr(), "left out: {test} (anvil is not here; tests/run installs it)");
    }
    found
}

impl Anvil {
    /// Started with this chain id, mining only when told to; `None`, and said, where there is no anvil. Accounts are anvil's own.
    pub async fn start(test: &str, chain_id: u64, more: &[&str]) -> Option<Self> {
        let program = program(test)?;
        let mut command = Command::new("sh");
        command.arg("-c").arg(KEEPER).arg(program).process_group(0);
        command.args(["--port", "0", "--no-mining", "--chain-id", &chain_id.to_string()]);
        command.args(["--block-base-fee-per-gas", "0", "--gas-price", "0", "--disable-min-priority-fee"]);
        command.args(more).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("anvil starts");
        let printed = Printed::of(child.stdout.take().expect("it is piped"));
        let line = printed.line_with("Listening on").await.unwrap_or_else(|fault| panic!("anvil: {fault}"));
        let port = line.rsplit(':').next().and_then(|port| port.trim().parse().ok()).expect("it prints its port");
        Some(Self { child, port, http: http_client(), next: AtomicU64::new(1) })
    }

    /// Its socket.
    pub fn ws(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Its HTTP address.
    pub fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its answer to any request, as it came.
    pub async fn forward(&self, request: &Value) -> Value {
        let post = self.http.post(self.http()).header("content-type", "application/json").body(request.to_string());
        let body = post.send().await.expect("anvil answers").bytes().await.expect("it is whole");
        serde_json::from_slice(&body).expect("it is JSON")
    }

    /// The result of a method.
    pub async fn call(&self, method: &str, params: Value) -> Value {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut answer = self.forward(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        assert!(answer.get("error").is_none(), "{method} {params}: {}", answer["error"]);
        answer["result"].take()
    }

    /// The accounts that it signs for, in its order.
    pub async fn accounts(&self) -> Vec<Address> {
        let accounts = self.call("eth_accounts", json!([])).await;
        let all = accounts.as_array().expect("a list").iter();
        all.map(|text| text.as_str().and_then(|text| text.parse().ok()).expect("an address")).collect()
    }

    /// Puts a transaction into the pool; it is in no block yet. The gas is given, by the size of the input, so that one that will fail is sent too, and costs nothing.
    pub async fn send(&self, from: Address, to: Option<Address>, value: U256, data: &Bytes) -> B256 {
        let mut request = json!({
            "from": from.to_string(), "value": format!("{value:#x}"), "input": data.to_string(), "gas": format!("{:#x}", 2_000_000 + 100 * data.len()),
            "gasPrice": "0x0"
        });
        if let Some(to) = to {
            request["to"] = json!(to.to_string());
        }
        let hash = self.call("eth_sendTransaction", json!([request])).await;
        hash.as_str().and_then(|text| text.parse().ok()).expect("a hash")
    }

    /// Sends coin and nothing else.
    pub async fn pay(&self, from: Address, to: Address, value: u128) -> B256 {
        self.send(from, Some(to), U256::from(value), &Bytes::new()).await
    }

    /// Mines so many blocks; what is in the pool is in the first. Gives the number of the last.
    pub async fn mine(&self, blocks: u64) -> u64 {
        self.call("anvil_mine", json!([blocks])).await;
        self.height().await
    }

    /// The number of the newest block.
    pub async fn height(&self) -> u64 {
        let text = self.call("eth_blockNumber", json!([])).await;
        number(&text)
    }

    /// Takes the newest `depth` blocks back and puts as many empty ones in their place. Returns after it has happened.
    pub async fn reorg(&self, depth: u64) {
        self.call("anvil_reorg", json!([depth, []])).await;
    }

    /// The receipt of what has been mined.
    pub async fn receipt(&self, tx: B256) -> Value {
        let receipt = self.call("eth_getTransactionReceipt", json!([tx.to_string()])).await;
        assert!(receipt.is_object(), "{tx} has not been mined");
        receipt
    }

    /// The process stands still: connections stay open and are even taken, and nobody answers until it goes on.
    pub fn pause(&self) {
        assert!(self.signal("STOP"), "anvil is gone");
    }

    /// It goes on, with what it was asked meanwhile first.
    pub fn go_on(&self) {
        assert!(self.signal("CONT"), "anvil is gone");
    }

    fn signal(&self, name: &str) -> bool {
        // It leads its process group, in which the node is.
        let command = format!("kill -s {name} -- -{}", self.child.id());
        Command::new("sh").args(["-c", &command]).status().is_ok_and(|status| status.success())
    }

    /// Puts code at an address, as if it had always been there.
    pub async fn put_code(&self, at: Address, code: &[u8]) {
        self.call("anvil_setCode", json!([at.to_string(), Bytes::copy_from_slice(code).to_string()])).await;
    }

    /// Lets anvil sign for an address that nobody has the key of, with coin to spend.
    pub async fn impersonate(&self, who: Address) {
        self.call("anvil_impersonateAccount", json!([who.to_string()])).await;
        self.call("anvil_setBalance", json!([who.to_string(), format!("{:#x}", U256::from(10).pow(U256::from(30)))]))
            .await;
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // A test that failed may have left it paused; it could not even end.
        let _ = self.signal("CONT");
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A hexadecimal quantity.
pub fn number(text: &Value) -> u64 {
    let text = text.as_str().and_then(|text| text.strip_prefix("0x")).expect("a quantity");
    u64::from_str_radix(text, 16).expect("it fits")
}
