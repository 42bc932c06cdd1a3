//! QR codes, as pictures that stand in a page.

use qrcode::QrCode;
use qrcode::render::svg;

use super::Refused;

/// The code of a text (SVG), with the quiet zone that scanners need.
///
/// # Errors
/// [`Refused::Inner`] when no code is large enough for the text.
pub fn picture(text: &str) -> Result<String, Refused> {
    let code = QrCode::new(text).map_err(|_| Refused::Inner("a QR code could not be drawn"))?;
    let picture = code.render::<svg::Color>().min_dimensions(220, 220).build();
    let begin = picture.find("<svg").unwrap_or_default();
    Ok(picture[begin..].to_owned())
}
