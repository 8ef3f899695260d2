//! What Pungi *prints*: each line for the log, and its phases for those who watch.

use crate::event::{Event, Level, PungiPhase};
use magudi_config::regular;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

/// The longest line that is kept whole.
const MAX_LINE: usize = 16 * 1024;

/// The most that is read at once.
const PART: u64 = 1 << 20;

/// The file that a Pungi prints into, as far as it was read.
#[derive(Debug)]
pub(super) struct Output {
    path: PathBuf,
    file: Option<File>,
    /// What was read of a line that has not ended.
    rest: Vec<u8>,
    /// Where what is not logged yet begins.
    logged: u64,
    read: u64,
}

impl Output {
    /// The output at `path`. What is there `already` is in the log, or no run was there to log it.
    pub(super) fn open(path: PathBuf, already: bool) -> Self {
        let logged = if already { path.metadata().map_or(0, |file| file.len()) } else { 0 };
        Self { path, file: None, rest: Vec::new(), logged, read: 0 }
    }

    pub(super) fn take(&mut self, mut say: impl FnMut(Event)) {
        loop {
            let mut new = Vec::new();
            if self.file.is_none() {
                self.file = regular::open(&self.path).ok();
            }
            let Some(file) = &mut self.file else { return };
            let read = file.seek(SeekFrom::Start(self.read)).and_then(|_| file.take(PART).read_to_end(&mut new));
            if read.is_err() || new.is_empty() {
                return;
            }
            for byte in new {
                self.read += 1;
                if byte != b'\n' {
                    if self.rest.len() < MAX_LINE {
                        self.rest.push(byte);
                    }
                    continue;
                }
                self.say_line(&mut say);
            }
        }
    }

    /// Says what is left when nothing more comes.
    pub(super) fn finish(&mut self, mut say: impl FnMut(Event)) {
        self.say_line(&mut say);
    }

    fn say_line(&mut self, say: &mut impl FnMut(Event)) {
        let line = String::from_utf8_lossy(&self.rest).trim_end().to_owned();
        self.rest.clear();
        if let Some((phase, state)) = phase(&line) {
            say(Event::PungiPhase { phase, state });
        }
        if self.read > self.logged && !line.is_empty() {
            say(Event::Message { level: Level::Info, phase: None, text: format!("pungi: {line}") });
        }
    }
}

/// The phase whose beginning or end a line tells.
pub fn phase(line: &str) -> Option<(String, PungiPhase)> {
    let (head, name) = line.strip_suffix(" ----------")?.split_once("---------- PHASE: ")?;
    let state = match head.trim_end().rsplit_once('[')?.1 {
        "BEGIN]" => PungiPhase::Started,
        "DONE ]" => PungiPhase::Finished,
        "SKIP ]" => PungiPhase::Skipped,
        _ => return None,
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ');
    (!name.is_empty() && name.len() < 64 && name.chars().all(is_name)).then(|| (name.to_lowercase(), state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write as _;

    #[test]
    fn lines_are_said_once_they_are_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let mut output = Output::open(path.clone(), false);
        let mut said = Vec::new();
        output.take(|event| said.push(event));
        let mut file = fs::File::create(&path).unwrap();
        write!(file, "2024-02-29 01:02:03 [INFO    ] [BEGIN] ---------- PHASE: CREATEREPO ----------\nhalf").unwrap();
        output.take(|event| said.push(event));
        assert_eq!(said.len(), 2);
        assert_eq!(said[0], Event::PungiPhase { phase: "createrepo".into(), state: PungiPhase::Started });
        writeln!(file, " a line\n[SKIP ] ---------- PHASE: <b> ----------").unwrap();
        output.take(|event| said.push(event));
        let text = |event: &Event| match event {
            Event::Message { text, .. } => text.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(said[2..].iter().map(text).collect::<Vec<_>>()[0], "pungi: half a line");
        assert_eq!(said.len(), 4, "a name like that is none");
        let mut again = Vec::new();
        Output::open(path, true).take(|event| again.push(event));
        assert_eq!(again, said[..1], "phases are known again, and lines are not logged twice");
    }
}
