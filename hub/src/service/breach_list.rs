//! A list of passwords that were stolen somewhere, in the form such lists are published in: SHA-1 in
//! upper-case hexadecimal, one a line, in rising order, with or without a count after a colon. It may
//! be far larger than memory, so it is searched where it lies.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use data_encoding::HEXUPPER;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// A hash in hexadecimal.
const HASH: usize = 40;
/// No line is longer, in bytes.
const LONGEST_LINE: usize = 80;

/// A sorted file of hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreachList(PathBuf);

impl BreachList {
    /// The list in `file`.
    ///
    /// # Errors
    /// When it cannot be read, or does not begin with a hash.
    pub fn open(file: &Path) -> io::Result<Self> {
        let mut opened = File::open(file)?;
        if opened.metadata()?.len() > 0 {
            line_at(&mut opened, 0)?;
        }
        Ok(Self(file.to_owned()))
    }

    /// Whether it holds `password`. It blocks on the disk for some thirty short reads.
    ///
    /// # Errors
    /// When the file cannot be read, or is no such list where it is looked at.
    pub fn holds(&self, password: &str) -> io::Result<bool> {
        let wanted = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let wanted = HEXUPPER.encode(wanted.as_ref());
        let mut file = File::open(&self.0)?;
        // `low` is the beginning of a line; if the hash is there, its line begins before `high`.
        let (mut low, mut high) = (0, file.metadata()?.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let begin = if middle == low { low } else { next_line(&mut file, middle)? };
            if begin >= high {
                high = middle;
                continue;
            }
            let (hash, length) = line_at(&mut file, begin)?;
            match hash.cmp(&wanted) {
                Ordering::Equal => return Ok(true),
                Ordering::Less => low = begin + length,
                Ordering::Greater => high = middle,
            }
        }
        Ok(false)
    }
}

/// The hash of the line that begins at `begin`, and the line's length.
fn line_at(file: &mut File, begin: u64) -> io::Result<(String, u64)> {
    let bytes = piece(file, begin)?;
    let length = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
    let hash = bytes.get(..HASH).filter(|hash| hash.iter().all(u8::is_ascii_hexdigit));
    let ends = bytes.get(HASH).is_none_or(|byte| matches!(byte, b':' | b'\r' | b'\n'));
    match hash {
        Some(hash) if ends && length < LONGEST_LINE => {
            Ok((String::from_utf8_lossy(hash).to_ascii_uppercase(), length as u64))
        }
        _ => Err(no_list(begin)),
    }
}

/// Where the first line begins that does not begin before `place`, which is not 0.
fn next_line(file: &mut File, place: u64) -> io::Result<u64> {
    let bytes = piece(file, place - 1)?;
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => Ok(place + at as u64),
        None if bytes.len() < LONGEST_LINE => Ok(place - 1 + bytes.len() as u64),
        None => Err(no_list(place)),
    }
}

/// So many bytes from `begin` as a line has at most, or up to the end.
fn piece(file: &mut File, begin: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::with_capacity(LONGEST_LINE);
    file.take(LONGEST_LINE as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn no_list(place: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("no SHA-1 in hexadecimal stands at byte {place}"),
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn list(text: &str) -> (PathBuf, io::Result<BreachList>) {
        let path = std::env::temp_dir().join(format!("kyoten-breach-{}", uuid::Uuid::new_v4()));
        std::fs::write(&path, text).unwrap();
        let list = BreachList::open(&path);
        (path, list)
    }

    fn hash(password: &str) -> String {
        HEXUPPER.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()).as_ref())
    }

    #[test]
    fn every_password_of_a_list_is_found_and_no_other() {
        for count in [0, 1, 2, 3, 10, 257] {
            for ending in ["\n", "\r\n", ":17\n", ":123456789\r\n"] {
                let mut hashes: Vec<_> = (0..count).map(|n| hash(&format!("in {n}"))).collect();
                hashes.sort();
                let mut text: String =
                    hashes.iter().map(|hash| format!("{hash}{ending}")).collect();
                for cut in [false, true] {
                    if cut {
                        // The last line need not end.
                        text.truncate(text.trim_end().len());
                    }
                    let (path, list) = list(&text);
                    let list = list.unwrap();
                    for n in 0..count {
                        assert!(list.holds(&format!("in {n}")).unwrap(), "{n} of {count}");
                    }
                    for n in 0..50 {
                        assert!(!list.holds(&format!("out {n}")).unwrap(), "{n} of {count}");
                    }
                    std::fs::remove_file(path).unwrap();
                }
            }
        }
    }

    #[test]
    fn what_is_no_list_is_not_taken_for_an_empty_one() {
        for text in ["password\n", "5BAA61E4", &"A".repeat(500), &format!("{}0:1\n", hash("a"))] {
            let (path, list) = list(text);
            assert!(list.is_err(), "{text}");
            std::fs::remove_file(path).unwrap();
        }
        assert!(BreachList::open(Path::new("/no/such/list")).is_err());
        let (path, list) = list(&format!("{}\nnonsense\n", hash("a")));
        let list = list.unwrap();
        std::fs::write(&path, "\n".repeat(300)).unwrap();
        assert!(list.holds("a").is_err(), "it was spoilt since");
        std::fs::remove_file(path).unwrap();
    }
}
