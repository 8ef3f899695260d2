//! Runs a compose of some phases against a simulated hub in this process.

use crate::syntaxes::VARIANTS;
use magudi_compose::ComposeIdentity;
use magudi_compose::identity::ComposeType;
use magudi_compose::layout::ComposeDir;
use magudi_compose::opening;
use magudi_compose::status::Status;
use magudi_compose::variants::{Variants, load_variants};
use magudi_config::diagnostic::has_errors;
use magudi_config::{ComposeConfig, Diagnostic, Schema, Sources, check_all, load_config};
use magudi_devhub::plugin::Plugin;
use magudi_devhub::{HubOptions, parse_scenario};
use magudi_engine::event::{Events, Stamped};
use magudi_engine::journal::{Journal, load_journal};
use magudi_engine::login::Login;
use magudi_engine::plan::{TaskRequest, keys};
use magudi_engine::runner::{Polling, Start};
use magudi_engine::stop::stop;
use magudi_engine::volume::Volume;
use magudi_koji::{Authenticator, ClientOptions, Hub, Password, Profile};
use magudi_phases::existing_manifests::Existing;
use magudi_phases::phase::{Context, Phases};
use magudi_phases::pipeline::{Access, Compose};
use magudi_phases::selection::{Selection, expand};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// What became of a compose.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub status: Status,
    /// images.json.
    pub images: Json,
    /// Each event, as the journal has it.
    pub log: Vec<String>,
}

/// A hub with a plugin; its volume is put in its place later.
pub fn hub(scenario: &Json, plugin: &'static impl Plugin) -> HubOptions {
    let options = HubOptions::loopback("", parse_scenario(&scenario.to_string()).unwrap());
    HubOptions { builders: options.builders.clone().with(plugin), ..options }
}

/// A compose before it runs.
#[derive(Debug)]
pub struct Planned {
    /// What is asked for.
    pub requests: Vec<TaskRequest>,
    /// What is to be said of the images.
    pub found: Vec<Diagnostic>,
    config: ComposeConfig,
    variants: Variants,
    identity: ComposeIdentity,
    selection: Selection,
    dir: ComposeDir,
    folder: TempDir,
}

/// Plans the compose of a configuration that says what the phases take; what is wrong with its form is the other answer.
pub fn plan(phases: Phases, mut configuration: Json) -> Result<Planned, Vec<Diagnostic>> {
    let folder = tempfile::tempdir().unwrap();
    let rest = json!({
        "release_name": "Example", "release_short": "Example", "release_version": "42",
        "variants_file": "variants.xml", "koji_profile": "devhub", "pkgset_source": "koji", "gather_method": "deps",
    });
    configuration.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    std::fs::write(folder.path().join("variants.xml"), VARIANTS).unwrap();
    let path = folder.path().join("compose.json");
    std::fs::write(&path, configuration.to_string()).unwrap();

    let mut sources = Sources::new();
    let schema = Schema::new(phases.iter().map(|phase| phase.section()));
    let tree = load_config(&path, &mut sources)?;
    let (config, found) = check_all(&tree, &schema);
    let Some(config) = config.filter(|_| !has_errors(&found)) else { return Err(found) };
    let (variants, _) = load_variants(&config, &path, &mut sources)?;
    let date = "20240229".to_owned();
    let mut identity = ComposeIdentity::from_config(&config, date, ComposeType::Nightly, None, false);
    let dir = opening::create(folder.path(), &mut identity).unwrap();
    let selection = Selection { phases, ..Selection::default() };
    let context = Context { config: &config, variants: &variants, identity: &identity, dir: &dir };
    let (requests, found) = expand(&context, &selection);
    Ok(Planned { requests, found, config, variants, identity, selection, dir, folder })
}

/// Runs the compose of such a configuration; of one that has errors, those are the answer.
pub fn run(phases: Phases, configuration: Json, hub: HubOptions) -> Result<Ran, Vec<Diagnostic>> {
    let planned = plan(phases, configuration)?;
    if has_errors(&planned.found) {
        return Err(planned.found);
    }
    let Planned { requests, config, variants, identity, selection, dir, folder, .. } = planned;
    std::fs::create_dir_all(dir.logs_global()).unwrap();
    let journal_path = dir.logs_global().join(magudi_engine::journal::NAME);
    let journal = Journal::open(&journal_path).unwrap();
    let events = Arc::new(Events::new());
    events.subscribe(Box::new(journal.clone()));
    let (handle, stop) = stop();
    let compose = Compose {
        starts: vec![Start::default(); requests.len()],
        keys: keys(&requests),
        requests: Arc::new(requests),
        config,
        variants,
        identity,
        existing: Existing::load(&dir, &BTreeSet::new()).unwrap(),
        dir: dir.clone(),
        selection,
        events,
        polling: Polling::default(),
        claimed: BTreeSet::new(),
        owners: BTreeSet::new(),
        sent_before: BTreeMap::new(),
        compare_first: Vec::new(),
        abandoned: Vec::new(),
        tracked: None,
        earlier_paths: Arc::default(),
        journal,
        settings: Json::Null,
        fresh: false,
        stop: handle,
        keep_urls: false,
        fail_fast: false,
        retries: 0,
        retried: BTreeMap::new(),
        formats: magudi_engine::runner::Formats::Any,
        manifest_version: None,
        awaited: None,
        reopen: false,
        pungi: None,
    };
    let end = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let options = HubOptions { topdir: folder.path().join("koji"), ..hub };
        let hub = magudi_devhub::start(options).await.unwrap();
        Box::pin(compose.run(|| access(hub.url(), hub.topdir()), stop)).await
    });
    let images = std::fs::read_to_string(dir.images_file()).ok();
    let said = |stamped: Stamped| format!("{:?}", stamped.event);
    Ok(Ran {
        status: end.status,
        images: images.map_or(Json::Null, |text| serde_json::from_str(&text).unwrap()),
        log: load_journal(&journal_path).unwrap().into_iter().map(said).collect(),
    })
}

async fn access(url: String, topdir: &Path) -> Result<Access, String> {
    let hub = Hub::new(&Profile::for_server("devhub", url), &ClientOptions::default()).unwrap();
    let password = Password::new("composepass");
    let session = hub.login(Authenticator::Password { user: "compose".to_owned(), password }).await.unwrap();
    let (volume, weburl) = (Volume::Local { topdir: topdir.to_path_buf() }, "http://koji".to_owned());
    Ok(Access { hub, session, volume, login: Login::default(), weburl, after: None })
}
