//! Style, script and mark of the page: constants of the binary, each under a path that names its content, so that it can be kept for ever.

use super::super::access::ASSETS as FOLDER;
use super::super::problem::Problem;
use crate::wire::hex;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const MARK: &str = include_str!("mark.svg");

/// A file of the page.
pub(super) struct Asset {
    /// Its path.
    pub path: String,
    kind: &'static str,
    content: &'static str,
}

impl Asset {
    fn of(content: &'static str, end: &str, kind: &'static str) -> Self {
        let digest = Sha256::digest(content.as_bytes());
        let hash = hex::plain(&digest[..8]);
        Self { path: format!("{FOLDER}{hash}.{end}"), kind, content }
    }
}

/// All of them.
pub(super) struct Assets {
    pub style: Asset,
    pub script: Asset,
    pub mark: Asset,
}

pub(super) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::of(STYLE, "css", "text/css; charset=utf-8"),
    script: Asset::of(SCRIPT, "js", "text/javascript; charset=utf-8"),
    mark: Asset::of(MARK, "svg", "image/svg+xml"),
});

pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let all = [&ASSETS.style, &ASSETS.script, &ASSETS.mark];
    let Some(asset) = all.into_iter().find(|asset| asset.path[FOLDER.len()..] == name) else {
        return Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path").into_response();
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, asset.content).into_response()
}
