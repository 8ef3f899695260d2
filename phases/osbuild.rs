//! The *osbuild* phase: one `osbuildImage` task for each image of each variant that its pattern matches, for all arches
//! of the image at once (PUNGI.md 4).
//!
//! Images are expanded one by one (`expand`), each is looked at for what is wrong with it (`checks`), and all together for
//! what they take from each other (`clashes`).

mod checks;
mod clashes;
mod expand;
mod section;

pub use checks::unnameable;
pub use section::SECTION;

use crate::phase::{Context, Expansion, ImagePhase, Origin};
use clashes::{same_identity, same_nvr};
use magudi_compose::arches::is_rpm_arch;
use magudi_compose::archive_types;
use magudi_compose::images;
use magudi_config::codes;
use magudi_config::pattern::Pattern;
use magudi_config::{Diagnostic, Node, Section, Span};
use magudi_engine::artifact::Artifact;
use magudi_engine::method::{Method, Reasons, Results};
use magudi_engine::plan::TaskRequest;
use magudi_koji::calls::Archive;

/// The phase.
#[derive(Debug)]
pub struct Osbuild;

/// Its name in the configuration, on the command line and in logs.
pub const NAME: &str = SECTION.name;

/// Its method of the hub (KOJI.md 5).
pub static METHOD: Method = Method {
    name: "osbuildImage",
    task: "osbuildImage",
    parameters: &["name", "version", "distro", "image_type", "target", "arches", "opts", "priority"],
    stored: &["name", "version", "distro", "image_type", "target", "arches", "opts"],
    rest: false,
    results: Results::Build,
    reasons: Reasons::ComposeStatus,
    names_build: true,
    permission: "image",
    channel: "image",
    marks: &[("'Repository options'", "opts.repo"), ("'Image Types ", "image_type")],
};

impl ImagePhase for Osbuild {
    fn section(&self) -> &'static Section {
        &SECTION
    }

    fn expand(&self, context: &Context<'_>) -> Expansion {
        let (planned, mut diagnostics) = expand::expand(context);
        diagnostics.extend(same_nvr(&planned));
        diagnostics.extend(same_identity(&planned));
        let requests = planned.into_iter().map(|planned| planned.request).collect();
        Expansion { requests, diagnostics }
    }

    fn origins(&self, context: &Context<'_>) -> Vec<Origin> {
        let Some(section) = context.config.section(NAME) else { return Vec::new() };
        expand::expand(context).0.into_iter().map(|planned| Origin::of(section, planned.image)).collect()
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
        let image_type = archive_types::image_type(request.about.manifest_type.as_deref(), &archive.type_name, file);
        let is_iso = archive.type_name == "iso";
        Ok(Some(Artifact { arch, image_type: image_type.to_owned(), format: format.to_owned(), is_iso }))
    }
}

/// A pattern of variants.
fn parse(text: &str, span: Span) -> Result<Pattern, Diagnostic> {
    Pattern::parse(text).map_err(|reason| {
        let message = format!("variant pattern `{text}` is not a regular expression: {reason}");
        Diagnostic::new(&codes::BAD_PATTERN, format!("{NAME}.{text}"), message).at(span)
    })
}
