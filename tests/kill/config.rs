//! The config that the monitor is run with: everything leads to the scene's own faces. Text only.

use super::scene::{ARCHIVE, CALLS, CONFIRMED, FINAL, Face, KEY, KNOWN, Scene, SceneChain, TOKEN, WATCHES};
use std::net::SocketAddr;
use walletwatch::types::Address;

impl Scene {
    /// As TOML.
    pub(crate) fn config(&self) -> String {
        let chain = |chain: &SceneChain| {
            let SceneChain { name, id, place, face, .. } = chain;
            let source = match face {
                Face::Node(_, scheme) => {
                    format!("rpc = [{{ name = \"{name}-node\", url = \"{scheme}://{place}\" }}]\netherscan = false")
                }
                Face::Explorer(_) => "etherscan = true".into(),
            };
            format!(
                r#"
[[chain]]
name = "{name}"
chain_id = {id}
coin = "ETH"
block_time = "1s"
confirmations = {CONFIRMED}
final_after = {FINAL}
{source}

[[token]]
chain = "{name}"
symbol = "SIM"
contract = "{KNOWN}"
decimals = 6
"#
            )
        };
        let watch = |(name, addresses): &(&str, &[Address])| {
            let addresses: Vec<String> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
            let from = if *name == ARCHIVE { "from_block = 1\n" } else { "" };
            format!("\n[[watch]]\nname = \"{name}\"\naddresses = [{}]\n{from}", addresses.join(", "))
        };
        let sink = |(name, place): (&str, &SocketAddr)| {
            let secret = name.to_uppercase();
            format!(
                "\n[[sink]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"http://{place}/hook\"\nsecret = \"env:KILL_{secret}\"\nallow_private = true\n"
            )
        };
        let head = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\ntoken = \"env:{TOKEN}\"\n\n[store]\nurl = \"sqlite:kill.db\"\n\n[system]\nnotify = [\"first\"]\n"
        );
        let of_explorer = self.chains.iter().find(|chain| matches!(chain.face, Face::Explorer(_)));
        let explorer = of_explorer.map_or_else(String::new, |chain| {
            format!(
                "\n[etherscan]\nurl = \"http://{}/v2/api\"\napi_key = \"env:{KEY}\"\ncalls_per_second = {CALLS}\ncalls_per_day = 100000000\n",
                chain.place
            )
        });
        let chains: String = self.chains.iter().map(chain).collect();
        let watches: String = WATCHES.iter().map(watch).collect();
        let sinks: String = ["first", "second"].into_iter().zip(&self.places).map(sink).collect();
        let rules = r#"
[[rule]]
name = "everything"
when = "transfer"
stages = ["seen", "confirmed", "final"]
notify = ["first"]

[[rule]]
name = "coin for the till"
when = "transfer"
watch = ["till"]
direction = "in"
asset = "native"
at_least = "0.5 ETH"
notify = ["second"]

[[rule]]
name = "what was"
when = "transfer"
watch = ["archive"]
stages = ["final"]
history = true
notify = ["second"]
"#;
        [&head, &explorer, &chains, &watches, &sinks, rules].concat()
    }
}
