//! A *notification script* is told what happens to a compose: a message name as its argument, a JSON object on its
//! standard input (PUNGI.md 12). Scripts run one after the other; a failing one is a warning and nothing more.

use crate::event::{Event, Level, Stamped, Subscriber};
use crate::log::Line;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use magudi_compose::beneath;
use serde_json::{Map, Value as Json};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The scripts of one run and what every message tells them.
#[derive(Debug)]
pub struct Notifier {
    scripts: Vec<String>,
    /// Members that every object has, once a compose exists.
    common: Map<String, Json>,
    workdir: PathBuf,
    /// Where the scripts' output goes; the null device before a compose exists.
    log_dir: Option<PathBuf>,
    /// Where warnings go; a subscriber cannot say events of its own.
    log: Option<File>,
}

impl Notifier {
    /// A notifier for the time before a compose exists.
    pub fn new(scripts: Vec<String>, workdir: &Path) -> Self {
        Self { scripts, common: Map::new(), workdir: workdir.to_path_buf(), log_dir: None, log: None }
    }

    /// From now on messages carry `common`, run in the compose directory and leave their output in `log_dir`; warnings go
    /// to the file `log`.
    pub fn enter_compose(&mut self, common: Map<String, Json>, compose_dir: &Path, log_dir: &Path, log: &Path) {
        self.common = common;
        self.workdir = compose_dir.to_path_buf();
        self.log_dir = Some(log_dir.to_path_buf());
        self.log = beneath::open(log, OpenOptions::new().append(true)).ok();
    }

    /// Runs every script with `message` and the common members plus `members`. Returns the scripts that failed, with the
    /// reason.
    pub fn send(&mut self, message: &str, members: Map<String, Json>) -> Vec<String> {
        if self.scripts.is_empty() {
            return Vec::new();
        }
        let mut object = members;
        object.extend(self.common.clone());
        let body = Json::Object(object).to_string();
        let mut failures = Vec::new();
        for script in &self.scripts {
            if let Err(reason) = self.run(script, message, &body) {
                failures.push(format!("Failed to invoke notification script. {script} {message}: {reason}"));
            }
        }
        for text in &failures {
            let line = Line { phase: None, level: Level::Warning, text: text.clone() };
            if let Some(log) = &mut self.log {
                // The log is a convenience; the caller has the text too.
                let _ = writeln!(log, "{}", line.format(Timestamp::now(), &TimeZone::system()));
            }
        }
        failures
    }

    fn run(&self, script: &str, message: &str, body: &str) -> Result<(), String> {
        let output = self.output().map_err(|e| format!("cannot open its log: {e}"))?;
        let errors = output.try_clone().map_err(|e| format!("cannot open its log: {e}"))?;
        let mut child = Command::new(OsStr::new(script))
            .arg(message)
            .current_dir(&self.workdir)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|e| e.to_string())?;
        if let Some(mut stdin) = child.stdin.take() {
            // A script may exit without reading; that is its own business.
            match stdin.write_all(body.as_bytes()) {
                Err(e) if e.kind() != io::ErrorKind::BrokenPipe => return Err(e.to_string()),
                _ => {}
            }
        }
        let status = child.wait().map_err(|e| e.to_string())?;
        if status.success() { Ok(()) } else { Err(status.to_string()) }
    }

    fn output(&self) -> io::Result<File> {
        let Some(directory) = &self.log_dir else {
            return OpenOptions::new().write(true).open("/dev/null");
        };
        beneath::make_dir(&self.workdir, directory).map_err(io::Error::other)?;
        let name = format!("notification-{}.log", Timestamp::now().strftime("%Y-%m-%d_%H-%M-%S"));
        beneath::open(&directory.join(name), OpenOptions::new().create(true).append(true))
    }
}

impl Subscriber for Notifier {
    fn on_event(&mut self, event: &Stamped) {
        let (message, key, value) = match &event.event {
            Event::Status { status } => ("status-change", "status", status),
            Event::PhaseStarted { phase } => ("phase-start", "phase_name", phase),
            Event::PhaseFinished { phase, .. } => ("phase-stop", "phase_name", phase),
            _ => return,
        };
        self.send(message, Map::from_iter([(key.to_owned(), Json::from(value.as_str()))]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn script(dir: &Path, body: &str) -> String {
        let path = dir.join("notify.sh");
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    #[test]
    fn a_script_gets_the_message_and_the_object() {
        let dir = tempfile::tempdir().unwrap();
        let cmd = script(dir.path(), "echo \"$1\" > out; cat >> out");
        let mut notifier = Notifier::new(vec![cmd], dir.path());
        assert!(notifier.send("fail-to-start", Map::from_iter([("detail".to_owned(), "why".into())])).is_empty());
        assert_eq!(std::fs::read_to_string(dir.path().join("out")).unwrap(), "fail-to-start\n{\"detail\":\"why\"}");
    }

    #[test]
    fn failures_are_named_and_survived() {
        let dir = tempfile::tempdir().unwrap();
        let cmd = script(dir.path(), "exit 3");
        let mut notifier = Notifier::new(vec![cmd, "/nonexistent/script".to_owned()], dir.path());
        let failures = notifier.send("status-change", Map::new());
        assert_eq!(failures.len(), 2);
        assert!(failures[0].contains("exit status: 3"), "{failures:?}");
        assert!(failures[1].contains("/nonexistent/script"), "{failures:?}");
    }
}
