//! A *phase* turns one section of the configuration into task requests, and what the tasks built into images.

use magudi_compose::identity::ComposeIdentity;
use magudi_compose::layout::ComposeDir;
use magudi_compose::variants::Variants;
use magudi_config::{ComposeConfig, Diagnostic, Node, Section};
use magudi_engine::artifact::Artifact;
use magudi_engine::plan::TaskRequest;
use magudi_koji::calls::Archive;

/// All that an expansion may look at. There is no network in it, and no disk.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The checked configuration.
    pub config: &'a ComposeConfig,
    /// The variants, filtered.
    pub variants: &'a Variants,
    /// Release, id, label, date.
    pub identity: &'a ComposeIdentity,
    /// Where the compose is or will be.
    pub dir: &'a ComposeDir,
}

/// What a phase wants built, and what is wrong with its section.
#[derive(Debug, Default)]
pub struct Expansion {
    /// The requests, in expansion order.
    pub requests: Vec<TaskRequest>,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// A phase whose work is done by tasks of the hub.
pub trait ImagePhase: Sync {
    /// Its part of the configuration.
    fn section(&self) -> &'static Section;

    /// The name, as Pungi's command line and logs have it.
    fn name(&self) -> &'static str {
        self.section().name
    }

    /// Whether the configuration asks for anything.
    fn is_configured(&self, config: &ComposeConfig) -> bool {
        config.section(self.name()).is_some_and(|section| !section.is_empty())
    }

    /// Expands the phase's section per variant and arch.
    fn expand(&self, context: &Context<'_>) -> Expansion;

    /// Finds what is wrong with the section whatever stands elsewhere, beside what the schema says of it.
    fn check_alone(&self, section: &Node) -> Vec<Diagnostic>;

    /// What an archive of a finished build becomes in the compose; `None` for one that is not an image.
    fn describe(&self, request: &TaskRequest, archive: &Archive) -> Result<Option<Artifact>, String>;
}
