//! What each part of a config refuses.

use super::{BASE, PAYING, check, check_more, check_paying, fine};

#[test]
fn secrets_are_references_and_urls_may_be() {
    let sink = |keys: &str| format!("[[sink]]\nname = \"s\"\n{keys}");
    let hook = |url: &str, rest: &str| {
        sink(&format!("kind = \"webhook\"\nsecret = \"env:OPS_WEBHOOK_SECRET\"\nurl = \"{url}\"\n{rest}"))
    };
    check_more(&hook("https://hooks.example.com/x", ""), &[]);
    check_more(&hook("http://hooks.example.com/x", ""), &["not https…allow_private"]);
    check_more(&hook("https://10.1.2.3/x", ""), &["private network"]);
    check_more(&hook("http://127.0.0.1:9/x", "allow_private = true"), &[]);
    check_more(&hook("env:MISSING", ""), &["the variable MISSING is not set"]);
    check_more(
        &sink("kind = \"slack\"\nurl = \"https://hooks.slack.com/services/T/B/X\""),
        &["is a secret, and it is written here"],
    );
    check_more(&sink("kind = \"slack\"\nurl = \"http://127.0.0.1:1/x\"\nallow_private = true"), &[]);
    check_more(
        &sink("kind = \"webhook\"\nurl = \"https://h.example.com\"\nsecret = \"env:SHORT\""),
        &["the signing key is not whsec_"],
    );
    check_more("[http]\ntoken = \"env:SHORT\"", &["too short to be safe"]);
    check_more(
        "[http]\ntoken = \"env:WALLETWATCH_TOKEN\"\ntokens = [{ name = \"a\", role = \"reed\", secret = \"env:PROMETHEUS_TOKEN\" }, { name = \"b\", role = \"read\", secret = \"env:WALLETWATCH_TOKEN\" }]",
        &["`role` cannot be `reed`. hint: did you mean `read`?", "the tokens `admin` and `b` are the same"],
    );
}

#[test]
fn a_telegram_chat_is_a_bot_and_a_chat() {
    let chat = |keys: &str| format!("[[sink]]\nname = \"s\"\nkind = \"telegram\"\n{keys}");
    let token = "token = \"env:TELEGRAM_TOKEN\"\n";
    for fine in ["\"123456789\"", "\"-1001234567890\"", "\"@treasury_alerts\"", "\"1\"\nthread = 7"] {
        check_more(&chat(&format!("{token}chat = {fine}")), &[]);
    }
    for wrong in ["", "0", "-", "-0", "+1", "1e3", "@a b", "@ab", "treasury", "9007199254740993"] {
        check_more(&chat(&format!("{token}chat = \"{wrong}\"")), &["neither an id nor a name of a chat"]);
    }
    check_more(&chat(&format!("{token}chat = -100")), &["`chat` is a whole number…in quotes"]);
    check_more(&chat(token), &["[[sink]] has no `chat`"]);
    check_more(&chat("chat = \"1\""), &["[[sink]] has no `token`"]);
    check_more(&chat("chat = \"1\"\ntoken = \"env:SHORT\""), &["not a bot's token"]);
    check_more(
        &chat("chat = \"1\"\ntoken = \"123456789:AAabcdefghijklmnopqrstuvwxyz\""),
        &["written here in plain text"],
    );
    check_more(&chat(&format!("{token}chat = \"1\"\nthread = 0")), &["`thread` is out of bounds"]);
    check_more(&chat(&format!("{token}chat = \"1\"\nto = \"x@example.com\"")), &["a telegram sink has no key `to`"]);
    check_more(&chat(&format!("{token}chat = \"1\"\nurl = \"http://127.0.0.1:8081\"")), &["leads to this machine"]);
    check_more(&chat(&format!("{token}chat = \"1\"\nurl = \"http://127.0.0.1:8081\"\nallow_private = true")), &[]);
}

#[test]
fn slack_is_an_incoming_webhook_or_a_bot_and_a_channel() {
    let slack = |keys: &str| format!("[[sink]]\nname = \"s\"\nkind = \"slack\"\n{keys}");
    let token = "token = \"env:TELEGRAM_TOKEN\"\n";
    check_more(&slack(&format!("{token}channel = \"C0123456789\"")), &[]);
    check_more(&slack(token), &["[[sink]] has no `channel`"]);
    for wrong in ["#ops", "ops", "c0123", "C", "U0123456789"] {
        check_more(&slack(&format!("{token}channel = \"{wrong}\"")), &["`channel` is no id of a channel"]);
    }
    check_more(&slack("channel = \"C0123456789\""), &["has no `url`", "an incoming webhook has its channel already"]);
    check_more(&slack("token = \"xoxb-1\"\nchannel = \"C012\""), &["`token`"]);
    check_more(
        &slack(&format!("{token}channel = \"C012\"\nurl = \"https://slack.com/api/chat.postMessage\"")),
        &["the server's url holds more than a host. hint: leave `url` out for Slack's own"],
    );
}

#[test]
fn alertmanagers_are_named_each() {
    let cluster = |keys: &str| format!("[[sink]]\nname = \"s\"\nkind = \"alertmanager\"\n{keys}");
    check_more(&cluster("url = \"https://am.example.com\""), &[]);
    check_more(&cluster("url = [\"https://am-1.example.com\", \"https://am-2.example.com/prefix\"]"), &[]);
    check_more(&cluster("url = \"http://10.0.0.7:9093\"\nallow_private = true"), &[]);
    check_more(&cluster("url = \"http://10.0.0.7:9093\""), &["leads to this machine or a private network"]);
    check_more(&cluster(""), &["[[sink]] has no `url`"]);
    check_more(&cluster("url = []"), &["`url` names nobody"]);
    check_more(&cluster("url = \"https://am.example.com/api/v2/alerts\""), &["not that of the Alertmanager itself"]);
}

#[test]
fn a_template_that_no_message_gets_is_warned_of() {
    let rule = "[[rule]]\nname = \"in\"\nwhen = \"transfer\"\n";
    let more = "[[sink]]\nname = \"desk\"\nkind = \"ntfy\"\ntopic = \"t\"\n";
    let check = |first: &str, later: &str, used: bool| {
        let template = |keys: &str| format!("[[template]]\n{keys}\ntitle = \"x\"\n");
        let config = fine(&format!("{BASE}{more}{rule}{}{}", template(first), template(later)));
        let warned = config.warnings.iter().any(|warning| warning.contains("no message gets these words"));
        assert_eq!(!warned, used, "{first} before {later}: {:?}", config.warnings);
    };
    let (all, seen) = ("types = [\"transfer.*\"]", "types = [\"transfer.seen\"]");
    check(all, seen, false);
    check(seen, all, true);
    check(all, all, false);
    check(all, "types = [\"transfer.seen\", \"price.*\"]", true);
    check(&format!("{all}\nsinks = [\"desk\"]"), seen, true);
    check(&format!("{all}\nsinks = [\"desk\", \"log\"]"), seen, false);
    check(all, &format!("{seen}\nsinks = [\"desk\"]"), false);
    // Every rule that there is; of what no rule speaks of others may be for.
    check(&format!("{all}\nrules = [\"in\"]"), seen, false);
    check("types = [\"*\"]\nrules = [\"in\"]", "types = [\"source.*\"]", true);
}

#[test]
fn mail_goes_encrypted_or_stays_inside() {
    let mail = |keys: &str| {
        let rest = "from = \"walletwatch <a@example.com>\"\nto = [\"b@example.com\"]\n";
        format!("[[sink]]\nname = \"s\"\nkind = \"email\"\n{rest}{keys}")
    };
    check_more(&mail("url = \"smtp://mail.example.com\""), &[]);
    check_more(&mail("url = \"smtps://mail.example.com:4650\"\nuser = \"a\"\npassword = \"env:MAIL_PASSWORD\""), &[]);
    check_more(&mail("url = \"https://mail.example.com\""), &["`url` is no url that begins with smtp or smtps"]);
    check_more(&mail("url = \"smtp://a:b@mail.example.com\""), &["holds a user or a password"]);
    check_more(&mail("url = \"smtp://mail.example.com/x\""), &["more than a host and a port"]);
    check_more(&mail("url = \"smtps://mail.example.com\"\nstarttls = true"), &["`starttls` is for smtp:// alone"]);
    check_more(&mail("url = \"smtp://mail.example.com\"\nstarttls = false"), &["mail would go in the clear"]);
    check_more(
        &mail("url = \"smtp://8.8.8.8\"\nstarttls = false\nallow_private = true"),
        &["mail would go in the clear"],
    );
    check_more(&mail("url = \"smtp://127.0.0.1:25\"\nstarttls = false\nallow_private = true"), &[]);
    check_more(&mail("url = \"smtp://127.0.0.1\""), &["is this machine or in a private network"]);
    check_more(&mail("url = \"smtp://[::1]:2525\""), &["is this machine or in a private network"]);
    check_more(&mail("url = \"smtp://localhost\""), &["is this machine or in a private network"]);
    check_more(&mail(""), &["[[sink]] has no `url`…smtp://HOST:587"]);
    check_more(&mail("url = \"smtp://m.example.com\"\nuser = \"a\""), &["[[sink]] has no `password`"]);
    check_more(&mail("url = \"smtp://m.example.com\"\npassword = \"env:MAIL_PASSWORD\""), &["[[sink]] has no `user`"]);
    let to = |to: &str| mail("url = \"smtp://m.example.com\"").replace("[\"b@example.com\"]", to);
    check_more(&to("\"b@example.com\""), &[]);
    check_more(&to("[]"), &["`to` has 0 addresses"]);
    check_more(&to("[\"b@example.com\", \"B <b@example.com>\"]"), &["names this address twice"]);
    check_more(&to("[\"b@example.com\", \"c\"]"), &["`to` is no mail address"]);
    check_more(&to("\"b@example.com\\r\\nBcc: c@example.com\""), &["`to` is no mail address"]);
}

#[test]
fn chains_say_what_they_lack() {
    check_more(
        "[[chain]]\nname = \"dev\"",
        &["`block_time`", "`chain_id`", "`coin`", "`confirmations`", "`final_after`"],
    );
    let dev = "[[chain]]\nname = \"dev\"\nchain_id = 31337\ncoin = \"ETH\"\nblock_time = \"1s\"\nconfirmations = 3\nfinal_after = 10\n";
    check_more(dev, &["nothing can read the chain dev…give [[chain]] dev an `rpc`"]);
    let rpc = "rpc = [\"ws://127.0.0.1:1\"]\n";
    check_more(&format!("{dev}{rpc}"), &[]);
    check_more(&format!("{dev}{rpc}").replace("31337", "1"), &["the chain with the id 1 is called ethereum"]);
    check_more(
        &format!("{dev}{rpc}").replace("final_after = 10", "final_after = 2"),
        &["final (2) before it is confirmed (3)"],
    );
    for (span, words) in [("30s", &[][..]), ("500ms", &["`stale_after` is out of bounds"]), ("25h", &["out of bounds"])]
    {
        check_more(&format!("{dev}{rpc}stale_after = \"{span}\"\n"), words);
    }
    check_more("[[chain]]\nname = \"base\"\nchain_id = 1\nrpc = [\"ws://127.0.0.1:1\"]", &["base has the id 8453"]);
    check_more("[[chain]]\nname = \"base\"", &["nothing can read the chain base…paid"]);
    check_more("[[chain]]\nname = \"base\"\netherscan = true", &[]);
    check_more("[[chain]]\nname = \"scroll\"\netherscan = true", &["Etherscan took scroll down", "nothing can read"]);
    check_more("[[chain]]\nname = \"linea\"\nconfirmations = \"safe\"", &["an explorer does not tell what is safe"]);
    check_more("[[chain]]\nname = \"ethereum\"", &["the name `ethereum` is taken"]);
    check_more(
        "[[watch]]\nname = \"x\"\naddress = \"0x90F79bf6EB2c4f870365E785982E1f101E93b906\"\nchains = [\"polgon\"]",
        &["did you mean `polygon`?"],
    );
    check_more(
        "[[watch]]\nname = \"x\"\naddress = \"0x90F79bf6EB2c4f870365E785982E1f101E93b906\"\nchains = [\"polygon\"]",
        &[],
    );
    check_more(
        "[[chain]]\nname = \"base\"\nrpc = [{ name = \"a\", url = \"wss://a.example.com\" }, { name = \"a\", url = \"wss://b.example.com\" }]",
        &["the name `a` is taken"],
    );
}

#[test]
fn watches_and_tokens_are_held_to_their_addresses() {
    let watch = |name: &str, address: &str| format!("[[watch]]\nname = \"{name}\"\naddress = \"{address}\"\n");
    check_more(
        &watch("x", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
        &["on ethereum belongs to the watch `w` at /etc/w.toml:9:11"],
    );
    check_more(
        &watch("x", "0x70997970c51812dc3A010C7d01b50e0d17dc79C8"),
        &["should read 0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
    );
    check_more(&watch("x", "0x0000000000000000000000000000000000000000"), &["the zero address"]);
    check_more(&watch("tag:x", "0x90F79bf6EB2c4f870365E785982E1f101E93b906"), &["this cannot be a name"]);
    check_more("[[watch]]\nname = \"x\"", &["[[watch]] has no `address`"]);
    check_more("[[watch]]\nname = \"x\"\naddresses = []", &["`addresses` is empty"]);
    check_more(
        &format!("{}from_block = \"then\"", watch("x", "0x90F79bf6EB2c4f870365E785982E1f101E93b906")),
        &["`from_block` is neither"],
    );
    let token = |symbol: &str, contract: &str| {
        format!("[[token]]\nchain = \"ethereum\"\nsymbol = \"{symbol}\"\ncontract = \"{contract}\"\ndecimals = 18\n")
    };
    let dai = "0x6B175474E89094C44Da98b954EedeAC495271d0F";
    check_more(&token("DAI", dai), &[]);
    for taken in ["USDC", "usdc", "ETH", "POL", "USDC.e", "native"] {
        check_more(&token(taken, dai), &["is built in"]);
    }
    check_more(&token("MYUSD", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"), &["the chain table knows this contract"]);
    check_more(&format!("{}{}", token("DAI", dai), token("DAI2", dai)), &["is the token `DAI`"]);
}

#[test]
fn rules_must_be_fed_and_heard() {
    let rule = |keys: &str| format!("[[rule]]\nname = \"r\"\n{keys}\n");
    let price = |keys: &str| rule(&format!("when = \"price\"\npair = \"ETH-USD\"\n{keys}"));
    let gas = |keys: &str| rule(&format!("when = \"gas\"\nchain = \"ethereum\"\n{keys}"));
    let transfer = |keys: &str| rule(&format!("when = \"transfer\"\n{keys}"));
    check_more(&price("below = \"2500\"\nrecovers_at = \"2550\""), &[]);
    check_more(&price("below = \"2500 USD\""), &[]);
    check_more(&price("below = \"2500 EUR\""), &["`below` is not in USD"]);
    check_more(&price("below = 2500"), &["`below` is a whole number…in quotes"]);
    check_more(&price("below = \"2500\"\nabove = \"1\""), &["exclude each other"]);
    check_more(&price("below = \"2500\"\nrecovers_at = \"2400\""), &["lies below the threshold"]);
    check_more(&price("above = \"2500\"\nrecovers_at = \"2600\""), &["lies above the threshold"]);
    check_more(&price(""), &["no `below`"]);
    check_more(&rule("when = \"price\"\npair = \"BTC-USD\"\nbelow = \"1\""), &["no feed reports BTC-USD"]);
    check_more(&gas("above = \"60 gwei\"\nrecovers_at = \"50 gwei\""), &[]);
    check_more(&gas("above = \"60\""), &["`above` of a gas rule needs its unit"]);
    check_more(&gas("above = \"0.1 ETH\""), &["`above` is the price of one unit of gas"]);
    check_more(&gas("above = \"0.09 ETH\"\nrecovers_at = \"1 gwei\""), &[]);
    check_more(&gas("above = \"2 gwei\"\nrecovers_at = \"1.5 gwei\"\nof = \"priority\""), &[]);
    check_more(&gas("above = \"60 gwei\"\nof = \"next_base_fee\""), &[]);
    check_more(&gas("above = \"60 gwei\"\nof = \"tip\""), &["`of`"]);
    // A chain that only an explorer reads: what its oracle tells is there, and what it does not is refused with what is.
    let explored = |of: &str| rule(&format!("when = \"gas\"\nchain = \"polygon\"\nabove = \"60 gwei\"\nof = \"{of}\""));
    let base = [
        "no source can report gas prices of polygon: its explorer tells what the next block takes…of = \"next_base_fee\"",
    ];
    check_more(&explored("base_fee"), &base);
    check_more(&explored("next_base_fee"), &[]);
    check_more(&explored("priority"), &[]);
    check_more(
        &rule("when = \"gas\"\nchain = \"linea\"\nabove = \"1 gwei\""),
        &["no source can report gas prices of linea"],
    );
    check_more(&transfer("watch = [\"v\"]"), &["there is no watch `v`"]);
    let tagged =
        "[[watch]]\nname = \"t\"\naddress = \"0x90F79bf6EB2c4f870365E785982E1f101E93b906\"\ntags = [\"mine\"]\n";
    check_more(&format!("{tagged}{}", transfer("watch = [\"tag:mime\"]")), &["no watch has this tag"]);
    check_more(&format!("{tagged}{}", transfer("watch = [\"tag:deposits\"]")), &[]);
    check_more(&transfer("chains = [\"polygon\"]"), &["nothing that this rule is about is watched on polygon"]);
    check_more(&transfer("stage = \"mined\""), &["there is no such stage"]);
    check_more(&transfer("stages = [\"seen\", \"retracted\"]"), &["a retraction cannot be asked for alone"]);
    check_more(&transfer("stage = \"seen\"\nstages = [\"final\"]"), &["exclude each other"]);
    check_more(&transfer("asset = \"USCD\""), &["no asset of this symbol…did you mean `USDC`?"]);
    check_more(&transfer("asset = \"USCD\"\nat_least = \"1e3\""), &["no asset of this symbol", "`at_least`"]);
    check_more(
        &transfer("asset = \"USDC\"\nat_least = \"1 ETH\""),
        &["`at_least` is in ETH, but the rule is about USDC"],
    );
    check_more(&transfer("asset = \"USDC\"\nat_least = \"0.0000001\""), &["6 decimals"]);
    check_more(
        &transfer("asset = \"0x6B175474E89094C44Da98b954EedeAC495271d0F\"\nat_least = \"1\""),
        &["decimals of a contract"],
    );
    check_more(&transfer("asset = \"0x6B175474E89094C44Da98b954EedeAC495271d0F\""), &[]);
    check_more(&transfer("severity = \"critical\""), &["nobody hears this rule…notify = [\"log\"]"]);
    check_more(&transfer("notify = []"), &["`notify` is empty"]);
    check_more(
        &format!(
            "[[sink]]\nname = \"loud\"\nkind = \"log\"\nmin_severity = \"critical\"\n{}",
            transfer("notify = [\"loud\"]")
        ),
        &["every sink that `r` notifies keeps its messages away"],
    );
    check_more(
        "[[sink]]\nname = \"p\"\nkind = \"log\"\ntypes = [\"price.*\"]\n[system]\nnotify = [\"p\"]",
        &[
            "the built-in alert sink.failing away",
            "the built-in alert sink.recovered away",
            "the built-in alert source.blind away",
            "the built-in alert source.disagrees away",
            "the built-in alert source.recovered away",
        ],
    );
}

#[test]
fn a_payment_that_could_go_wrong_is_refused() {
    check_paying("per_payment = \"1000\"\n", "", &["[[payment]] has no `per_payment`"]);
    check_paying("in_total = \"20000\"\n", "", &["[[payment]] has no `in_total`"]);
    check_paying("per_day = \"5000\"\n", "", &["[[payee]] has no `per_day`"]);
    check_paying("amount = \"1000\"", "amount = \"1001\"", &["`amount` is above per_payment"]);
    check_paying("amount = \"1000\"", "amount = \"1000 ETH\"", &["payments are in USDC"]);
    check_paying("amount = \"1000\"", "amount = \"0\"", &["`amount` is zero"]);
    check_paying("amount = \"1000\"\n", "", &["[[payment]] has no `amount`"]);
    check_paying("amount = \"1000\"", "match = true\nreserve = \"10\"", &[]);
    check_paying("amount = \"1000\"", "match = true\nreserve = \"1000\"", &["nothing left to pay"]);
    check_paying("amount = \"1000\"", "amount = \"1000\"\nmatch = true", &["exclude each other"]);
    check_paying(
        "amount = \"1000\"",
        "amount = \"1000\"\nfill_to = \"1500\"",
        &["`amount` and `fill_to` exclude each other"],
    );
    check_paying("amount = \"1000\"", "fill_to = \"1000\"", &["`fill_to` needs a balance to fill"]);
    check_paying("amount = \"1000\"", "amount = \"1000\"\nmax_fee = \"0.01\"", &[]);
    check_paying("amount = \"1000\"", "amount = \"1000\"\nmax_fee = \"30000 gwei\"", &[]);
    check_paying("amount = \"1000\"", "amount = \"1000\"\nmax_fee = \"2 USDC\"", &["`max_fee` is not in ETH"]);
    check_paying("amount = \"1000\"", "amount = \"1000\"\nmax_fee = \"0\"", &["`max_fee` is zero"]);
    check_paying(
        "amount = \"1000\"",
        "amount = \"1000\"\npayee_elsewhere = true",
        &["`payee_elsewhere` belongs to a balance rule"],
    );
    check_paying(
        "direction = \"in\"\n",
        "direction = \"in\"\nhistory = true\n",
        &["what is long past is nothing to pay for"],
    );
    check_paying("\non = \"in\"", "\non = \"on\"", &["there is no rule of this name. hint: did you mean `in`?"]);
    check_paying("payee = \"p\"", "payee = \"q\"", &["there is no payee `q`"]);
    check_paying("direction = \"in\"\n", "", &["more than what came in"]);
    check_paying("at_least = \"1000\"\n", "", &["a grain of dust would pay"]);
    check_paying("at_least = \"1000\"", "at_least = \"0\"", &["a grain of dust would pay"]);
    check_paying("watch = \"w\"\n", "", &["does not name its watches"]);
    check_paying("asset = \"USDC\"\n", "", &["neither the chain's coin nor"]);
    check_paying("chain = \"ethereum\"\n", "chain = \"base\"\n", &["its payee is on base"]);
    check_paying(
        "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        &["a loop"],
    );
    check_paying(
        "[[payee]]",
        "[[payment]]\non = \"in\"\npayee = \"p\"\namount = \"1\"\nper_payment = \"1\"\nper_day = \"1\"\nin_total = \"1\"\n[[payee]]",
        &["pays twice"],
    );
    let price = "when = \"price\"\npair = \"ETH-USD\"\nbelow = \"2500\"\n";
    let from = &PAYING[PAYING.find("when").unwrap_or(0)..PAYING.find("[[payee]]").unwrap_or(0)];
    check_paying(from, price, &["`recovers_at` is the threshold itself", "it has no `for`"]);
    check_paying(from, &format!("{price}recovers_at = \"2600\"\nfor = \"1m\"\n"), &[]);
    let text = format!("{BASE}{PAYING}").replace("rpc = [\"wss://node.example.com\"]\n", "");
    check(&text, &["an explorer's row alone never pays"]);
    let config = fine(&format!("{BASE}{}", PAYING.replace("at_least = \"1000\"", "at_least = \"1\"")));
    assert!(config.warnings.iter().any(|warning| warning.contains("more than came in")), "{:?}", config.warnings);
}

#[test]
fn a_balance_rule_needs_an_asset_that_is_known_and_a_level_in_its_unit() {
    let rule = |keys: &str| format!("[[rule]]\nname = \"low\"\nwhen = \"balance\"\nnotify = [\"log\"]\n{keys}\n");
    for (keys, expected) in [
        ("asset = \"USDC\"\nbelow = \"500\"\nrecovers_at = \"600\"", &[][..]),
        ("asset = \"native\"\nabove = \"0.5 ETH\"\nrecovers_at = \"400000000 gwei\"\nfor = \"2m\"", &[]),
        ("asset = [\"native\", \"USDC\"]\nbelow = \"500\"\nrecovers_at = \"600\"", &[]),
        ("below = \"500\"", &["[[rule]] has no `asset`"]),
        ("asset = \"USDC\"", &["[[rule]] has no `below`"]),
        ("asset = \"USDC\"\nbelow = 500", &["`below` is"]),
        ("asset = \"USDC\"\nbelow = \"500 ETH\"", &["`below` is in ETH, but the rule is about USDC"]),
        ("asset = \"USDC\"\nbelow = \"0.1234567\"", &["`below`: "]),
        (
            "asset = \"USDC\"\nbelow = \"500\"\nrecovers_at = \"499.999999\"",
            &["`recovers_at` lies below the threshold"],
        ),
        ("asset = \"USDC\"\nabove = \"500\"\nrecovers_at = \"501\"", &["`recovers_at` lies above the threshold"]),
        (
            "asset = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\nbelow = \"1\"",
            &["the decimals of a contract on ethereum are not known, so `below` means nothing"],
        ),
        ("asset = \"USDC\"\nbelow = \"500\"\ndirection = \"in\"", &["a balance rule has no key `direction`"]),
    ] {
        check_more(&rule(keys), expected);
    }
    check_more("[http]\nmax_balances = 5\n", &[]);
    check_more("[http]\nmax_balances = -1\n", &["`max_balances` is out of bounds"]);
}
