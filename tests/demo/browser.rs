//! The page of a running demo in a real Chromium: everything that can be asked of the demo shows on it; it is looked at in three widths and
//! both themes, with the keyboard, without a script, in a burst. The driver is `look.mjs` beside this file; it leaves pictures in the target
//! folder, and the README's is one of them.

use crate::common::http_client;
use crate::{ALONE, wishes};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The longest that the driver may take.
const LOOKING: Duration = Duration::from_mins(7);

/// A program of this name, by the search path.
fn found(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().flat_map(|name| places.iter().map(move |place| place.join(name))).find(|program| program.is_file())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_is_handsome_live_and_reachable_in_a_real_browser() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/browser");
    let tools = std::env::var_os("WALLETWATCH_BROWSER").map_or(folder, PathBuf::from);
    let (chromium, node) = (found(&["chromium", "chromium-browser"]), found(&["node", "nodejs"]));
    let here = tools.join("node_modules/puppeteer-core").is_dir() && tools.join("node_modules/axe-core").is_dir();
    let (Some(chromium), Some(node), true) = (chromium, node, here) else {
        println!(
            "left out: the page in a real browser (chromium, node, puppeteer-core and axe-core are not all here; tests/run installs them)"
        );
        return;
    };
    let _alone = ALONE.lock().await;
    let temporary = tempfile::tempdir().expect("a folder can be made");
    let (mut child, printed, page) = wishes::calm(&temporary).await;
    wishes::settled(&http_client(), &page).await;
    // How to approve is said when there is something to approve.
    assert!(wishes::wish(temporary.path(), &["held-payment"]).status.success());
    let approval = printed.line_with("Authorization: Bearer ").await.expect("it says how to approve");
    let (_, token) = approval.split_once("Bearer ").expect("it was looked for");
    let token: String = token.chars().take_while(char::is_ascii_alphanumeric).collect();
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    std::fs::create_dir_all(&pictures).expect("a folder can be made");
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo/look.mjs");
    let mut looking = Command::new(node);
    looking.arg(driver).args([&tools, &chromium]).arg(env!("CARGO_BIN_EXE_walletwatch"));
    looking.arg(&page).arg(&pictures).arg(&token).env("TMPDIR", temporary.path());
    let looking = tokio::task::spawn_blocking(move || looking.output());
    let looked = tokio::time::timeout(LOOKING, looking).await.expect("it ends").expect("nobody panics");
    let looked = looked.expect("the driver starts");
    child.kill().expect("it can be stopped");
    child.wait().expect("it ends");
    let said = String::from_utf8_lossy(&looked.stdout);
    println!("{said}");
    assert!(looked.status.success(), "{said}\n{}", String::from_utf8_lossy(&looked.stderr));
}
