//! The routes that change something: each hands one command on and answers after the commit that holds it.

use super::Parts;
use super::access::Caller;
use super::control::{Command, Reloaded};
use super::problem::Problem;
use crate::types::{MessageId, Name};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use std::sync::Arc;

type Shared = State<Arc<Parts>>;
type Asker = Extension<Caller>;
type Done = Result<StatusCode, Problem>;

pub(super) async fn replay(parts: Shared, asker: Asker, Path(id): Path<String>) -> Done {
    act(parts, asker, Command::Replay(message_id(&id)?)).await
}

pub(super) async fn give_up(parts: Shared, asker: Asker, Path(id): Path<String>) -> Done {
    act(parts, asker, Command::Drop(message_id(&id)?)).await
}

pub(super) async fn test_sink(parts: Shared, asker: Asker, Path(name): Path<String>) -> Done {
    act(parts, asker, Command::TestSink(name.into())).await
}

pub(super) async fn enable_sink(parts: Shared, asker: Asker, Path(name): Path<String>) -> Done {
    act(parts, asker, Command::EnableSink(name.into())).await
}

pub(super) async fn accept_chain(parts: Shared, asker: Asker, Path(name): Path<String>) -> Done {
    act(parts, asker, Command::AcceptChain(name.into())).await
}

pub(super) async fn reload(State(parts): Shared, Extension(caller): Asker) -> Result<Json<Reloaded>, Problem> {
    let by = asker(caller)?;
    tracing::info!("reload, by the token \"{by}\"");
    Ok(Json(parts.control.reload(by).await?))
}

async fn act(State(parts): Shared, Extension(caller): Asker, command: Command) -> Done {
    let by = asker(caller)?;
    let word = command.word();
    let done = parts.control.command(by.clone(), command).await;
    match &done {
        Ok(()) => tracing::info!("{word}, by the token \"{by}\""),
        Err(refusal) => tracing::debug!("{word}, by the token \"{by}\", was not done: {refusal}"),
    }
    done?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whose token it is.
pub(super) fn asker(caller: Caller) -> Result<Name, Problem> {
    match caller {
        Caller::Token { name, .. } => Ok(name),
        // The gate lets no write through without a token; should it ever, nothing happens.
        Caller::Nameless => Err(super::access::Denial::NoToken.into()),
    }
}

/// The id of a message in a path.
pub(super) fn message_id(text: &str) -> Result<MessageId, Problem> {
    MessageId::parse(text)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "an id of a message is 32 hexadecimal digits"))
}
