use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use super::{CardIdentifier, IdentifierError};

/// How reader models answer when asked for an identifier, where that differs from the plain bytes.
///
/// As TOML, one `[[model]]` a reader, one `[[model.answer]]` a length of answer that needs work:
/// ```toml
/// [[model]]
/// name_contains = "Example"
/// [[model.answer]]
/// length = 12      # bytes the reader sends, without the status
/// skip = 2         # bytes to drop in front
/// take = 8         # bytes to keep after these; the rest when absent
/// reversed = true  # the kept bytes come last byte first
/// ```
/// An answer that no row describes is taken as it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderModels {
    #[serde(default, rename = "model")]
    models: Vec<ReaderModel>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReaderModel {
    name_contains: String,
    #[serde(default, rename = "answer")]
    answers: Vec<AnswerShape>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerShape {
    length: usize,
    #[serde(default)]
    skip: usize,
    take: Option<usize>,
    #[serde(default)]
    reversed: bool,
}

impl ReaderModels {
    /// The table in a file. Without one identifiers are taken as they are.
    ///
    /// # Errors
    /// [`ReaderModelsError`] when the file cannot be read, or is no such table.
    pub fn read(file: Option<&Path>) -> Result<Self, ReaderModelsError> {
        let Some(path) = file else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| ReaderModelsError::File { path: path.to_owned(), source })?;
        Self::from_toml(&text)
    }

    /// Reads the table.
    ///
    /// # Errors
    /// [`ReaderModelsError`] when the text is no such table, or a row keeps bytes that are not there.
    pub fn from_toml(text: &str) -> Result<Self, ReaderModelsError> {
        let table: Self = toml::from_str(text)?;
        for model in &table.models {
            if model.name_contains.is_empty() {
                return Err(ReaderModelsError::NoName);
            }
            for shape in &model.answers {
                let sample = vec![0; shape.length];
                if shape.kept(&sample).is_none() {
                    return Err(ReaderModelsError::OutOfRange {
                        model: model.name_contains.clone(),
                        length: shape.length,
                    });
                }
            }
        }
        Ok(table)
    }

    /// Turns what the reader called `reader` sent (without the status) into an identifier.
    ///
    /// # Errors
    /// [`IdentifierError`] when the result is of no use.
    pub fn identifier(&self, reader: &str, sent: &[u8]) -> Result<CardIdentifier, IdentifierError> {
        let shape = self
            .models
            .iter()
            .find(|model| reader.contains(&model.name_contains))
            .and_then(|model| model.answers.iter().find(|shape| shape.length == sent.len()));
        let Some(shape) = shape else { return CardIdentifier::new(sent) };
        let kept = shape.kept(sent).unwrap_or_default();
        if shape.reversed {
            let turned: Vec<u8> = kept.iter().rev().copied().collect();
            CardIdentifier::new(&turned)
        } else {
            CardIdentifier::new(kept)
        }
    }
}

impl AnswerShape {
    fn kept<'sent>(&self, sent: &'sent [u8]) -> Option<&'sent [u8]> {
        let rest = sent.get(self.skip..)?;
        self.take.map_or(Some(rest), |take| rest.get(..take))
    }
}

/// Why a table of reader models cannot be used.
#[derive(Debug, Error)]
pub enum ReaderModelsError {
    /// The file cannot be read.
    #[error("the table of reader models in {path} cannot be read: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Not TOML, or not of this shape.
    #[error("the table of reader models cannot be read: {0}")]
    Shape(#[from] toml::de::Error),
    /// A row would match every reader.
    #[error("a reader model has an empty name_contains: give a part of the reader's name")]
    NoName,
    /// `skip` and `take` reach past the end.
    #[error("reader model {model}: skip and take reach past the {length} bytes of the answer")]
    OutOfRange {
        /// The row's `name_contains`.
        model: String,
        /// The row's `length`, in bytes.
        length: usize,
    },
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    const TABLE: &str = r#"
        [[model]]
        name_contains = "Backwards"
        [[model.answer]]
        length = 8
        reversed = true
        [[model]]
        name_contains = "Wordy"
        [[model.answer]]
        length = 12
        skip = 1
        take = 8
    "#;

    #[test]
    fn a_row_says_how_its_reader_is_read() {
        let models = ReaderModels::from_toml(TABLE).unwrap();
        let plain = [1, 2, 3, 4, 5, 6, 7, 8];
        let wordy = [9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9];
        let turned = [8, 7, 6, 5, 4, 3, 2, 1];
        for (reader, sent) in
            [("Other 00", &plain[..]), ("Backwards 00", &turned), ("Wordy 00", &wordy)]
        {
            assert_eq!(models.identifier(reader, sent).unwrap().expose(), plain, "{reader}");
        }
    }

    #[test]
    fn twelve_bytes_from_an_unknown_reader_are_refused() {
        let models = ReaderModels::default();
        assert_eq!(models.identifier("Any", &[7; 12]), Err(IdentifierError::Length(12)));
    }

    #[test]
    fn a_table_that_cannot_work_is_refused_when_it_is_read() {
        assert!(ReaderModels::read(None).is_ok());
        let missing = ReaderModels::read(Some(Path::new("no/such/table.toml"))).unwrap_err();
        assert!(missing.to_string().contains("no/such/table.toml"), "{missing}");
        let past = "[[model]]\nname_contains='X'\n[[model.answer]]\nlength=8\nskip=4\ntake=8";
        assert!(matches!(
            ReaderModels::from_toml(past),
            Err(ReaderModelsError::OutOfRange { length: 8, .. })
        ));
        let unnamed = "[[model]]\nname_contains=''";
        assert!(matches!(ReaderModels::from_toml(unnamed), Err(ReaderModelsError::NoName)));
        assert!(ReaderModels::from_toml("model = 3").is_err());
        assert!(ReaderModels::from_toml("[[model]]\nname='X'").is_err());
    }
}
