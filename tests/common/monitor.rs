//! The real binary with a config of its own in a folder of its own.

use super::{PATIENCE, Printed, http_client};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tempfile::TempDir;

/// How often a process that was told to stop is looked after: only the operating system knows, and it does not call.
const GLANCE: std::time::Duration = std::time::Duration::from_millis(5);

/// Where a monitor lives: config, data and surroundings. It outlives every start, and is removed with its value.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
    program: PathBuf,
    variables: Mutex<Vec<(String, String)>>,
    /// What earlier starts said.
    past: Arc<Mutex<Vec<String>>>,
}

impl Place {
    /// With this config. `[http]` is added: a free port.
    pub fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let program = PathBuf::from(env!("CARGO_BIN_EXE_walletwatch"));
        let place = Self { folder, program, variables: Mutex::default(), past: Arc::default() };
        place.configure(config);
        place
    }

    /// Another build of the same binary.
    pub fn with_program(mut self, program: PathBuf) -> Self {
        self.program = program;
        self
    }

    /// What is started.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A variable of its surroundings: a secret, a log filter, a kill point.
    pub fn set(&self, name: &str, value: &str) {
        let mut variables = self.variables.lock().expect("no holder panics");
        variables.retain(|(known, _)| known != name);
        variables.push((name.to_owned(), value.to_owned()));
    }

    /// Writes another config; it counts from the next start.
    pub fn configure(&self, config: &str) {
        let text = format!("[http]\nlisten = \"127.0.0.1:0\"\n{config}");
        std::fs::write(self.folder.path().join("walletwatch.toml"), text).expect("it can be written");
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A command of the binary in these surroundings, run to its end: its output and status.
    pub fn command(&self, args: &[&str]) -> std::process::Output {
        self.prepare(args).stdin(Stdio::null()).output().expect("the binary starts")
    }

    /// The same about a monitor that listens on this page: its port is free, and in no file.
    pub fn command_at(&self, page: &str, args: &[&str]) -> std::process::Output {
        let config = self.folder.path().join("walletwatch.toml");
        let text = std::fs::read_to_string(&config).expect("it is there");
        let asked = self.folder.path().join("asked.toml");
        let listen = page.trim_start_matches("http://");
        std::fs::write(&asked, text.replacen("127.0.0.1:0", listen, 1)).expect("it can be written");
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(asked).arg("--data-dir").arg(self.data()).args(args);
        command.current_dir(self.folder.path()).envs(self.variables.lock().expect("no holder panics").iter().cloned());
        command.stdin(Stdio::null()).output().expect("the binary starts")
    }

    fn prepare(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(self.folder.path().join("walletwatch.toml"));
        command.arg("--data-dir").arg(self.data()).args(args).current_dir(self.folder.path());
        command.envs(self.variables.lock().expect("no holder panics").iter().cloned());
        command
    }

    /// Starts the monitor; it has said where its page is.
    pub async fn start(&self) -> Monitor {
        self.try_start().await.unwrap_or_else(|fault| panic!("the monitor did not start: {fault}"))
    }

    /// Starts the monitor; what it said, where it ends before its page is there.
    pub async fn try_start(&self) -> Result<Monitor, String> {
        self.start_with(&["run"]).await
    }

    /// The same with these arguments.
    pub async fn start_with(&self, args: &[&str]) -> Result<Monitor, String> {
        let started = Instant::now();
        let mut command = self.prepare(args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let log = Printed::of(child.stderr.take().expect("it is piped"));
        let mut monitor =
            Monitor { child, log, page: String::new(), http: http_client(), past: Arc::clone(&self.past), started };
        let line = monitor.log.line_with("page at http://").await?;
        let page = line.split("page at ").nth(1).and_then(|rest| rest.split_whitespace().next());
        page.expect("the address is behind it").clone_into(&mut monitor.page);
        Ok(monitor)
    }
}

/// A running monitor. It is killed with its value; its log is printed when a test fails.
#[derive(Debug)]
pub struct Monitor {
    child: Child,
    /// What it says.
    pub log: Printed,
    page: String,
    http: reqwest::Client,
    past: Arc<Mutex<Vec<String>>>,
    /// When it was started.
    pub started: Instant,
}

impl Monitor {
    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `http://127.0.0.1:PORT` of its page and API.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// The answer of its API to a GET.
    pub async fn get(&self, path: &str) -> Value {
        let text = self.text(path).await;
        serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{path}: {fault}: {text}"))
    }

    /// The text at a path.
    pub async fn text(&self, path: &str) -> String {
        let answer = self.http.get(format!("{}{path}", self.page)).send().await.expect("it answers");
        answer.text().await.expect("it is whole")
    }

    /// All items of a list of the API, over all of its pages.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        let (mut items, mut before) = (Vec::new(), String::new());
        loop {
            let join = if path.contains('?') { '&' } else { '?' };
            let mut page = self.get(&format!("{path}{join}limit=500{before}")).await;
            let Value::Array(more) = page["items"].take() else { panic!("{path}: {page}") };
            items.extend(more);
            match page["next"].as_str() {
                Some(next) => before = format!("&before={next}"),
                None => return items,
            }
        }
    }

    /// Asks until the answer is `enough`: for what the API shows and no message says.
    pub async fn until(&self, path: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let from = Instant::now();
        loop {
            let answer = self.get(path).await;
            if enough(&answer) {
                return answer;
            }
            assert!(from.elapsed() < PATIENCE, "{path} stays {answer}");
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Waits until it has read this block of a chain, or a later one.
    pub async fn has_read(&self, chain: &str, block: u64) {
        let there = |status: &Value| {
            let mut chains = status["chains"].as_array().into_iter().flatten();
            chains.any(|row| row["chain"] == chain && row["block"].as_u64().is_some_and(|read| read >= block))
        };
        self.until("/api/v1/status", there).await;
    }

    /// Tells it to stop, and waits until it has.
    pub async fn stop(mut self) -> ExitStatus {
        let kill = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status();
        assert!(kill.expect("there is a shell").success(), "the monitor is gone already");
        self.ended().await
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.ended().await;
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let from = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be asked") {
                return status;
            }
            assert!(from.elapsed() < PATIENCE, "the monitor does not end");
            tokio::time::sleep(GLANCE).await;
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let mut past = self.past.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        past.push("--- a start of the monitor".into());
        past.extend(self.log.lines());
        if std::thread::panicking() {
            eprintln!("{}", past.join("\n"));
            past.clear();
        }
    }
}
