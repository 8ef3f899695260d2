//! The *reason* why a task failed, for each arch: what builders say, however they say it.

use serde::{Deserialize, Serialize};

/// Why one image of a task failed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cause {
    /// Its arch; empty when it is not known.
    pub arch: String,
    /// The builder's reasons from the outermost to the innermost, one chain for each of several causes.
    pub chains: Vec<Vec<String>>,
    /// The task that built for this arch alone, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<i64>,
    /// Page of that task in the hub's web interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The log in that task's output that says more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// Causes in one line: `x86_64, aarch64: the build failed: no space left; s390x: ...`.
pub fn summary(causes: &[Cause]) -> String {
    let parts: Vec<String> = grouped(causes)
        .into_iter()
        .map(|(arches, chains)| {
            let reasons: Vec<String> = chains.iter().map(|chain| one_line(&chain.join(": "))).collect();
            let reasons = reasons.join("; ");
            if arches.is_empty() { reasons } else { format!("{}: {reasons}", arches.join(", ")) }
        })
        .collect();
    parts.join("; ")
}

/// Why a task failed, in one line: its fault, and the causes.
pub fn in_short(fault: &str, causes: &[Cause]) -> String {
    match summary(causes) {
        causes if causes.is_empty() => fault.to_owned(),
        causes => format!("{fault}: {causes}"),
    }
}

/// Causes with those together that are the same for several arches: arches, and their chains of reasons.
pub fn grouped(causes: &[Cause]) -> Vec<(Vec<&str>, &[Vec<String>])> {
    let mut groups: Vec<(Vec<&str>, &[Vec<String>])> = Vec::new();
    for cause in causes {
        let arch = Some(cause.arch.as_str()).filter(|arch| !arch.is_empty());
        match groups.iter_mut().find(|(_, chains)| *chains == cause.chains.as_slice()) {
            Some((arches, _)) => arches.extend(arch),
            None => groups.push((arch.into_iter().collect(), &cause.chains)),
        }
    }
    groups
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
