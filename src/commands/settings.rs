//! The *settings* of a compose: how it was begun, as its journal keeps it for the next run.
//!
//! They are no options of a command line. Journals live longer than programs: what an older one does not have has a default
//! here, and what a newer one has besides is passed over. A setting never changes its meaning; one that does gets another name.

use super::inspect::Request;
use super::options::{Going, Options};
use crate::error::Failure;
use magudi_compose::ManifestVersion;
use magudi_config::definitions::Definition;
use magudi_config::secret::is_hidden;
use magudi_engine::notify::USUAL_LIMIT;
use magudi_phases::branches::Commits;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::path::PathBuf;
use std::time::Duration;

/// How a compose was begun. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The configuration, absolute; none: the journal does not say.
    pub config: Option<PathBuf>,
    /// `-e`, as it was given, but for variables whose names say that they are secret.
    pub define: Vec<String>,
    /// `--only-own`.
    pub only_own: bool,
    /// `--just-phase`.
    pub just_phase: Vec<String>,
    /// `--skip-phase`.
    pub skip_phase: Vec<String>,
    /// `--only`.
    pub only: Vec<String>,
    /// `--variant`.
    pub variant: Vec<String>,
    /// `--supported`, which is only said of the compose when it ends.
    pub supported: bool,
    /// `--no-latest-link`.
    pub no_latest_link: bool,
    /// `--latest-link-status`.
    pub latest_link_status: Vec<String>,
    /// `--latest-link-components`.
    pub latest_link_components: i64,
    /// `--notification-script`.
    pub notification_script: Vec<String>,
    /// `--notification-timeout`, in seconds.
    pub notification_timeout: u64,
    /// `--on-finish`.
    pub on_finish: Option<String>,
    /// `--koji-config`, absolute.
    pub koji_config: Option<PathBuf>,
    /// `--koji-profile`.
    pub koji_profile: Option<String>,
    /// `--koji-user`.
    pub koji_user: Option<String>,
    /// The hub was a simulated one, which is gone with its process.
    pub simulated: bool,
    /// The commits that stand in place of branches.
    pub commits: Commits,
    /// `--pungi`: the command, and the options that are passed on to it. Empty: none.
    pub pungi: Vec<String>,
    /// `--manifest-version`; none: that of the manifests that are there, else 1.2.
    pub manifest_version: Option<ManifestVersion>,
    /// `--wait-for-repos`, in seconds; 0: without a limit.
    pub wait_for_repos: Option<u64>,
}

impl Default for Settings {
    /// What a compose has that was begun without an option.
    fn default() -> Self {
        Self {
            config: None,
            define: Vec::new(),
            only_own: false,
            just_phase: Vec::new(),
            skip_phase: Vec::new(),
            only: Vec::new(),
            variant: Vec::new(),
            supported: false,
            no_latest_link: false,
            latest_link_status: Vec::new(),
            latest_link_components: -1,
            notification_script: Vec::new(),
            notification_timeout: USUAL_LIMIT.as_secs(),
            on_finish: None,
            koji_config: None,
            koji_profile: None,
            koji_user: None,
            simulated: false,
            commits: Commits::new(),
            pungi: Vec::new(),
            manifest_version: None,
            wait_for_repos: None,
        }
    }
}

impl Settings {
    /// The settings of a run with `options`.
    pub fn of(options: &Options) -> Self {
        let definitions = options.define.iter().filter(|definition| !is_hidden(&definition.name));
        Self {
            config: Some(options.config.clone()),
            define: definitions.map(ToString::to_string).collect(),
            only_own: options.only_own,
            just_phase: options.just_phase.clone(),
            skip_phase: options.skip_phase.clone(),
            only: options.request.only.clone(),
            variant: options.request.variant.clone(),
            supported: options.request.supported,
            no_latest_link: options.no_latest_link,
            latest_link_status: options.latest_link_status.clone(),
            latest_link_components: options.latest_link_components,
            notification_script: options.notification_script.clone(),
            notification_timeout: options.notification_timeout,
            on_finish: options.going.on_finish.clone(),
            koji_config: options.koji_config.clone(),
            koji_profile: options.koji_profile.clone(),
            koji_user: options.koji_user.clone(),
            simulated: options.simulated,
            commits: options.commits.clone(),
            pungi: options.pungi.clone(),
            manifest_version: options.manifest_version,
            wait_for_repos: options.wait_for_repos.map(|limit| limit.map_or(0, |limit| limit.as_secs().max(1))),
        }
    }

    /// What `-e` defines.
    pub fn definitions(&self) -> impl Iterator<Item = Definition> {
        self.define.iter().filter_map(|definition| definition.parse().ok())
    }

    /// As the journal has them.
    pub fn to_json(&self) -> Result<Json, Failure> {
        serde_json::to_value(self).map_err(Failure::failed)
    }

    /// Reads what a journal has. The error says what is wrong with it.
    pub fn from_json(settings: Json) -> Result<Self, String> {
        serde_json::from_value(settings).map_err(|error| error.to_string())
    }

    /// Options to continue what was begun so; `config` wins over the configuration that it was begun with.
    pub fn options(self, config: PathBuf) -> Options {
        let define = self.definitions().collect();
        Options {
            config,
            request: Request {
                supported: self.supported,
                only: self.only,
                variant: self.variant,
                ..Request::default()
            },
            define,
            only_own: self.only_own,
            just_phase: self.just_phase,
            skip_phase: self.skip_phase,
            no_latest_link: self.no_latest_link,
            latest_link_status: self.latest_link_status,
            latest_link_components: self.latest_link_components,
            notification_script: self.notification_script,
            notification_timeout: self.notification_timeout,
            koji_config: self.koji_config,
            koji_profile: self.koji_profile,
            koji_user: self.koji_user,
            simulated: self.simulated,
            commits: self.commits,
            pungi: self.pungi,
            manifest_version: self.manifest_version,
            wait_for_repos: self.wait_for_repos.map(|limit| (limit > 0).then(|| Duration::from_secs(limit))),
            #[cfg(feature = "simulator")]
            simulate: None,
            print_output_dir: false,
            quiet: false,
            going: Going { on_finish: self.on_finish, ..Going::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn all() -> Settings {
        let text = |text: &str| vec![text.to_owned()];
        Settings {
            config: Some("/a.conf".into()),
            define: text("version=42"),
            only_own: true,
            just_phase: text("osbuild"),
            skip_phase: text("kiwibuild"),
            only: text("disk*"),
            variant: text("Server"),
            supported: true,
            no_latest_link: true,
            latest_link_status: text("FINISHED"),
            latest_link_components: 2,
            notification_script: text("tell"),
            notification_timeout: 7,
            on_finish: Some("mail".to_owned()),
            koji_config: Some("/koji.conf".into()),
            koji_profile: Some("koji".to_owned()),
            koji_user: Some("compose".to_owned()),
            simulated: true,
            pungi: text("pungi-koji"),
            manifest_version: Some(ManifestVersion::V2_0),
            wait_for_repos: Some(90),
            commits: Commits::from([("https://g.example/a.git#HEAD".to_owned(), "1".repeat(40))]),
        }
    }

    #[test]
    fn a_setting_that_is_missing_has_its_default_and_one_that_is_unknown_is_passed_over() {
        let whole = all().to_json().unwrap();
        assert_eq!(Settings::from_json(whole.clone()), Ok(all()));
        let default = Settings::default().to_json().unwrap();
        for name in whole.as_object().unwrap().keys() {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(name);
            let mut want = whole.clone();
            want[name] = default[name].clone();
            assert_ne!(want, whole, "{name} is not in the test");
            assert_eq!(Settings::from_json(less).unwrap().to_json().unwrap(), want);
        }
        let mut more = whole;
        more["later"] = json!({"a": [1]});
        assert_eq!(Settings::from_json(more), Ok(all()));
        assert_eq!(Settings::from_json(json!({})), Ok(Settings::default()));
    }

    #[test]
    fn options_and_settings_are_the_same_thing() {
        assert_eq!(Settings::of(&all().options("/a.conf".into())), all());
    }
}
