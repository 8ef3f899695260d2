//! A *phase* turns one section of the configuration into task requests, and what the tasks built into images.

use crate::repos::Resolver;
use magudi_compose::deliverables::Deliverable;
use magudi_compose::identity::ComposeIdentity;
use magudi_compose::layout::ComposeDir;
use magudi_compose::variants::{Variant, Variants};
use magudi_config::compose_config::{Image, SectionConfig};
use magudi_config::{ComposeConfig, Diagnostic, Section, Span};
use magudi_engine::artifact::{Artifact, BuiltFile, NotAnImage};
use magudi_engine::method::Method;
use magudi_engine::plan::{About, Keywords, TaskRequest};
use serde_json::Value as Json;
use std::fmt::Debug;
use std::sync::Arc;

/// All that an expansion may look at. There is no network in it, and no disk.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
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
    pub diagnostics: Vec<Diagnostic>,
}

/// How many further places a diagnostic shows that is about many.
pub const MAX_PLACES: usize = 2;

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

impl<'a> Context<'a> {
    /// What repositories and trees are resolved against; builders put an arch in the place of `arch`.
    pub fn resolver(&self, arch: &'static str) -> Resolver<'a> {
        let translate_paths = &self.config.translate_paths;
        Resolver { variants: self.variants, dir: self.dir, translate_paths, arch }
    }
}

/// An image in one of the variants that it is built for.
#[derive(Debug)]
pub struct VariantImage<'a> {
    pub image: &'a Image,
    /// The section that it stands in, with what it inherits.
    pub section: &'a SectionConfig,
    pub variant: &'a Variant,
    /// What is around it.
    pub context: &'a Context<'a>,
    /// All that follows from the keys that every phase has.
    pub about: About,
    /// The repositories, the variant's own one last (facts: expansion 10).
    pub repositories: Vec<Json>,
}

impl VariantImage<'_> {
    /// The arches that the task may fail to build: those that are built of the ones that `failable` lists, in its order; all of
    /// them where it has a `*` (facts: builders 14).
    pub fn optional_arches(&self) -> Vec<Arc<str>> {
        let built = &self.about.arches;
        let mut optional: Vec<Arc<str>> = Vec::new();
        for listed in self.image.items("failable") {
            if listed.value == "*" {
                return built.to_vec();
            }
            let arch = built.iter().find(|arch| ***arch == *listed.value);
            optional.extend(arch.filter(|arch| !optional.contains(arch)).cloned());
        }
        optional
    }

    /// A variant's install tree: of the one that `install_tree_from` names, or of the image's own.
    pub fn install_tree(&self, resolver: &Resolver<'_>) -> String {
        let named = self.image.text("install_tree_from").and_then(|uid| resolver.variants.get(uid.value));
        resolver.tree_of(named.unwrap_or(self.variant))
    }
}

pub fn sent(arches: &[Arc<str>]) -> Json {
    arches.iter().map(|arch| Json::from(&**arch)).collect()
}

/// The call of a phase's method for one image, and what it is about.
#[derive(Debug)]
pub struct Call {
    pub args: Vec<Json>,
    pub keywords: Keywords,
    /// Whether the compose continues without the image.
    pub failable: bool,
    pub about: About,
}

impl Call {
    /// A call whose task may fail to build `optional` arches; the compose continues without the image when those are all.
    pub fn by_arch(args: Vec<Json>, keywords: Keywords, optional: Vec<Arc<str>>, about: About) -> Self {
        let failable = !optional.is_empty() && optional.len() == about.arches.len();
        Self { args, keywords, failable, about: About { optional_arches: optional, ..about } }
    }
}

/// What images.json is going to say of the files of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected<'r> {
    pub image_type: &'r str,
    pub format: &'r str,
}

/// What dnf puts the arch in the place of.
pub const BASEARCH: &str = "$basearch";

/// A phase whose work is done by tasks of the hub.
pub trait ImagePhase: Debug + Sync {
    fn section(&self) -> &'static Section;

    /// The name, as Pungi's command line and logs have it.
    fn name(&self) -> &'static str {
        self.section().name
    }

    /// Whether the configuration asks for anything.
    fn is_configured(&self, config: &ComposeConfig) -> bool {
        config.section(self.name()).is_some_and(|section| !section.is_empty())
    }

    /// What its builders put the arch in the place of, in URLs of repositories.
    fn arch_variable(&self) -> &'static str {
        "$arch"
    }

    /// Whether they do so with `$basearch`, too.
    fn knows_basearch(&self) -> bool {
        self.arch_variable() == BASEARCH
    }

    fn method(&self) -> &'static Method;

    /// Finds what is wrong with an image whatever the variant, beside what is the same for all phases.
    fn check(&self, _image: &Image, _context: &Context<'_>) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// The call for an image in a variant. None when what is asked for has no form, of which a diagnostic tells.
    fn call(&self, asked: VariantImage<'_>) -> Option<Call>;

    /// What images.json will say of the files that are usually made for a request; none for files that do not get there.
    fn expected<'r>(&self, request: &'r TaskRequest) -> Option<Expected<'r>>;

    /// What its images are called in deliverables.json.
    fn kind(&self) -> &'static str {
        self.name()
    }

    /// What a request counts as there.
    fn deliverable(&self, request: &TaskRequest) -> Deliverable {
        Deliverable::of_variant(&request.variant)
    }

    /// What a file that a task has made becomes in the compose; `None` for one that is not an image.
    fn describe(&self, request: &TaskRequest, file: &BuiltFile) -> Result<Option<Artifact>, NotAnImage>;
}

/// Phases, in the order in which their images are asked for.
pub type Phases = &'static [&'static dyn ImagePhase];

pub fn find(phases: Phases, name: &str) -> Option<&'static dyn ImagePhase> {
    phases.iter().copied().find(|phase| phase.name() == name)
}
