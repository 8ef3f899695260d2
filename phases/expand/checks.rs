//! *Checks* of one image: what is wrong with it, whatever is beside it.

use super::clashes::listed;
use super::{Arches, Expander, Found, PART};
use crate::phase::{BASEARCH, Context, MAX_PLACES, Place};
use crate::repos::{is_local, translate};
use crate::version::{GENERATORS, UnknownGenerator, generate};
use magudi_compose::arches::{RPM_ARCHES, is_rpm_arch};
use magudi_compose::images;
use magudi_compose::variants::Variant;
use magudi_config::codes;
use magudi_config::compose_config::Image;
use magudi_config::did_you_mean::{suggest, suggest_within};
use magudi_config::dump::to_json;
use magudi_config::schema::{Key, Kind};
use magudi_config::{Diagnostic, Node, Section, Severity, Span, Spanned};
use magudi_engine::find_task::Sent;
use magudi_engine::plan::{About, TaskRequest};
use magudi_koji::safe_component;
use magudi_koji::value::{from_json, is_plain};
use magudi_koji::xmlrpc::encode_call;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Why a request cannot be written in XML-RPC: it has a control character somewhere.
pub(super) fn unsendable(request: &TaskRequest) -> Option<String> {
    if request.args.iter().chain(request.keywords.members().map(|(_, value)| value)).all(is_plain) {
        return None;
    }
    let call = match Sent::of(request) {
        Ok(sent) => sent.call(),
        Err(error) => return Some(error.to_string()),
    };
    let error = encode_call(&call.method, &call.params).err()?;
    let place = error.path.strip_prefix("params[").and_then(|rest| rest.split_once(']'));
    let parameters = &request.method.parameters[..request.args.len().min(request.method.parameters.len())];
    let place = place.and_then(|(number, rest)| match number.parse().ok().and_then(|at: usize| parameters.get(at)) {
        Some(name) => Some(format!("{name}{rest}")),
        None => Some(rest.strip_prefix('.')?.to_owned()),
    });
    Some(format!("`{}` cannot be sent to a hub: {}", place.unwrap_or(error.path), error.reason))
}

/// Why no build can have the name, version or release that is asked for: they become parts of paths.
pub fn unnameable(request: &TaskRequest) -> Option<String> {
    let About { name, version, release, .. } = &request.about;
    let name = Some(name).filter(|_| request.method.names_build);
    let mut parts = [("name", name), ("version", Some(version)), ("release", release.as_ref())].into_iter();
    parts.find_map(|(what, text)| Some(format!("no build can have this {what}: {}", safe_component(text?).err()?)))
}

/// One error for each key that is needed and is nowhere, or empty, or of a type that no check has seen: what only all phases have in
/// common is no option.
pub fn check_needed(section: &'static Section, image: &Image, context: &Context<'_>, keys: &[&str]) -> Vec<Diagnostic> {
    let Some(config) = context.config.section(section.name) else { return Vec::new() };
    let mut found = Vec::new();
    for key in keys {
        match config.setting(image, key).filter(|node| node.is_truthy()) {
            None => found.push(is_missing(section, image, key)),
            Some(node) if node.as_str().is_some() || !is_text_key(section, key) => {}
            Some(_) => {
                // What stands elsewhere has been checked.
                if let Some((path, span)) = config.place(image, key).filter(|(path, _)| path.starts_with("global_")) {
                    let message = format!("`{path}` must be a string");
                    found.push(Diagnostic::new(&codes::WRONG_TYPE, path, message).at(span));
                }
            }
        }
    }
    found
}

fn is_missing(section: &'static Section, image: &Image, key: &str) -> Diagnostic {
    let message = format!("image `{}` has no `{key}`", image.label());
    let help = if section.options.iter().any(|option| section.short_name(option.name) == Some(key)) {
        format!("give it one, or set `{}_{key}` or `global_{key}`", section.name)
    } else {
        format!("give it a `{key}`")
    };
    Diagnostic::new(&codes::MISSING_SETTING, image.path_of(key), message).at(image.label_span()).help(help)
}

/// Whether the value of a key is a string.
fn is_text_key(section: &'static Section, key: &str) -> bool {
    section.own_keys().iter().any(|known| known.name == key && matches!(known.kind, Kind::Text | Kind::Url))
}

/// What to say of an image type that is not `known`: perhaps it is a slip of one, perhaps the builder is newer. Nothing of others.
pub fn remark_on_type(kind: Spanned<&str>, path: String, known: &[&str]) -> Option<Diagnostic> {
    if known.contains(&kind.value) {
        return None;
    }
    let message = format!("no image type is known as `{}`", kind.value);
    let found = |code| Diagnostic::new(code, path, message).at(kind.span);
    Some(match suggest_within(kind.value, known.iter().copied(), 1) {
        Some(near) => found(&codes::UNKNOWN_IMAGE_TYPE).help(format!("did you mean `{near}`?")),
        None => found(&codes::UNLISTED_IMAGE_TYPE).help("it is passed on to the hub as it is"),
    })
}

impl<'a> Expander<'a> {
    /// Warns of a version or release by which the name of the build cannot be taken apart again.
    pub(super) fn check_hyphens(&self, image: &Image, about: &About, found: &mut Found<'_>) {
        for (key, text) in [("version", Some(&about.version)), ("release", about.release.as_ref())] {
            let Some(text) = text.filter(|text| text.contains('-')) else { continue };
            let own = (image.path_of(key), image.label_span());
            let (path, span) = self.section.place(image, key).unwrap_or(own);
            let message = format!("the {key} `{text}` has a hyphen");
            let help = "write a dot, or another character, in place of it";
            found.report_once(Diagnostic::new(&codes::HYPHEN, path, message).at(span).help(help));
        }
    }

    /// What a pattern that matches nothing was probably meant to be.
    pub(super) fn near_pattern(&self, pattern: &str) -> String {
        let uids: Vec<&str> = self.context.variants.ordered().map(|variant| variant.uid.as_str()).collect();
        let name = pattern.trim_start_matches('^').trim_end_matches('$');
        let is_plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if let Some(near) = suggest(name, uids.iter().copied()).filter(|_| is_plain) {
            return format!("did you mean `{}`?", pattern.replacen(name, near, 1));
        }
        let config = self.context.config;
        match (config.tree_arches.is_empty() && config.tree_variants.is_empty(), uids.is_empty()) {
            (true, true) => "the variants file has no variant that images are built for".to_owned(),
            (true, false) => format!("the variants are {}", uids.join(", ")),
            (false, true) => "tree_arches and tree_variants leave no variant".to_owned(),
            (false, false) => format!("the variants that tree_arches and tree_variants leave are {}", uids.join(", ")),
        }
    }

    /// Finds what is wrong with an image whatever the variant. True when nothing is.
    pub(super) fn check(&self, image: &'a Image, found: &mut Found<'a>) -> bool {
        let before = found.said.len();
        if self.target(image).is_none() {
            found.report(
                Diagnostic::new(
                    &codes::MISSING_TARGET,
                    image.path.clone(),
                    format!("image `{}` has no build target", image.label()),
                )
                .at(image.label_span())
                .help(format!("give it a `target`, or set `{}_target` or `global_target`", self.schema.name)),
            );
        }
        for key in ["version", "release"] {
            if let Some(text) = self.setting(image, key).and_then(Node::text) {
                self.check_generator(image, key, text.as_str(), text.span, found);
            }
        }
        if let Some(kind) = image.text("manifest_type").filter(|kind| !kind.value.is_empty())
            && !images::is_image_type(kind.value)
        {
            let mut diagnostic = Diagnostic::new(
                &codes::BAD_MANIFEST_TYPE,
                image.path_of("manifest_type"),
                format!("images.json knows no image type `{}`", kind.value),
            )
            .at(kind.span);
            if let Some(near) = suggest(kind.value, images::IMAGE_TYPES.iter().map(|(name, _)| *name)) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            found.report(diagnostic);
        }
        for diagnostic in self.phase.check(image, self.context) {
            let is_own = diagnostic.path.starts_with(&image.path);
            if is_own || diagnostic.severity() == Severity::Error {
                found.report(diagnostic);
            } else {
                found.report_once(diagnostic);
            }
        }
        found.check_arches(image);
        for (key, place, entry) in self.listed_repositories(image) {
            let baseurl = entry.as_dict().and_then(|entry| entry.get("baseurl"));
            let (text, of) = if baseurl.is_some() { (baseurl, ".baseurl") } else { (Some(entry), "") };
            let Some(text) = text.and_then(Node::text) else { continue };
            let path = || {
                let place = place.map(|place| format!(".{place}")).unwrap_or_default();
                format!("{}{place}{of}", image.path_of(key))
            };
            let Some(url) = self.resolver().resolve(&text.value) else {
                let message = format!("there is no variant `{}` to get a repository from", text.value);
                let mut diagnostic = Diagnostic::new(&codes::UNKNOWN_VARIANT, path(), message).at(text.span);
                let uids: Vec<&str> = self.context.variants.ordered().map(|variant| variant.uid.as_str()).collect();
                diagnostic = diagnostic.help(match suggest(&text.value, uids.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("give a URL, an absolute path or one of the variants {}", uids.join(", ")),
                });
                found.report(diagnostic);
                continue;
            };
            if text.value.contains(BASEARCH) && !self.phase.knows_basearch() {
                let message = "`$basearch` is sent as it is: builders do not put an arch in its place";
                let diagnostic = Diagnostic::new(&codes::BASEARCH, path(), message).at(text.span);
                found.report(diagnostic.help(format!("write `{}`", self.phase.arch_variable())));
            }
            if is_local(&text.value) && is_local(&url) {
                found.add_local(image, url, Place { path: path(), span: text.span });
            }
        }
        if let Some(tree) = image.text("install_tree_from") {
            let url = translate(tree.value, &self.context.config.translate_paths);
            if is_local(tree.value) && is_local(&url) {
                found.add_local(image, url, Place { path: image.path_of("install_tree_from"), span: tree.span });
            }
        }
        // What a user may nest as deep as he likes.
        let is_free = |key: &&Key| matches!(key.kind, Kind::Object | Kind::UploadOptions { .. });
        for key in self.schema.own_keys().iter().filter(is_free) {
            let Some(node) = image.get(key.name) else { continue };
            let path = image.path_of(key.name);
            let refused = |message, span| Diagnostic::new(&codes::NOT_SENDABLE, path.clone(), message).at(span);
            let sendable = to_json(node)
                .map_err(|found| refused(found.message, found.span.unwrap_or(node.span)))
                .and_then(|json| from_json(&json).map_err(|error| refused(error.to_string(), node.span)));
            if let Err(diagnostic) = sendable {
                found.report(diagnostic);
            }
        }
        found.said[before..].iter().all(|said| said.diagnostic.severity() != Severity::Error)
    }

    /// Warns of arches in `failable` for which the image is not built: because it does not list them, or no variant has them. What
    /// `tree_arches`, `tree_variants` or a choice of images leave out is no mistake of the image.
    pub(super) fn report_failable(&self, found: &mut Found<'a>) {
        let config = self.context.config;
        let is_whole = config.tree_arches.is_empty() && config.tree_variants.is_empty() && self.chosen.is_all();
        let mut built = std::mem::take(&mut found.built);
        // In the order of the file, and what is of one image together; one that stands there once may be listed twice.
        let place = |image: &Image| (image.span.file, image.span.start);
        built.par_sort_by(|(one, _), (other, _)| place(one).cmp(&place(other)).then_with(|| one.path.cmp(&other.path)));
        let images: Vec<&[(&Image, Arches)]> = built.chunk_by(|one, next| std::ptr::eq(one.0, next.0)).collect();
        let of_images = |images: &[&[(&'a Image, Arches)]]| {
            let mut diagnostics = Vec::with_capacity(images.len());
            for in_variants in images {
                let Some((image, _)) = in_variants.first() else { continue };
                let mut arches: Vec<&str> =
                    in_variants.iter().flat_map(|(_, arches)| arches.iter()).map(|arch| &**arch).collect();
                arches.sort_unstable();
                arches.dedup();
                failable_not_built(image, &arches, is_whole, &mut diagnostics);
            }
            diagnostics
        };
        let parts: Vec<Vec<Diagnostic>> = if images.len() <= PART {
            vec![of_images(&images)]
        } else {
            images.par_chunks(PART).map(of_images).collect()
        };
        found.said.reserve_exact(parts.iter().map(Vec::len).sum());
        parts.into_iter().flatten().for_each(|diagnostic| found.report(diagnostic));
    }

    fn check_generator(&self, image: &Image, key: &str, text: &str, span: Span, found: &mut Found<'_>) {
        if let Err(UnknownGenerator(unknown)) = generate(text, self.context.identity) {
            let names = GENERATORS.iter().map(|(name, _)| *name);
            let help = match suggest(&unknown, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the generators are {}", names.collect::<Vec<_>>().join(", ")),
            };
            let message = format!("unknown {key} generator `{unknown}`");
            let path = image.path_of(key);
            found.report(Diagnostic::new(&codes::UNKNOWN_GENERATOR, path, message).at(span).help(help));
        }
    }
}

/// The arches that may fail of an image that is built for `built` in all, and not for them. `is_whole`: nothing is left out of the compose.
fn failable_not_built(image: &Image, built: &[&str], is_whole: bool, diagnostics: &mut Vec<Diagnostic>) {
    let lists = |arch: &str| !image.lists("arches") || image.items("arches").any(|listed| listed.value == arch);
    for (place, arch) in image.items("failable").enumerate() {
        let is_built = if is_whole { built.contains(&arch.value) } else { lists(arch.value) };
        // Of those that do not exist there is a diagnostic already.
        if arch.value == "*" || is_built || !is_rpm_arch(arch.value) {
            continue;
        }
        let message = format!("image `{}` is not built for `{}`, for which it may fail", image.label(), arch.value);
        let help = "it is built for ".to_owned() + &built.join(", ");
        let path = format!("{}.{place}", image.path_of("failable"));
        diagnostics.push(Diagnostic::new(&codes::FAILABLE_NOT_BUILT, path, message).at(arch.span).help(help));
    }
}

impl Found<'_> {
    /// One warning for each image, however many variants it is left out of.
    pub(super) fn report_without_arch(&mut self) {
        let mut images: BTreeMap<&str, (&Image, Vec<&Variant>)> = BTreeMap::new();
        for (image, variant) in std::mem::take(&mut self.without_arch) {
            images.entry(&image.path).or_insert((image, Vec::new())).1.push(variant);
        }
        for (image, variants) in images.into_values() {
            let uids: Vec<&str> = variants.iter().map(|variant| variant.uid.as_str()).collect();
            let message =
                format!("image `{}` is not built for {}: no arch is left", image.label(), listed("variant", &uids));
            let span = image.get("arches").map_or(image.span, |arches| arches.span);
            let arches = |variant: &Variant| match variant.arches.as_slice() {
                [] => "no arches".to_owned(),
                some => some.join(", "),
            };
            let has = |variant: &&Variant| format!("{} has {}", variant.uid, arches(variant));
            let help = match variants.as_slice() {
                [one] => format!("the variant has {}", arches(one)),
                all => all.iter().map(has).collect::<Vec<_>>().join("; "),
            };
            self.report(Diagnostic::new(&codes::NO_ARCH, image.path_of("arches"), message).at(span).help(help));
        }
    }

    /// One warning for each repository, however many images are built from it.
    pub(super) fn report_local(&mut self) {
        for (url, uses) in std::mem::take(&mut self.local) {
            let Some(first) = uses.first() else { continue };
            let images: BTreeSet<&str> = uses.iter().map(|local| local.image.path.as_str()).collect();
            let who = match images.len() {
                1 => format!("image `{}` is", first.image.label()),
                all => format!("image `{}` and {} more are", first.image.label(), all - 1),
            };
            let message = format!("{who} built from `{url}`, a local path that builders may not have");
            let help = if url.starts_with('/') {
                "map it to a URL with `translate_paths`, or give a URL"
            } else {
                "give a URL of a server"
            };
            let mut diagnostic = Diagnostic::new(&codes::LOCAL_REPOSITORY, first.place.path.clone(), message);
            diagnostic = diagnostic.at(first.place.span).help(help);
            let mut seen = vec![first.place.span];
            for local in &uses {
                if seen.len() <= MAX_PLACES && !seen.contains(&local.place.span) {
                    diagnostic = diagnostic.related(local.place.span, "and this");
                    seen.push(local.place.span);
                }
            }
            self.report(diagnostic);
        }
    }

    /// Arches that do not exist.
    fn check_arches(&mut self, image: &Image) {
        let arches = image.items("arches").enumerate().map(|arch| ("arches", arch));
        // There a `*` is every arch.
        let failable =
            image.items("failable").enumerate().filter(|(_, arch)| arch.value != "*").map(|arch| ("failable", arch));
        for (key, (place, arch)) in arches.chain(failable) {
            if is_rpm_arch(arch.value) {
                continue;
            }
            let message = format!("there is no arch `{}`", arch.value);
            let path = format!("{}.{place}", image.path_of(key));
            let diagnostic = Diagnostic::new(&codes::UNKNOWN_IMAGE_ARCH, path, message).at(arch.span);
            self.report(match suggest(arch.value, RPM_ARCHES) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic,
            });
        }
    }
}
