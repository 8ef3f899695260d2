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
use magudi_compose::identity::ComposeIdentity;
use magudi_compose::variants::{Variant, Variants};
use magudi_config::codes;
use magudi_config::compose_config::{Image, Images, SectionConfig};
use magudi_config::dump::to_json;
use magudi_config::pattern::Pattern;
use magudi_config::{ComposeConfig, Diagnostic, Node, Section, Span, Value};
use magudi_engine::plan::{About, TaskRequest};
use rayon::prelude::*;
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};
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
    let (same_nvr, same_identity) = (|| clashes::same_nvr(&planned), || clashes::same_identity(phase, &planned));
    let (builds, images) =
        if planned.len() <= PART { (same_nvr(), same_identity()) } else { rayon::join(same_nvr, same_identity) };
    diagnostics.extend(builds);
    diagnostics.extend(images);
    let requests = planned.into_iter().map(|planned| planned.request).collect();
    Expansion { requests, diagnostics }
}

/// Where the requests of [`expand`] come from, in the same order.
pub fn origins(phase: &dyn ImagePhase, context: &Context<'_>, chosen: &Chosen) -> Vec<Origin> {
    let Some(section) = context.config.section(phase.name()) else { return Vec::new() };
    planned(phase, context, chosen, section).0.into_iter().map(|planned| Origin::of(section, planned.image)).collect()
}

/// How many images are expanded by one thread at a time: another one would not help with fewer.
const PART: usize = 256;

fn planned<'a>(
    phase: &'a dyn ImagePhase,
    context: &'a Context<'a>,
    chosen: &'a Chosen,
    section: &'a SectionConfig,
) -> (Vec<Planned<'a>>, Vec<Diagnostic>) {
    let expander = Expander { phase, context, chosen, schema: phase.section(), section };
    let mut found = Found::default();
    let resolver = expander.resolver();
    let variants: Vec<Target<'_>> = context.variants.ordered().map(|variant| Target::new(variant, resolver)).collect();
    let (asked, unused) = expander.asked(&variants, &mut found);
    // Each request has its place, so that none is moved when all are there.
    let mut requests: Vec<Option<Planned<'a>>> = Vec::new();
    requests.resize_with(asked.len(), || None);
    let part = |(asked, requests): (&[Asked<'a, '_>], &mut [Option<Planned<'a>>])| {
        let mut part = Found::default();
        for (asked, request) in asked.iter().zip(requests) {
            *request = expander.take(asked, &mut part);
        }
        part
    };
    if asked.len() <= PART {
        found.add(part((&asked, &mut requests)));
    } else {
        let places = requests.par_chunks_mut(PART);
        let parts: Vec<Found<'_>> = asked.par_chunks(PART).zip(places).map(part).collect();
        for part in parts {
            found.add(part);
        }
    }
    expander.report_all(&unused, &mut found);
    #[expect(clippy::filter_map_identity, reason = "flatten() would copy them, and take twice the room")]
    let planned = requests.into_iter().filter_map(|planned| planned).collect();
    (planned, found.said.into_iter().map(|said| said.diagnostic).collect())
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

/// A variant that images are built for, and what they all have from it.
struct Target<'a> {
    variant: &'a Variant,
    /// Its binary arches, sorted.
    arches: Vec<&'a str>,
    /// Its own repository.
    repository: String,
}

impl<'a> Target<'a> {
    fn new(variant: &'a Variant, resolver: Resolver<'_>) -> Self {
        let arches: BTreeSet<&str> = variant.arches.iter().map(String::as_str).filter(|arch| *arch != "src").collect();
        Self { variant, arches: arches.into_iter().collect(), repository: resolver.of_variant(variant) }
    }
}

/// An image that is asked for in a variant.
struct Asked<'a, 't> {
    image: &'a Image,
    target: &'t Target<'a>,
    /// No variant before has it: what is wrong with it is reported once, not again for each variant.
    is_first: bool,
}

/// A key with a repository of an image.
struct Local<'a> {
    image: &'a Image,
    place: Place,
}

/// What is said of a section.
struct Said {
    diagnostic: Diagnostic,
    /// Many images may inherit the key that it is about: it is said once.
    once: bool,
}

/// The arches of a request, sorted.
type Arches = Arc<[Arc<str>]>;

/// What was found while some images were expanded.
#[derive(Default)]
struct Found<'a> {
    /// Images, each with a variant that it has no arch in common with.
    without_arch: Vec<(&'a Image, &'a Variant)>,
    /// Images that list arches that may fail, each with the arches that it is built for in one variant.
    built: Vec<(&'a Image, Arches)>,
    said: Vec<Said>,
    /// Code and path of what was said once.
    known: BTreeSet<(&'static str, String)>,
    /// Repositories that are local paths, as they are sent, with the keys that lead to them.
    local: BTreeMap<String, Vec<Local<'a>>>,
    shared: Shared,
}

/// What requests have in common is there once.
#[derive(Default)]
struct Shared {
    arches: Vec<Arches>,
    /// What generators made.
    generated: Vec<(Arc<str>, Arc<str>)>,
}

impl Shared {
    /// The list of arches: most images of a compose have the same.
    fn arches(&mut self, arches: &[&str]) -> Arches {
        let known = self.arches.iter().find(|known| known.iter().map(|arch| &**arch).eq(arches.iter().copied()));
        known.cloned().unwrap_or_else(|| {
            let new: Arches = arches.iter().map(|arch| Arc::from(*arch)).collect();
            self.arches.push(Arc::clone(&new));
            new
        })
    }

    /// A version or release that is written as `node`, with what its generator makes of it; empty of what is false.
    fn generated(&mut self, node: &Node, identity: &ComposeIdentity) -> Result<Arc<str>, UnknownGenerator> {
        let Some(text) = node.text() else {
            return Ok(node.python_text().filter(|_| node.is_truthy()).unwrap_or_default().into());
        };
        if !text.value.starts_with('!') {
            return Ok(text.value);
        }
        if let Some((_, known)) = self.generated.iter().find(|(name, _)| *name == text.value) {
            return Ok(Arc::clone(known));
        }
        let new: Arc<str> = generate(&text.value, identity)?.into();
        self.generated.push((text.value, Arc::clone(&new)));
        Ok(new)
    }
}

impl<'a> Found<'a> {
    /// Adds what was found with the images behind these.
    fn add(&mut self, part: Self) {
        self.without_arch.extend(part.without_arch);
        self.built.extend(part.built);
        for said in part.said {
            if said.once { self.report_once(said.diagnostic) } else { self.report(said.diagnostic) }
        }
        for (url, uses) in part.local {
            self.local.entry(url).or_default().extend(uses);
        }
    }

    /// Remembers a repository that is written as a local path, and sent as one. Where those of variants are is another question:
    /// it depends on the place of the compose.
    fn add_local(&mut self, image: &'a Image, sent: String, place: Place) {
        self.local.entry(sent).or_default().push(Local { image, place });
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.said.push(Said { diagnostic, once: false });
    }

    /// Reports what is found at a key that other images may inherit, too, or of an image whatever the variant: it is said once.
    fn report_once(&mut self, diagnostic: Diagnostic) {
        if self.known.insert((diagnostic.code.id, diagnostic.path.clone())) {
            self.said.push(Said { diagnostic, once: true });
        }
    }
}

/// What is needed to expand a section.
struct Expander<'a> {
    phase: &'a dyn ImagePhase,
    context: &'a Context<'a>,
    /// The images that are expanded.
    chosen: &'a Chosen,
    /// The phase's table.
    schema: &'static Section,
    section: &'a SectionConfig,
}

impl<'a> Expander<'a> {
    /// The images that are asked for, in expansion order, and the patterns that match nothing.
    fn asked<'t>(&self, variants: &'t [Target<'a>], found: &mut Found<'a>) -> (Vec<Asked<'a, 't>>, Vec<&'a Images>) {
        let mut asked = Vec::new();
        // With each, which of its images were asked for; nothing when it has matched nothing.
        let mut sections: Vec<(&Images, Pattern, Option<Vec<bool>>)> = Vec::new();
        for section in &self.section.patterns {
            match parse(self.schema, &section.pattern.value, section.pattern.span) {
                Ok(pattern) => sections.push((section, pattern, None)),
                Err(diagnostic) => found.report(diagnostic),
            }
        }
        for target in variants {
            let uid = &target.variant.uid;
            for (section, pattern, taken) in &mut sections {
                if !self.matches(section, pattern, uid, found) {
                    continue;
                }
                let taken = taken.get_or_insert_with(|| vec![false; section.images.len()]);
                for (image, taken) in section.images.iter().zip(taken) {
                    if self.chosen.takes(uid, image.label()) {
                        asked.push(Asked { image, target, is_first: !std::mem::replace(taken, true) });
                    }
                }
            }
        }
        let unused = sections.into_iter().filter(|(_, _, taken)| taken.is_none()).map(|(section, ..)| section);
        (asked, unused.collect())
    }

    fn take(&self, asked: &Asked<'a, '_>, found: &mut Found<'a>) -> Option<Planned<'a>> {
        let is_sound = !asked.is_first || self.check(asked.image, found);
        if is_sound { self.expand(asked.image, asked.target, found) } else { None }
    }

    /// Reports what is only known when all images were looked at.
    fn report_all(&self, unused: &[&Images], found: &mut Found<'a>) {
        found.report_without_arch();
        self.report_failable(found);
        found.report_local();
        // Of what is left out nothing is said, be it left out by its variant or by its name.
        for section in unused.iter().filter(|_| self.chosen.is_all()) {
            let text = &section.pattern.value;
            let diagnostic = Diagnostic::new(
                &codes::UNUSED_PATTERN,
                format!("{}.{text}", self.schema.name),
                format!("pattern `{text}` does not match any variant"),
            );
            let help = self.near_pattern(text);
            found.report(diagnostic.at(section.pattern.span).help(help));
        }
    }

    fn matches(&self, section: &Images, pattern: &Pattern, uid: &str, found: &mut Found<'_>) -> bool {
        match pattern.is_match(uid) {
            Ok(answer) => answer,
            Err(reason) => {
                let path = format!("{}.{}", self.schema.name, section.pattern.value);
                let message = format!("variant pattern cannot be tried on `{uid}`: {reason}");
                found.report(Diagnostic::new(&codes::BAD_PATTERN, path, message).at(section.pattern.span));
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
        // Where any type is taken it may be a number.
        let given = self.section.setting(image, "target").filter(|given| given.is_truthy())?;
        match given.text() {
            Some(text) => Some(text.value),
            None => Some(given.python_text()?.into()),
        }
    }

    /// The request for `image` in a variant; nothing when no arch is left (facts: expansion 3, image-build 4).
    fn expand(&self, image: &'a Image, target: &Target<'a>, found: &mut Found<'a>) -> Option<Planned<'a>> {
        let (variant, mut arches) = (target.variant, target.arches.clone());
        if image.lists("arches") {
            arches.retain(|arch| image.items("arches").any(|wanted| wanted.value == *arch));
        }
        if arches.is_empty() {
            found.without_arch.push((image, variant));
            return None;
        }
        let shared = &mut found.shared;
        let arches = shared.arches(&arches);
        if image.items("failable").any(|arch| arch.value != "*") {
            found.built.push((image, Arc::clone(&arches)));
        }
        let build_target = self.target(image)?;
        let (version, release) = (self.version(image, shared).ok()?, self.release(image, shared).ok()?);
        let about = About {
            name: image.shared(self.schema.label).unwrap_or_default(),
            arches,
            version,
            release: release.filter(|release| !release.is_empty()),
            target: build_target,
            manifest_type: image.shared("manifest_type").filter(|kind| !kind.is_empty()),
            ..About::default()
        };
        let repositories = self.repositories(image, target);
        let asked = VariantImage { image, section: self.section, variant, context: self.context, about, repositories };
        let Some(Call { args, keywords, failable, about }) = self.phase.call(asked) else {
            let message = format!("image `{}` lacks what its call needs", image.label());
            let lacks = Diagnostic::new(&codes::MISSING_SETTING, image.path.clone(), message).at(image.label_span());
            found.report_once(lacks);
            return None;
        };
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
        // Of one image the same for every variant.
        let of_image = |code, message| Diagnostic::new(code, image.path.clone(), message).at(image.label_span());
        if let Some(message) = unsendable(&request) {
            found.report_once(of_image(&codes::NOT_SENDABLE, message));
            return None;
        }
        if let Some(message) = unnameable(&request) {
            found.report_once(of_image(&codes::UNSAFE_NAME, message));
        }
        self.check_hyphens(image, &request.about, found);
        Some(Planned { image, request })
    }

    fn version(&self, image: &Image, shared: &mut Shared) -> Result<Arc<str>, UnknownGenerator> {
        let identity = self.context.identity;
        let version = self.setting(image, "version").map(|given| shared.generated(given, identity)).transpose()?;
        Ok(version.filter(|version| !version.is_empty()).unwrap_or_else(|| identity.image_version().into()))
    }

    /// The release to send; none when no key gives one, so that the hub decides. An empty or null one is generated.
    fn release(&self, image: &Image, shared: &mut Shared) -> Result<Option<Arc<str>>, UnknownGenerator> {
        let identity = self.context.identity;
        let Some(given) = self.setting(image, "release") else { return Ok(None) };
        let release = shared.generated(given, identity)?;
        Ok(Some(if release.is_empty() { identity.image_release().into() } else { release }))
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
    fn repositories(&self, image: &Image, target: &Target<'_>) -> Vec<Json> {
        let variant = target.variant;
        let resolver = self.resolver();
        let resolve = |text: &str| resolver.resolve(text).unwrap_or_else(|| text.to_owned());
        let sent = |entry: &Node| {
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
        };
        let listed: Vec<&Node> = self.listed_repositories(image).map(|(_, _, entry)| entry).collect();
        let mut repositories = Vec::with_capacity(listed.len() + 1);
        repositories.extend(listed.iter().map(|entry| sent(entry)));
        let is_listed = listed.iter().any(|entry| entry.as_str() == Some(&variant.uid));
        if !variant.is_empty && !is_listed {
            repositories.push(Json::from(target.repository.as_str()));
        }
        repositories
    }
}
