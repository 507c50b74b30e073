//! Every key that a config may hold: what it is called, where it belongs, its default, and what is not there yet.
//!
//! `config.example.toml` shows all of them; a test holds it to that.

/// How a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As written.
    Plain,
    /// A url, which may carry a key: scheme and host only.
    Url,
    /// Where a secret is.
    Secret,
    /// A table or a list of tables, in the section of this name.
    Section(&'static str),
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// The word.
    pub name: &'static str,
    /// How its value may be shown.
    pub shape: Shape,
    /// What is meant where it is left out, as `check --print` says it.
    pub default: Option<&'static str>,
    /// Of the kinds of rule or sink that take it; empty is all.
    pub kinds: &'static [&'static str],
    /// Why it cannot be used yet. Writing the default is allowed.
    pub later: Option<&'static str>,
}

impl Key {
    const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    const fn of(mut self, kinds: &'static [&'static str]) -> Self {
        self.kinds = kinds;
        self
    }

    const fn later(mut self, what: &'static str) -> Self {
        self.later = Some(what);
        self
    }

    const fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    const fn secret(self) -> Self {
        self.shape(Shape::Secret)
    }

    const fn url(self) -> Self {
        self.shape(Shape::Url)
    }
}

const fn key(name: &'static str) -> Key {
    Key { name, shape: Shape::Plain, default: None, kinds: &[], later: None }
}

/// One kind of table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section {
    /// The word in the brackets; of tables inside others, with the outer word and a point.
    pub name: &'static str,
    /// Whether it is written in double brackets, once for each.
    pub repeated: bool,
    /// Why it cannot be used yet.
    pub later: Option<&'static str>,
    /// Its keys.
    pub keys: &'static [Key],
}

impl Section {
    /// The key of this name.
    #[must_use]
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// As it is written.
    #[must_use]
    pub(crate) fn brackets(&self) -> String {
        if self.repeated { format!("[[{}]]", self.name) } else { format!("[{}]", self.name) }
    }
}

/// Kinds of rule that speak of crossings.
const LEVELS: &[&str] = &["balance", "price", "gas"];

/// What `when` may say, and why a kind cannot be used yet.
pub(crate) const RULE_KINDS: [(&str, Option<&str>); 5] =
    [("transfer", None), ("price", None), ("gas", None), ("balance", None), ("approval", None)];

/// What `kind` of a sink may say, and why one cannot be used yet.
pub(crate) const SINK_KINDS: [(&str, Option<&str>); 10] = [
    ("log", None),
    ("webhook", None),
    ("slack", None),
    ("telegram", None),
    ("email", None),
    ("pagerduty", None),
    ("discord", None),
    ("alertmanager", None),
    ("ntfy", None),
    ("nats", None),
];

/// The kinds of sink that go somewhere.
const WITH_URL: &[&str] =
    &["webhook", "slack", "telegram", "email", "pagerduty", "discord", "ntfy", "alertmanager", "nats"];

/// What `kind` of `[circle]` may say, and why one cannot be used yet.
pub(crate) const CIRCLE_KINDS: [(&str, Option<&str>); 2] =
    [("wallets", None), ("mint", Some("Circle Mint is not spoken to yet"))];

/// What `kind` of a feed may say, and why one cannot be used yet.
pub(crate) const FEED_KINDS: [(&str, Option<&str>); 3] = [("coinbase", None), ("kraken", None), ("binance", None)];

const RULE_KEYS: &[Key] = &[
    key("name"),
    key("was").later("a renamed rule is a new rule until then"),
    key("when"),
    key("watch").of(&["transfer", "balance", "approval"]).default("all"),
    key("chains").of(&["transfer", "balance", "approval"]).default("all"),
    key("direction").of(&["transfer"]).default("both"),
    key("asset").of(&["transfer", "balance", "approval"]).default("all"),
    key("at_least").of(&["transfer", "approval"]),
    key("at_least_usd").of(&["transfer"]),
    key("without_price").of(&["transfer"]).default("speak"),
    key("stage").of(&["transfer", "approval"]).default("confirmed"),
    key("stages").of(&["transfer", "approval"]).default("[\"confirmed\"]"),
    key("from").of(&["transfer"]).default("anyone"),
    key("history").of(&["transfer"]).default("false"),
    key("between_own").of(&["transfer"]).default("each"),
    key("skip_suspect").of(&["transfer", "approval"]).default("false"),
    key("show_suspect").of(&["transfer"]).default("false"),
    key("unless_spender").of(&["approval"]).default("none"),
    key("revokes").of(&["approval"]).default("false"),
    key("pair").of(&["price"]),
    key("change_percent").of(&["price"]),
    key("within").of(&["price"]),
    key("chain").of(&["gas"]),
    key("of").of(&["gas"]).default("base_fee"),
    key("below").of(LEVELS),
    key("above").of(LEVELS),
    key("recovers_at").of(LEVELS).default("the threshold itself"),
    key("for").of(LEVELS).default("at once"),
    key("at_most_every").of(LEVELS),
    key("severity").default("info"),
    key("notify").default("the route of its severity"),
];

/// Every section, in the order of the example.
pub(crate) const SECTIONS: &[Section] = &[
    Section {
        name: "http",
        repeated: false,
        later: None,
        keys: &[
            key("listen").default("127.0.0.1:8640"),
            key("token").secret(),
            key("tokens").shape(Shape::Section("http.tokens")),
            key("max_balances").default("1000"),
        ],
    },
    Section {
        name: "http.tokens",
        repeated: true,
        later: None,
        keys: &[key("name"), key("role"), key("secret").secret()],
    },
    Section { name: "inbound", repeated: false, later: None, keys: &[key("listen")] },
    Section {
        name: "store",
        repeated: false,
        later: None,
        keys: &[
            key("url").url().default("sqlite:walletwatch.db"),
            key("keep_outbox").default("90d"),
            key("keep_transfers").default("forever"),
        ],
    },
    Section {
        name: "system",
        repeated: false,
        later: None,
        keys: &[
            key("notify").default("every sink"),
            key("heartbeat").shape(Shape::Section("system.heartbeat")),
            key("alert").shape(Shape::Section("system.alert")),
        ],
    },
    Section { name: "system.heartbeat", repeated: false, later: None, keys: &[key("to"), key("every")] },
    Section { name: "system.alert", repeated: true, later: None, keys: &[key("name"), key("enabled").default("true")] },
    Section { name: "defaults", repeated: false, later: None, keys: RULE_KEYS },
    Section { name: "route", repeated: false, later: None, keys: &[key("info"), key("warning"), key("critical")] },
    Section {
        name: "etherscan",
        repeated: false,
        later: None,
        keys: &[
            key("url").url().default("https://api.etherscan.io/v2/api"),
            key("api_key").secret(),
            key("calls_per_second").default("3"),
            key("calls_per_day").default("100000"),
            key("max_view_age"),
        ],
    },
    Section {
        name: "explorer",
        repeated: true,
        later: None,
        keys: &[
            key("chain"),
            key("kind"),
            key("url").url().default("of its kind"),
            key("api_key").secret().default("none"),
            key("calls_per_second").default("of its kind"),
            key("calls_per_day").default("of its kind"),
            key("max_view_age"),
        ],
    },
    Section {
        name: "chain",
        repeated: true,
        later: None,
        keys: &[
            key("name"),
            key("chain_id").default("of the chain table"),
            key("coin").default("of the chain table"),
            key("pair").default("COIN-USD of a main network of the chain table, else none: it is not valued"),
            key("block_time").default("of the chain table"),
            key("confirmations").default("of the chain table"),
            key("final_after").default("of the chain table"),
            key("stale_after").default("ten blocks, a minute at least"),
            key("rpc").shape(Shape::Section("chain.rpc")),
            key("etherscan").default("true where [etherscan] stands and a free key covers it"),
            key("required").default("true where a source covers it"),
        ],
    },
    Section {
        name: "chain.rpc",
        repeated: true,
        later: None,
        keys: &[
            key("name").default("its operator"),
            key("url").url(),
            key("operator").default("domain, or address and port"),
        ],
    },
    Section {
        name: "token",
        repeated: true,
        later: None,
        keys: &[
            key("chain"),
            key("symbol"),
            key("contract"),
            key("decimals"),
            key("rebasing").default("false"),
            key("pair").default("none: it is not valued"),
        ],
    },
    Section {
        name: "watch",
        repeated: true,
        later: None,
        keys: &[
            key("name"),
            key("was").later("a renamed watch is a new watch until then"),
            key("address"),
            key("addresses"),
            key("file"),
            key("chains").default("all"),
            key("tags").default("none"),
            key("from_block").default("now"),
        ],
    },
    Section {
        name: "feed",
        repeated: true,
        later: None,
        keys: &[
            key("name").default("its kind"),
            key("kind"),
            key("pairs"),
            key("url").url().default("of its kind"),
            key("required").default("false"),
        ],
    },
    Section {
        name: "prices",
        repeated: false,
        later: None,
        keys: &[key("stale_after").default("5m"), key("disagree_percent").default("2")],
    },
    Section {
        name: "sink",
        repeated: true,
        later: None,
        keys: &[
            key("name"),
            key("was").later("a renamed sink is a new sink until then"),
            key("kind"),
            key("url").url().of(WITH_URL).default("of its kind"),
            key("secret").secret().of(&["webhook"]),
            key("token").secret().of(&["telegram", "ntfy", "slack", "alertmanager", "nats"]),
            key("routing_key").secret().of(&["pagerduty"]),
            key("chat").of(&["telegram"]),
            key("channel").of(&["slack"]),
            key("topic").of(&["ntfy"]),
            key("thread").of(&["telegram"]).default("none"),
            key("starttls").of(&["email"]).default("true of smtp://"),
            key("user").of(&["email", "nats"]).default("none"),
            key("password").secret().of(&["email", "nats"]),
            key("creds").secret().of(&["nats"]),
            key("stream").of(&["nats"]),
            key("subject").of(&["nats"]).default("walletwatch"),
            key("from").of(&["email"]),
            key("to").of(&["email"]),
            key("allow_private").of(WITH_URL).default("false"),
            key("min_severity").default("info"),
            key("types").default("all"),
        ],
    },
    Section {
        name: "template",
        repeated: true,
        later: None,
        keys: &[
            key("types"),
            key("sinks").default("every one that people read"),
            key("rules").default("all, and built-in alerts"),
            key("title").default("our own words"),
            key("text").default("our own words"),
            key("link").default("the transaction at the explorer"),
        ],
    },
    Section { name: "rule", repeated: true, later: None, keys: RULE_KEYS },
    Section {
        name: "payee",
        repeated: true,
        later: None,
        keys: &[
            key("name"),
            key("chain"),
            key("address"),
            key("per_day"),
            key("mint_address_id").later("Circle Mint is not spoken to yet"),
        ],
    },
    Section {
        name: "payment",
        repeated: true,
        later: None,
        keys: &[
            key("on"),
            key("payee"),
            key("amount"),
            key("fill_to"),
            key("match").default("false"),
            key("reserve").default("0"),
            key("stage").default("final"),
            key("per_payment"),
            key("per_day"),
            key("in_total"),
            key("max_per_day").default("10"),
            key("approval").default("manual"),
            key("approval_expires").default("24h"),
            key("live").default("false"),
            key("may_exceed").default("false"),
            key("payee_elsewhere").default("false"),
            key("max_fee"),
        ],
    },
    Section {
        name: "circle",
        repeated: false,
        later: None,
        keys: &[
            key("kind").default("wallets"),
            key("environment"),
            key("url").url(),
            key("api_key").secret(),
            key("entity_secret").secret(),
            key("entity_key_sha256"),
            key("wallet_id"),
            key("per_day"),
            key("in_total"),
            key("two_approvals_over"),
            key("notify"),
            key("relaxed").default("false"),
        ],
    },
];

/// The section of this name.
#[must_use]
pub(crate) fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}

/// The sections that stand at the top of a file.
pub(crate) fn top() -> impl Iterator<Item = &'static Section> + Clone {
    SECTIONS.iter().filter(|section| !section.name.contains('.'))
}
