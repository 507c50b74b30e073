//! The demo, running; and the outside programs that look at it.

use crate::common::{Printed, http_client};
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Beats a second: the whole story is told in half a minute.
const SPEED: &str = "5";

/// A demo, ended when it is dropped.
pub(crate) struct Demo {
    child: Child,
    printed: Printed,
    http: reqwest::Client,
    /// Where the page is: `http://127.0.0.1:PORT`.
    pub(crate) page: String,
    _temporary: TempDir,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Demo {
    pub(crate) async fn start() -> Self {
        let temporary = tempfile::tempdir().expect("a folder can be made");
        let mut command = Command::new(env!("CARGO_BIN_EXE_walletwatch"));
        command.args(["demo", "--speed", SPEED]).env_clear().env("TMPDIR", temporary.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary starts");
        let printed = Printed::of(child.stdout.take().expect("it is piped"));
        let first = printed.line_with("http://").await.expect("it says where its page is");
        let link = first.split_whitespace().find(|word| word.starts_with("http://")).expect("it is in the line");
        let page = link.split_once("/#").map_or(link, |(page, _)| page).to_owned();
        Self { child, printed, http: http_client(), page, _temporary: temporary }
    }

    /// The token that may approve, which the demo tells when it asks to approve something.
    pub(crate) async fn approver(&self) -> String {
        let line = self.printed.line_with("Authorization: Bearer ").await.expect("it asks for an approval");
        let (_, rest) = line.split_once("Authorization: Bearer ").expect("it is in the line");
        rest.split('\'').next().unwrap_or_default().to_owned()
    }

    /// What the API answers to a read.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}/api/v1/{path}", self.page)).send().await.expect("it answers");
        serde_json::from_slice(&answer.bytes().await.expect("it is whole")).expect("it is JSON")
    }

    /// The text at a path.
    pub(crate) async fn text(&self, path: &str) -> String {
        let answer = self.http.get(format!("{}{path}", self.page)).send().await.expect("it answers");
        answer.text().await.expect("it is whole")
    }

    /// Changes something.
    pub(crate) async fn post(&self, token: &str, path: &str, body: &Value) -> u16 {
        let post = self.http.post(format!("{}/api/v1/{path}", self.page)).bearer_auth(token);
        post.body(body.to_string()).send().await.expect("it answers").status().as_u16()
    }
}

/// A program by the variable that names it or on the path; where there is none, says what is left out.
pub(crate) fn program(variable: &str, name: &str, test: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = named.into_iter().chain(std::env::split_paths(&paths).map(|folder| folder.join(name)));
    let found = found.into_iter().find(|path| path.is_file());
    if found.is_none() {
        // Not by `println`: what a passing test prints is not shown.
        let _ = writeln!(std::io::stderr(), "left out: {test} ({name} is not here; tests/run installs it)");
    }
    found
}
