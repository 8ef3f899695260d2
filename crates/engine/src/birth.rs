//! By its *birth* a process is known again: when it was started, since which start of the machine, and in which namespace its
//! number counts. A number alone is given to another process some day.

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use thiserror::Error;

/// What does not change as long as a process lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Birth {
    /// When it was started: ticks since the start of the machine (`/proc/PID/stat`, field 22).
    start: u64,
    /// Which start of the machine (`/proc/sys/kernel/random/boot_id`).
    boot: String,
    /// The namespace of process ids (`/proc/PID/ns/pid`).
    namespace: String,
}

/// Why a process is not the one that took a lock.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotThere {
    /// The lock says nothing.
    #[error("the lock does not say which process holds it")]
    Unsaid,
    /// It runs elsewhere.
    #[error("it runs on {0}")]
    OtherHost(String),
    /// The lock names a process, but not how to know it again.
    #[error("the lock does not say when its process was started: an older magudi wrote it, or another program")]
    Unproven,
    /// A number that no such process has.
    #[error("the lock names process {0}, which is not a valid process id")]
    Impossible(i32),
    /// The machine was restarted since, or is a different one.
    #[error("the lock was written before the last reboot, or on another machine of this name")]
    OtherBoot,
    /// It runs in another container.
    #[error("process {0} is in another process namespace, such as that of a container")]
    OtherNamespace(i32),
    #[error("process {0}, which the lock names, has ended")]
    Ended(i32),
    /// Another process has its id now.
    #[error("process {0}, which the lock names, has ended, and another process has its id now")]
    OtherProcess(i32),
    /// The operating system does not tell.
    #[error("process {0}, which the lock names, cannot be looked at: {1}")]
    Unknown(i32, String),
}

/// A process that is proven to be the one that took a lock. Signals go to it or to none.
#[derive(Debug)]
pub struct Process {
    pub pid: i32,
    handle: Handle,
}

#[derive(Debug)]
enum Handle {
    Open(OwnedFd),
    /// Kernels before 5.3 have none; there is a moment between the look at the process and the signal.
    None(Pid),
}

impl Birth {
    /// That of this process; none where `/proc` is not mounted.
    pub fn own() -> Option<Self> {
        Self::named("self")
    }

    /// That of a process which this one has started, and not waited for.
    pub fn of(child: i32) -> Option<Self> {
        Self::named(&child.to_string())
    }

    fn named(process: &str) -> Option<Self> {
        Some(Self { start: start(process).ok()??, boot: boot().ok()?, namespace: namespace().ok()? })
    }

    /// The process `pid`, if it was born like this.
    pub fn process(&self, pid: i32) -> Result<Process, NotThere> {
        // 1 is the first process of a machine or a container; 0 and less are whole groups of processes to `kill`.
        let number = if pid > 1 { Pid::from_raw(pid) } else { None };
        let number = number.ok_or(NotThere::Impossible(pid))?;
        let unknown = |error: io::Error| NotThere::Unknown(pid, error.to_string());
        if boot().map_err(unknown)? != self.boot {
            return Err(NotThere::OtherBoot);
        }
        if namespace().map_err(unknown)? != self.namespace {
            return Err(NotThere::OtherNamespace(pid));
        }
        // First: what is opened stays this process, whatever becomes of its number.
        let handle = match pidfd_open(number, PidfdFlags::empty()) {
            Ok(handle) => Handle::Open(handle),
            Err(Errno::NOSYS) => Handle::None(number),
            Err(Errno::SRCH) => return Err(NotThere::Ended(pid)),
            Err(error) => return Err(unknown(error.into())),
        };
        match start(&pid.to_string()).map_err(unknown)? {
            Some(start) if start == self.start => Ok(Process { pid, handle }),
            Some(_) => Err(NotThere::OtherProcess(pid)),
            None => Err(NotThere::Ended(pid)),
        }
    }

    /// Whether it is certain that the process `pid` of this birth has ended.
    pub fn is_over(&self, pid: i32) -> bool {
        use NotThere::{Ended, Impossible, OtherProcess};
        matches!(self.process(pid), Err(Impossible(_) | Ended(_) | OtherProcess(_)))
    }

    /// Reads what [`Display`](fmt::Display) writes. Whatever else stands there is another version's.
    pub fn parse(text: &str) -> Option<Self> {
        let value = |key: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
            value.map(|value| value.chars().filter(|c| !c.is_control()).collect::<String>())
        };
        Some(Self { start: value("start")?.parse().ok()?, boot: value("boot")?, namespace: value("namespace")? })
    }
}

impl fmt::Display for Birth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, boot, namespace } = self;
        write!(f, "start {start}\nboot {boot}\nnamespace {namespace}\n")
    }
}

impl Process {
    /// Asks it to end. Nothing happens to any other process, even if it has ended just now.
    pub fn terminate(&self) -> io::Result<()> {
        match &self.handle {
            Handle::Open(handle) => pidfd_send_signal(handle, Signal::TERM)?,
            Handle::None(pid) => rustix::process::kill_process(*pid, Signal::TERM)?,
        }
        Ok(())
    }
}

fn boot() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

fn namespace() -> io::Result<String> {
    Ok(fs::read_link("/proc/self/ns/pid")?.to_string_lossy().into_owned())
}

/// When a process was started; none when there is no such process, or only what is left for its parent to see.
fn start(pid: &str) -> io::Result<Option<u64>> {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => Ok(parse_start(&stat)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && fs::exists("/proc/self/stat")? => Ok(None),
        // It ended while it was looked at.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::SRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The second field is the program's name in parentheses, which may hold anything.
fn parse_start(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?;
    let start = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_found_behind_any_name() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 12345 20";
        assert_eq!(parse_start(&format!("77 (a) Z b) (c)) {rest}")), Some(12345));
        assert_eq!(parse_start(&format!("77 (a) {}", rest.replacen('S', "Z", 1))), None);
        assert_eq!(parse_start("77 (a"), None);
    }

    #[test]
    fn this_process_is_itself_and_no_other_one_is() {
        let own = Birth::own().unwrap();
        let pid = std::process::id() as i32;
        assert_eq!(Birth::parse(&own.to_string()), Some(own.clone()));
        assert_eq!(own.process(pid).unwrap().pid, pid);
        for pid in [i32::MIN, -pid, -1, 0, 1] {
            assert_eq!(own.process(pid).unwrap_err(), NotThere::Impossible(pid));
        }
        assert_eq!(own.process(i32::MAX).unwrap_err(), NotThere::Ended(i32::MAX));
        let other = |birth: Birth| birth.process(pid).unwrap_err();
        assert_eq!(other(Birth { start: own.start + 1, ..own.clone() }), NotThere::OtherProcess(pid));
        assert_eq!(other(Birth { boot: "another".to_owned(), ..own.clone() }), NotThere::OtherBoot);
        let elsewhere = Birth { namespace: "pid:[1]".to_owned(), ..own };
        assert_eq!(other(elsewhere), NotThere::OtherNamespace(pid));
    }

    #[test]
    fn a_process_that_has_ended_is_over_even_before_its_parent_knows() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id() as i32;
        let own = Birth::own().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while start(&pid.to_string()).unwrap().is_some() {
            assert!(std::time::Instant::now() < deadline, "it does not end");
        }
        assert!(own.is_over(pid));
        child.wait().unwrap();
        assert!(own.is_over(pid));
    }
}
