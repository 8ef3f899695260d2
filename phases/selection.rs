//! Which phases and images a run makes, and their requests: what `check` and `plan` need of a compose, without one.

use crate::PHASES;
use crate::chosen::Chosen;
use crate::expand;
use crate::phase::{Context, Expansion, ImagePhase, Origin, Phases};
use magudi_compose::variants::Variants;
use magudi_config::{ComposeConfig, Diagnostic, Node};
use magudi_engine::plan::TaskRequest;

/// Which phases there are, and which of them and of their images were asked for (facts: command-line 4).
#[derive(Debug, Clone)]
pub struct Selection {
    pub phases: Phases,
    /// `--just-phase`; empty for all.
    pub just: Vec<String>,
    /// `--skip-phase` and `skip_phases`.
    pub skip: Vec<String>,
    /// `--only` and `--variant`.
    pub chosen: Chosen,
}

/// All of [`PHASES`].
impl Default for Selection {
    fn default() -> Self {
        Self { phases: PHASES, just: Vec::new(), skip: Vec::new(), chosen: Chosen::default() }
    }
}

impl Selection {
    /// The selection of a command line and a configuration.
    pub fn new(just: &[String], skip: &[String], tree: &Node) -> Self {
        let listed = tree.as_dict().and_then(|tree| tree.get("skip_phases")?.as_array()).unwrap_or_default();
        let listed = listed.iter().filter_map(|name| name.as_str().map(str::to_owned));
        Self { just: just.to_vec(), skip: skip.iter().cloned().chain(listed).collect(), ..Self::default() }
    }

    /// Why a phase does not run; `None` when it does.
    pub fn skipped(&self, phase: &dyn ImagePhase, config: &ComposeConfig) -> Option<String> {
        let name = phase.name();
        self.unwanted(name)
            .or_else(|| (!phase.is_configured(config)).then(|| format!("Config section '{name}' was not found")))
    }

    /// Why a phase of that name is not wanted; `None` when it is.
    pub(crate) fn unwanted(&self, name: &str) -> Option<String> {
        if !self.just.is_empty() && !self.just.iter().any(|just| just == name) {
            return Some(format!("Phase {name} is not in --just-phase"));
        }
        let skipped = self.skip.iter().any(|skip| skip == name);
        skipped.then(|| format!("Phase {name} is in skip_phases or --skip-phase"))
    }

    pub fn active<'a>(&'a self, config: &'a ComposeConfig) -> impl Iterator<Item = &'static dyn ImagePhase> + 'a {
        self.phases.iter().copied().filter(|phase| self.skipped(*phase, config).is_none())
    }
}

/// Expands every phase that runs: the requests in expansion order, and what is wrong.
pub fn expand(context: &Context<'_>, selection: &Selection) -> (Vec<TaskRequest>, Vec<Diagnostic>) {
    let phases = selection.active(context.config).map(|phase| expand::expand(phase, context, &selection.chosen));
    let mut phases = phases.collect::<Vec<_>>().into_iter();
    // What the first phase asks for is most of a plan, if not all: it is not copied.
    let Expansion { mut requests, mut diagnostics } = phases.next().unwrap_or_default();
    requests.reserve_exact(phases.as_slice().iter().map(|expansion| expansion.requests.len()).sum());
    for expansion in phases {
        requests.extend(expansion.requests);
        diagnostics.extend(expansion.diagnostics);
    }
    (requests, diagnostics)
}

/// Where the requests of [`expand()`] come from, in the same order.
pub fn origins(context: &Context<'_>, selection: &Selection) -> Vec<Origin> {
    selection.active(context.config).flat_map(|phase| expand::origins(phase, context, &selection.chosen)).collect()
}

/// The images of the phases that run, whichever are chosen: variant and name.
pub fn listed<'a>(
    config: &'a ComposeConfig,
    variants: &'a Variants,
    selection: &'a Selection,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    selection.active(config).flat_map(|phase| expand::listed(phase.name(), config, variants))
}

/// What is wrong with the sections of the phases that run, whatever stands elsewhere: all that can be said of them when other
/// options or the variants cannot be used.
pub fn check_alone(tree: &Node, selection: &Selection) -> Vec<Diagnostic> {
    let section = |phase: &dyn ImagePhase| tree.as_dict().and_then(|tree| tree.get(phase.name()));
    let wanted = selection.phases.iter().filter(|phase| selection.unwanted(phase.name()).is_none());
    wanted.filter_map(|phase| Some(expand::check_patterns(phase.section(), section(*phase)?))).flatten().collect()
}
