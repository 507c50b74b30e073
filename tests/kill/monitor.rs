//! The real binary as a process: started, asked, and killed.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often something outside is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// How much of the log a failure shows.
const TAIL: usize = 6_000;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By itself.
    Code(i32),
    /// By a signal.
    Signal,
}

/// A running monitor. It dies with this value.
pub(crate) struct Monitor {
    child: Child,
    log: PathBuf,
    /// Where this life's part of the log begins.
    from: u64,
}

impl Monitor {
    /// Starts one in a folder that holds its config.
    pub(crate) fn start(folder: &Path, environment: &BTreeMap<String, String>) -> Self {
        let log = folder.join("monitor.log");
        let file = OpenOptions::new().create(true).append(true).open(&log).expect("the folder can be written to");
        let from = file.metadata().expect("it is open").len();
        let child = Command::new(env!("CARGO_BIN_EXE_walletwatch"))
            .arg("run")
            .arg("--config")
            .arg(folder.join("walletwatch.toml"))
            .arg("--data-dir")
            .arg(folder.join("data"))
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("the binary can be started");
        Self { child, log, from }
    }

    /// What this life has logged so far.
    pub(crate) fn log(&self) -> String {
        let mut file = File::open(&self.log).expect("it was made at the start");
        file.seek(SeekFrom::Start(self.from)).expect("it only grows");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("it can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The end of it.
    pub(crate) fn log_tail(&self) -> String {
        let log = self.log();
        let start = (log.len().saturating_sub(TAIL)..log.len()).find(|at| log.is_char_boundary(*at)).unwrap_or(0);
        log[start..].to_owned()
    }

    /// Waits until it says where its page is.
    pub(crate) fn wait_ready(&mut self, patience: Duration) -> Result<SocketAddr, String> {
        let until = Instant::now() + patience;
        loop {
            let log = self.log();
            let place = log.split_once("page at http://").map(|(_, rest)| rest.split_whitespace().next());
            if let Some(place) = place.flatten().and_then(|place| place.parse().ok()) {
                return Ok(place);
            }
            if let Some(status) = self.ended() {
                return Err(format!("it ended before it was ready: {status}"));
            }
            if Instant::now() > until {
                return Err("it was not ready in time".into());
            }
            std::thread::sleep(LOOK);
        }
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, patience: Duration) -> Result<Ending, String> {
        let until = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended() {
                return Ok(status.code().map_or(Ending::Signal, Ending::Code));
            }
            if Instant::now() > until {
                return Err(format!("it did not end within {} s", patience.as_secs()));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// `kill -9`. An error when it was dead before.
    pub(crate) fn kill(&mut self) -> Result<(), String> {
        if let Some(status) = self.ended() {
            return Err(format!("it ended by itself: {status}"));
        }
        self.child.kill().map_err(|error| error.to_string())?;
        let status = self.child.wait().map_err(|error| error.to_string())?;
        match status.signal() {
            Some(_) => Ok(()),
            None => Err(format!("it ended by itself: {status}")),
        }
    }

    /// Asks it to stop, as `systemctl stop` does.
    pub(crate) fn terminate(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it is our child");
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // It may have ended: then there is nobody to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request to the monitor's API. `None` when nobody answers.
pub(crate) fn ask(at: SocketAddr, method: &str, path: &str, token: Option<&str>) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(at).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let token = token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {at}\r\n{token}content-length: 0\r\norigin: http://{at}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// How things stand, as the monitor says.
pub(crate) fn status(at: SocketAddr) -> Option<Value> {
    let (code, body) = ask(at, "GET", "/api/v1/status", None)?;
    (code == 200).then(|| serde_json::from_str(&body).expect("the API answers in JSON"))
}
