//! *Recalling* what earlier runs of a compose did: where each request of the plan begins, and whether plan, hub and place are
//! still those with which the compose was begun.

use super::inspect::Inspected;
use super::named::{ALL, is_named, the_one};
use crate::cli::GoingArgs;
use crate::error::Failure;
use magudi_compose::confined::plain;
use magudi_compose::identity::ComposeIdentity;
use magudi_compose::layout::ComposeDir;
use magudi_config::dump::{self, to_text};
use magudi_config::words::counted;
use magudi_config::{Node, regular, secret};
use magudi_engine::event::Event;
use magudi_engine::history::{self, History, MadeFor, Past, PlannedRequest, RequestState};
use magudi_engine::journal::{self, JournalError};
use magudi_engine::plan::{TaskRequest, keys};
use magudi_engine::plan_secrets::{Mask, secrets_of};
use magudi_engine::pungi;
use magudi_engine::runner::{Kept, Start};
use magudi_koji::calls::TaskState;
use magudi_koji::profile::shown_address;
use magudi_phases::chosen::Chosen;
use magudi_phases::existing_manifests::Existing;
use rayon::prelude::*;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The most changes of a configuration that are listed.
const MAX_CHANGES: usize = 20;

/// Bytes of a dump that are read at once.
const BUFFER: usize = 64 * 1024;

#[derive(Debug, Clone, Copy)]
pub struct Recalling<'a> {
    pub dir: &'a ComposeDir,
    pub identity: &'a ComposeIdentity,
    /// The address of the hub that is asked.
    pub server: &'a str,
    /// Everything is built, whatever there was.
    pub fresh: bool,
    /// How the run is to continue.
    pub going: &'a GoingArgs,
    /// What must not be shown. What is secret in the configuration and its plan comes to it.
    pub mask: &'a Mask,
}

/// What a run begins with.
#[derive(Debug, Default)]
pub struct Recalled {
    pub requests: Vec<TaskRequest>,
    /// A key for each request.
    pub keys: Vec<String>,
    /// Where each request begins.
    pub starts: Vec<Start>,
    /// Tasks that belong to requests already.
    pub claimed: BTreeSet<i64>,
    /// Paths of the images that earlier runs added.
    pub paths: BTreeSet<String>,
    /// Our numbers at the hub in earlier runs.
    pub owners: BTreeSet<i64>,
    /// Requests that earlier runs sent in another form, because the compose was at another place then.
    pub sent_before: BTreeMap<usize, TaskRequest>,
    /// How often earlier runs have asked for requests again without anybody asking (`--retries`).
    pub retried: BTreeMap<usize, usize>,
    /// Tasks of requests of which it is not certain that they are this hub's: they are compared before anything is done.
    pub compare_first: Vec<(usize, i64)>,
    /// Tasks of requests that are asked for no more, which may run still.
    pub abandoned: Vec<(i64, PlannedRequest)>,
    /// The Pungi beside the compose.
    pub pungi: Option<pungi::Past>,
    /// The status that we wrote last.
    pub status: Option<String>,
    /// What those who watch the compose should know.
    pub remarks: Vec<String>,
    /// The dump of the configuration in the compose is the one that would be written.
    pub is_dumped: bool,
    /// The manifests without our images, if they were read.
    pub existing: Option<Existing>,
}

/// The plan of a compose under the keys that its journal has.
#[derive(Debug)]
pub struct Plan {
    /// The requests, as they are sent from where the compose is now.
    pub requests: Vec<TaskRequest>,
    /// A key for each. What is sent may name the directory of the compose; keys are those of the place that the journal knows.
    pub keys: Vec<String>,
    /// For each place that the compose was in before: the requests as they were sent from there.
    pub elsewhere: BTreeMap<usize, Vec<TaskRequest>>,
}

impl Plan {
    /// Expands the configuration for the compose in `dir`, which has been at `places`. The keys are those of where it is now.
    pub fn of(inspected: &mut Inspected, identity: &ComposeIdentity, dir: &ComposeDir, places: &[PathBuf]) -> Self {
        let requests = inspected.expand(identity, dir);
        let others = places.iter().enumerate().filter(|(_, place)| *place != dir.top());
        let there = |place: &PathBuf| inspected.expand_at(identity, &ComposeDir::at(place));
        let elsewhere = others.map(|(number, place)| (number, there(place))).collect();
        Self { keys: keys(&requests), requests, elsewhere }
    }

    /// Takes the keys of the place of which `history` knows most.
    pub fn known_to(mut self, history: &History) -> Self {
        for there in self.elsewhere.values() {
            let keys = keys(there);
            let known = |keys: &[String]| keys.iter().filter(|key| history.requests.get(key).is_some()).count();
            if known(&keys) > known(&self.keys) {
                self.keys = keys;
            }
        }
        self
    }

    /// Request `index` as it was sent when the compose was at `place`, if that differs.
    pub fn sent_from(&self, index: usize, place: usize) -> Option<&TaskRequest> {
        let there = self.elsewhere.get(&place)?.get(index)?;
        (there.args != self.requests[index].args || there.keywords != self.requests[index].keywords).then_some(there)
    }

    /// The events that say this plan.
    pub fn events(&self) -> Vec<Event> {
        let numbered = self.requests.iter().zip(&self.keys).enumerate();
        numbered.map(|(number, (request, key))| Event::planned(number, key, request, None)).collect()
    }
}

/// Reads the history of a compose; `None` when no run of ours began there.
pub fn load_history(dir: &ComposeDir) -> Result<Option<History>, Failure> {
    load_with(dir, &[])
}

/// The same; where the journal is damaged, `plan` may say what it lacks.
fn load_with(dir: &ComposeDir, plan: &[Event]) -> Result<Option<History>, Failure> {
    if_begun(dir, |path| history::load_history(path, plan))
}

/// Reads the history of a compose without its requests; `None` when no run of ours began there.
pub fn load_outline(dir: &ComposeDir) -> Result<Option<History>, Failure> {
    if_begun(dir, history::load_outline)
}

/// Whether there is a journal of a compose. Who may not look there hears that.
pub fn has_journal(dir: &ComposeDir) -> Result<bool, Failure> {
    let path = journal_of(dir);
    path.try_exists().map_err(|error| Failure::because(format!("cannot look at {}", path.display()), error))
}

/// What `load` makes of the journal of a compose, if a run of ours began there.
fn if_begun(
    dir: &ComposeDir,
    load: impl FnOnce(&Path) -> Result<History, JournalError>,
) -> Result<Option<History>, Failure> {
    if !has_journal(dir)? {
        return Ok(None);
    }
    let history = load(&journal_of(dir))?;
    Ok(history.settings.is_some().then_some(history))
}

/// Reads the history of a compose again if its plan has holes, and fills them from the configuration. What cannot be filled stays a
/// hole.
pub fn fill_holes(dir: &ComposeDir, history: History, plan: &Plan) -> Result<History, Failure> {
    if history.holes.is_empty() {
        return Ok(history);
    }
    Ok(load_with(dir, &plan.events())?.unwrap_or(history))
}

/// What a change ends with that adds a key.
const NEW: &str = " is new";

/// What is said of a journal whose plan has holes.
pub fn damaged(dir: &ComposeDir, history: &History) -> Option<String> {
    let (number, past) = history.holes.first_key_value()?;
    let path = journal_of(dir);
    let sent = past.task.map_or_else(|| "which may be at the hub".to_owned(), |task| format!("which has task {task}"));
    let others = match history.holes.len() - 1 {
        0 => String::new(),
        others => format!(" and of {others} more"),
    };
    Some(format!(
        "the journal {} is damaged: the line that says which image is request {number} is lost, {sent}{others}",
        path.display()
    ))
}

/// Refuses a hub at which the compose was not begun.
pub fn refuse_other_hub(dir: &ComposeDir, history: &History, server: &str, moved: bool) -> Result<(), Failure> {
    match &history.login {
        Some(login) if !login.is_at(server) && !moved => Err(Failure::failed(format!(
            "{} was started at {login}, but this is {}: its tasks are not there\nuse the koji profile it was started with (`{}`), or give --hub-moved if it is the same hub at another address",
            dir.top().display(),
            shown_address(server),
            login.profile,
        ))),
        _ => Ok(()),
    }
}

fn journal_of(dir: &ComposeDir) -> PathBuf {
    dir.logs_global().join(journal::NAME)
}

/// Finds out where each request of the plan begins.
pub fn recall(what: Recalling<'_>, inspected: &mut Inspected) -> Result<Recalled, Failure> {
    let Recalling { dir, identity, server, fresh, going, mask } = what;
    let outline = load_outline(dir)?;
    let mut plan = Plan::of(inspected, identity, dir, outline.as_ref().map_or(&[], |outline| &outline.places));
    mask.add(secret::values(&inspected.config.tree).iter().map(String::as_str));
    mask.add(secrets_of(&plan.requests));
    let at_another_hub = |history: &History| history.login.as_ref().is_some_and(|login| !login.is_at(server));
    let mut recalled = Recalled::default();
    let load = || Ok::<_, Failure>(load_history(dir)?.unwrap_or_default());
    match outline {
        None => recalled.starts = vec![Start::Submit; plan.requests.len()],
        Some(_) if fresh => {
            let mut history = load()?;
            recalled.starts = vec![Start::Submit; plan.requests.len()];
            recalled.paths = own_paths(&mut history, inspected);
            plan = plan.known_to(&history);
            if !at_another_hub(&history) {
                (recalled.claimed, recalled.owners) = (history.tasks, history.owners);
            }
            // What it said of the compose stays said.
            (recalled.pungi, recalled.status) = (history.pungi, history.status);
        }
        Some(outline) => {
            refuse_other_hub(dir, &outline, server, going.hub_moved)?;
            let Comparison { changes, is_dumped } = compare_with_before(dir, inspected, mask)?;
            recalled.is_dumped = is_dumped;
            if is_dumped {
                // The configuration is needed no more, and as large as the history.
                inspected.forget_images();
            }
            let history = load()?;
            plan = plan.known_to(&history);
            // Another configuration would put another image into the hole. What is only new there may be a default of this version.
            let is_another = changes.iter().any(|change| !change.ends_with(NEW));
            let mut history = if is_another { history } else { fill_holes(dir, history, &plan)? };
            if let Some(damage) = damaged(dir, &history) {
                return Err(Failure::failed(format!(
                    "{damage}\nrestore the configuration that the compose was started with: then the line is rebuilt from it, and each task is compared with its request at the hub"
                )));
            }
            let is_certain = history.login.is_some() && !at_another_hub(&history);
            let paths = own_paths(&mut history, inspected);
            let chosen = &inspected.selection.chosen;
            let taking = || take_over(what, history, &plan, chosen, &changes, &mut recalled);
            // At the same time: both take long.
            let (taken, existing) = rayon::join(taking, || Existing::load(dir, &paths));
            taken?;
            (recalled.paths, recalled.existing) = (paths, Some(existing?));
            if is_certain {
                recalled.compare_first.clear();
            }
        }
    }
    let images: Vec<(&str, &str)> =
        plan.requests.iter().map(|request| (request.variant.as_str(), request.name())).collect();
    let mut named: BTreeMap<i64, &str> = BTreeMap::new();
    for (image, task) in &going.adopt {
        let index = the_one("--adopt", image, &images)?;
        if let Some(other) = named.insert(*task, image) {
            return Err(Failure::usage(format!("--adopt: task {task} is given for {other} and for {image}")));
        }
        recalled.starts[index] = Start::Named(*task);
    }
    (recalled.requests, recalled.keys) = (plan.requests, plan.keys);
    Ok(recalled)
}

/// The paths of images that earlier runs added, of the phases that run and the images that are chosen: the others stay. They are taken
/// out of the history.
fn own_paths(history: &mut History, inspected: &Inspected) -> BTreeSet<String> {
    let selection = &inspected.selection;
    let runs = |phase: &str| selection.active(&inspected.config).any(|active| active.name() == phase);
    let is_own = |made: &MadeFor| runs(&made.phase) && selection.chosen.takes(&made.variant, &made.name);
    let all = std::mem::take(&mut history.paths).into_iter();
    all.filter_map(|(path, made)| is_own(&made).then_some(path)).collect()
}

/// Takes over what `history` knows of the requests of `plan`.
fn take_over(
    what: Recalling<'_>,
    history: History,
    plan: &Plan,
    chosen: &Chosen,
    changes: &[String],
    recalled: &mut Recalled,
) -> Result<(), Failure> {
    let Recalling { dir, going, .. } = what;
    refuse_left_out(dir, &history, chosen)?;
    refuse_changes(dir, plan, &history, going, changes)?;
    let since = "The configuration has changed since the last run";
    recalled.remarks = changes.iter().take(MAX_CHANGES).map(|change| format!("{since}: {change}")).collect();
    if changes.len() > MAX_CHANGES {
        recalled.remarks.push(format!("{since}: and {} more", counted(changes.len() - MAX_CHANGES, "change")));
    }
    let whole = whole(dir, &history, plan);
    (recalled.claimed, recalled.owners) = (history.tasks, history.owners);
    (recalled.pungi, recalled.status) = (history.pungi, history.status);
    // What is known of a request is given up as it is taken over: it is as large as what comes of it.
    let mut requests = history.requests.into_taking();
    for (index, ((request, key), is_whole)) in plan.requests.iter().zip(&plan.keys).zip(whole).enumerate() {
        let Some(past) = requests.take(key) else {
            recalled.starts.push(Start::Submit);
            continue;
        };
        if let Some(before) = plan.sent_from(index, past.place) {
            recalled.sent_before.insert(index, before.clone());
        }
        let otherwise = otherwise(request, &past);
        // What a person named may be somebody else's: it was compared when it was taken.
        let is_compared = !past.named;
        // `*` are those that have changed.
        let is_rebuilt = |word: &&String| *word != ALL || !otherwise.is_empty();
        let mut rebuilt = going.rebuild.iter().filter(is_rebuilt);
        let start = if rebuilt.any(|word| is_named(word, &request.variant, request.name())) {
            anew(&past)
        } else {
            // Who has it built again by hand gives it all its retries.
            let has_failed = matches!(past.state(), RequestState::Failed | RequestState::Canceled);
            let is_by_hand = going.retry_failed && has_failed && past.task.is_some() && past.canceled.is_none();
            recalled.retried.insert(index, if is_by_hand { 0 } else { past.retries });
            start(request, past, going.retry_failed, otherwise.is_empty(), is_whole)
        };
        if is_compared {
            recalled.compare_first.extend(known_tasks(&start).into_iter().map(|task| (index, task)));
        }
        recalled.starts.push(start);
    }
    for past in requests.rest() {
        match past.task {
            Some(task) if !past.has_ended() => recalled.abandoned.push((task, past.asked)),
            None if past.in_doubt.is_some() => recalled.remarks.push(format!(
                "Image {} of variant {}, which is no longer in the configuration, may have a task whose id was lost: look for it at the hub",
                past.asked.name, past.asked.variant
            )),
            _ => {}
        }
    }
    Ok(())
}

fn names(words: &[String], variant: &str, name: &str) -> bool {
    words.iter().any(|word| is_named(word, variant, name))
}

/// Where a request begins that is built whatever there was: also where it is in doubt whether there is a task, because that is
/// for people to decide.
fn anew(past: &Past) -> Start {
    let tasks: Vec<i64> = past.earlier.iter().copied().chain(past.task).collect();
    if tasks.is_empty() { Start::Submit } else { Start::Anew(tasks) }
}

/// Where a request begins. `is_as_it_was`: its images are called as they were; `is_whole`: all of it was done, and its files are there.
fn start(request: &TaskRequest, mut past: Past, retry_failed: bool, is_as_it_was: bool, is_whole: bool) -> Start {
    let had = |in_doubt| Start::Again { tasks: past.earlier.iter().copied().chain(past.task).collect(), in_doubt };
    let Some(task) = past.task else {
        return match past.in_doubt {
            in_doubt if !past.earlier.is_empty() => had(in_doubt),
            Some(since) => Start::LookUp(since),
            None => Start::Submit,
        };
    };
    let lost = matches!(past.task_state(), Some(TaskState::Failed | TaskState::Canceled));
    // A journal of before may not know where an image was uploaded to; composer's word is asked for again then.
    let is_told = |arch: &&str| past.uploads.iter().any(|upload| upload.arch == *arch);
    let told = !request.about.uploads || request.arches().iter().all(is_told);
    if is_whole && told && is_as_it_was {
        let images = past.take_added();
        Start::Keep(Kept { task, images, uploads: past.uploads, failed_arches: past.failed_arches })
    } else if past.canceled.is_some() || (retry_failed && (lost || past.failure.is_some())) {
        had(None)
    } else if past.named {
        Start::Named(task)
    } else if lost {
        Start::Lost(past.earlier.iter().copied().chain([task]).collect())
    } else {
        Start::Adopt(task)
    }
}

/// Every task that the hub is to have.
fn known_tasks(start: &Start) -> Vec<i64> {
    match start {
        Start::Adopt(task) | Start::Keep(Kept { task, .. }) => vec![*task],
        Start::Again { tasks, .. } | Start::Anew(tasks) | Start::Lost(tasks) => tasks.clone(),
        // A task that a person names is compared in any case.
        Start::Named(_) | Start::Take { .. } | Start::Submit | Start::LookUp(_) | Start::Fail(_) => Vec::new(),
    }
}

/// Of each request of `plan` whether all its files are as they were left. They are looked at by all processors.
fn whole(dir: &ComposeDir, history: &History, plan: &Plan) -> Vec<bool> {
    let is_whole = |past: &Past| {
        past.done.is_some() && past.images.iter().all(|(_, image)| is_there(dir, &image.path, image.size, image.mtime))
    };
    plan.keys.par_iter().map(|key| history.requests.get(key).is_some_and(is_whole)).collect()
}

/// Whether a file that was verified before is as it was left.
fn is_there(dir: &ComposeDir, path: &str, size: u64, mtime: i64) -> bool {
    // A path of a journal may be any text.
    let found = plain(path).ok().and_then(|path| std::fs::metadata(dir.compose().join(path)).ok());
    found.is_some_and(|meta| meta.len() == size && meta.mtime() == mtime)
}

/// What of an image is otherwise than when it was begun, though the same is sent for it.
fn otherwise(request: &TaskRequest, past: &Past) -> Vec<&'static str> {
    let image_type = request.about.manifest_type.as_deref().unwrap_or_default();
    let changed = [
        ("subvariant", request.subvariant != past.asked.subvariant),
        ("manifest_type", past.asked.manifest_type.as_deref().is_some_and(|before| before != image_type)),
        ("failable", request.failable != past.asked.failable),
    ];
    changed.into_iter().filter_map(|(name, changed)| changed.then_some(name)).collect()
}

/// Refuses to leave images out that an unfinished run has begun with: without them the compose would end as if it was whole.
fn refuse_left_out(dir: &ComposeDir, history: &History, chosen: &Chosen) -> Result<(), Failure> {
    let begun = history.requests.iter().map(|past| &past.asked);
    let mut left_out = begun.filter(|asked| !chosen.takes(&asked.variant, &asked.name));
    let Some(asked) = left_out.next() else { return Ok(()) };
    let others = left_out.count();
    let more = if others > 0 { format!(" and {others} more") } else { String::new() };
    let dir = dir.top().display();
    Err(Failure::failed(format!(
        "--only and --variant leave out {}:{}{more}, which are part of {dir}; continue with magudi resume {dir}",
        asked.variant, asked.name
    )))
}

/// Refuses a plan that is not the one that was begun, but for images that are named to be built again or taken as they are.
fn refuse_changes(
    dir: &ComposeDir,
    plan: &Plan,
    history: &History,
    going: &GoingArgs,
    changes: &[String],
) -> Result<(), Failure> {
    if history.requests.is_empty() {
        return Ok(());
    }
    let mut added = Vec::new();
    let mut described = Vec::new();
    for (request, key) in plan.requests.iter().zip(&plan.keys) {
        let (variant, name) = (&request.variant, request.name());
        let is_rebuilt = names(&going.rebuild, variant, name);
        match history.requests.get(key) {
            None if !is_rebuilt => added.push(format!("{variant}:{name}")),
            Some(past) if !is_rebuilt && !names(&going.accept, variant, name) => {
                let otherwise = otherwise(request, past);
                if !otherwise.is_empty() {
                    described.push(format!("{variant}:{name} ({})", otherwise.join(", ")));
                }
            }
            _ => {}
        }
    }
    let present: BTreeSet<&String> = plan.keys.iter().collect();
    let gone: Vec<String> = history
        .requests
        .iter()
        .filter(|past| !present.contains(&past.key) && going.rebuild.is_empty())
        .map(|past| format!("{}:{}", past.asked.variant, past.asked.name))
        .collect();
    if added.is_empty() && gone.is_empty() && described.is_empty() {
        return Ok(());
    }
    let mut text = format!("the configuration has changed since {} was started", dir.top().display());
    for change in changes.iter().take(MAX_CHANGES) {
        let _ = write!(text, "\n  {change}");
    }
    if changes.len() > MAX_CHANGES {
        let _ = write!(text, "\n  and {} more", changes.len() - MAX_CHANGES);
    }
    for (what, images) in [
        ("images that would be built again", &added),
        ("images that changed", &gone),
        ("images that are only described differently", &described),
    ] {
        if !images.is_empty() {
            let _ = write!(text, "\n{what}: {}", images.join(", "));
        }
    }
    text.push_str("\nrestore it");
    if !described.is_empty() {
        text.push_str(
            ", or accept changes that do not affect what is built with --accept VARIANT:NAME (or --accept '*')",
        );
    }
    text.push_str(", or name the images to build again with --rebuild VARIANT:NAME (or --rebuild '*')");
    Err(Failure::failed(text))
}

/// How a configuration differs from the one that the compose was begun with, of which the secrets were not kept.
#[derive(Debug, Default)]
struct Comparison {
    /// The dotted paths of what differs.
    changes: Vec<String>,
    /// The dump in the compose is the one that would be written.
    is_dumped: bool,
}

/// Compares the configuration with the one that the compose was begun with. What `mask` hides may differ.
fn compare_with_before(dir: &ComposeDir, inspected: &Inspected, mask: &Mask) -> Result<Comparison, Failure> {
    let mut found = Comparison::default();
    // Nearly always it is the same, which is seen without having any of both as a whole.
    if is_dump(&dir.config_dump(), &inspected.config.tree, mask) {
        found.is_dumped = true;
    } else {
        let before = load_copy(&dir.config_dump())?.map(|text| mask.hide(&text).into_owned());
        let now = to_text(&inspected.config.tree).ok().map(|text| mask.hide(&text).into_owned());
        let read = |text: Option<String>| serde_json::from_str(&text?).ok();
        let (Some(before), Some(now)) = (read(before), read(now)) else { return Ok(found) };
        compare(&before, &now, "", &mut found.changes);
    }
    let variants = inspected.sources.iter().find(|source| source.path == inspected.variants_path);
    let before = load_copy(&dir.variants_copy())?;
    if let (Some(variants), Some(before)) = (variants, before)
        && mask.hide(&variants.text) != mask.hide(&before)
    {
        found.changes.push(format!("{} changed", inspected.variants_path.display()));
    }
    Ok(found)
}

/// Whether the file at `path` is what would be written as the dump of `tree`.
fn is_dump(path: &Path, tree: &Node, mask: &Mask) -> bool {
    let Ok(file) = regular::open(path) else { return false };
    let mut compared = Compared { file: BufReader::with_capacity(BUFFER, file) };
    let mut hiding = mask.hiding(&mut compared);
    dump::write_text(tree, &mut hiding).is_ok() && hiding.finish().is_ok() && compared.is_at_its_end()
}

/// A file with which is compared what would be written.
struct Compared {
    file: BufReader<File>,
}

impl Compared {
    fn is_at_its_end(&mut self) -> bool {
        self.file.fill_buf().is_ok_and(<[u8]>::is_empty)
    }
}

impl Write for Compared {
    /// Fails at the first difference.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let before = self.file.fill_buf()?;
        let length = before.len().min(bytes.len());
        if before[..length] != bytes[..length] || (length == 0 && !bytes.is_empty()) {
            return Err(ErrorKind::InvalidData.into());
        }
        self.file.consume(length);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the last run left of a configuration; `None` when it left nothing.
fn load_copy(path: &Path) -> Result<Option<String>, Failure> {
    match regular::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::because(format!("cannot read {}", path.display()), error)),
    }
}

/// Values are not shown: some are secret.
fn compare(before: &Json, now: &Json, path: &str, found: &mut Vec<String>) {
    let at = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (before, now) {
        (Json::Object(a), Json::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => compare(a, b, &at(key), found),
                    (Some(_), None) => found.push(format!("{} is gone", at(key))),
                    _ => found.push(format!("{}{NEW}", at(key))),
                }
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(a, b, &at(&index.to_string()), found);
            }
        }
        (a, b) if a == b => {}
        (Json::Array(a), Json::Array(b)) => {
            found.push(format!("{path} had {} and now has {}", counted(a.len(), "item"), b.len()));
        }
        _ => found.push(format!("{path} changed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_dump_is_what_would_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dump");
        let mut sources = magudi_config::Sources::new();
        let config = dir.path().join("c.conf");
        std::fs::write(&config, "a = 'x'\nb = ['secret-1', {'c': 'secret-2'}]\n").unwrap();
        let tree = magudi_config::load::load_config(&config, &mut sources).unwrap();
        let text = to_text(&tree).unwrap();
        let mask = Mask::new(["secret-1", "secret-2"]);
        let is_dump = |text: &str, mask: &Mask| {
            std::fs::write(&path, text).unwrap();
            super::is_dump(&path, &tree, mask)
        };
        let hidden = mask.hide(&text);
        assert!(is_dump(&hidden, &mask) && is_dump(&text, &Mask::default()));
        // One with secrets in it is written again.
        assert!(!is_dump(&text, &mask) && !is_dump(&hidden, &Mask::default()));
        for other in [
            text.replace('x', "y"),
            format!("{text}\n"),
            text[..text.len() - 1].to_owned(),
            text[..text.len() - 2].to_owned(),
            format!("\n{text}"),
            String::new(),
        ] {
            assert!(!is_dump(&mask.hide(&other), &mask), "{other}");
        }
        assert!(!super::is_dump(dir.path(), &tree, &mask) && !super::is_dump(&dir.path().join("none"), &tree, &mask));
    }

    #[test]
    fn changes_are_named_by_path_and_without_values() {
        let before = json!({"a": 1, "osbuild": {"^S$": [{"name": "x", "password": "old"}]}, "gone": 1, "l": [1]});
        let now = json!({"a": 1, "osbuild": {"^S$": [{"name": "x", "password": "new"}]}, "new": 1, "l": [1, 2]});
        let mut found = Vec::new();
        compare(&before, &now, "", &mut found);
        assert_eq!(
            found,
            ["gone is gone", "l had 1 item and now has 2", "osbuild.^S$.0.password changed", "new is new"]
        );
    }
}
