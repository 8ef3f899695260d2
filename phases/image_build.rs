//! The *image_build* phase: images that Koji builds with Oz and ImageFactory (facts: image-build 1).

use crate::endings::{COMMON, FileEnding};
use crate::expand::check_needed;
use crate::kickstart::{check_install_tree, in_opts, urls};
use crate::phase::{Call, Context, Expected, ImagePhase, VariantImage, sent};
use crate::repos::{REPOSITORY, translate};
use magudi_compose::deliverables::Deliverable;
use magudi_compose::variants::{Variant, VariantKind};
use magudi_config::compose_config::Image;
use magudi_config::did_you_mean::suggest;
use magudi_config::schema::{Key, Kind, Layout, flag, opt, req};
use magudi_config::tree::Value;
use magudi_config::{Diagnostic, Node, Section, codes};
use magudi_engine::artifact::{Artifact, BuiltFile, NotAnImage};
use magudi_engine::method::{Method, Reasons, Results};
use magudi_engine::plan::{About, Opts, TaskRequest};
use serde_json::{Value as Json, json};

#[derive(Debug)]
pub struct ImageBuild;

pub static METHOD: Method = Method {
    name: "buildImageOz",
    task: "image",
    parameters: &["name", "version", "arches", "target", "inst_tree", "opts", "priority"],
    stored: &["name", "version", "arches", "target", "inst_tree", "opts"],
    rest: false,
    results: Results::Children(&["createImage"]),
    reasons: Reasons::Children { log: "oz-{arch}.log" },
    names_build: true,
    title: "Image build",
    logs: "image_build",
    permission: "image",
    channel: "image",
    newer_options: &[],
    marks: &[],
};

/// The size of a disk that none is asked for, in GB: the koji client's (facts: image-build 2).
const DISK_SIZE: i64 = 10;

/// The priority that the koji client gives a task to be built in the background (facts: image-build 2).
const BACKGROUND: i64 = 5;

/// The most that the parameters of an image may be long, in bytes.
const MAX_PARAMETERS: usize = 1 << 20;

/// A percent sign in INI syntax.
const ESCAPED: &str = "%%";

/// What is passed on to Koji as it is written, if it says something.
const PASSED_ON: &[&str] = &["ksversion", "skip_tag", "specfile", "noverifyssl", "ova_option"];

impl ImagePhase for ImageBuild {
    fn section(&self) -> &'static Section {
        &SECTION
    }

    fn method(&self) -> &'static Method {
        &METHOD
    }

    fn check(&self, image: &Image, context: &Context<'_>) -> Vec<Diagnostic> {
        let needed = ["name", "format", "kickstart", "distro", "ksurl"];
        let mut found = check_needed(&SECTION, image, context, &needed);
        found.extend(check_install_tree(image, context, is_tree));
        found.extend(check_formats(image));
        found
    }

    /// The call as the `koji image-build` that Pungi starts makes it of a file in INI syntax, where every value is a text
    /// (facts: image-build 2).
    fn call(&self, mut asked: VariantImage<'_>) -> Option<Call> {
        let image = asked.image;
        let mut optional = asked.optional_arches();
        optional.sort_unstable();
        let mut opts = Opts::with_capacity(10);
        let disk_size = ["disk_size", "disc_size"].iter().find_map(|key| passed(image, key));
        opts.insert("disk_size".into(), disk_size.unwrap_or_else(|| DISK_SIZE.into()));
        opts.insert("distro".into(), passed(image, "distro")?);
        opts.insert("format".into(), json!(formats(image)));
        opts.insert("kickstart".into(), passed(image, "kickstart")?);
        opts.insert("ksurl".into(), unescaped(asked.section.setting(image, "ksurl")?.as_str()?).into());
        opts.insert("optional_arches".into(), if optional.is_empty() { json!("") } else { sent(&optional) });
        let About { name, version, release, target, .. } = &mut asked.about;
        for text in [name, version, target].into_iter().chain(release) {
            if text.contains(ESCAPED) {
                *text = unescaped(text).into();
            }
        }
        if let Some(release) = &asked.about.release {
            opts.insert("release".into(), Json::from(&**release));
        }
        let install_tree = install_tree(&asked);
        let mut repositories = urls(asked.repositories);
        for repository in &mut repositories {
            if let Some(url) = repository.as_str().filter(|url| url.contains(ESCAPED)) {
                *repository = unescaped(url).into();
            }
        }
        opts.insert("repo".into(), if repositories.is_empty() { json!([""]) } else { Json::Array(repositories) });
        for key in PASSED_ON {
            if let Some(value) = passed(image, key) {
                opts.insert((*key).into(), value);
            }
        }
        let scratch = image.is_true("scratch");
        if scratch {
            opts.insert("scratch".into(), Json::Bool(true));
        }
        if let Some(parameters) = image.beside("factory-parameters").and_then(Node::as_dict) {
            let mut room = MAX_PARAMETERS;
            let mut pair = |(key, value): &(Node, Node)| {
                Some(json!([ini_text(key, &mut room)?.to_lowercase(), ini_text(value, &mut room)?]))
            };
            opts.insert("factory_parameter".into(), parameters.entries.iter().map(&mut pair).collect::<Option<_>>()?);
        }
        let about = About { image_type: formats(image).join("-").into(), scratch, ..asked.about };
        let args = vec![
            Json::from(&*about.name),
            Json::from(&*about.version),
            sent(&about.arches),
            Json::from(&*about.target),
            Json::from(install_tree),
        ];
        let priority = image.is_true("background").then_some(BACKGROUND);
        Some(Call::by_arch(args, in_opts(opts, priority), optional, about))
    }

    fn kind(&self) -> &'static str {
        "image-build"
    }

    fn deliverable(&self, request: &TaskRequest) -> Deliverable {
        Deliverable::of_subvariant(&request.variant, &request.subvariant)
    }

    fn expected<'r>(&self, request: &'r TaskRequest) -> Option<Expected<'r>> {
        wanted(request).next().map(|FileEnding { image_type, format, .. }| Expected { image_type, format })
    }

    /// The file of each format that was asked for, known by its ending; all else is left out without a word.
    fn describe(&self, request: &TaskRequest, file: &BuiltFile) -> Result<Option<Artifact>, NotAnImage> {
        let found = wanted(request).find(|row| file.name.ends_with(row.ending));
        Ok(found.map(|row| Artifact {
            arch: file.arch.clone().unwrap_or_default(),
            image_type: row.image_type.to_owned(),
            format: row.format.to_owned(),
            is_iso: false,
            bootable: false,
        }))
    }
}

/// The files that a request's formats have, in the order in which they were asked for.
fn wanted(request: &TaskRequest) -> impl Iterator<Item = &'static FileEnding> {
    let formats = request.keywords.opts.as_ref().and_then(|opts| opts.get("format")?.as_array());
    let known = |format: &Json| COMMON.iter().find(|row| format.as_str() == Some(row.image_type));
    formats.into_iter().flatten().filter_map(known)
}

/// The formats of an image: one, or a list whose entries may be lists that begin with one.
fn formats(image: &Image) -> Vec<&str> {
    let Some(given) = image.get("format") else { return Vec::new() };
    let entries = given.as_array().unwrap_or(std::slice::from_ref(given));
    let names = entries.iter().filter_map(|entry| entry.as_array().map_or(Some(entry), <[Node]>::first));
    names.filter_map(Node::as_str).collect()
}

/// Formats that Koji does not make. Pungi finds them when the image has been built.
fn check_formats(image: &Image) -> Vec<Diagnostic> {
    let known = |name: &str| COMMON.iter().any(|row| row.image_type == name);
    let named = formats(image);
    let span = image.get("format").map_or(image.span, |format| format.span);
    if named.is_empty() && image.get("format").is_some_and(Node::is_truthy) {
        let message = format!("image `{}` has no `format`", image.label());
        return vec![Diagnostic::new(&codes::MISSING_SETTING, image.path_of("format"), message).at(span)];
    }
    let unknown = named.into_iter().filter(|name| !known(name));
    unknown
        .map(|name| {
            let message = format!("Koji builds no images of the format `{name}`");
            let names = COMMON.iter().map(|row| row.image_type);
            let help = match suggest(name, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the formats are {}", names.collect::<Vec<_>>().join(", ")),
            };
            Diagnostic::new(&codes::UNKNOWN_FORMAT, image.path_of("format"), message).at(span).help(help)
        })
        .collect()
}

/// Whether an `install_tree_from` says where the tree is, instead of whose it is.
fn is_tree(from: &str) -> bool {
    from.contains("://") || from.starts_with('/')
}

/// What is installed from. Of a variant that belongs to another, only the other's tree can be (facts: kickstart 2).
fn install_tree(asked: &VariantImage<'_>) -> String {
    let from = asked.image.text("install_tree_from").map(|from| from.value);
    if let Some(path) = from.filter(|from| is_tree(from)) {
        let path = unescaped(path);
        return if path.starts_with('/') { translate(&path, &asked.context.config.translate_paths) } else { path };
    }
    let resolver = asked.context.resolver("$arch");
    // A variant of its own that only stands inside of another one has a tree of its own.
    let parent = |variant: &Variant| match variant.kind {
        VariantKind::Variant => None,
        _ => asked.context.variants.get(variant.parent.as_deref()?),
    };
    match (from, parent(asked.variant)) {
        (None, Some(parent)) => resolver.tree_of(parent),
        _ => asked.install_tree(&resolver),
    }
}

/// A value that is passed on; nothing when it is none or false, which as a text would be true for Koji.
fn passed(image: &Image, key: &str) -> Option<Json> {
    // A file in INI syntax knows no capitals.
    let node = image.get_in_any_case(key).filter(|node| node.is_truthy())?;
    match node.as_array() {
        Some(items) => Some(items.iter().filter_map(text_of).collect::<Vec<_>>().join(",").into()),
        None => text_of(node).map(Json::from),
    }
}

/// The text that stands in the file in INI syntax.
fn text_of(node: &Node) -> Option<String> {
    node.python_text().map(|text| unescaped(&text))
}

/// What the koji client reads of any value in the file in INI syntax: lists are written with commas.
fn ini_text(node: &Node, room: &mut usize) -> Option<String> {
    let text = match &node.value {
        Value::List(items) => items.iter().map(|item| item.python_str(room)).collect::<Option<Vec<_>>>()?.join(","),
        _ => node.python_str(room)?,
    };
    Some(unescaped(&text))
}

fn unescaped(text: &str) -> String {
    text.replace(ESCAPED, "%")
}

/// The section and its top-level keys.
pub static SECTION: Section = Section {
    name: "image_build",
    about: "Images built by image tasks: patterns of variant uids, each with a list of dicts that hold an `image-build`.",
    layout: Layout { within: Some("image-build"), ..Layout::PLAIN },
    image: &[
        req("image-build", Kind::Open(IMAGE)).about("The image."),
        opt("factory-parameters", Kind::Object).about("Parameters that ImageFactory takes."),
    ],
    label: "name",
    options: &[
        opt("image_build_ksurl", Kind::Url).about("Repository of the kickstarts."),
        opt("image_build_target", Kind::Text).about("Default build target."),
        opt("image_build_release", Kind::TextOrNull).about("Default release; null for a generated one."),
        opt("image_build_version", Kind::Text).about("Default version."),
        flag("image_build_allow_reuse", false).about("Accepted without effect: images are always built."),
    ],
};

/// The keys of `image-build`, in the order in which Pungi reports errors. Others are passed on.
const IMAGE: &[Key] = &[
    opt("failable", Kind::Texts).about("Arches, or `*` for all: the compose continues if the image fails there."),
    opt("disc_size", Kind::Number).about("Treated as `disk_size`."),
    opt("distro", Kind::Text).about("The distribution as Oz names it, such as `Fedora-22`. Needed."),
    opt("name", Kind::Text).about("Name of the image, and of its build in Koji. Needed."),
    opt("kickstart", Kind::Text).about("The kickstart, a path in the repository `ksurl`. Needed."),
    opt("ksurl", Kind::Url)
        .or_inherited_if_true()
        .about("Repository of the kickstart; a fragment `#HEAD` or `#origin/BRANCH` means the newest commit. Needed."),
    opt("arches", Kind::Texts).about("Build only for these arches of the variant."),
    opt("repo", Kind::KojiRepositories(REPOSITORY))
        .appended(&["repo_from"])
        .about("Repositories: URLs, paths or variant uids. That of the variant is added."),
    opt("install_tree_from", Kind::Text)
        .about("What to install from: a variant uid, a URL or an absolute path; the image's own variant by default."),
    opt("subvariant", Kind::Text)
        .about("Distinguishes images of one variant and type in images.json; the variant's uid by default."),
    opt("format", Kind::Formats).about("The format, or a list of formats. Needed."),
    opt("target", Kind::Any).or_inherited().about("Build target in Koji."),
    opt("version", Kind::Any)
        .or_inherited()
        .about("Version of the build, or a generator such as `!VERSION_FROM_VERSION`."),
    opt("release", Kind::Any)
        .or_inherited()
        .about("Release of the build, or a generator; empty or null for a generated one."),
    opt("scratch", Kind::Any).about("Build a scratch image, without a build in Koji."),
    opt("disk_size", Kind::Any).about("Size of the disk in GB; 10 by default."),
];
