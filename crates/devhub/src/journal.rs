//! The *journal* is how a hub that is to be known again after a restart remembers: one line of JSON per change.
//!
//! It holds what cannot be derived: what was asked for, when, and what will come of it. Everything else follows from
//! that and from the time.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use magudi_koji::xmlrpc::{Response, Value, decode_response, encode_response};
use serde::{Deserialize, Serialize};

use crate::accounts::User;
use crate::clock::Micros;
use crate::plan::Plan;

/// The directory on the volume, which is not served.
const DIRECTORY: &str = ".devhub";
const FILE: &str = "journal.jsonl";
/// A line is no longer than this: a request is at most 4 MiB, and escapes make it longer.
const MAX_LINE: u64 = 64 << 20;

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    Task {
        id: i64,
        method: String,
        owner: i64,
        /// How much later than others it is looked at.
        priority: i64,
        created: Micros,
        /// The arguments as XML-RPC, which loses nothing of them.
        request: String,
        /// What will come of it.
        plan: Plan,
    },
    /// A task was called off.
    Cancel {
        id: i64,
        time: Micros,
        /// With those under it.
        recurse: bool,
    },
    /// A task was given back to the queue.
    GiveBack {
        id: i64,
        time: Micros,
        /// What will come of it now.
        plan: Plan,
    },
    /// A user came or changed.
    User(User),
}

/// Why a journal could not be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Its file could not be read or written.
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    /// Another hub uses the volume.
    #[error("{path} is in use by another hub")]
    InUse { path: PathBuf },
    /// A line is not what a hub writes.
    #[error("{path}, line {line}: {message}; move the file away to start with a new one")]
    Line {
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        message: String,
    },
    /// A request cannot be written down or read back.
    #[error("a task's request cannot be kept: {0}")]
    Request(String),
}

/// The journal of one volume, locked for this hub.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// How long the part is that holds whole records, in bytes.
    good: u64,
}

impl Journal {
    /// Opens the journal on the volume `topdir` and reads what is in it. A last line that was not written to its end is
    /// dropped: its caller never got an answer.
    pub(crate) fn open(topdir: &Path) -> Result<(Self, Vec<Record>), JournalError> {
        let dir = topdir.join(DIRECTORY);
        let path = dir.join(FILE);
        let wrap = |source| JournalError::File { path: path.clone(), source };
        std::fs::create_dir_all(&dir).map_err(wrap)?;
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(wrap)?;
        if file.try_lock().is_err() {
            return Err(JournalError::InUse { path });
        }
        let mut records = Vec::new();
        let mut reader = BufReader::new(&file);
        let mut good = 0;
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = std::io::Read::take(&mut reader, MAX_LINE).read_until(b'\n', &mut line).map_err(wrap)?;
            if !line.ends_with(b"\n") {
                break;
            }
            good += length as u64;
            records.push(serde_json::from_slice(&line).map_err(|e| JournalError::Line {
                path: path.clone(),
                line: records.len() + 1,
                message: e.to_string(),
            })?);
        }
        file.set_len(good).map_err(wrap)?;
        file.seek(std::io::SeekFrom::Start(good)).map_err(wrap)?;
        Ok((Self { path, file, good }, records))
    }

    /// Adds a record. One that cannot be written whole, because the disk is full, leaves nothing behind.
    pub(crate) fn append(&mut self, record: &Record) -> Result<(), JournalError> {
        let mut line = serde_json::to_vec(record).map_err(|e| JournalError::Request(e.to_string()))?;
        line.push(b'\n');
        let written = self.write_at_end(&line);
        if written.is_ok() {
            self.good += line.len() as u64;
        }
        written.map_err(|source| JournalError::File { path: self.path.clone(), source })
    }

    fn write_at_end(&mut self, line: &[u8]) -> std::io::Result<()> {
        if self.file.stream_position()? != self.good {
            // The last record was not written to its end.
            self.file.set_len(self.good)?;
            self.file.seek(std::io::SeekFrom::Start(self.good))?;
        }
        self.file.write_all(line)
    }
}

/// The text in which a request is kept.
pub(crate) fn encode_request(request: &[Value]) -> Result<String, JournalError> {
    let bytes = encode_response(&Value::Array(request.to_vec())).map_err(|e| JournalError::Request(e.to_string()))?;
    String::from_utf8(bytes).map_err(|e| JournalError::Request(e.to_string()))
}

/// The request that was kept as `text`.
pub(crate) fn decode_request(text: &str) -> Result<Vec<Value>, JournalError> {
    match decode_response(text.as_bytes()) {
        Ok(Response::Value(Value::Array(request))) => Ok(request),
        Ok(_) => Err(JournalError::Request("it is not an array".to_owned())),
        Err(e) => Err(JournalError::Request(e.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PlannedOutcome;

    #[test]
    fn a_torn_line_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let request = vec![Value::String(" a\n".to_owned()), Value::Double(0.1), Value::Nil];
        let record = Record::Task {
            id: 1_000_001,
            method: "build".to_owned(),
            owner: 2,
            priority: 20,
            created: 5,
            request: encode_request(&request).unwrap(),
            plan: Plan {
                assign: None,
                open: 5,
                repo: None,
                freed: Some((5, 6)),
                finish: 6,
                close: 7,
                outcome: PlannedOutcome::no_target(&Value::Nil),
                volume: None,
                status: None,
            },
        };
        let (mut journal, records) = Journal::open(dir.path()).unwrap();
        assert_eq!(records, []);
        journal.append(&record).unwrap();
        journal.append(&Record::Cancel { id: 1_000_001, time: 6, recurse: true }).unwrap();
        assert!(matches!(Journal::open(dir.path()), Err(JournalError::InUse { .. })));
        // A disk was full in the middle of a line, and has room again.
        journal.file.write_all(b"{\"cancel\": {\"id\"").unwrap();
        journal.append(&Record::Cancel { id: 1_000_001, time: 7, recurse: true }).unwrap();
        let path = journal.path.clone();
        drop(journal);
        let length = std::fs::metadata(&path).unwrap().len();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 3).unwrap();
        let (journal, records) = Journal::open(dir.path()).unwrap();
        let [Record::Task { request: text, .. }, Record::Cancel { time: 6, .. }] = &records[..] else {
            panic!("{records:?}")
        };
        assert_eq!(decode_request(text).unwrap(), request);
        drop(journal);
        std::fs::write(&path, "{}\n").unwrap();
        assert!(matches!(Journal::open(dir.path()), Err(JournalError::Line { line: 1, .. })));
    }
}
