//! `walletwatch backup` and `restore`: a copy of the store while it is written, and back.

use super::api::of_store;
use super::places::Located;
use super::show::answer;
use super::{Failure, Places, alone, run};
use crate::http::Local;
use crate::net::http::Method;
use crate::store::{Contents, Staged, StoreFault, backup};
use crate::telemetry::Labels;
use crate::types::ChainId;
use anyhow::anyhow;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Why payments are frozen after a restore.
const WHY: &str = "the store was restored from a backup: what was paid after it only Circle knows";

/// The settings of `backup`.
#[derive(Debug, clap::Args)]
pub(super) struct Backup {
    /// Where the copy goes: a file that is not there yet
    file: PathBuf,
    /// This store instead of the one that the config names: then no config is read, and no secret
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// The settings of `restore`.
#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    /// What `walletwatch backup` wrote
    file: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Backup {
    pub(super) fn run(self, places: &Places) -> Result<(), Failure> {
        let (store, labels) = if let Some(store) = self.store {
            (store, Labels::default())
        } else {
            let config = places.load()?.config;
            (config.store.path, Labels::of(&config.settings))
        };
        let contents = backup::take(&store, &self.file).map_err(failure)?;
        eprintln!("the config, its secrets and the file FREEZE are not in it");
        told(&self.file, &contents, &labels, self.json, &json!({}))
    }
}

impl Restore {
    pub(super) async fn run(self, places: &Places) -> Result<(), Failure> {
        let Located { data, config, .. } = places.load()?;
        run::make_folder(&data).map_err(Failure::again)?;
        let to = config.store.path.clone();
        let staged = Staged::new(&self.file, &to).map_err(failure)?;
        let contents = staged.contents().clone();
        let live = contents.live > 0 || config.settings.payments.iter().any(|payment| payment.live);
        if live {
            // Before there is a store that a monitor could start with.
            let store = staged.open().map_err(failure)?;
            freeze(&alone::changing(&config, store).map_err(failure)?).await?;
        }
        staged.land().map_err(failure)?;
        let since = contents.as_of.map_or_else(|| "then".to_owned(), |at| at.to_string());
        eprintln!(
            "what moved since {since} is read when the monitor runs; what was told since is told again, under the same ids"
        );
        if live {
            eprintln!(
                "payments are frozen: {WHY}. Before anything leaves, Circle is asked for all of it, and what this store does not know is \
                 counted. Look at `walletwatch payments list`, then `walletwatch payments unfreeze`"
            );
        }
        told(&to, &contents, &Labels::of(&config.settings), self.json, &json!({"frozen": live}))
    }
}

/// As `payments freeze` does it where no monitor runs.
async fn freeze(store: &Local) -> Result<(), Failure> {
    let (status, _) =
        store.send(Method::POST, "/api/v1/payments/freeze", json!({"reason": WHY}).to_string().into()).await;
    if (200..300).contains(&status) {
        return Ok(());
    }
    Err(Failure::again(anyhow!("payments could not be frozen (status {status}): nothing was restored")))
}

fn told(file: &Path, contents: &Contents, labels: &Labels, as_json: bool, more: &Value) -> Result<(), Failure> {
    let Contents { bytes, schema, as_of, chains, transfers, alerts, pending, payments, live } = contents;
    let name = |chain: &ChainId| labels.chain(*chain).to_string();
    if as_json {
        let chains = chains.iter().map(|(chain, block)| json!({"chain": name(chain), "block": block}));
        let mut whole = json!({
            "file": file, "bytes": bytes, "schema": schema, "as_of": as_of.map(|at| at.to_string()),
            "chains": chains.collect::<Vec<_>>(), "transfers": transfers, "alerts": alerts, "pending_messages": pending,
            "payments": payments, "live_payments": live,
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            whole[key] = value.clone();
        }
        return answer(&whole.to_string());
    }
    let at = |(chain, block): &(ChainId, Option<u64>)| match block {
        Some(block) => format!("{} to block {block}", name(chain)),
        None => format!("{}: no block", name(chain)),
    };
    let as_of = as_of.map_or_else(|| "before its first commit".to_owned(), |at| format!("as of {at}"));
    let mut lines = vec![
        format!("{}: {bytes} bytes, schema {schema}, {as_of}, every page checked", file.display()),
        format!(
            "{transfers} transfers, {alerts} alerts, {pending} messages to deliver, {payments} payments ({live} live)"
        ),
    ];
    lines.extend((!chains.is_empty()).then(|| chains.iter().map(at).collect::<Vec<_>>().join(", ")));
    answer(&lines.join("\n"))
}

/// What is in the way is for the one who typed the command to change.
fn failure(fault: StoreFault) -> Failure {
    if matches!(fault, StoreFault::Exists { .. }) { Failure::usage(fault) } else { of_store(fault, None) }
}
