//! A *phase* turns one section of the configuration into task requests, and what the tasks built into images.

use magudi_compose::identity::ComposeIdentity;
use magudi_compose::layout::ComposeDir;
use magudi_compose::variants::Variants;
use magudi_config::compose_config::{Image, SectionConfig};
use magudi_config::{ComposeConfig, Diagnostic, Node, Section, Span};
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

/// A key of the configuration.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its dotted path.
    pub path: String,
    /// Where its value stands.
    pub span: Span,
}

/// Where the parts of a request come from, for what is said of them later.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The image's name, or what names it.
    pub name: Place,
    /// The build target, of the image itself or of many.
    pub target: Place,
}

impl Origin {
    /// Where the requests of an image come from.
    pub fn of(section: &SectionConfig, image: &Image) -> Self {
        let name = Place { path: image.path_of(section.schema.label), span: image.label_span() };
        let target = section.place(image, "target").map(|(path, span)| Place { path, span });
        Self { target: target.unwrap_or_else(|| name.clone()), name }
    }
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

    /// Where the requests of [`expand`](Self::expand) come from, in the same order.
    fn origins(&self, context: &Context<'_>) -> Vec<Origin>;

    /// Finds what is wrong with the section whatever stands elsewhere, beside what the schema says of it.
    fn check_alone(&self, section: &Node) -> Vec<Diagnostic>;

    /// What an archive of a finished build becomes in the compose; `None` for one that is not an image.
    fn describe(&self, request: &TaskRequest, archive: &Archive) -> Result<Option<Artifact>, String>;
}
