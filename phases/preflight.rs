//! *Preflight*: what the hub said before anything is submitted, as diagnostics of the configuration.
//!
//! The engine asks ([`magudi_engine::preflight`]); here each finding gets words, an id, and the places of the keys that are at
//! fault. What concerns many images is said once, at the first of them.

use crate::phase::{MAX_PLACES, Origin, Place};
use magudi_compose::layout::ComposeDir;
use magudi_config::{Diagnostic, Text, codes};
use magudi_engine::plan::TaskRequest;
use magudi_engine::preflight::{Finding, Obstacle};
use magudi_engine::volume::MountError;
use std::path::PathBuf;

/// How many names a message lists.
const MAX_NAMES: usize = 10;

const MAX_FILES: usize = 3;

/// What findings are about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The requests that the hub was asked about.
    pub requests: &'a [&'a TaskRequest],
    /// Where each of them comes from, in the same order.
    pub origins: &'a [Origin],
    /// The configuration's `koji_profile`, if it leads to the hub.
    pub profile: Option<&'a Text>,
}

/// What of the configuration a finding is about.
enum Part {
    /// What leads to the hub.
    Hub,
    Targets,
    /// Their names.
    Names,
}

impl Subject<'_> {
    /// A finding as a diagnostic. It is a warning if it concerns only images that may fail.
    pub fn diagnostic(&self, finding: &Finding) -> Diagnostic {
        let about = finding.requests.as_slice();
        let need = || self.whom(about, "needs", "need");
        let (code, part, message, help) = match &finding.problem {
            Obstacle::NoMethod(method) => (
                &codes::NO_METHOD,
                Part::Hub,
                format!("the hub has no method `{method}`{}", need()),
                Some("its administrators have to install the plugin that provides it".to_owned()),
            ),
            Obstacle::NoPermission { permission, user: Some(user) } => (
                &codes::NO_PERMISSION,
                Part::Hub,
                format!("user {user} does not have the permission `{permission}`{}", need()),
                koji("grant-permission", [permission, user]),
            ),
            Obstacle::NoPermission { permission, user: None } => (
                &codes::NO_PERMISSION,
                Part::Hub,
                format!("the hub treats the session as one without a user; `{permission}` is the permission{}", need()),
                Some("a proxy may drop the headers that sessions need".to_owned()),
            ),
            Obstacle::NoChannel(channel) => (
                &codes::NO_CHANNEL,
                Part::Hub,
                format!("the hub has no channel `{channel}`{}", need()),
                Some("its administrators have to add it, and a builder to it".to_owned()),
            ),
            Obstacle::ChannelDisabled(channel) => (
                &codes::NO_CHANNEL,
                Part::Hub,
                format!("the channel `{channel}`{}, is disabled", need()),
                koji("enable-channel", [channel]),
            ),
            Obstacle::NoTarget(target) => (
                &codes::UNKNOWN_TARGET,
                Part::Targets,
                format!("the hub knows no build target `{target}`{}", self.whom(about, "uses", "use")),
                Some("`koji list-targets` lists them".to_owned()),
            ),
            Obstacle::NoTag { tag, target } => (
                &codes::CLOSED_TAG,
                Part::Targets,
                format!("the build target {target} puts builds into the tag `{tag}`, which the hub does not know"),
                None,
            ),
            Obstacle::TagLocked(tag) => (
                &codes::CLOSED_TAG,
                Part::Targets,
                format!("the tag {tag}{}, is locked", need()),
                koji("edit-tag --unlock", [tag]),
            ),
            Obstacle::TagNeeds { tag, permission } => (
                &codes::CLOSED_TAG,
                Part::Targets,
                format!("tagging into {tag} needs the permission `{permission}`, which the user does not have"),
                None,
            ),
            Obstacle::NotListed { tag, packages } => (
                &codes::NOT_LISTED,
                Part::Names,
                format!("the tag {tag} does not list {}", listed(packages)),
                koji("add-pkg --owner OWNER", std::iter::once(tag).chain(packages)),
            ),
            Obstacle::Blocked { tag, packages } => (
                &codes::BLOCKED,
                Part::Names,
                format!("the tag {tag} blocks {}", listed(packages)),
                koji("unblock-pkg", std::iter::once(tag).chain(packages)),
            ),
            Obstacle::NotAnswered { method, reason } => {
                (&codes::NOT_ANSWERED, Part::Hub, format!("the hub does not say {}: {reason}", question(method)), None)
            }
        };
        let found = Diagnostic::new(code, "", message);
        let found = match part {
            Part::Hub => self.at_hub(found),
            Part::Targets => self.at(found, about, |origin| &origin.target),
            Part::Names => self.at(found, about, |origin| &origin.name),
        };
        self.weigh(
            match help {
                Some(help) => found.help(help),
                None => found,
            },
            about,
        )
    }

    /// What is wrong with the place where the Koji volume should be.
    pub fn volume(&self, error: &MountError) -> Diagnostic {
        let message = format!("the Koji volume cannot be used: {error}");
        let help = "mount it, or correct `topdir` of the koji profile; with `koji_cache` files are fetched over HTTP";
        let everyone: Vec<usize> = (0..self.requests.len()).collect();
        self.weigh(self.at_hub(Diagnostic::new(&codes::NO_VOLUME, "", message)).help(help), &everyone)
    }

    /// Files of the compose in `dir` that images are built from and that are not there: each list with the images that it is
    /// missing for.
    pub fn not_there(&self, dir: &ComposeDir, missing: &[PathBuf], about: &[usize]) -> Diagnostic {
        let below = |path: &PathBuf| path.strip_prefix(dir.compose()).unwrap_or(path).display().to_string();
        let (some, more) = missing.split_at(MAX_FILES.min(missing.len()));
        let mut files = some.iter().map(below).collect::<Vec<_>>().join(", ");
        if !more.is_empty() {
            files = format!("{files} and {} more", more.len());
        }
        let who = self.who(about);
        let message = format!(
            "{who} built from repositories that are missing or incomplete in {}: {files}",
            dir.compose().display()
        );
        let help = "`run --wait-for-repos` waits until they are made; `run --pungi` has Pungi make them";
        let found = Diagnostic::new(&codes::NO_REPOSITORY, "", message).help(help);
        self.weigh(self.at(found, about, |origin| &origin.name), about)
    }

    /// The compose in `dir`, which images are built from, and which is sent to builders as the local path `sent`.
    pub fn local_compose(&self, sent: &str, about: &[usize]) -> Diagnostic {
        let message = format!("{} built from `{sent}`, a local path that builders may not have", self.who(about));
        let help = "map the directory of the compose to a URL with `translate_paths`";
        self.at(Diagnostic::new(&codes::LOCAL_REPOSITORY, "", message).help(help), about, |origin| &origin.name)
    }

    /// `image disk and 2 more are`.
    fn who(&self, about: &[usize]) -> String {
        let first = about.first().and_then(|place| self.requests.get(*place)).map_or("", |request| request.name());
        match about {
            [_] => format!("image {first} is"),
            all if all.len() == self.requests.len() => format!("image {first} and all {} others are", all.len() - 1),
            some => format!("image {first} and {} more are", some.len() - 1),
        }
    }

    /// Why the hub cannot be asked.
    pub fn unusable(&self, reason: &str) -> Diagnostic {
        self.at_hub(Diagnostic::new(&codes::NO_HUB, "", format!("the hub cannot be used: {reason}")))
    }

    /// Makes a warning of what only images that may fail will fail of.
    fn weigh(&self, found: Diagnostic, about: &[usize]) -> Diagnostic {
        let may_fail = about.iter().all(|place| self.requests.get(*place).is_some_and(|request| request.failable));
        if may_fail { found.as_warning() } else { found }
    }

    /// `, which 3 images need`; nothing when it is all of several.
    fn whom(&self, about: &[usize], verb_of_one: &str, verb: &str) -> String {
        match about {
            [one] => match self.requests.get(*one) {
                Some(request) => format!(", which image {} {verb_of_one}", request.name()),
                None => String::new(),
            },
            all if all.len() == self.requests.len() => format!(", which all {} images {verb}", all.len()),
            some => format!(", which {} images {verb}", some.len()),
        }
    }

    /// Puts what is about the hub at the key that leads to it.
    fn at_hub(&self, mut found: Diagnostic) -> Diagnostic {
        if let Some(profile) = self.profile {
            "koji_profile".clone_into(&mut found.path);
            found = found.at(profile.span);
        }
        found
    }

    /// Puts what is found at the first of its images, and shows some others.
    fn at(&self, mut found: Diagnostic, about: &[usize], place: fn(&Origin) -> &Place) -> Diagnostic {
        let mut seen = Vec::new();
        for Place { path, span } in about.iter().filter_map(|at| self.origins.get(*at)).map(place) {
            if seen.contains(span) {
                continue;
            }
            if seen.is_empty() {
                found.path.clone_from(path);
                found = found.at(*span);
            } else {
                found = found.related(*span, "and this");
            }
            seen.push(*span);
            if seen.len() > MAX_PLACES {
                break;
            }
        }
        found
    }
}

/// What a question is about, behind "the hub does not say".
fn question(method: &str) -> &'static str {
    match method {
        "getPerms" => "what the user may do",
        "getLoggedInUser" => "who is logged in",
        "getChannel" => "whether the channel of the tasks exists",
        "getBuildTarget" => "whether the build targets exist",
        "getTag" => "whether builds can be tagged",
        "getPackageConfig" => "whether its tags list the packages",
        _ => "which methods it has",
    }
}

/// `the package a`, `the packages a and b`, `30 packages: a, b, ... and 20 more`.
fn listed(packages: &[String]) -> String {
    match packages {
        [one] => format!("the package {one}"),
        [most @ .., last] if packages.len() <= MAX_NAMES => format!("the packages {} and {last}", most.join(", ")),
        all => {
            let (some, more) = all.split_at(MAX_NAMES.min(all.len()));
            format!("{} packages: {} and {} more", all.len(), some.join(", "), more.len())
        }
    }
}

/// A command of koji's with some words as arguments, as far as a shell takes them as they are.
fn koji<'w>(command: &str, words: impl IntoIterator<Item = &'w String>) -> Option<String> {
    let is_plain = |word: &String| word.chars().all(|c| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c));
    let words: Vec<&str> =
        words.into_iter().map(|word| is_plain(word).then_some(word.as_str())).collect::<Option<_>>()?;
    let more = if words.len() > MAX_NAMES + 1 { " ..." } else { "" };
    let words = words.get(..=MAX_NAMES).unwrap_or(&words).join(" ");
    Some(format!("an administrator of the hub can run: koji {command} {words}{more}"))
}
