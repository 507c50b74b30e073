//! A place to run the binary in, what it said, and who it talks to.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use walletwatch::store::{IfMissing, SqliteStore};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_walletwatch");
/// Far longer than anything here takes; a test that hangs fails by it.
const PATIENCE: Duration = Duration::from_mins(1);
/// Questions until something has happened that happens within a second or two.
const MOST_ASKS: u32 = 2_000;
pub(crate) const OPERATE: &str = "operate-0123456789abcdef0123456789";
pub(crate) const READ: &str = "read-0123456789abcdef0123456789abc";

/// A config and a data folder of its own, with a port that was free a moment ago.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) port: u16,
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What watches one address on a chain whose node is at `rpc`, and tells the log.
pub(crate) fn config(port: u16, rpc: &str, more: &str) -> String {
    format!(
        r#"
{more}
[http]
listen = "127.0.0.1:{port}"
token = "env:WW_OPERATE"
tokens = [{{ name = "prometheus", role = "read", secret = "env:WW_READ" }}]
[[chain]]
name = "devnet"
chain_id = 31337
coin = "ETH"
block_time = "1s"
confirmations = 3
final_after = 10
rpc = [{{ name = "main", url = "{rpc}" }}]
etherscan = false
[[watch]]
name = "hot"
address = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
chains = ["devnet"]
[[sink]]
name = "log"
kind = "log"
[[rule]]
name = "in"
when = "transfer"
direction = "in"
asset = "native"
stage = "seen"
notify = ["log"]
"#
    )
}

impl Place {
    /// With a node that nobody runs.
    pub(crate) fn new() -> Self {
        let closed = free_port();
        Self::with(&format!("ws://127.0.0.1:{closed}"), "")
    }

    pub(crate) fn with(rpc: &str, more: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), port: free_port() };
        fs::write(place.file(), config(place.port, rpc, more)).unwrap();
        place
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("walletwatch.toml")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.data().join("walletwatch.db")
    }

    /// A store that is there and empty, without having run.
    pub(crate) fn with_store(self) -> Self {
        fs::create_dir(self.data()).unwrap();
        SqliteStore::open(&self.store(), IfMissing::Create([7; 16])).unwrap();
        self
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.arg("--config").arg(self.file()).arg("--data-dir").arg(self.data()).args(arguments);
        command.env("WW_OPERATE", OPERATE).env("WW_READ", READ).env_remove("WALLETWATCH_LOG").stdin(Stdio::null());
        command
    }

    pub(crate) fn ask(&self, arguments: &[&str]) -> Said {
        Said::of(&self.command(arguments).output().unwrap())
    }

    /// Asks again and again until the answer has a line that begins and goes on with these words.
    pub(crate) fn ask_until(&self, arguments: &[&str], [start, words]: [&str; 2]) {
        let mut last = self.ask(arguments);
        for _ in 0..MOST_ASKS {
            if last.answer.lines().any(|line| line.starts_with(start) && line.contains(words)) {
                return;
            }
            last = self.ask(arguments);
        }
        panic!("{start:?} … {words:?} never came: {last:?}");
    }

    pub(crate) fn run(&self) -> Running {
        Running::start(self.command(&["run"]))
    }
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) answer: String,
    pub(crate) talk: String,
}

impl Said {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            code: output.status.code().expect("no signal ended it"),
            answer: text(&output.stdout),
            talk: text(&output.stderr),
        }
    }

    /// It ended like this, and its talk holds each of these.
    pub(crate) fn fails(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for word in words {
            assert!(self.talk.contains(word), "{word:?} is not in {self:?}");
        }
    }

    /// It was done, and the answer holds each of these.
    pub(crate) fn answers(&self, words: &[&str]) {
        assert_eq!(self.code, 0, "{self:?}");
        for word in words {
            assert!(self.answer.contains(word), "{word:?} is not in {self:?}");
        }
    }
}

/// A monitor that runs. It is killed when it is forgotten.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) lines: Receiver<String>,
    pub(crate) first: String,
}

impl Running {
    /// Started, and waited for until it says so.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (to, lines) = channel();
        let talk = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in talk.lines().map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        let first = lines.recv_timeout(PATIENCE).expect("it says something");
        Self { child, lines, first }
    }

    /// The next line with these words.
    pub(crate) fn says(&self, words: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it never said {words:?}"));
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Asks it to end, and gives its exit code.
    pub(crate) fn stop(mut self) -> i32 {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        // Its talk ends with it.
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        self.child.wait().unwrap().code().expect("no signal ended it")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// One request by hand: its status.
pub(crate) fn http(port: u16, line: &str, token: Option<&str>) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    write!(stream, "{line} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{token}Connection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
}

/// An anvil with everything that it started.
pub(crate) struct Anvil(Running);

impl Drop for Anvil {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.child.id());
        let _ended = Command::new("kill").args(["-KILL", "--", &group]).status();
    }
}

/// An anvil that mines a block a second, where there is one.
pub(crate) fn anvil() -> Option<(Anvil, u16)> {
    let program = std::env::var("WALLETWATCH_ANVIL").unwrap_or_else(|_| "anvil".to_owned());
    if Command::new(&program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        println!("left out: what needs a chain (anvil is not here; tests/run installs it)");
        return None;
    }
    let port = free_port();
    // The program may be a script that starts the real one: both end with their group.
    let mut child = Command::new(program)
        .args(["--port", &port.to_string(), "--block-time", "1"])
        .process_group(0)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (to, lines) = channel();
    let talk = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || {
        for line in talk.lines().map_while(Result::ok) {
            let _gone = to.send(line);
        }
    });
    let running = Running { child, lines, first: String::new() };
    running.says("Listening on");
    Some((Anvil(running), port))
}

/// Sends one question to a node.
pub(crate) fn rpc(port: u16, body: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"result\""), "{answer}");
}
