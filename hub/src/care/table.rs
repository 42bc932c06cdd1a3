//! Tables as people save them: with tabs or commas, in UTF-8 with or without a mark at its head.

/// Why there is no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BadRow {
    /// The line of the file, the first is 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

/// The names of the columns, and each row with the line it begins on.
pub type Table = (csv::StringRecord, Vec<(u64, csv::StringRecord)>);

/// Reads a table; spaces around cells are left out.
///
/// # Errors
/// [`BadRow`] for the first row that has not as many cells as the heading, or is not in UTF-8.
pub fn read(table: &[u8]) -> Result<Table, BadRow> {
    let table = table.strip_prefix(b"\xef\xbb\xbf").unwrap_or(table);
    let heading = table.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let delimiter = if heading.contains(&b'\t') { b'\t' } else { b',' };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(table);
    let heading = reader.headers().map_err(|error| bad(&error))?.clone();
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| bad(&error))?;
        rows.push((row.position().map_or(0, csv::Position::line), row));
    }
    Ok((heading, rows))
}

fn bad(error: &csv::Error) -> BadRow {
    let line = error.position().map_or(1, csv::Position::line);
    let why = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns where the heading has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "not in UTF-8; save the table as “CSV UTF-8”".to_owned(),
        _ => error.to_string(),
    };
    BadRow { line, why }
}
