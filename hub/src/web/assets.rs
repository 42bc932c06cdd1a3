//! Style sheet, script and pictures, under names that change with their content.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;

use crate::service::secret::sha256;

/// The icons, to stand once in every page.
pub const ICONS: &str = include_str!("../../assets/icons.svg");

/// One file as it is served.
pub struct Asset {
    /// Its address.
    pub path: String,
    content_type: &'static str,
    body: &'static [u8],
}

/// The files of the pages.
pub struct Assets {
    /// The style sheet.
    pub css: Asset,
    /// The script.
    pub js: Asset,
    /// The script of the pages that ask for a passkey.
    pub passkeys: Asset,
    /// The sign in a browser's tab.
    pub favicon: Asset,
}

/// All of them; they are in the program itself.
pub static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    css: asset(
        "kyoten",
        "css",
        "text/css; charset=utf-8",
        include_bytes!("../../assets/kyoten.css"),
    ),
    js: asset(
        "kyoten",
        "js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../assets/kyoten.js"),
    ),
    passkeys: asset(
        "passkeys",
        "js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../assets/passkeys.js"),
    ),
    favicon: asset("favicon", "svg", "image/svg+xml", include_bytes!("../../assets/favicon.svg")),
});

/// Serves one.
pub async fn get(Path(name): Path<String>) -> Response {
    let path = format!("/assets/{name}");
    let Assets { css, js, passkeys, favicon } = &*ASSETS;
    match [css, js, passkeys, favicon].into_iter().find(|asset| asset.path == path) {
        Some(asset) => (
            [
                (header::CONTENT_TYPE, asset.content_type),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ],
            asset.body,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn asset(name: &str, ending: &str, content_type: &'static str, body: &'static [u8]) -> Asset {
    let hash = HEXLOWER.encode(&sha256(body)[..6]);
    Asset { path: format!("/assets/{name}-{hash}.{ending}"), content_type, body }
}
