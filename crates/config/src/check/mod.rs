//! *Checking* a tree against the schema: all problems at once, and the typed configuration when there is none.

mod checksums;
pub mod fill;
mod kinds;
mod options;
pub mod path;
mod release;
mod section;
mod size;
mod upload;
pub(crate) mod values;

use crate::codes;
use crate::codes::Severity;
use crate::compose_config::{ComposeConfig, LinkType};
use crate::diagnostic::{Diagnostic, has_errors};
use crate::schema::{self, Kind, Schema};
use crate::tree::{Node, Value};
use fill::{Commits, Offline};
use options::ConfigOptions;
use path::At;
pub use size::expanded as expanded_size;
use values::Findings;

/// Checks a configuration. The typed form is there when no problem is an error.
pub fn check(tree: &Node, schema: &Schema) -> (Option<ComposeConfig>, Vec<Diagnostic>) {
    let (config, problems) = check_all(tree, schema);
    let config = if has_errors(&problems) { None } else { config };
    (config, problems)
}

/// Checks a configuration. The typed form holds what could be read, without the images that have errors, so that what is
/// found by looking at all of it can be reported together with the errors. It is not there when an error would make that untrue.
pub fn check_all(tree: &Node, schema: &Schema) -> (Option<ComposeConfig>, Vec<Diagnostic>) {
    let mut findings = Findings::default();
    let config = checked(tree, schema, &mut findings);
    let is_decisive = |problem: &Diagnostic| {
        let option = problem.path.split('.').next().unwrap_or("");
        let of_section = schema.sections().iter().any(|section| section.short_name(option).is_some());
        let decides = of_section || DECISIVE.iter().any(|decisive| option.starts_with(decisive));
        problem.severity() == Severity::Error && decides
    };
    let config = if findings.list.iter().any(is_decisive) { None } else { config };
    (config, findings.list)
}

/// Beginnings of the options on which it depends what is built, beside those of the sections.
const DECISIVE: &[&str] =
    &["base_product_", "compose_type", "global_", "release_", "translate_paths", "tree_", "variants_file"];

/// Checks `upload_options` that stand alone, for an image of type `image_type`.
pub fn check_upload_options(node: &Node, image_type: &str) -> Vec<Diagnostic> {
    let mut findings = Findings::default();
    let types = Node::new(Value::Str(image_type.into()), node.span);
    upload::check(node, At::Root.key("upload_options"), Some(&types), &mut findings);
    // The type stands in no file that could be pointed into.
    findings.list.iter_mut().for_each(|found| found.related = Box::default());
    findings.list
}

/// The tree with what Pungi fills in: defaults, values under older names, commits. With what there is to say about it.
pub fn fill_in(tree: &Node, schema: &Schema, commits: &mut dyn Commits) -> (Node, Vec<Diagnostic>) {
    let mut findings = Findings::default();
    let filled = fill::filled(tree, schema, commits, &mut findings);
    (filled, findings.list)
}

/// Leaves out what is said of options that only phases of Pungi read.
pub fn leave_out_others(found: &mut Vec<Diagnostic>, schema: &Schema) {
    found.retain(|found| !schema.is_of_pungi(found.path.split('.').next().unwrap_or("")));
}

fn checked(tree: &Node, schema: &Schema, findings: &mut Findings) -> Option<ComposeConfig> {
    let root = At::Root;
    findings.dict(tree, root)?;
    if size::expanded(tree) > crate::limits::MAX_EXPANDED {
        let message = "the configuration is too large when its variables are written out";
        findings.add(Diagnostic::new(&codes::TOO_LARGE, "", message).at(tree.span));
        return None;
    }
    let filled = fill::filled(tree, schema, &mut Offline, findings);
    let dict = filled.as_dict()?;
    let options = ConfigOptions::new(dict);

    let mut variants_file = None;
    let mut translate_paths = Some(Vec::new());
    for key in schema.options() {
        let Some(node) = options.get(key.name) else { continue };
        let at = root.key(key.name);
        match (key.name, key.kind) {
            ("variants_file", _) => {
                variants_file = options::file_or_scm(node, at, schema::VARIANTS_KEYS, findings);
            }
            ("skip_phases", _) => options::check_phases(node, at, findings),
            ("translate_paths", _) => translate_paths = options::pairs(node, at, findings),
            ("media_checksums", _) => checksums::check_algorithms(node, at, findings),
            ("media_checksum_base_filename", _) => {
                checksums::check_base_name(node, at, options.is_true("media_checksum_one_file"), findings);
            }
            (_, Kind::Removed(_) | Kind::Gone { .. }) => options::check_removed(key, tree, findings),
            _ => kinds::check_kind(key.kind, node, at, findings),
        }
    }
    let sections = schema.sections().iter().filter_map(|section| {
        let node = options.get(section.name)?;
        section::read(section, node, root.key(section.name), &options, findings)
    });
    let sections = sections.collect();
    release::check(&options, findings);
    for key in schema.options().filter(|key| key.required && options.get(key.name).is_none()) {
        findings.missing(tree, root, key.name);
    }
    options::check_keys(dict, schema, findings);
    options::note_others(tree, schema, findings);
    options::check_rules(&options, schema, findings);
    release::check_base_product(&options, findings);
    checksums::check_one_file(&options, findings);

    let texts = |name| options.texts(name);
    Some(ComposeConfig {
        release: release::release(&options)?,
        base_product: release::base_product(&options),
        variants_file: variants_file?,
        tree_arches: texts("tree_arches"),
        tree_variants: texts("tree_variants"),
        compose_type: options.text("compose_type"),
        koji_profile: options.text("koji_profile"),
        koji_cache: options.text("koji_cache"),
        translate_paths: translate_paths?,
        link_type: link_type(&options)?,
        create_optional_isos: options.is_true("create_optional_isos"),
        sections,
        checksums: checksums::config(&options)?,
        tree: filled.clone(),
    })
}

fn link_type(options: &ConfigOptions<'_>) -> Option<LinkType> {
    Some(match options.text("link_type")?.as_str() {
        "hardlink" => LinkType::Hardlink,
        "copy" => LinkType::Copy,
        "symlink" => LinkType::Symlink,
        "abspath-symlink" => LinkType::AbspathSymlink,
        _ => LinkType::HardlinkOrCopy,
    })
}
