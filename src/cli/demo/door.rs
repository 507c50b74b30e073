//! How a second process asks a running demo for something: a socket in the demo's own folder, which nobody else can open.
//!
//! One line in, the deed's name; one line out, where the page is and with which token, or why not. Nothing else can be asked here: whatever
//! changes the monitor goes through its API.

use super::page_url;
use crate::world::story::{Deed, World};
use anyhow::{Context, anyhow, bail};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

/// How the folder of a demo begins; its process follows.
pub(super) const FOLDER: &str = "walletwatch-demo-";
/// The socket in it.
const SOCKET: &str = "ask";
/// Far longer than any name.
const LONGEST: u64 = 256;
/// Who is asked answers at once, or is no demo.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens the socket of a demo.
pub(super) fn open(folder: &Path) -> anyhow::Result<UnixListener> {
    let path = folder.join(SOCKET);
    UnixListener::bind(&path).with_context(|| format!("the socket {} cannot be made", path.display()))
}

/// Answers, one at a time, until it is over.
pub(super) async fn serve(door: UnixListener, page: SocketAddr, world: &World, over: &CancellationToken) {
    while let Some(Ok((stream, _))) = over.run_until_cancelled(door.accept()).await {
        let mut stream = BufReader::new(stream);
        let talk = async {
            let mut name = String::new();
            (&mut stream).take(LONGEST).read_line(&mut name).await?;
            let answer = match Deed::named(name.trim_end()) {
                None => "no this demo knows nothing of that name; is it of another version?\n".to_owned(),
                Some(deed) if world.ask(deed) => format!("ok {} {}\n", page_url(page), world.approver_token()),
                Some(_) => "no it is under way already: wait until it is over\n".to_owned(),
            };
            stream.write_all(answer.as_bytes()).await
        };
        // Who hangs or is gone is left alone.
        let _left = tokio::time::timeout(PATIENCE, talk).await;
    }
}

/// Asks the running demo, and gives where its page is, and a token for it. Of several the one with this process.
pub(super) fn ask(deed: Deed, process: Option<u32>) -> anyhow::Result<(String, String)> {
    let mut running: Vec<(String, UnixStream)> = Vec::new();
    for folder in folders().context("the folder for temporary files cannot be read")? {
        // One that was killed has left its folder, and nobody listens there.
        if let Ok(stream) = UnixStream::connect(folder.join(SOCKET)) {
            running.push((process_of(&folder), stream));
        }
    }
    if let Some(process) = process {
        running.retain(|(own, _)| *own == process.to_string());
    }
    let stream = match (running.pop(), running.is_empty()) {
        (Some((_, stream)), true) => stream,
        (None, _) => bail!("no demo runs here. Start one in another terminal: walletwatch demo"),
        (Some((last, _)), false) => {
            let all: Vec<String> = running.into_iter().map(|(own, _)| own).chain([last]).collect();
            bail!("several demos run, with the process ids {}: say which with --process", all.join(", "));
        }
    };
    let answer = exchange(stream, deed.facts().name).context("the demo does not answer")?;
    let no_demo = || anyhow!("what answers is no demo, or one of another version");
    match answer.trim_end().split_once(' ').ok_or_else(no_demo)? {
        ("ok", said) => {
            said.split_once(' ').map(|(page, token)| (page.to_owned(), token.to_owned())).ok_or_else(no_demo)
        }
        ("no", why) => Err(anyhow!("{why}")),
        _ => Err(no_demo()),
    }
}

fn exchange(mut stream: UnixStream, name: &str) -> io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(name.as_bytes())?;
    stream.write_all(b"\n")?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer)?;
    Ok(answer)
}

/// What a folder lets others do.
const FOR_OTHERS: u32 = 0o077;

/// The folders of demos that are ours: closed to others, and open to us.
fn folders() -> io::Result<Vec<PathBuf>> {
    let is_demo = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(FOLDER));
    let is_closed = |path: &PathBuf| fs::metadata(path).is_ok_and(|found| found.permissions().mode() & FOR_OTHERS == 0);
    let all = fs::read_dir(std::env::temp_dir())?.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(all.filter(|path| is_demo(path) && is_closed(path)).collect())
}

/// The process that a demo's folder is named after.
fn process_of(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.trim_start_matches(FOLDER).split('-').next().unwrap_or_default().to_owned()
}
