//! A mail server that is not ours: Python's aiosmtpd, which takes a letter over STARTTLS with a login, and as plain SMTP.

use crate::common::Printed;
use crate::mail::{Papers, config, letter, papers};
use crate::rig::HOSTILE;
use serde_json::Value;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use walletwatch::config::checked::MailSecurity;
use walletwatch::sinks::letter::{LetterFault, Refusal, Step, Taken};
use walletwatch::sinks::{Carry, SmtpPost};

/// Where a Python with aiosmtpd is, when it is neither `python3` on the PATH nor the system's own.
const VARIABLE: &str = "WALLETWATCH_AIOSMTPD";

/// Ends with our end of its input.
const SCRIPT: &str = r#"
import asyncio, email, email.policy, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

class Box:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
        print(json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "encrypted": session.ssl is not None,
            "headers": {name: str(value) for name, value in mail.items()}, "defects": [str(it) for it in mail.defects],
            "plain": parts.get("text/plain"), "html": parts.get("text/html"),
        }), flush=True)
        return "250 2.0.0 OK"

def known(server, session, envelope, mechanism, data):
    fine = isinstance(data, LoginPassword) and (data.login, data.password) == (b"alerts@example.com", b"CANARY correct horse")
    return AuthResult(success=fine)

settings = {}
if len(sys.argv) > 1:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    settings = dict(tls_context=context, require_starttls=True, auth_required=True, authenticator=known)

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Box(), **settings), "127.0.0.1", 0)
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()

asyncio.run(main())
"#;

struct Foreign {
    child: Child,
    port: u16,
    printed: Printed,
}

fn program(test: &str) -> Option<PathBuf> {
    let has = |program: &PathBuf| {
        let asked = Command::new(program).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    let found = named.into_iter().chain(["python3".into(), "/usr/bin/python3".into()]).find(has);
    if found.is_none() {
        // Not by `println`: what a passing test prints is not shown.
        let _ = writeln!(std::io::stderr(), "left out: {test} (aiosmtpd is not here; tests/run installs it)");
    }
    found
}

impl Foreign {
    async fn start(test: &str, papers: Option<&Papers>) -> Option<Self> {
        let program = program(test)?;
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut command = Command::new(program);
        command.args(["-c", SCRIPT]).process_group(0);
        if let Some(papers) = papers {
            for (name, text) in [("certificate.pem", &papers.certificate), ("key.pem", &papers.key)] {
                std::fs::write(folder.path().join(name), text).expect("it can be written");
                command.arg(folder.path().join(name));
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("python starts");
        let printed = Printed::of(child.stdout.take().expect("it is piped"));
        let line = printed.line_with("listening ").await.unwrap_or_else(|fault| panic!("aiosmtpd: {fault}"));
        let port = line.rsplit(' ').next().and_then(|port| port.parse().ok()).expect("it prints its port");
        Some(Self { child, port, printed })
    }

    /// The mail with this id.
    async fn mail(&self, id: &str) -> Value {
        let line = self.printed.line_with(id).await.unwrap_or_else(|fault| panic!("{fault}"));
        serde_json::from_str(&line).expect("it is JSON")
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_ours_reads_what_we_wrote() {
    let test = "mail to a server that is not ours";
    let papers = papers();
    for encrypted in [true, false] {
        let Some(server) = Foreign::start(test, encrypted.then_some(&papers)).await else { return };
        let security = if encrypted { MailSecurity::StartTls } else { MailSecurity::Clear };
        let mut config = config(server.port, security, encrypted);
        let post = SmtpPost::new(papers.tls.clone());
        for (nth, symbol) in HOSTILE.into_iter().enumerate() {
            let mut letter = letter(&config, symbol, 1);
            let id = format!("{nth}.{}", letter.id);
            let content = String::from_utf8(letter.content.to_vec()).expect("it is ASCII");
            letter.content = content.replacen(letter.id.as_str(), &id, 1).into();
            assert_eq!(post.carry(letter).await, Ok(Taken::default()), "{symbol}");
            let mail = server.mail(&id).await;
            assert_eq!(mail["defects"], serde_json::json!([]));
            assert_eq!(mail["encrypted"], serde_json::json!(encrypted));
            assert_eq!(mail["to"], serde_json::json!(["ops@example.com", "treasury@example.com"]));
            let subject = mail["headers"]["Subject"].as_str().expect("it has a subject");
            assert!(
                subject.starts_with("treasury received 1234.567 ") && subject.ends_with("on ethereum (seen)"),
                "{subject}"
            );
            assert!(mail["headers"]["Bcc"].is_null());
            let (plain, html) = (mail["plain"].as_str().unwrap_or_default(), mail["html"].as_str().unwrap_or_default());
            assert!(
                !html.contains("<script") && !html.contains("evil.example") && html.matches("<a ").count() == 1,
                "{html}"
            );
            for text in [plain, html] {
                assert!(
                    text.contains("1234.567") && text.contains("0x1111111111111111111111111111111111111111"),
                    "{text}"
                );
                assert!(text.contains("https://etherscan.io/tx/0xabab"), "{text}");
            }
        }
        config.to.truncate(1);
        let mut nobody = letter(&config, "X", 1);
        nobody.to = vec!["nobody@example.com".into()];
        let refusal = Refusal { at: Step::Recipient(1), code: 550, finer: Some([5, 1, 1]) };
        assert_eq!(post.carry(nobody).await, Err(LetterFault::Refused(refusal)));
    }
}
