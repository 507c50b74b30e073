//! What the documents and the packaging say holds: every whole config in them is one, every alert has its section in the runbook, and the
//! unit is as closed as it claims.

use crate::place::{BINARY, Place, Said};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn file(name: &str) -> String {
    fs::read_to_string(place_of(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn place_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The blocks of this language in a document.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    text.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// What a name in the environment holds, so that whatever it is for is content.
fn secret_for(name: &str, line: &str) -> String {
    match line.split('=').next().unwrap_or_default().trim() {
        "secret" => "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".to_owned(),
        "url" | "rpc" => "https://hooks.example.com/services/T000/B000/0123456789abcdef".to_owned(),
        "routing_key" => "0123456789abcdef0123456789abcdef".to_owned(),
        _ => format!("0123456789abcdef0123456789abcdef-{name}"),
    }
}

/// Checks a config as a person would who pasted it.
fn check(text: &str) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    let config = written("walletwatch.toml", text);
    written("deposits.csv", "address,ref\n0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC,c-1\n");
    let mut environment = BTreeMap::new();
    for line in text.lines() {
        for part in line.split("\"env:").skip(1) {
            let name = part.split('"').next().unwrap_or_default();
            environment.insert(name.to_owned(), secret_for(name, line));
        }
    }
    let mut command = Command::new(BINARY);
    command.arg("--config").arg(config).arg("--data-dir").arg(folder.path()).arg("check").envs(environment);
    Said::of(&command.output().unwrap())
}

#[test]
fn every_whole_config_in_the_documents_is_one() {
    let is_whole = |block: &&str| ["[[sink]]", "[[rule]]"].iter().all(|part| block.contains(part));
    let readme = file("README.md");
    let mut configs: Vec<&str> = blocks(&readme, "toml").into_iter().filter(is_whole).collect();
    let compose = file("packaging/compose/walletwatch.toml");
    configs.push(&compose);
    assert!(configs.len() >= 7, "the first one, five recipes, and what a container starts with: {}", configs.len());
    for config in configs {
        let said = check(config);
        assert_eq!(said.code, 0, "{config}\n{}", said.talk);
    }
    assert_eq!(check(&readme[..40]).code, 2, "what is no config is not taken for one");
}

/// The names behind these words at the start of a line.
fn named<'a>(text: &'a str, start: &str) -> BTreeSet<&'a str> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix(start)).map(str::trim).collect()
}

#[test]
fn every_alert_has_its_section_in_the_runbook_and_every_section_its_alert() {
    let (rules, runbook) = (file("dashboards/alerts.yml"), file("docs/runbook.md"));
    let alerts = named(&rules, "- alert:");
    let sections: BTreeSet<&str> =
        named(&runbook, "## ").into_iter().filter(|section| section.starts_with("Walletwatch")).collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    assert_eq!(alerts, sections);
}

#[test]
fn every_command_that_the_runbook_names_is_there() {
    let runbook = file("docs/runbook.md");
    let mut named = 0;
    for text in runbook.split('`').skip(1).step_by(2) {
        let Some(rest) = text.strip_prefix("walletwatch ") else { continue };
        let words: Vec<&str> = rest.split(' ').take_while(|word| word.chars().all(char::is_lowercase)).collect();
        let mut command = Command::new(BINARY);
        let said = Said::of(&command.args(&words).arg("--help").output().unwrap());
        assert_eq!(said.code, 0, "{text}: {}", said.talk);
        named += 1;
    }
    assert!(named > 15, "only {named} commands were found");
}

#[test]
fn the_unit_is_as_closed_as_it_says() {
    let unit = place_of("packaging/walletwatch.service");
    let Ok(output) = Command::new("systemd-analyze").args(["security", "--offline=true"]).arg(unit).output() else {
        println!("left out: how closed the systemd unit is (systemd-analyze is not here)");
        return;
    };
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some((_, level)) = told.split_once("Overall exposure level for walletwatch.service: ") else {
        println!("left out: how closed the systemd unit is (this systemd-analyze is too old to say)");
        return;
    };
    let level: f32 = level.split_whitespace().next().and_then(|level| level.parse().ok()).expect("it is a number");
    assert!(level <= 2.0, "{level}\n{told}");
}

#[test]
fn what_the_compose_file_mounts_is_there_and_prometheus_takes_its_config() {
    let compose = file("packaging/compose/compose.yaml");
    // What a person makes, as its first lines say.
    let made = ["./read_token"];
    let mounts = compose.lines().filter_map(|line| line.trim().strip_prefix("- .")?.split(':').next());
    let mounts: Vec<String> = mounts.map(|rest| format!(".{rest}")).filter(|path| !made.contains(&&**path)).collect();
    assert!(mounts.len() >= 5, "{mounts:?}");
    for mount in mounts {
        assert!(place_of("packaging/compose").join(&mount).exists(), "{mount}");
    }
    assert!(
        file("packaging/compose/walletwatch.toml").contains("0.0.0.0:8640") && compose.contains("127.0.0.1:8640:8640")
    );
    let config = place_of("packaging/compose/prometheus.yml");
    match Command::new("promtool").args(["check", "config", "--syntax-only"]).arg(config).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => println!("left out: promtool is not installed"),
    }
}

#[test]
fn a_container_that_asks_whether_it_lives_is_told() {
    let place = Place::new();
    place.ask(&["status", "--alive"]).fails(1, &["no monitor answers"]);
    let running = place.run();
    place.ask(&["status"]).fails(1, &["blind"]);
    place.ask(&["status", "--alive"]).answers(&["devnet/main"]);
    assert_eq!(running.stop(), 0);
}
