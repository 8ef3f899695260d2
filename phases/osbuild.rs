//! The *osbuild* phase: one `osbuildImage` task for each image of each variant that its pattern matches, for all arches
//! of the image at once (PUNGI.md 4).

use crate::image_types;
use crate::phase::{Context, Expansion, ImagePhase};
use crate::repos::Resolver;
use crate::version::{GENERATORS, generate};
use magudi_compose::arches::{RPM_ARCHES, is_rpm_arch};
use magudi_compose::archive_types;
use magudi_compose::images;
use magudi_compose::variants::Variant;
use magudi_config::codes;
use magudi_config::compose_config::{ImageTypes, OsbuildImage, OsbuildSection, RepoEntry};
use magudi_config::diagnostic::has_errors;
use magudi_config::dump::to_json;
use magudi_config::pattern::Pattern;
use magudi_config::similar::suggest;
use magudi_config::{ComposeConfig, Diagnostic, Node, Span, Spanned};
use magudi_engine::artifact::Artifact;
use magudi_engine::plan::{Opts, TaskRequest};
use magudi_koji::calls::Archive;
use magudi_koji::safe_component;
use magudi_koji::value::{from_json, is_plain};
use magudi_koji::xmlrpc::encode_call;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// The phase.
#[derive(Debug)]
pub struct Osbuild;

/// Its name in the configuration, on the command line and in logs.
pub const NAME: &str = "osbuild";

impl ImagePhase for Osbuild {
    fn name(&self) -> &'static str {
        NAME
    }

    fn is_configured(&self, config: &ComposeConfig) -> bool {
        !config.osbuild.is_empty()
    }

    fn expand(&self, context: &Context<'_>) -> Expansion {
        let mut expander = Expander {
            context,
            requests: Vec::new(),
            own_repository: String::new(),
            without_arch: Vec::new(),
            diagnostics: Vec::new(),
            odd: BTreeSet::new(),
        };
        expander.run();
        let Expander { requests, mut diagnostics, .. } = expander;
        let mut expansion = Expansion::default();
        diagnostics.extend(same_nvr(&requests));
        diagnostics.extend(same_identity(&requests));
        expansion.requests = requests.into_iter().map(|planned| planned.request).collect();
        expansion.diagnostics = diagnostics;
        expansion
    }

    /// Patterns that are no regular expressions. Whether an image is looked at depends on what they match.
    fn check_alone(&self, section: &Node) -> Vec<Diagnostic> {
        let patterns = section.as_dict().into_iter().flat_map(|section| &section.entries);
        patterns.filter_map(|(key, _)| parse(key.as_str()?, key.span).err()).collect()
    }

    /// What an archive of a finished build becomes in the compose (PUNGI.md 10). Archives of a type that no rule takes up
    /// (manifests, logs) are nothing; an archive that should be an image and cannot be described is an error.
    fn describe(&self, request: &TaskRequest, archive: &Archive) -> Result<Option<Artifact>, String> {
        let file = &archive.filename;
        let format = archive_types::describe(&archive.type_name, file);
        if format == Ok(None) {
            return Ok(None);
        }
        let Some(arch) = archive.arch.clone().filter(|arch| !arch.is_empty()) else {
            return Err(format!("{file} doesn't have any architecture"));
        };
        if !is_rpm_arch(&arch) || matches!(arch.as_str(), "src" | "nosrc") {
            return Err(format!("{file} has the arch `{}`, which no image can have", arch.escape_debug()));
        }
        let Some(format) = format.map_err(|error| error.to_string())? else { return Ok(None) };
        if !images::is_format(format) {
            return Err(format!("{file} has the format {format}, which images.json does not know"));
        }
        let image_type = archive_types::image_type(request.image_type.as_deref(), &archive.type_name, file);
        let is_iso = archive.type_name == "iso";
        Ok(Some(Artifact { arch, image_type: image_type.to_owned(), format: format.to_owned(), is_iso }))
    }
}

/// A list of strings.
fn texts(texts: &[Arc<str>]) -> Json {
    texts.iter().map(|text| &**text).collect()
}

/// A pattern of variants.
fn parse(text: &str, span: Span) -> Result<Pattern, Diagnostic> {
    Pattern::parse(text).map_err(|reason| {
        let message = format!("variant pattern `{text}` is not a regular expression: {reason}");
        Diagnostic::new(&codes::BAD_PATTERN, format!("{NAME}.{text}"), message).at(span)
    })
}

/// Why a request cannot be written in XML-RPC: it has a control character somewhere.
fn unsendable(request: &TaskRequest) -> Option<String> {
    const ARGUMENTS: [&str; 6] = ["name", "version", "distro", "image_types", "target", "arches"];
    if request.args.iter().chain(request.opts.values()).all(is_plain) {
        return None;
    }
    let opts = request.opts_json();
    let params: Result<Vec<_>, _> = request.args.iter().chain([&opts]).map(from_json).collect();
    let error = match params {
        Ok(params) => encode_call(&request.method, &params).err()?,
        Err(error) => return Some(error.to_string()),
    };
    let place = error.path.strip_prefix("params[").and_then(|rest| rest.split_once(']'));
    let place = place.and_then(|(number, rest)| match number.parse().ok().and_then(|at: usize| ARGUMENTS.get(at)) {
        Some(name) => Some(format!("{name}{rest}")),
        None => Some(rest.strip_prefix('.')?.to_owned()),
    });
    Some(format!("`{}` cannot be sent to a hub: {}", place.unwrap_or(error.path), error.reason))
}

/// Why no build can have the name, version or release that is asked for: they become parts of paths.
pub fn unnameable(request: &TaskRequest) -> Option<String> {
    let text = |place: usize| request.args.get(place).and_then(Json::as_str);
    let release = request.opts.get("release").and_then(Json::as_str);
    let mut parts = [("name", text(0)), ("version", text(1)), ("release", release)].into_iter();
    parts.find_map(|(what, text)| Some(format!("no build can have this {what}: {}", safe_component(text?).err()?)))
}

/// A request and the image that it came from.
struct Planned<'a> {
    image: &'a OsbuildImage,
    request: TaskRequest,
}

struct Expander<'a> {
    context: &'a Context<'a>,
    requests: Vec<Planned<'a>>,
    /// The repository of the variant that is being expanded.
    own_repository: String,
    /// Images, each with a variant that it has no arch in common with.
    without_arch: Vec<(&'a OsbuildImage, &'a Variant)>,
    diagnostics: Vec<Diagnostic>,
    /// Paths of images that cannot be sent, or not be built, as has been told.
    odd: BTreeSet<String>,
}

impl<'a> Expander<'a> {
    fn run(&mut self) {
        let context = self.context;
        let sections: Vec<(&OsbuildSection, Option<Pattern>)> =
            context.config.osbuild.iter().map(|section| (section, self.pattern(section))).collect();
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
                    let sound = !checked.insert((number, place)) || self.check(image);
                    if sound {
                        self.expand(image, variant);
                    }
                }
            }
        }
        self.report_without_arch();
        for number in unused {
            let (section, pattern) = &sections[number];
            if pattern.is_some() {
                let text = &section.pattern.value;
                let diagnostic = Diagnostic::new(
                    &codes::UNUSED_PATTERN,
                    format!("{NAME}.{text}"),
                    format!("pattern `{text}` does not match any variant"),
                );
                let help = self.near_pattern(text);
                self.report(diagnostic.at(section.pattern.span).help(help));
            }
        }
    }

    /// One warning for each image, however many variants it is left out of.
    fn report_without_arch(&mut self) {
        let mut images: BTreeMap<&str, (&OsbuildImage, Vec<&Variant>)> = BTreeMap::new();
        for (image, variant) in std::mem::take(&mut self.without_arch) {
            images.entry(&image.path).or_insert((image, Vec::new())).1.push(variant);
        }
        for (image, variants) in images.into_values() {
            let uids: Vec<&str> = variants.iter().map(|variant| variant.uid.as_str()).collect();
            let message =
                format!("image `{}` is not built for {}: no arch is left", image.name.value, listed("variant", &uids));
            let span = image.arches.as_ref().map_or(image.span, |arches| arches.span);
            let arches = |variant: &Variant| match variant.arches.as_slice() {
                [] => "no arches".to_owned(),
                some => some.join(", "),
            };
            let has = |variant: &&Variant| format!("{} has {}", variant.uid, arches(variant));
            let help = match variants.as_slice() {
                [one] => format!("the variant has {}", arches(one)),
                all => all.iter().map(has).collect::<Vec<_>>().join("; "),
            };
            self.report(
                Diagnostic::new(&codes::NO_ARCH, format!("{}.arches", image.path), message).at(span).help(help),
            );
        }
    }

    /// What a pattern that matches nothing was probably meant to be.
    fn near_pattern(&self, pattern: &str) -> String {
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

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn pattern(&mut self, section: &OsbuildSection) -> Option<Pattern> {
        parse(&section.pattern.value, section.pattern.span).map_err(|diagnostic| self.report(diagnostic)).ok()
    }

    fn matches(&mut self, section: &OsbuildSection, pattern: &Pattern, variant: &Variant) -> bool {
        match pattern.is_match(&variant.uid) {
            Ok(answer) => answer,
            Err(reason) => {
                let path = format!("{NAME}.{}", section.pattern.value);
                let message = format!("variant pattern cannot be tried on `{}`: {reason}", variant.uid);
                self.report(Diagnostic::new(&codes::BAD_PATTERN, path, message).at(section.pattern.span));
                false
            }
        }
    }

    /// Finds what is wrong with an image whatever the variant. True when nothing is.
    fn check(&mut self, image: &OsbuildImage) -> bool {
        let before = self.diagnostics.len();
        let config = self.context.config;
        if self.target(image).is_none() {
            self.report(
                Diagnostic::new(
                    &codes::MISSING_TARGET,
                    image.path.clone(),
                    format!("image `{}` has no build target", image.name.value),
                )
                .at(image.name.span)
                .help("give it a `target`, or set `osbuild_target` or `global_target`"),
            );
        }
        let defaults = [&config.osbuild_defaults, &config.global];
        let version = image.version.as_ref().or_else(|| defaults.iter().find_map(|d| d.version.as_ref()));
        if let Some(version) = version {
            self.check_generator(image, "version", version.as_str(), version.span);
        }
        let inherited = || defaults.iter().find_map(|d| d.release.as_ref());
        match (&image.release, inherited()) {
            (Some(release), _) => self.check_generator(image, "release", release.as_str(), release.span),
            (None, Some(Spanned { value: Some(release), span })) => {
                self.check_generator(image, "release", release, *span);
            }
            _ => {}
        }
        if let Some(kind) = image.manifest_type.as_ref().filter(|kind| !kind.value.is_empty())
            && !images::is_image_type(kind.as_str())
        {
            let mut diagnostic = Diagnostic::new(
                &codes::BAD_MANIFEST_TYPE,
                format!("{}.manifest_type", image.path),
                format!("images.json knows no image type `{}`", kind.value),
            )
            .at(kind.span);
            if let Some(near) = suggest(&kind.value, images::IMAGE_TYPES.iter().map(|(name, _)| *name)) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            self.report(diagnostic);
        }
        self.check_format(image);
        self.check_arches(image);
        for (place, entry) in image.repo.iter().enumerate() {
            let (text, path) = match entry {
                RepoEntry::Plain(text) => (text, format!("{}.repo.{place}", image.path)),
                RepoEntry::Detailed { baseurl, .. } => (baseurl, format!("{}.repo.{place}.baseurl", image.path)),
            };
            if self.resolver().resolve(&text.value).is_none() {
                let message = format!("there is no variant `{}` to get a repository from", text.value);
                let mut diagnostic = Diagnostic::new(&codes::UNKNOWN_VARIANT, path, message).at(text.span);
                let uids: Vec<&str> = self.context.variants.ordered().map(|variant| variant.uid.as_str()).collect();
                diagnostic = diagnostic.help(match suggest(&text.value, uids.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("give a URL, an absolute path or one of the variants {}", uids.join(", ")),
                });
                self.report(diagnostic);
            }
        }
        for (key, node) in [("customizations", &image.customizations), ("upload_options", &image.upload_options)] {
            let Some(node) = node.as_ref() else { continue };
            let path = format!("{}.{key}", image.path);
            let refused = |message, span| Diagnostic::new(&codes::NOT_SENDABLE, path.clone(), message).at(span);
            let sendable = to_json(node)
                .map_err(|found| refused(found.message, found.span.unwrap_or(node.span)))
                .and_then(|json| from_json(&json).map_err(|error| refused(error.to_string(), node.span)));
            if let Err(diagnostic) = sendable {
                self.report(diagnostic);
            }
        }
        !has_errors(&self.diagnostics[before..])
    }

    /// A `manifest_type` that readers of images.json do not expect of the files that the image type usually gives.
    fn check_format(&mut self, image: &OsbuildImage) {
        let asked = image.image_types.value.first();
        let Some(manifest_type) = image.manifest_type.as_ref() else { return };
        let (Some(archive), Some(format)) = (image_types::archive_type(asked), image_types::format(asked)) else {
            return;
        };
        let expected = images::formats_of(manifest_type.as_str()).unwrap_or_default();
        // Archives that are no images are not in images.json at all.
        let is_listed = archive_types::suffixes_of(archive).is_some();
        if expected.is_empty() || expected.contains(&format) || !is_listed {
            return;
        }
        let message = format!(
            "images of type `{asked}` usually are {format} files, but readers of images.json expect {} files of `{}`",
            expected.join(" or "),
            manifest_type.value
        );
        let path = format!("{}.manifest_type", image.path);
        let diagnostic = Diagnostic::new(&codes::ODD_MANIFEST_TYPE, path, message).at(manifest_type.span);
        self.report(diagnostic.related(image.image_types.span, "the image type"));
    }

    fn check_arches(&mut self, image: &OsbuildImage) {
        for (place, arch) in image.arches.iter().flat_map(|arches| arches.value.iter().enumerate()) {
            if is_rpm_arch(arch.as_str()) {
                continue;
            }
            let message = format!("there is no arch `{}`", arch.value);
            let path = format!("{}.arches.{place}", image.path);
            let diagnostic = Diagnostic::new(&codes::UNKNOWN_IMAGE_ARCH, path, message).at(arch.span);
            self.report(match suggest(arch.as_str(), RPM_ARCHES) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic,
            });
        }
    }

    fn check_generator(&mut self, image: &OsbuildImage, key: &str, text: &str, span: Span) {
        if let Err(unknown) = generate(text, self.context.identity) {
            let names = GENERATORS.iter().map(|(name, _)| *name);
            let help = match suggest(&unknown, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the generators are {}", names.collect::<Vec<_>>().join(", ")),
            };
            let message = format!("unknown {key} generator `{unknown}`");
            let path = format!("{}.{key}", image.path);
            self.report(Diagnostic::new(&codes::UNKNOWN_GENERATOR, path, message).at(span).help(help));
        }
    }

    fn resolver(&self) -> Resolver<'a> {
        Resolver {
            variants: self.context.variants,
            dir: self.context.dir,
            translate_paths: &self.context.config.translate_paths,
        }
    }

    fn target<'i>(&self, image: &'i OsbuildImage) -> Option<&'i str>
    where
        'a: 'i,
    {
        let config = self.context.config;
        [&image.target, &config.osbuild_defaults.target, &config.global.target]
            .into_iter()
            .find_map(Option::as_ref)
            .map(Spanned::as_str)
    }

    /// The request for `image` in `variant`; nothing when no arch is left.
    fn expand(&mut self, image: &'a OsbuildImage, variant: &'a Variant) {
        let have: BTreeSet<&str> = variant.arches.iter().map(String::as_str).filter(|arch| *arch != "src").collect();
        let arches: Vec<&str> = match &image.arches {
            None => have.into_iter().collect(),
            Some(wanted) => {
                let wanted: BTreeSet<&str> = wanted.value.iter().map(Spanned::as_str).collect();
                have.intersection(&wanted).copied().collect()
            }
        };
        if arches.is_empty() {
            self.without_arch.push((image, variant));
            return;
        }
        let Some(target) = self.target(image) else { return };
        let (Ok(version), Ok(release)) = (self.version(image), self.release(image)) else { return };
        let mut opts = Opts::with_capacity(2);
        opts.insert("repo".into(), Json::Array(self.repositories(image, variant)));
        let ostree: Map<String, Json> =
            [("url", &image.ostree_url), ("ref", &image.ostree_ref), ("parent", &image.ostree_parent)]
                .into_iter()
                .filter_map(|(key, value)| {
                    let value = value.as_ref().filter(|value| !value.value.is_empty())?;
                    Some((key.to_owned(), Json::from(value.as_str())))
                })
                .collect();
        if !ostree.is_empty() {
            opts.insert("ostree".into(), Json::Object(ostree));
        }
        for (key, node) in [("upload_options", &image.upload_options), ("customizations", &image.customizations)] {
            // `check` has reported a value that has no JSON form, and such an image is not expanded.
            if let Some(Ok(value)) = node.as_ref().filter(|node| node.is_truthy()).map(to_json) {
                opts.insert(key.into(), value);
            }
        }
        if let Some(release) = release.filter(|release| !release.is_empty()) {
            opts.insert("release".into(), Json::from(release));
        }
        let image_types = match &image.image_types.value {
            ImageTypes::One(one) => Json::from(&**one),
            ImageTypes::List(list) => texts(list),
        };
        let request = TaskRequest {
            phase: NAME.into(),
            variant: variant.uid.clone(),
            subvariant: image.subvariant.as_ref().map_or_else(|| variant.uid.clone(), |s| s.as_str().to_owned()),
            failable: image.failable.as_ref().is_some_and(|failable| !failable.value.is_empty()),
            method: "osbuildImage".into(),
            args: vec![
                Json::from(image.name.as_str()),
                Json::from(version),
                Json::from(image.distro.as_str()),
                image_types,
                Json::from(target),
                json!(arches),
            ],
            opts,
            image_type: image
                .manifest_type
                .as_ref()
                .map(|kind| kind.as_str().to_owned())
                .filter(|kind| !kind.is_empty()),
        };
        if let Some(message) = unsendable(&request) {
            // Of one image the same for every variant.
            if self.odd.insert(image.path.clone()) {
                let diagnostic = Diagnostic::new(&codes::NOT_SENDABLE, image.path.clone(), message);
                self.report(diagnostic.at(image.name.span));
            }
            return;
        }
        if let Some(message) = unnameable(&request)
            && self.odd.insert(image.path.clone())
        {
            let diagnostic = Diagnostic::new(&codes::UNSAFE_NAME, image.path.clone(), message);
            self.report(diagnostic.at(image.name.span));
        }
        self.requests.push(Planned { image, request });
    }

    fn version(&self, image: &OsbuildImage) -> Result<String, String> {
        let config = self.context.config;
        let given = [&image.version, &config.osbuild_defaults.version, &config.global.version]
            .into_iter()
            .find_map(Option::as_ref)
            .map_or("", Spanned::as_str);
        let version = generate(given, self.context.identity)?;
        Ok(if version.is_empty() { self.context.identity.image_version() } else { version })
    }

    /// The release to send; none when no key gives one, so that the hub decides. An empty or null one is generated.
    fn release(&self, image: &OsbuildImage) -> Result<Option<String>, String> {
        let config = self.context.config;
        let identity = self.context.identity;
        let given = match &image.release {
            Some(own) => Some(Some(own.value.clone())),
            None => [&config.osbuild_defaults.release, &config.global.release]
                .into_iter()
                .find_map(Option::as_ref)
                .map(|release| release.value.clone()),
        };
        let Some(given) = given else { return Ok(None) };
        let release = generate(given.as_deref().unwrap_or_default(), identity)?;
        Ok(Some(if release.is_empty() { identity.image_release() } else { release }))
    }

    /// The repositories of an image, the variant's own one last (PUNGI.md 7).
    fn repositories(&self, image: &OsbuildImage, variant: &Variant) -> Vec<Json> {
        let resolver = self.resolver();
        let resolve = |text: &str| resolver.resolve(text).unwrap_or_else(|| text.to_owned());
        let mut repositories: Vec<Json> = image
            .repo
            .iter()
            .map(|entry| match entry {
                RepoEntry::Plain(text) => Json::from(resolve(&text.value)),
                RepoEntry::Detailed { baseurl, package_sets } => {
                    let mut repository = Map::new();
                    repository.insert("baseurl".to_owned(), Json::from(resolve(&baseurl.value)));
                    if let Some(sets) = package_sets {
                        repository.insert("package_sets".to_owned(), texts(sets));
                    }
                    Json::Object(repository)
                }
            })
            .collect();
        let listed =
            image.repo.iter().any(|entry| matches!(entry, RepoEntry::Plain(text) if text.as_str() == variant.uid));
        if !variant.is_empty && !listed {
            repositories.push(Json::from(self.own_repository.as_str()));
        }
        repositories
    }
}

/// Two requests for the same name, version and release: the hub takes the first and refuses the second. One diagnostic
/// for each image, however many variants it is built for.
fn same_nvr(requests: &[Planned<'_>]) -> Vec<Diagnostic> {
    let mut seen: HashMap<(&str, &str, &str), &Planned<'_>> = HashMap::new();
    let mut clashes: BTreeMap<&str, (&Planned<'_>, Vec<&Planned<'_>>)> = BTreeMap::new();
    for planned in requests {
        let version = planned.request.args.get(1).and_then(Json::as_str).unwrap_or_default();
        let Some(release) = planned.request.opts.get("release").and_then(Json::as_str) else { continue };
        let key = (planned.request.name(), version, release);
        match seen.get(&key) {
            Some(first) => clashes.entry(&planned.image.path).or_insert((first, Vec::new())).1.push(planned),
            None => {
                seen.insert(key, planned);
            }
        }
    }
    clashes.into_values().filter_map(|(first, others)| nvr_clash(first, &others)).collect()
}

/// What to say of requests of one image that ask for the build of `first`.
fn nvr_clash(first: &Planned<'_>, others: &[&Planned<'_>]) -> Option<Diagnostic> {
    let planned = others.first()?;
    let (name, nvr) = (planned.request.name(), planned.request.nvr());
    let mut variants: Vec<&str> = others.iter().map(|planned| planned.request.variant.as_str()).collect();
    let of_one_image = std::ptr::eq(first.image, planned.image);
    let message = if of_one_image {
        variants.insert(0, &first.request.variant);
        format!("image {name} asks for one and the same build, {nvr}, for {}", listed("variant", &variants))
    } else {
        let other = first.request.label();
        format!("image {name} asks for the build {nvr} for {}, as does image {other}", listed("variant", &variants))
    };
    let diagnostic = Diagnostic::new(&codes::SAME_NVR, planned.image.path.clone(), message)
        .at(planned.image.name.span)
        .help("a build can exist only once: give each image, or each variant, a name, version or release of its own");
    Some(if of_one_image { diagnostic } else { diagnostic.related(first.image.name.span, "the other image") })
}

/// `variant A`, `variants A, B and C`.
fn listed(noun: &str, names: &[&str]) -> String {
    match names {
        [] => format!("no {noun}"),
        [one] => format!("{noun} {one}"),
        [most @ .., last] => format!("{noun}s {} and {last}", most.join(", ")),
    }
}

/// Images that readers of images.json could not tell apart (PUNGI.md 10.1): same subvariant, type, format and arch, in
/// whatever variants they are. One diagnostic for each image, however many variants it is built for.
fn same_identity(requests: &[Planned<'_>]) -> Vec<Diagnostic> {
    let mut seen: HashMap<(&str, &str, &str, &str), &Planned<'_>> = HashMap::new();
    let mut clashes: BTreeMap<&str, IdentityClash<'_>> = BTreeMap::new();
    for planned in requests {
        let request = &planned.request;
        let asked = planned.image.image_types.value.first();
        let format = image_types::format(asked).unwrap_or(asked);
        let kind = match (request.image_type.as_deref(), image_types::archive_type(asked)) {
            (Some(given), _) => given,
            (None, Some("iso")) => archive_types::iso_image_type(&request.nvr()),
            // A container's tar and the like never get into images.json.
            (None, Some(archive)) if archive_types::suffixes_of(archive).is_none() => continue,
            (None, Some(archive)) => archive,
            (None, None) => asked,
        };
        let mut first_arch = None;
        for arch in request.arches() {
            match seen.get(&(request.subvariant.as_str(), kind, format, arch)) {
                Some(first) => first_arch = first_arch.or(Some((*first, arch))),
                None => {
                    seen.insert((&request.subvariant, kind, format, arch), planned);
                }
            }
        }
        if let Some((first, arch)) = first_arch {
            let clash = IdentityClash { first, kind, arch, others: Vec::new() };
            clashes.entry(&planned.image.path).or_insert(clash).others.push(planned);
        }
    }
    clashes.into_values().filter_map(|clash| clash.diagnostic()).collect()
}

/// Requests of one image that cannot be told apart from an earlier one.
struct IdentityClash<'a> {
    first: &'a Planned<'a>,
    kind: &'a str,
    arch: &'a str,
    others: Vec<&'a Planned<'a>>,
}

impl IdentityClash<'_> {
    fn diagnostic(&self) -> Option<Diagnostic> {
        let (first, planned) = (self.first, self.others.first()?);
        let request = &planned.request;
        let mut variants: Vec<&str> = self.others.iter().map(|planned| planned.request.variant.as_str()).collect();
        let of_one_image = std::ptr::eq(first.image, planned.image);
        let (who, help) = if of_one_image {
            variants.insert(0, &first.request.variant);
            let who = format!("the images {} of {} from each other", request.name(), listed("variant", &variants));
            (who, "without a `subvariant`, an image has the uid of its variant for one")
        } else {
            let of = listed("variant", &variants);
            let who = format!("the image {} of {of} from {}", request.name(), first.request.label());
            (who, "give one of them another `subvariant`")
        };
        let message = format!(
            "readers of images.json could not tell {who}: same subvariant {}, type {} and arch {}",
            request.subvariant, self.kind, self.arch
        );
        let diagnostic = Diagnostic::new(&codes::SAME_IDENTITY, planned.image.path.clone(), message)
            .at(planned.image.name.span)
            .help(help);
        Some(if of_one_image { diagnostic } else { diagnostic.related(first.image.name.span, "the other image") })
    }
}
