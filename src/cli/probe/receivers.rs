//! What can be asked of receivers without telling anybody anything: who the bot is and whether it sees the chat, whether the mail server
//! encrypts and takes the login, whether NATS lets us in. Webhooks, channels and pagers cannot be asked: `walletwatch sink test` sends them a message.

use super::Finding;
use crate::config::checked::Config;
use crate::net::Tls;
use crate::net::http::HttpClient;
use crate::sinks::telegram::{self, Telegram};
use crate::sinks::{HttpPost, Kind, NatsPost, Post, Sink, SmtpPost, email, nats};
use crate::sources::WallClock;
use futures::future::join_all;

/// Asks every sink that can be asked.
pub(super) async fn probe(config: &Config, http: &HttpClient, clock: &WallClock) -> Vec<Finding> {
    let asked = config.sinks.iter().map(|sink| async move {
        let made = Sink::new(sink);
        let found = match made.as_ref().map(Sink::kind) {
            Err(fault) => Err(fault.to_string()),
            Ok(
                Kind::Log
                | Kind::Webhook(_)
                | Kind::Slack(_)
                | Kind::SlackBot(_)
                | Kind::PagerDuty(_)
                | Kind::Discord(_)
                | Kind::Ntfy(_)
                | Kind::Alertmanager(_),
            ) => {
                return None;
            }
            Ok(Kind::Telegram(bot)) => {
                let clock = clock.clone();
                chat(bot, &HttpPost::new(http.clone(), move || clock())).await
            }
            Ok(Kind::Email(email)) => mail(email).await,
            Ok(Kind::Nats(stream)) => match NatsPost::new(Tls::baked()).introduce(stream.server()).await {
                Ok(()) => {
                    Ok("the server lets us in; whether the stream is there, only `walletwatch sink test` shows".into())
                }
                Err(fault) => Err(nats::fault_in_words(&fault)),
            },
        };
        Some(Finding { upstream: format!("sink {}", sink.name), found })
    });
    join_all(asked).await.into_iter().flatten().collect()
}

async fn chat(bot: &Telegram, post: &impl Post) -> Result<String, String> {
    let bot_is = telegram::introduced(&post.post(bot.introduction()).await)?;
    let chat_is = telegram::seen(&post.post(bot.look()).await).map_err(|wrong| format!("{bot_is}; {wrong}"))?;
    Ok(format!("{bot_is}, {chat_is}"))
}

async fn mail(email: &email::Email) -> Result<String, String> {
    let server = email.server();
    SmtpPost::new(Tls::baked()).introduce(server).await.map_err(|fault| email::fault_in_words(&fault))?;
    let login = if server.login.is_some() { "takes the login" } else { "is there; no login is configured" };
    Ok(format!("the mail server {login}; whether it takes the recipients, only `walletwatch sink test` shows"))
}
