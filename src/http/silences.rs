//! Silences: which there are, setting one, ending one.

use super::Parts;
use super::access::Caller;
use super::commands::asker;
use super::problem::Problem;
use crate::config::duration;
use crate::config::near::nearest;
use crate::reactor::effect::MessageKind;
use crate::reactor::hush::{LONGEST_SILENCE, SilenceAnswer, SilenceOrder};
use crate::reactor::quiet::{MOST_SILENCES, Silence};
use crate::types::{Name, Severity, Timestamp};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// The longest comment.
const LONGEST_COMMENT: usize = 500;
/// What a body is.
const SHAPE: &str = "{\"for\": \"2h\", \"comment\": \"…\", \"rule\"?, \"watch\"?, \"chain\"?, \"types\"?, \"up_to\"?}";

type Shared = State<Arc<Parts>>;
type Asker = Extension<Caller>;

/// What somebody wants silenced.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewSilence)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// For how long: at most 30 days.
    #[serde(rename = "for")]
    #[schema(pattern = "^[0-9]+(ms|s|m|h|d)$", example = "2h")]
    lasts: String,
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    comment: String,
    rule: Option<String>,
    watch: Option<String>,
    chain: Option<String>,
    /// A type of messages, or the beginning of several with a `*` behind it.
    types: Option<String>,
    /// `info`, `warning`, or `critical` where it is left out.
    up_to: Option<String>,
}

/// A silence.
#[derive(Serialize, ToSchema)]
pub(super) struct SilenceItem {
    id: u32,
    rule: Option<String>,
    watch: Option<String>,
    chain: Option<String>,
    types: Option<String>,
    up_to: &'static str,
    from: String,
    until: String,
    author: String,
    comment: String,
}

/// The silences in force, and the one that was set.
#[derive(Serialize, ToSchema)]
pub(super) struct Silences {
    items: Vec<SilenceItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<u32>,
}

/// `GET /api/v1/silences`.
pub(super) async fn list(State(parts): Shared) -> Result<Json<Silences>, Problem> {
    let rows = parts.archive.silences().await?;
    Ok(Json(Silences { items: rows.iter().map(item).collect(), set: None }))
}

/// `POST /api/v1/silences`.
pub(super) async fn add(
    State(parts): Shared,
    Extension(caller): Asker,
    body: Bytes,
) -> Result<(StatusCode, Json<Silences>), Problem> {
    let by = asker(caller)?;
    let (silence, lasts) = read(&body, &by)?;
    meant(&silence, &parts).await?;
    let order = SilenceOrder::Add { silence, lasts };
    let answer = answered(parts.control.silences(by, order).await?)?;
    Ok((StatusCode::CREATED, Json(answer)))
}

/// `DELETE /api/v1/silences/{id}`.
pub(super) async fn end(
    State(parts): Shared,
    Extension(caller): Asker,
    Path(id): Path<String>,
) -> Result<Json<Silences>, Problem> {
    let by = asker(caller)?;
    let number = id.parse().map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "an id of a silence is a number"))?;
    answered(parts.control.silences(by, SilenceOrder::End(number)).await?).map(Json)
}

fn answered(answer: SilenceAnswer) -> Result<Silences, Problem> {
    match answer {
        SilenceAnswer::Silences(rows, set) => Ok(Silences { items: rows.iter().map(item).collect(), set }),
        SilenceAnswer::Unknown(_) => Err(Problem::new(StatusCode::NOT_FOUND, "there is no such silence")),
        SilenceAnswer::OverPayments(expires) => {
            let expires = duration::show(expires);
            let what = format!(
                "a payment that is held meanwhile would be refused after {expires}, and nobody would hear of it"
            );
            Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!("nothing was done: {what}: silence payments for less"),
            ))
        }
        SilenceAnswer::TooMany => {
            Err(Problem::new(StatusCode::CONFLICT, format!("there are {MOST_SILENCES} silences: end some of them")))
        }
    }
}

/// That there is what a silence names: one of a rule that nobody has would silence nothing, and nobody would notice.
async fn meant(silence: &Silence, parts: &Parts) -> Result<(), Problem> {
    let labels = Arc::clone(&parts.standing().labels);
    let rules = labels.rules.iter().map(|(rule, ..)| rule.as_str());
    let rules: Vec<&str> = rules.chain(MessageKind::ALL.iter().map(|kind| kind.word())).collect();
    let chains: Vec<&str> = labels.chains.values().map(|chain| chain.name.as_str()).collect();
    let mut watches: Vec<&str> = labels.watches.iter().map(|watch| watch.name.as_str()).collect();
    // One that was added at run time is in the store alone.
    let added = match silence.watch.as_ref().filter(|watch| !watches.contains(&watch.as_str())) {
        Some(watch) => parts.archive.addresses(watch.clone()).await?.is_some(),
        None => false,
    };
    watches.extend(silence.watch.as_ref().filter(|_| added).map(Name::as_str));
    for (label, is, known) in
        [("rule", &silence.rule, &rules), ("watch", &silence.watch, &watches), ("chain", &silence.chain, &chains)]
    {
        let Some(is) = is.as_ref().filter(|is| !known.contains(&is.as_str())) else { continue };
        let near = nearest(is.as_str(), known.iter().copied());
        let near = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
        let detail = format!("nothing was done: there is no {label} \"{is}\"{near}");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    Ok(())
}

/// A body, checked.
fn read(body: &[u8], by: &Name) -> Result<(Silence, Duration), Problem> {
    let wrong = |detail: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("nothing was done: {detail}"));
    let wanted: Wanted = serde_json::from_slice(body)
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, format!("the body is not what this takes: {SHAPE}")))?;
    let lasts = duration::parse(&wanted.lasts).filter(|lasts| !lasts.is_zero() && *lasts <= LONGEST_SILENCE);
    let lasts = lasts.ok_or_else(|| wrong("`for` is a span of time of at most 30 days, for example \"2h\"".into()))?;
    if wanted.comment.trim().is_empty() || wanted.comment.len() > LONGEST_COMMENT {
        return Err(wrong("`comment` says why, in at most 500 bytes".into()));
    }
    if wanted.rule.is_none() && wanted.watch.is_none() && wanted.chain.is_none() && wanted.types.is_none() {
        return Err(wrong("it names neither a rule, a watch, a chain nor types: that would silence everything".into()));
    }
    let up_to = match &wanted.up_to {
        None => Severity::Critical,
        Some(word) => Severity::from_word(word).ok_or_else(|| wrong("`up_to` is info, warning or critical".into()))?,
    };
    if let Some(types) = &wanted.types {
        let mut words = MessageKind::ALL.iter().map(|kind| kind.word());
        let fits = match types.strip_suffix('*') {
            Some(prefix) => words.any(|word| word.starts_with(prefix)),
            None => words.any(|word| word == types),
        };
        if !fits {
            return Err(wrong("no message has such a type".into()));
        }
    }
    let name = |text: Option<String>| text.map(Name::from);
    let silence = Silence {
        number: 0,
        rule: name(wanted.rule),
        watch: name(wanted.watch),
        chain: name(wanted.chain),
        types: name(wanted.types),
        up_to,
        from: Timestamp::default(),
        until: Timestamp::default(),
        author: by.clone(),
        comment: wanted.comment.trim().into(),
        over: false,
    };
    Ok((silence, lasts))
}

fn item(row: &Silence) -> SilenceItem {
    let text = |name: &Option<Name>| name.as_ref().map(ToString::to_string);
    SilenceItem {
        id: row.number,
        rule: text(&row.rule),
        watch: text(&row.watch),
        chain: text(&row.chain),
        types: text(&row.types),
        up_to: row.up_to.word(),
        from: row.from.to_string(),
        until: row.until.to_string(),
        author: row.author.to_string(),
        comment: row.comment.to_string(),
    }
}
