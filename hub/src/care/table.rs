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
    let table = ended_alike(table);
    let table = table.as_slice();
    let heading = table.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let delimiter = if heading.contains(&b'\t') { b'\t' } else { b',' };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(table);
    let mut lines = Lines { table, seen: 0, line: 1 };
    let heading = reader.headers().map_err(|error| bad(&error, &mut lines))?.clone();
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| bad(&error, &mut lines))?;
        rows.push((lines.at(row.position()), row));
    }
    Ok((heading, rows))
}

/// The same with one sign at the end of each line.
fn ended_alike(table: &[u8]) -> Vec<u8> {
    let next = table.iter().skip(1).chain(&[0]);
    let pairs = table.iter().zip(next).filter(|pair| *pair != (&b'\r', &b'\n'));
    pairs.map(|(byte, _)| if *byte == b'\r' { b'\n' } else { *byte }).collect()
}

/// Counts the lines of a table: the reader counts empty ones to the row after them.
struct Lines<'a> {
    table: &'a [u8],
    seen: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line that a row begins on; rows come in order.
    fn at(&mut self, row: Option<&csv::Position>) -> u64 {
        let start = row.map_or(0, |row| usize::try_from(row.byte()).unwrap_or(usize::MAX));
        while let Some(byte) = self.table.get(self.seen)
            && (self.seen < start || *byte == b'\n')
        {
            self.line += u64::from(*byte == b'\n');
            self.seen += 1;
        }
        self.line
    }
}

fn bad(error: &csv::Error, lines: &mut Lines<'_>) -> BadRow {
    let line = lines.at(error.position());
    let why = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns where the heading has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "not in UTF-8; save the table as “CSV UTF-8”".to_owned(),
        _ => error.to_string(),
    };
    BadRow { line, why }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn a_row_is_named_by_its_line_whatever_ends_it() {
        for end in ["\n", "\r\n", "\r"] {
            let table = ["\u{feff}a,b", " 1 ,2", "", "3,4", ""].join(end);
            let (heading, rows) = read(table.as_bytes()).unwrap();
            assert_eq!(heading, vec!["a", "b"], "{end:?}");
            let rows: Vec<_> = rows.iter().map(|(line, row)| (*line, &row[0])).collect();
            assert_eq!(rows, [(2, "1"), (4, "3")], "{end:?}");
            let short = ["a,b", "1,2", "3"].join(end);
            assert_eq!(read(short.as_bytes()).unwrap_err().line, 3, "{end:?}");
        }
    }
}
