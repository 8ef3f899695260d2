//! *Inspecting* a configuration: everything that can be known of a compose without touching disk or network beyond
//! reading the configuration. `check`, `plan` and `run` begin with it.

use super::named::check_chosen;
use crate::cli::ComposeArgs;
use crate::error::Failure;
use crate::settings::Environment;
use magudi_compose::identity::{ComposeIdentity, ComposeType, Label, compose_date};
use magudi_compose::layout::ComposeDir;
use magudi_compose::opening;
use magudi_compose::variants::{
    LOOKASIDE, Variants, check as check_variants, check_filters, check_lookaside, load_variants,
};
use magudi_config::check::leave_out_others;
use magudi_config::definitions::{load_defaults, load_defined};
use magudi_config::diagnostic::has_errors;
use magudi_config::overrides::{check_overrides, has_option, load_overrides};
use magudi_config::schema::FORMER_PHASES;
use magudi_config::{ComposeConfig, Diagnostic, Dict, Node, Sources, check_all, codes};
use magudi_engine::plan::TaskRequest;
use magudi_phases::branches::{Commits, Resolved, resolve};
use magudi_phases::chosen::Chosen;
use magudi_phases::git_url::{BranchUrl, Resolver};
use magudi_phases::nothing::nothing_to_build;
use magudi_phases::phase::{Context, ImagePhase, Origin};
use magudi_phases::selection::{Selection, check_alone, expand, listed, origins};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

impl ComposeArgs {
    /// Whether a compose without a label is wanted. As in Pungi, a label counts.
    fn is_unlabelled(&self) -> bool {
        self.no_label && self.label.is_none()
    }

    /// Checks the options by themselves (facts: command-line 2: the target directory first, then the label).
    pub fn check(&self) -> Result<Option<Label>, Failure> {
        if let Some(target) = &self.target_dir {
            opening::check_target(target).map_err(|error| Failure::usage(format!("--target-dir: {error}")))?;
        }
        self.label()
    }

    /// The label alone: who only looks may name the target directory of another machine.
    fn label(&self) -> Result<Option<Label>, Failure> {
        self.label.as_deref().map(Label::parse).transpose().map_err(Failure::from)
    }

    /// Warns of phases that Pungi does not have any more.
    fn former_phases(&self) -> impl Iterator<Item = Diagnostic> {
        let options = [("--just-phase", &self.just_phase), ("--skip-phase", &self.skip_phase)];
        let all = options.into_iter().flat_map(|(option, names)| names.iter().map(move |name| (option, name)));
        all.filter(|(_, name)| FORMER_PHASES.contains(&name.as_str())).map(|(option, name)| {
            let message = format!("{option} {name}: the phase was removed from Pungi");
            Diagnostic::new(&codes::DEPRECATED, "", message).help("leave it out")
        })
    }

    /// Refuses options that contradict what the compose in `dir` says of itself.
    fn fits(&self, dir: &ComposeDir, known: &ComposeIdentity) -> Result<(), Failure> {
        let label = known.label.as_ref().map(Label::as_str);
        let (option, fact) = if let Some(kind) = self.kind.0.filter(|kind| *kind != known.kind) {
            (format!("--{kind}"), format!("a {} compose", known.kind))
        } else if let Some(asked) = self.label.as_deref().filter(|asked| Some(*asked) != label) {
            let fact = label.map_or("without a label".to_owned(), |label| format!("labelled {label}"));
            (format!("--label {asked}"), fact)
        } else if let (true, Some(label)) = (self.is_unlabelled(), label) {
            ("--no-label".to_owned(), format!("labelled {label}"))
        } else if self.supported && label.is_some() && !known.is_final {
            ("--supported".to_owned(), "not a supported one".to_owned())
        } else {
            return Ok(());
        };
        let text = format!("{option} contradicts the compose in {}: {} is {fact}", dir.top().display(), known.id());
        Err(Failure::usage(text))
    }
}

/// A configuration without errors, and all that follows from it.
#[derive(Debug)]
pub struct Inspected {
    pub config: ComposeConfig,
    /// The variants, filtered.
    pub variants: Variants,
    pub variants_path: PathBuf,
    /// What the log says about variants that were filtered out.
    pub excluded: Vec<String>,
    /// Release, id, label, date; the respin is only known when the directory is.
    pub identity: ComposeIdentity,
    pub selection: Selection,
    /// Warnings.
    pub diagnostics: Vec<Diagnostic>,
    pub sources: Sources,
    /// The commits that stand in place of branches.
    pub commits: Commits,
    /// The requests of the compose that would be made at the time, most likely the ones that are asked for next.
    expected: Option<(ComposeDir, ComposeIdentity, Vec<TaskRequest>)>,
    /// Where the requests come from, once the images are forgotten.
    origins: Option<Vec<Origin>>,
}

impl Inspected {
    /// The requests of a compose of `identity` in `dir`.
    pub fn expand(&mut self, identity: &ComposeIdentity, dir: &ComposeDir) -> Vec<TaskRequest> {
        match self.expected.take() {
            Some((place, for_identity, requests)) if place == *dir && for_identity == *identity => requests,
            _ => self.expand_anew(identity, dir).0,
        }
    }

    /// The requests of the compose that would be made at the time.
    pub fn requests(&self) -> &[TaskRequest] {
        self.expected.as_ref().map_or(&[], |(_, _, requests)| requests)
    }

    /// Where the requests come from, in the same order, whatever the place.
    pub fn origins(&self) -> Cow<'_, [Origin]> {
        self.origins.as_deref().map_or_else(|| Cow::Owned(self.find_origins()), Cow::Borrowed)
    }

    fn find_origins(&self) -> Vec<Origin> {
        let dir = ComposeDir::at(Path::new("/compose"));
        let context = Context { config: &self.config, variants: &self.variants, identity: &self.identity, dir: &dir };
        origins(&context, &self.selection)
    }

    /// Forgets the images as they were written, but for where they stand.
    pub fn forget_images(&mut self) {
        self.origins = Some(self.find_origins());
        self.config.forget_images();
    }

    /// The requests of a compose of `identity` in `dir`, which may be another than the one that is looked at.
    pub fn expand_at(&self, identity: &ComposeIdentity, dir: &ComposeDir) -> Vec<TaskRequest> {
        self.expand_anew(identity, dir).0
    }

    fn expand_anew(&self, identity: &ComposeIdentity, dir: &ComposeDir) -> (Vec<TaskRequest>, Vec<Diagnostic>) {
        expand(&Context { config: &self.config, variants: &self.variants, identity, dir }, &self.selection)
    }

    /// The directory and identity that a run would have now. Creates nothing.
    /// `reopen` allows a FINISHED compose.
    pub fn place(&self, args: &ComposeArgs, reopen: bool) -> Result<(ComposeDir, ComposeIdentity), Failure> {
        if let Some(dir) = &args.compose_dir {
            let dir = ComposeDir::at(&std::path::absolute(dir)?);
            let known = opening::peek_identity(&dir, &self.identity, reopen)?;
            if let Some(known) = &known {
                args.fits(&dir, known)?;
            }
            let identity = known.unwrap_or_else(|| self.identity.clone());
            return Ok((dir, identity));
        }
        let target = args.target_dir.as_deref().unwrap_or(Path::new("."));
        let (dir, respin) = opening::first_free_respin(target, &self.identity)?;
        Ok((dir, ComposeIdentity { respin, ..self.identity.clone() }))
    }
}

/// What a configuration is inspected for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// `check`: a template may be checked, with the values for its variables that lie beside it, against further schemas, and the compose
    /// needs no type or label.
    Check { schema_override: &'a [PathBuf] },
    /// A new compose. As in Pungi, a production compose needs a label or `--no-label`. A configuration that lists images and comes to
    /// none is refused, but with `--allow-empty`.
    New,
    /// A compose that was begun, with the images that were chosen then.
    Begun,
}

/// What becomes of URLs that name a branch.
#[derive(Clone, Copy)]
pub struct Branches<'a> {
    /// Gives the commits that are known already; called when there is such a URL.
    pub known: &'a dyn Fn() -> Result<Commits, Failure>,
    /// Servers are asked for the others.
    pub ask: bool,
}

impl Branches<'_> {
    /// They stay as they are written.
    pub const AS_WRITTEN: Branches<'static> = Branches { known: &|| Ok(Commits::new()), ask: false };

    /// Puts commits in their place in `tree`, for the phases that run.
    fn resolve(
        self,
        tree: &Node,
        config: &ComposeConfig,
        selection: &Selection,
        environment: &Environment,
    ) -> Result<Resolved, Failure> {
        let sections: Vec<_> = selection.active(config).map(ImagePhase::section).collect();
        let mut resolver = None;
        let mut known: Option<Result<Commits, Failure>> = None;
        let mut commit = |url: &BranchUrl<'_>, name: &str| {
            let known = known.get_or_insert_with(self.known);
            match known.as_ref().ok().and_then(|known| known.get(name)) {
                Some(commit) => Ok(Some(commit.clone())),
                None if self.ask && known.is_ok() => {
                    let new = || Resolver::new(environment.children.clone());
                    resolver.get_or_insert_with(new).commit(url).map(Some)
                }
                None => Ok(None),
            }
        };
        let resolved = resolve(tree, &sections, &mut commit);
        known.transpose()?;
        Ok(resolved)
    }
}

/// Reads and checks a configuration, its variants, and its phases.
///
/// An error in one of them keeps the later ones from being looked at only where they cannot be without it.
pub fn inspect(
    args: &ComposeArgs,
    environment: &Environment,
    purpose: Purpose<'_>,
    branches: Branches<'_>,
) -> Result<Inspected, Failure> {
    let path = args.config.as_path();
    let label = args.label()?;
    let (is_check, schema_override) = match purpose {
        Purpose::Check { schema_override } => (true, schema_override),
        Purpose::New | Purpose::Begun => (false, [].as_slice()),
    };
    let mut sources = Sources::new();
    let schema = magudi_phases::schema();
    let defaults = if is_check { load_defaults(path, &mut sources) } else { Ok(Dict::default()) };
    let load = |defaults| load_defined(path, &args.define, &defaults, schema, &mut sources);
    let tree = match defaults.and_then(load) {
        Ok(tree) => tree,
        Err(mut diagnostics) => {
            diagnostics.extend_from_slice(sources.remarks());
            return Err(Failure::invalid(diagnostics, sources));
        }
    };
    let (config, mut diagnostics) = check_all(&tree, schema);
    if !schema_override.is_empty() {
        match load_overrides(schema_override, &mut sources) {
            Ok(overrides) => {
                diagnostics
                    .retain(|found| found.code != &codes::UNKNOWN_OPTION || !has_option(&overrides, &found.path));
                diagnostics.extend(check_overrides(&tree, schema, &overrides));
            }
            Err(found) => diagnostics.extend(found),
        }
    }
    if args.only_own {
        leave_out_others(&mut diagnostics, schema);
    }
    diagnostics.extend(args.former_phases());
    diagnostics.extend_from_slice(sources.remarks());
    let kind = compose_type(config.as_ref(), &tree, args, purpose)?;
    let chosen = Chosen::parse(&args.only, &args.variant)?;
    let selection = Selection { chosen, ..Selection::new(&args.just_phase, &args.skip_phase, &tree) };
    let Some(config) = config else {
        diagnostics.extend(check_alone(&tree, &selection));
        return Err(Failure::invalid(diagnostics, sources));
    };
    let Resolved { tree: resolved, commits, diagnostics: found } =
        branches.resolve(&tree, &config, &selection, environment)?;
    diagnostics.extend(found);
    let config = match resolved.and_then(|tree| check_all(&tree, magudi_phases::schema()).0) {
        Some(resolved) => resolved,
        None => config,
    };
    let (mut variants, variants_path) = match load_variants(&config, path, &mut sources) {
        Ok(loaded) => loaded,
        Err(found) => {
            diagnostics.extend(found);
            diagnostics.extend(check_alone(&tree, &selection));
            return Err(Failure::invalid(diagnostics, sources));
        }
    };
    let plain = |list: &[magudi_config::Text]| list.iter().map(|item| item.as_str().to_owned()).collect::<Vec<_>>();
    diagnostics.extend(check_filters(&variants, &config.tree_arches, &config.tree_variants));
    let excluded = variants.filter(&plain(&config.tree_arches), &plain(&config.tree_variants));
    diagnostics.extend(check_variants(&variants));
    if !args.only_own {
        let pairs = tree.as_dict().and_then(|options| options.get(LOOKASIDE));
        diagnostics.extend(check_lookaside(&variants, pairs));
    }
    if purpose != Purpose::Begun && !selection.chosen.is_all() {
        let images: Vec<(&str, &str)> = listed(&config, &variants, &selection).collect();
        check_chosen(&selection.chosen, &images)?;
    }
    let date = compose_date(environment.source_date_epoch)?;
    let identity = ComposeIdentity::from_config(&config, date, kind, label, args.supported);
    let mut inspected = Inspected {
        config,
        variants,
        variants_path,
        excluded,
        identity,
        selection,
        diagnostics,
        sources,
        commits,
        expected: None,
        origins: None,
    };
    // What is wrong does not depend on the place, so any will do where there is none; a caller that needs one finds out why.
    let anywhere = |_| (ComposeDir::at(Path::new("/compose")), inspected.identity.clone());
    let (dir, identity) = inspected.place(args, true).unwrap_or_else(anywhere);
    let (requests, found) = inspected.expand_anew(&identity, &dir);
    let is_left_empty = requests.is_empty() && !args.allow_empty && purpose != Purpose::Begun;
    let nothing = is_left_empty.then(|| nothing_to_build(&inspected.config, &inspected.selection, &found)).flatten();
    inspected.expected = Some((dir, identity, requests));
    inspected.diagnostics.extend(found);
    // After another error it may be its consequence.
    if !has_errors(&inspected.diagnostics) {
        inspected.diagnostics.extend(nothing);
    }
    if has_errors(&inspected.diagnostics) {
        return Err(Failure::invalid(inspected.diagnostics, inspected.sources));
    }
    Ok(inspected)
}

/// The compose type: the option's, else the configuration's, else production (facts: compose 2).
fn compose_type(
    config: Option<&ComposeConfig>,
    tree: &magudi_config::Node,
    args: &ComposeArgs,
    purpose: Purpose<'_>,
) -> Result<ComposeType, Failure> {
    let configured = match config {
        Some(config) => config.compose_type.clone(),
        None => tree.as_dict().and_then(|dict| dict.get("compose_type")?.text()),
    };
    let configured = configured.and_then(|name| ComposeType::parse(name.as_str()).ok());
    let kind = args.kind.0.or(configured).unwrap_or(ComposeType::Production);
    let labelled = args.label.is_some() || args.no_label;
    let is_needed = !matches!(purpose, Purpose::Check { .. });
    if is_needed && kind == ComposeType::Production && !labelled {
        return Err(Failure::usage(
            "a production compose needs a label: give --label or --no-label, or another type such as --nightly"
                .to_owned(),
        ));
    }
    Ok(kind)
}
