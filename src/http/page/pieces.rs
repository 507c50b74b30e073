//! The small pieces that every section is made of: text of strangers, times, addresses, states, bars, empty states.

use crate::telemetry::Snapshot;
use crate::types::text::hides;
use crate::types::{Address, ChainId, Severity, Timestamp};
use maud::{Escaper, Markup, Render, html};
use std::fmt::Write as _;
use std::time::Duration;

/// The width of a bar's drawing.
const BAR: u64 = 1_000;

/// Text from anywhere. What reorders or hides text is shown as a box; newlines and tabs are blanks in a page.
pub(super) struct Text<'a>(&'a str);

impl Render for Text<'_> {
    fn render_to(&self, buffer: &mut String) {
        let mut escaper = Escaper::new(buffer);
        for character in self.0.chars() {
            let shown = match character {
                control if control.is_control() => ' ',
                hidden if hides(hidden) => '\u{fffd}',
                plain => plain,
            };
            // Writing into memory does not fail.
            let _ = escaper.write_char(shown);
        }
    }
}

/// Text from anywhere, made harmless.
pub(super) const fn text(text: &str) -> Text<'_> {
    Text(text)
}

/// A sentence in which names and commands stand between backticks.
pub(super) fn sentence(words: &str) -> Markup {
    html! {
        @for (place, part) in words.split('`').enumerate() {
            @if place % 2 == 1 { code { (text(part)) } } @else { (text(part)) }
        }
    }
}

/// How something is, beside a word that says it: colour alone says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Warn,
    Bad,
    Busy,
    Idle,
}

impl Tone {
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Busy => "busy",
            Self::Idle => "idle",
        }
    }
}

/// A state: a dot and its word.
pub(super) fn state(tone: Tone, word: &str) -> Markup {
    html! { span.state.(tone.class()) { (text(word)) } }
}

/// A title without the word that the banner says once for all.
pub(super) fn unmarked(title: &str) -> &str {
    title.strip_prefix("SIMULATED: ").unwrap_or(title)
}

/// How much an alert matters.
pub(super) fn severity(severity: Severity) -> Markup {
    let tone = match severity {
        Severity::Info => Tone::Idle,
        Severity::Warning => Tone::Warn,
        Severity::Critical => Tone::Bad,
    };
    html! { span.mark.(tone.class()) { (severity.word()) } }
}

/// A line that must be read.
pub(super) fn tone(tone: Tone, what: &Markup) -> Markup {
    html! { p.notice.(tone.class()) { (what) } }
}

/// A span of time in its largest unit: `12 s`, `3 min`, `5 h`, `2 d`.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// How long ago, with the whole time beside it.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> Markup {
    let whole = at.to_string();
    html! { time datetime=(whole) title=(whole) data-ago="" { (span(now.since(at))) " ago" } }
}

/// Since when, as how long it lasts.
pub(super) fn since(at: Timestamp, now: Timestamp) -> Markup {
    let whole = at.to_string();
    html! { time datetime=(whole) title=(whole) data-for="" { "for " (span(now.since(at))) } }
}

/// How long until then, with the whole time beside it.
pub(super) fn until(at: Timestamp, now: Timestamp) -> Markup {
    let whole = at.to_string();
    html! { time datetime=(whole) title=(whole) data-until="" { @if at > now { "in " (span(at.since(now))) } @else { "now" } } }
}

/// The time of day; the day too where it is not today's.
pub(super) fn time(at: Timestamp, now: Timestamp) -> Markup {
    let whole = at.to_string();
    let (day, clock) = whole.split_once('T').unwrap_or((&whole, ""));
    let clock = clock.split('.').next().unwrap_or(clock);
    let today = now.to_string().starts_with(day);
    html! {
        time datetime=(whole) title=(whole) data-clock="" {
            @if !today { (day) " " } (clock) " UTC"
        }
    }
}

/// An address in full: its ends alone are what address poisoning counts on. With the watch that has it.
pub(super) fn address(standing: &Snapshot, chain: ChainId, address: &Address) -> Markup {
    let watch = standing.directory.watch_of(chain, address);
    html! {
        @if let Some(watch) = watch { (watch_link(watch.name.as_str())) " " }
        span.address { (address.to_checksum(None)) }
    }
}

/// A watch, with its page.
pub(super) fn watch_link(name: &str) -> Markup {
    html! { a.watch href={ "/watches/" (segment(name)) } { (text(name)) } }
}

/// A part of a path, with whatever could be read otherwise escaped.
pub(super) fn segment(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            // Into a string: it cannot fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

/// A bar: so many millionths of the whole are used.
pub(super) fn bar(millionths: u32, tone: Tone, label: &str) -> Markup {
    let width = (u64::from(millionths) * BAR).div_ceil(1_000_000).min(BAR);
    html! {
        svg.bar.(tone.class()) viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=(text(label)) {
            rect.rail width="1000" height="10" {}
            rect.fill width=(width) height="10" {}
        }
    }
}

/// A headed section.
pub(super) fn section(id: &str, title: &str, beside: &Markup, inside: &Markup) -> Markup {
    let heading = format!("{id}-title");
    html! {
        section.card #(id) aria-labelledby=(heading) {
            header { h2 #(heading) { (title) } div.beside { (beside) } }
            (inside)
        }
    }
}

/// The link to the whole of a list.
pub(super) fn all(path: &str, what: &str) -> Markup {
    html! { a href=(path) { "All " (what) } }
}

/// Nothing is here yet: why, and what to do next.
pub(super) fn empty(what: &str, next: &Markup) -> Markup {
    html! { div.empty { p { strong { (what) } } p.muted { (next) } } }
}

/// To the rows behind these, and back to the first.
pub(super) fn pager(path: &str, filters: &[(&str, &str)], first: bool, next: Option<&str>) -> Markup {
    let to = |more: Option<&str>| link(path, filters.iter().copied().chain(more.map(|next| ("before", next))));
    html! {
        @if !first || next.is_some() {
            nav.pager aria-label="Pages of this list" {
                @if !first { a href=(to(None)) { "First page" } }
                @if let Some(next) = next { a rel="next" href=(to(Some(next))) { "Next page" } }
            }
        }
    }
}

/// A path with its query.
pub(super) fn link<'a>(path: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The values of one filter, each a link; the first is all.
pub(super) fn chips<'a>(
    path: &str,
    key: &'static str,
    values: impl Iterator<Item = &'a str>,
    filters: &[(&str, &str)],
) -> Markup {
    let now = filters.iter().find(|(other, _)| *other == key).map(|(_, value)| *value);
    let others = || filters.iter().copied().filter(|(other, _)| *other != key);
    html! {
        div.chips role="group" aria-label={ "Filter by " (key) } {
            a href=(link(path, others())) aria-current=[now.is_none().then_some("true")] { "Any " (key) }
            @for value in values {
                a href=(link(path, others().chain([(key, value)]))) aria-current=[(now == Some(value)).then_some("true")] {
                    (text(value))
                }
            }
        }
    }
}

/// A button that asks the API for something, for whoever has a token; without a script it is not there.
pub(super) fn button(word: &str, path: &str, body: Option<&str>, really: &str) -> Markup {
    html! {
        button.act type="button" hidden data-post=(path) data-body=[body] data-really=(text(really)) { (word) }
    }
}

/// Facts, each with its name.
pub(super) fn facts<N: AsRef<str>>(rows: &[(N, Markup)]) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in rows {
                div { dt { (name.as_ref()) } dd { (value) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_path_is_one_part_of_it() {
        assert_eq!(segment("my/ops ../<é>"), "my%2Fops%20%2E%2E%2F%3C%C3%A9%3E");
    }

    #[test]
    fn text_cannot_leave_its_place_or_turn_around() {
        let shown = html! { a title=(text("\"><script>")) { (text("a\u{202e}b\n<b>&")) } }.into_string();
        assert_eq!(shown, "<a title=\"&quot;&gt;&lt;script&gt;\">a\u{fffd}b &lt;b&gt;&amp;</a>");
        let said = sentence("rule `a<b>` pays, or `c").into_string();
        assert_eq!(said, "rule <code>a&lt;b&gt;</code> pays, or <code>c</code>");
    }
}
