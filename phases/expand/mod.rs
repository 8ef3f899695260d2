//! *Expanding* the section of a phase, in the same way for every phase: which images are built for which variants and arches,
//! with which version, release, target and repositories (facts: expansion 1, expansion 6, expansion 10). What is asked for with all that is the phase's.
//!
//! Images are expanded one by one, each is looked at for what is wrong with it (`checks`), and all together for what they take
//! from each other (`clashes`).

mod checks;
mod clashes;

pub use checks::{check_needed, remark_on_type, unnameable};

use crate::chosen::Chosen;
use crate::phase::{Call, Context, Expansion, ImagePhase, Origin, Place, VariantImage};
use crate::repos::Resolver;
use crate::version::{UnknownGenerator, generate};
use checks::unsendable;
use magudi_compose::variants::{Variant, Variants};
use magudi_config::codes;
use magudi_config::compose_config::{Image, Images, SectionConfig};
use magudi_config::dump::to_json;
use magudi_config::pattern::Pattern;
use magudi_config::{ComposeConfig, Diagnostic, Node, Section, Span, Value};
use magudi_engine::plan::{About, TaskRequest};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// A request and the image that it came from.
struct Planned<'a> {
    image: &'a Image,
    request: TaskRequest,
}

/// The requests of a phase for chosen images in expansion order, and what is wrong with its section.
pub fn expand(phase: &dyn ImagePhase, context: &Context<'_>, chosen: &Chosen) -> Expansion {
    let Some(section) = context.config.section(phase.name()) else { return Expansion::default() };
    let (planned, mut diagnostics) = planned(phase, context, chosen, section);
    diagnostics.extend(clashes::same_nvr(&planned));
    diagnostics.extend(clashes::same_identity(phase, &planned));
    let requests = planned.into_iter().map(|planned| planned.request).collect();
    Expansion { requests, diagnostics }
}

/// Where the requests of [`expand`] come from, in the same order.
pub fn origins(phase: &dyn ImagePhase, context: &Context<'_>, chosen: &Chosen) -> Vec<Origin> {
    let Some(section) = context.config.section(phase.name()) else { return Vec::new() };
    planned(phase, context, chosen, section).0.into_iter().map(|planned| Origin::of(section, planned.image)).collect()
}

fn planned<'a>(
    phase: &'a dyn ImagePhase,
    context: &'a Context<'a>,
    chosen: &'a Chosen,
    section: &'a SectionConfig,
) -> (Vec<Planned<'a>>, Vec<Diagnostic>) {
    let mut expander = Expander {
        phase,
        context,
        chosen,
        schema: phase.section(),
        section,
        requests: Vec::new(),
        own_repository: String::new(),
        without_arch: Vec::new(),
        built: BTreeMap::new(),
        diagnostics: Vec::new(),
        local: BTreeMap::new(),
        odd: BTreeSet::new(),
        said: BTreeSet::new(),
        known_arches: Vec::new(),
    };
    expander.run();
    (expander.requests, expander.diagnostics)
}

/// The images that the section of a phase lists for each variant: variant and name.
pub fn listed<'a>(
    phase: &str,
    config: &'a ComposeConfig,
    variants: &'a Variants,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let sections = config.section(phase).into_iter().flat_map(|section| &section.patterns);
    sections.filter_map(|section| Some((section, Pattern::parse(&section.pattern.value).ok()?))).flat_map(
        |(section, pattern)| {
            let matching = variants.ordered().filter(move |variant| pattern.is_match(&variant.uid).unwrap_or(false));
            matching.flat_map(|variant| section.images.iter().map(|image| (&*variant.uid, image.label())))
        },
    )
}

/// Patterns of a section that are no regular expressions. Whether an image is looked at depends on what they match.
pub fn check_patterns(schema: &Section, section: &Node) -> Vec<Diagnostic> {
    let patterns = section.as_dict().into_iter().flat_map(|section| &section.entries);
    patterns.filter_map(|(key, _)| parse(schema, key.as_str()?, key.span).err()).collect()
}

/// A pattern of variants.
fn parse(schema: &Section, text: &str, span: Span) -> Result<Pattern, Diagnostic> {
    Pattern::parse(text).map_err(|reason| {
        let message = format!("variant pattern `{text}` is not a regular expression: {reason}");
        Diagnostic::new(&codes::BAD_PATTERN, format!("{}.{text}", schema.name), message).at(span)
    })
}

/// A key with a repository of an image.
struct Local<'a> {
    image: &'a Image,
    place: Place,
}

/// The state of expanding a compose.
struct Expander<'a> {
    phase: &'a dyn ImagePhase,
    context: &'a Context<'a>,
    /// The images that are expanded.
    chosen: &'a Chosen,
    /// The phase's table.
    schema: &'static Section,
    section: &'a SectionConfig,
    requests: Vec<Planned<'a>>,
    /// The repository of the variant that is being expanded.
    own_repository: String,
    /// Images, each with a variant that it has no arch in common with.
    without_arch: Vec<(&'a Image, &'a Variant)>,
    /// Path of an image that lists arches that may fail -> the image, and all arches that it is built for.
    built: BTreeMap<&'a str, (&'a Image, BTreeSet<&'a str>)>,
    diagnostics: Vec<Diagnostic>,
    /// Repositories that are local paths, as they are sent, with the keys that lead to them.
    local: BTreeMap<String, Vec<Local<'a>>>,
    /// Paths of images that cannot be sent, or not be built, as was reported.
    odd: BTreeSet<String>,
    /// What was said of a key that many images inherit: the code, and the path.
    said: BTreeSet<(&'static str, String)>,
    /// Lists of arches that requests have.
    known_arches: Vec<Arc<[Arc<str>]>>,
}

impl<'a> Expander<'a> {
    fn run(&mut self) {
        let context = self.context;
        let sections: Vec<(&Images, Option<Pattern>)> =
            self.section.patterns.iter().map(|section| (section, self.pattern(section))).collect();
        let mut unused: BTreeSet<usize> = (0..sections.len()).collect();
        // A problem of an image is reported once, not again for each variant that the image is built for.
        let mut checked: HashSet<(usize, usize)> = HashSet::new();
        for variant in context.variants.ordered() {
            self.own_repository = self.resolver().of_variant(variant);
            for (number, (section, pattern)) in sections.iter().enumerate() {
                if !pattern.as_ref().is_some_and(|pattern| self.matches(section, pattern, variant)) {
                    continue;
                }
                unused.remove(&number);
                for (place, image) in section.images.iter().enumerate() {
                    if !self.chosen.takes(&variant.uid, image.label()) {
                        continue;
                    }
                    let sound = !checked.insert((number, place)) || self.check(image);
                    if sound {
                        self.expand(image, variant);
                    }
                }
            }
        }
        self.report_without_arch();
        self.report_failable();
        self.report_local();
        // Of what is left out nothing is said, be it left out by its variant or by its name.
        for number in unused.into_iter().filter(|_| self.chosen.is_all()) {
            let (section, pattern) = &sections[number];
            if pattern.is_some() {
                let text = &section.pattern.value;
                let diagnostic = Diagnostic::new(
                    &codes::UNUSED_PATTERN,
                    format!("{}.{text}", self.schema.name),
                    format!("pattern `{text}` does not match any variant"),
                );
                let help = self.near_pattern(text);
                self.report(diagnostic.at(section.pattern.span).help(help));
            }
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Reports what is found at a key that other images may inherit, too: it is said once.
    fn report_once(&mut self, diagnostic: Diagnostic) {
        if self.said.insert((diagnostic.code.id, diagnostic.path.clone())) {
            self.report(diagnostic);
        }
    }

    fn pattern(&mut self, section: &Images) -> Option<Pattern> {
        parse(self.schema, &section.pattern.value, section.pattern.span)
            .map_err(|diagnostic| self.report(diagnostic))
            .ok()
    }

    fn matches(&mut self, section: &Images, pattern: &Pattern, variant: &Variant) -> bool {
        match pattern.is_match(&variant.uid) {
            Ok(answer) => answer,
            Err(reason) => {
                let path = format!("{}.{}", self.schema.name, section.pattern.value);
                let message = format!("variant pattern cannot be tried on `{}`: {reason}", variant.uid);
                self.report(Diagnostic::new(&codes::BAD_PATTERN, path, message).at(section.pattern.span));
                false
            }
        }
    }

    fn resolver(&self) -> Resolver<'a> {
        self.context.resolver(self.phase.arch_variable())
    }

    /// The value of a key for an image: its own, the phase's or the global one.
    fn setting<'i>(&self, image: &'i Image, key: &str) -> Option<&'i Node>
    where
        'a: 'i,
    {
        self.section.setting(image, key)
    }

    fn target(&self, image: &Image) -> Option<Arc<str>> {
        Some(self.section.setting(image, "target")?.text()?.value)
    }

    /// The list of arches, shared with the requests before: most images of a compose have the same.
    fn arches(&mut self, arches: &[&str]) -> Arc<[Arc<str>]> {
        let known = self.known_arches.iter().find(|known| known.iter().map(|arch| &**arch).eq(arches.iter().copied()));
        known.cloned().unwrap_or_else(|| {
            let new: Arc<[Arc<str>]> = arches.iter().map(|arch| Arc::from(*arch)).collect();
            self.known_arches.push(Arc::clone(&new));
            new
        })
    }

    /// The request for `image` in `variant`; nothing when no arch is left (facts: expansion 3, image-build 4).
    fn expand(&mut self, image: &'a Image, variant: &'a Variant) {
        let have: BTreeSet<&str> = variant.arches.iter().map(String::as_str).filter(|arch| *arch != "src").collect();
        let arches: Vec<&str> = match image.texts("arches") {
            None => have.into_iter().collect(),
            Some(wanted) => {
                let wanted: BTreeSet<&str> = wanted.value.iter().map(|arch| arch.value).collect();
                have.intersection(&wanted).copied().collect()
            }
        };
        if arches.is_empty() {
            self.without_arch.push((image, variant));
            return;
        }
        self.built.entry(&image.path).or_insert((image, BTreeSet::new())).1.extend(arches.iter().copied());
        let Some(target) = self.target(image) else { return };
        let (Ok(version), Ok(release)) = (self.version(image), self.release(image)) else { return };
        let about = About {
            name: image.shared(self.schema.label).unwrap_or_default(),
            arches: self.arches(&arches),
            version: version.into(),
            release: release.filter(|release| !release.is_empty()).map(Into::into),
            target,
            manifest_type: image.shared("manifest_type").filter(|kind| !kind.is_empty()),
            ..About::default()
        };
        let repositories = self.repositories(image, variant);
        let asked = VariantImage { image, section: self.section, variant, context: self.context, about, repositories };
        let Some(Call { args, keywords, failable, about }) = self.phase.call(asked) else { return };
        let request = TaskRequest {
            phase: self.schema.name,
            variant: variant.uid.clone(),
            subvariant: image.text("subvariant").map_or(&*variant.uid, |subvariant| subvariant.value).to_owned(),
            failable,
            method: self.phase.method(),
            args,
            keywords,
            about,
        };
        if let Some(message) = unsendable(&request) {
            // Of one image the same for every variant.
            if self.odd.insert(image.path.clone()) {
                let diagnostic = Diagnostic::new(&codes::NOT_SENDABLE, image.path.clone(), message);
                self.report(diagnostic.at(image.label_span()));
            }
            return;
        }
        if let Some(message) = unnameable(&request)
            && self.odd.insert(image.path.clone())
        {
            let diagnostic = Diagnostic::new(&codes::UNSAFE_NAME, image.path.clone(), message);
            self.report(diagnostic.at(image.label_span()));
        }
        self.check_hyphens(image, &request.about);
        self.requests.push(Planned { image, request });
    }

    fn version(&self, image: &Image) -> Result<String, UnknownGenerator> {
        let given = self.setting(image, "version").and_then(Node::python_text).unwrap_or_default();
        let version = generate(&given, self.context.identity)?;
        Ok(if version.is_empty() { self.context.identity.image_version() } else { version })
    }

    /// The release to send; none when no key gives one, so that the hub decides. An empty or null one is generated.
    fn release(&self, image: &Image) -> Result<Option<String>, UnknownGenerator> {
        let identity = self.context.identity;
        let Some(given) = self.setting(image, "release") else { return Ok(None) };
        let release = generate(&given.python_text().unwrap_or_default(), identity)?;
        Ok(Some(if release.is_empty() { identity.image_release() } else { release }))
    }

    /// The repositories that an image lists: the key, the place in its list if it is one, and what stands there.
    fn listed_repositories<'i>(
        &self,
        image: &'i Image,
    ) -> impl Iterator<Item = (&'static str, Option<usize>, &'i Node)> {
        let keys = self.schema.own_keys().iter().map(|key| key.name);
        let keys = keys.filter(|name| matches!(*name, "repo" | "repos" | "repo_from"));
        let given = keys.filter_map(|key| Some((key, image.get(key)?)));
        given.flat_map(|(key, node)| {
            let (items, alone) = match node.as_array() {
                Some(items) => (items, None),
                None => (&[][..], Some(node).filter(|node| !matches!(node.value, Value::Null))),
            };
            let items = items.iter().enumerate().map(move |(place, item)| (key, Some(place), item));
            items.chain(alone.map(|node| (key, None, node)))
        })
    }

    /// The repositories of an image, the variant's own one last (facts: expansion 10).
    fn repositories(&self, image: &Image, variant: &Variant) -> Vec<Json> {
        let resolver = self.resolver();
        let resolve = |text: &str| resolver.resolve(text).unwrap_or_else(|| text.to_owned());
        let mut repositories: Vec<Json> = self
            .listed_repositories(image)
            .map(|(_, _, entry)| {
                let Some(dict) = entry.as_dict() else {
                    return Json::from(resolve(entry.as_str().unwrap_or_default()));
                };
                let baseurl = dict.get("baseurl").and_then(Node::as_str).unwrap_or_default();
                let mut repository = Map::new();
                repository.insert("baseurl".to_owned(), Json::from(resolve(baseurl)));
                if let Some(Ok(sets)) = dict.get("package_sets").map(to_json) {
                    repository.insert("package_sets".to_owned(), sets);
                }
                Json::Object(repository)
            })
            .collect();
        let is_listed = self.listed_repositories(image).any(|(_, _, entry)| entry.as_str() == Some(&variant.uid));
        if !variant.is_empty && !is_listed {
            repositories.push(Json::from(self.own_repository.as_str()));
        }
        repositories
    }
}
