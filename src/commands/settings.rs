//! The *settings* of a run: its options, made whole once they are typed, and as its journal keeps them.

use super::inspect::Purpose;
use crate::cli::{ComposeArgs, KojiArgs, RunSettings};
use crate::error::Failure;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

impl RunSettings {
    /// What was typed, as a run works with it. The error is a wrong use of the command line.
    pub fn resolved(mut self) -> Result<Self, Failure> {
        if !self.going.adopt.is_empty() && self.compose.compose_dir.is_none() {
            return Err(Failure::usage("--adopt needs an existing compose: give --compose-dir".to_owned()));
        }
        if self.going.events.as_deref() == Some(Path::new("-")) && self.compose.print_output_dir {
            let text = "--events - and --print-output-dir cannot share standard output; give --events a file";
            return Err(Failure::usage(text.to_owned()));
        }
        self.compose = self.compose.resolved()?;
        let ComposeArgs { config, target_dir, compose_dir, .. } = &self.compose;
        [Some(config), target_dir.as_ref(), compose_dir.as_ref()]
            .into_iter()
            .flatten()
            .try_for_each(|path| as_text(path))?;
        self.pungi = self.pungi.map(|words| passed_on(words, &self.compose)).transpose()?;
        #[cfg(feature = "simulator")]
        {
            self.simulated = self.compose.simulate.is_some();
        }
        Ok(self)
    }

    /// The configuration; none: the journal does not say.
    pub fn config(&self) -> Option<&Path> {
        Some(self.compose.config.as_path()).filter(|config| !config.as_os_str().is_empty())
    }

    /// What the configuration is inspected for.
    pub fn purpose(&self) -> Purpose<'static> {
        if self.is_begun { Purpose::Begun } else { Purpose::New }
    }

    /// As the journal has them.
    pub fn to_json(&self) -> Result<Json, Failure> {
        Ok(serde_json::to_value(self)?)
    }

    /// Reads what a journal has. The error says what is wrong with it.
    pub fn from_json(settings: Json) -> Result<Self, serde_json::Error> {
        serde_json::from_value(settings)
    }
}

impl ComposeArgs {
    /// What was typed, with the configurations' paths from the root on.
    pub fn resolved(mut self) -> Result<Self, Failure> {
        self.config = absolute(&self.config)?;
        self.koji.koji_config = self.koji.koji_config.as_deref().map(absolute).transpose()?;
        Ok(self)
    }
}

impl KojiArgs {
    /// Lets the options of another command line win over these.
    pub fn override_with(&mut self, args: &KojiArgs) -> Result<(), Failure> {
        if let Some(config) = &args.koji_config {
            self.koji_config = Some(absolute(config)?);
        }
        self.koji_profile = args.koji_profile.clone().or(self.koji_profile.take());
        self.koji_user = args.koji_user.clone().or(self.koji_user.take());
        Ok(())
    }
}

/// The command `words` with the options of a compose that Pungi has too, but for phases and the directory.
fn passed_on(mut words: Vec<String>, args: &ComposeArgs) -> Result<Vec<String>, Failure> {
    words.extend(args.kind.0.map(|kind| format!("--{kind}")));
    let flags = [
        ("--no-label", args.no_label),
        ("--supported", args.supported),
        ("--quiet", args.quiet),
        ("--debug-mode", args.debug_mode),
    ];
    words.extend(flags.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag.to_owned()));
    let mut pass = |option: &str, value: String| words.extend([option.to_owned(), value]);
    args.label.iter().for_each(|label| pass("--label", label.clone()));
    args.koji_event.iter().for_each(|event| pass("--koji-event", event.to_string()));
    for directory in &args.old_composes {
        pass("--old-composes", absolute(directory)?.display().to_string());
    }
    args.parent_compose_id.iter().for_each(|id| pass("--parent-compose-id", id.clone()));
    args.respin_of.iter().for_each(|id| pass("--respin-of", id.clone()));
    Ok(words)
}

/// Refuses a path that is no text: the journal, the manifests and the notifications of a compose name it.
pub fn as_text(path: &Path) -> Result<(), Failure> {
    match absolute(path)?.to_str() {
        Some(_) => Ok(()),
        None => Err(Failure::usage(format!("{}: the path is not UTF-8; a compose needs one that is", path.display()))),
    }
}

/// `path` from the root on.
pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::because(path.display().to_string(), error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Command, parse};
    use serde_json::json;

    fn typed(options: &[&str]) -> RunSettings {
        let words = ["magudi", "run", "--config", "/a.conf"].iter().chain(options);
        match parse(words.map(Into::into)).unwrap().command {
            Command::Run(settings) => settings.resolved().unwrap(),
            other => unreachable!("{other:?} was not asked for"),
        }
    }

    /// A run with every option whose value a journal keeps.
    fn all() -> RunSettings {
        let mut options =
            vec!["-e", "version=42", "-e", "secret_token=x", "--only-own", "--supported", "--no-latest-link"];
        options.extend([
            "--just-phase",
            "osbuild",
            "--skip-phase",
            "kiwibuild",
            "--only",
            "disk*",
            "--variant",
            "Server",
        ]);
        options.extend(["--latest-link-status", "FINISHED", "--latest-link-components", "2"]);
        options.extend([
            "--notification-script",
            "tell",
            "--notification-timeout",
            "7",
            "--on-finish",
            "mail",
            "--retries",
            "2",
        ]);
        options.extend(["--koji-config", "/koji.conf", "--koji-profile", "koji", "--koji-user", "compose"]);
        options.extend(["--pungi", "--manifest-version", "2.0", "--wait-for-repos=90"]);
        let commits = [("https://g.example/a.git#HEAD".to_owned(), "1".repeat(40))].into();
        RunSettings { simulated: true, commits, ..typed(&options) }
    }

    /// As journals have had them since they were first kept: neither names nor forms may change.
    fn kept() -> Json {
        json!({
            "config": "/a.conf",
            "define": ["version=42"],
            "only_own": true,
            "just_phase": ["osbuild"],
            "skip_phase": ["kiwibuild"],
            "only": ["disk*"],
            "variant": ["Server"],
            "supported": true,
            "no_latest_link": true,
            "latest_link_status": ["FINISHED"],
            "latest_link_components": 2,
            "notification_script": ["tell"],
            "notification_timeout": 7,
            "on_finish": "mail",
            "retries": 2,
            "koji_config": "/koji.conf",
            "koji_profile": "koji",
            "koji_user": "compose",
            "simulated": true,
            "commits": {"https://g.example/a.git#HEAD": "1".repeat(40)},
            "pungi": ["pungi-koji", "--supported"],
            "manifest_version": "2.0",
            "wait_for_repos": 90,
        })
    }

    #[test]
    fn what_was_typed_is_kept_and_read_again() {
        assert_eq!(all().to_json().unwrap(), kept());
        assert_eq!(RunSettings::from_json(kept()).unwrap().to_json().unwrap(), kept());
    }

    #[test]
    fn a_setting_that_is_missing_is_as_if_nothing_was_typed_and_one_that_is_unknown_is_passed_over() {
        let nothing = typed(&[]).to_json().unwrap();
        for name in kept().as_object().unwrap().keys().filter(|name| *name != "config") {
            let mut less = kept();
            less.as_object_mut().unwrap().remove(name);
            let mut want = kept();
            want[name] = nothing[name].clone();
            assert_ne!(want, kept(), "{name} is not in the test");
            assert_eq!(RunSettings::from_json(less).unwrap().to_json().unwrap(), want);
        }
        let mut more = kept();
        more["later"] = json!({"a": [1]});
        assert_eq!(RunSettings::from_json(more).unwrap().to_json().unwrap(), kept());
        let empty = RunSettings::from_json(json!({})).unwrap();
        assert_eq!(empty.config(), None);
        assert_eq!(
            RunSettings { compose: ComposeArgs { config: "/a.conf".into(), ..empty.compose }, ..empty }
                .to_json()
                .unwrap(),
            nothing
        );
    }

    #[test]
    fn what_a_run_does_once_is_not_kept() {
        let mut options = vec!["--target-dir", "/t", "--label", "RC-1.0", "--production", "--allow-empty", "--quiet"];
        options.extend(["--koji-event", "1", "--parent-compose-id", "P", "--respin-of", "R", "--old-composes", "/o"]);
        options.extend(["--fail-fast", "--strict-images", "--keep-urls", "--detach-on-signal", "--retry-failed"]);
        options.extend(["--rebuild", "a", "--accept", "b", "--hub-moved", "--events", "e", "--no-lock"]);
        assert_eq!(typed(&options).to_json().unwrap(), typed(&[]).to_json().unwrap());
    }

    #[test]
    fn a_limit_and_its_absence_are_not_the_same() {
        for (option, want) in
            [("--wait-for-repos", json!(0)), ("--wait-for-repos=0", json!(1)), ("--wait-for-repos=2m", json!(120))]
        {
            let kept = typed(&[option]).to_json().unwrap();
            assert_eq!(kept["wait_for_repos"], want, "{option}");
            let again = RunSettings::from_json(kept.clone()).unwrap();
            assert_eq!(again.wait_for_repos.is_some_and(|limit| limit.is_none()), want == 0);
            assert_eq!(again.to_json().unwrap(), kept);
        }
        assert_eq!(typed(&[]).to_json().unwrap()["wait_for_repos"], Json::Null);
    }
}
