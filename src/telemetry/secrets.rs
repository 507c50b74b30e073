//! Every secret of a config, for the one who has to keep them out of the log.
//!
//! Written without `..`: a new field of a config part that can hold a secret does not compile until it is thought of here.

use crate::config::checked::{
    AlertmanagerConfig, Config, DiscordConfig, EmailConfig, EndpointConfig, ExplorerConfig, FeedConfig, HttpConfig,
    NtfyConfig, PagerDutyConfig, SinkConfig, SinkKind, SlackBotConfig, TelegramConfig, TokenConfig,
};
use crate::config::circle::CircleConfig;
use crate::types::Secret;

/// Every secret of this config, urls that may carry a key included.
#[must_use]
pub fn of_config(config: &Config) -> Vec<&Secret> {
    let Config {
        settings: _,
        endpoints,
        explorers,
        lists: _,
        allow_shrink: _,
        feeds,
        sinks,
        http,
        circle,
        inbound: _,
        store: _,
        required_chains: _,
        required_feeds: _,
        new_store: _,
        warnings: _,
    } = config;
    let mut secrets = Vec::new();
    for EndpointConfig { chain: _, name: _, url, socket: _, operator: _ } in endpoints {
        secrets.push(url);
    }
    for explorer in explorers {
        let ExplorerConfig { name: _, dialect: _, url, api_key, calls_per_second: _, calls_per_day: _, chains: _ } =
            explorer;
        secrets.push(url);
        secrets.extend(api_key);
    }
    for FeedConfig { name: _, kind: _, url, pairs: _ } in feeds {
        secrets.push(url);
    }
    for SinkConfig { name: _, kind } in sinks {
        secrets.extend(of_sink(kind));
    }
    if let Some(circle) = circle {
        let CircleConfig {
            environment: _,
            url,
            api_key,
            entity_secret,
            entity_key: _,
            wallet: _,
            per_day: _,
            in_total: _,
            two_approvals_over: _,
            notify: _,
            relaxed: _,
            freeze_file: _,
        } = circle;
        secrets.extend(url);
        secrets.extend([api_key, entity_secret]);
    }
    let HttpConfig { listen: _, tokens, unread: _ } = http;
    for TokenConfig { name: _, role: _, secret } in tokens {
        secrets.push(secret);
    }
    secrets
}

/// What opens a receiver, its url included.
fn of_sink(kind: &SinkKind) -> Vec<&Secret> {
    match kind {
        SinkKind::Log => Vec::new(),
        SinkKind::Webhook { url, secret, allow_private: _ } => vec![url, secret],
        SinkKind::Slack { url, allow_private: _ } | SinkKind::Discord(DiscordConfig { url, allow_private: _ }) => {
            vec![url]
        }
        SinkKind::Telegram(TelegramConfig { url, token, chat: _, thread: _, allow_private: _ })
        | SinkKind::SlackBot(SlackBotConfig { url, token, channel: _, allow_private: _ }) => vec![url, token],
        SinkKind::Alertmanager(AlertmanagerConfig { urls, token, allow_private: _ }) => {
            urls.iter().chain(token).collect()
        }
        SinkKind::Ntfy(NtfyConfig { url, topic: _, token, allow_private: _ }) => {
            [url].into_iter().chain(token).collect()
        }
        SinkKind::PagerDuty(PagerDutyConfig { url, routing_key, allow_private: _ }) => vec![url, routing_key],
        SinkKind::Email(email) => {
            let EmailConfig { host: _, port: _, security: _, login, from: _, to: _, allow_private: _ } = &**email;
            login.iter().map(|(_, password)| password).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::checked::{FeedKind, MailSecurity, Role, StoreConfig};
    use crate::config::mailbox::MailAddress;
    use crate::reactor::settings::Settings;
    use crate::telemetry::Redactor;
    use crate::types::{ChainId, U256};
    use crate::wire::circle::KeyKind;
    use crate::wire::etherscan::Dialect;
    use std::net::{Ipv4Addr, SocketAddr};

    fn secret(text: &str) -> Secret {
        Secret::new(format!("CANARY-{text}"))
    }

    fn sinks() -> Vec<SinkConfig> {
        let allow_private = false;
        vec![
            SinkConfig { name: "log".into(), kind: SinkKind::Log },
            SinkConfig {
                name: "hook".into(),
                kind: SinkKind::Webhook { url: secret("hook"), secret: secret("signing"), allow_private },
            },
            SinkConfig { name: "chat".into(), kind: SinkKind::Slack { url: secret("chat"), allow_private } },
            SinkConfig {
                name: "phone".into(),
                kind: SinkKind::Telegram(TelegramConfig {
                    url: secret("bot-server"),
                    token: secret("bot"),
                    chat: "1".into(),
                    thread: None,
                    allow_private,
                }),
            },
            SinkConfig {
                name: "pager".into(),
                kind: SinkKind::PagerDuty(PagerDutyConfig {
                    url: secret("pager-server"),
                    routing_key: secret("routing"),
                    allow_private,
                }),
            },
            SinkConfig {
                name: "channel".into(),
                kind: SinkKind::Discord(DiscordConfig { url: secret("channel"), allow_private }),
            },
            SinkConfig {
                name: "topic".into(),
                kind: SinkKind::Ntfy(NtfyConfig {
                    url: secret("topics"),
                    topic: "x".into(),
                    token: Some(secret("topic-token")),
                    allow_private,
                }),
            },
            SinkConfig {
                name: "mail".into(),
                kind: SinkKind::Email(Box::new(EmailConfig {
                    host: "mail.example.com".into(),
                    port: 465,
                    security: MailSecurity::Tls,
                    login: Some(("me".into(), secret("password"))),
                    from: MailAddress { name: None, address: "me@example.com".into() },
                    to: Vec::new(),
                    allow_private,
                })),
            },
        ]
    }

    /// A secret in every place that takes one.
    fn config() -> Config {
        Config {
            required_chains: std::collections::BTreeSet::new(),
            required_feeds: std::collections::BTreeSet::new(),
            settings: Settings::default(),
            lists: Vec::new(),
            allow_shrink: false,
            new_store: false,
            endpoints: vec![EndpointConfig {
                chain: ChainId(1),
                name: "main".into(),
                url: secret("endpoint"),
                socket: true,
                operator: "x".into(),
            }],
            explorers: vec![ExplorerConfig {
                name: "etherscan".into(),
                dialect: Dialect::Etherscan,
                url: secret("explorer"),
                api_key: Some(secret("key")),
                calls_per_second: 3,
                calls_per_day: 9,
                chains: Vec::new(),
            }],
            feeds: vec![FeedConfig {
                name: "coinbase".into(),
                kind: FeedKind::Coinbase,
                url: secret("feed"),
                pairs: Vec::new(),
            }],
            sinks: sinks(),
            http: HttpConfig {
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                tokens: vec![TokenConfig { name: "admin".into(), role: Role::Operate, secret: secret("token") }],
                unread: std::collections::BTreeMap::new(),
            },
            circle: Some(CircleConfig {
                environment: KeyKind::Test,
                url: Some(secret("circle-place")),
                api_key: secret("circle-key"),
                entity_secret: secret("entity"),
                entity_key: None,
                wallet: "w".into(),
                per_day: U256::ZERO,
                in_total: U256::ZERO,
                two_approvals_over: None,
                notify: None,
                relaxed: false,
                freeze_file: "FREEZE".into(),
            }),
            inbound: None,
            store: StoreConfig { path: "x".into(), keep_outbox: None, keep_transfers: None },
            warnings: Vec::new(),
        }
    }

    #[test]
    fn every_secret_of_a_config_is_kept_out_of_text() {
        let config = config();
        let secrets = of_config(&config);
        assert_eq!(secrets.len(), 19);
        let redactor = Redactor::new(secrets.iter().copied());
        for secret in secrets {
            assert_eq!(redactor.clean(secret.expose()), "***");
        }
    }
}
