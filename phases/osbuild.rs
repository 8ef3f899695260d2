//! The *osbuild* phase: one `osbuildImage` task for each image of each variant that its pattern matches, for all arches
//! of the image at once (facts: osbuild 3).

mod customizations;
mod image_types;
mod section;

pub use section::SECTION;

use crate::endings;
use crate::phase::{Call, Context, Expected, ImagePhase, VariantImage, sent};
use magudi_compose::arches::is_rpm_arch;
use magudi_compose::archive_types;
use magudi_compose::images;
use magudi_config::codes;
use magudi_config::compose_config::Image;
use magudi_config::dump::to_json;
use magudi_config::schema::images::type_in;
use magudi_config::{Diagnostic, Section};
use magudi_engine::artifact::{Artifact, BuiltFile, NotAnImage};
use magudi_engine::method::{Method, Reasons, Results};
use magudi_engine::plan::{About, Keywords, Opts, TaskRequest};
use serde_json::{Map, Value as Json};

#[derive(Debug)]
pub struct Osbuild;

/// Its name in the configuration, on the command line and in logs.
pub const NAME: &str = SECTION.name;

/// Its method of the hub (facts: osbuild 5).
pub static METHOD: Method = Method {
    name: "osbuildImage",
    task: "osbuildImage",
    parameters: &["name", "version", "distro", "image_type", "target", "arches", "opts", "priority"],
    stored: &["name", "version", "distro", "image_type", "target", "arches", "opts"],
    rest: false,
    results: Results::Build,
    reasons: Reasons::ComposeStatus,
    names_build: true,
    title: "OSBuild",
    logs: "osbuild",
    permission: "image",
    channel: "image",
    newer_options: &[],
    marks: &[("'Repository options'", "opts.repo"), ("'Image Types ", "image_type")],
};

impl ImagePhase for Osbuild {
    fn section(&self) -> &'static Section {
        &SECTION
    }

    fn method(&self) -> &'static Method {
        &METHOD
    }

    fn check(&self, image: &Image, _: &Context<'_>) -> Vec<Diagnostic> {
        let mut found = customizations::check(image);
        found.extend(check_manifest_type(image));
        found
    }

    fn call(&self, asked: VariantImage<'_>) -> Option<Call> {
        let VariantImage { image, about, repositories, .. } = asked;
        let mut opts = Opts::with_capacity(2);
        opts.insert("repo".into(), Json::Array(repositories));
        let ostree: Map<String, Json> = [("url", "ostree_url"), ("ref", "ostree_ref"), ("parent", "ostree_parent")]
            .into_iter()
            .filter_map(|(name, key)| Some((name.to_owned(), Json::from(filled(image, key)?))))
            .collect();
        if !ostree.is_empty() {
            opts.insert("ostree".into(), Json::Object(ostree));
        }
        for key in ["upload_options", "customizations"] {
            // A value that has no JSON form has been reported, and such an image is not expanded.
            if let Some(Ok(value)) = image.get(key).filter(|node| node.is_truthy()).map(to_json) {
                opts.insert(key.into(), value);
            }
        }
        if let Some(release) = &about.release {
            opts.insert("release".into(), Json::from(&**release));
        }
        // Sent as they are written (facts: osbuild 3).
        let Ok(image_types) = to_json(image.get("image_types")?) else { return None };
        let args = vec![
            Json::from(&*about.name),
            Json::from(&*about.version),
            Json::from(image.text("distro").map_or("", |distro| distro.value)),
            image_types,
            Json::from(&*about.target),
            sent(&about.arches),
        ];
        let uploads = opts.contains_key("upload_options");
        let about = About { image_type: image_type(image).into(), uploads, ..about };
        Some(Call { args, keywords: Keywords::of_opts(opts), failable: image.is_true("failable"), about })
    }

    fn expected<'r>(&self, request: &'r TaskRequest) -> Option<Expected<'r>> {
        let asked = &*request.about.image_type;
        let format = image_types::format(asked).unwrap_or(asked);
        let image_type = match (request.about.manifest_type.as_deref(), image_types::archive_type(asked)) {
            (Some(given), _) => given,
            (None, Some("iso")) => archive_types::iso_image_type(&request.nvr()),
            // A container's tar and the like never get into images.json.
            (None, Some(archive)) => {
                archive_types::suffixes_of(archive)?;
                archive_types::image_type(None, archive, "")
            }
            (None, None) => asked,
        };
        Some(Expected { image_type, format })
    }

    /// What an archive of a finished build becomes in the compose (facts: manifests 6). Archives of a type that no rule takes up
    /// (manifests, logs) are nothing; an archive that should be an image and cannot be described is an error.
    fn describe(&self, request: &TaskRequest, file: &BuiltFile) -> Result<Option<Artifact>, NotAnImage> {
        let Some(kind) = &file.archive_type else { return Ok(None) };
        let (name, arch) = (&file.name, &file.arch);
        let format = archive_types::describe(kind, name);
        if format == Ok(None) {
            return Ok(endings::named(request, file));
        }
        let Some(arch) = arch.clone().filter(|arch| !arch.is_empty()) else {
            return Err(NotAnImage::NoArch(name.clone()));
        };
        if !is_rpm_arch(&arch) || matches!(arch.as_str(), "src" | "nosrc") {
            return Err(NotAnImage::Arch { name: name.clone(), arch });
        }
        let Some(format) = format? else { return Ok(None) };
        if !images::is_format(format) {
            return Err(NotAnImage::Format { name: name.clone(), format });
        }
        let image_type = archive_types::image_type(request.about.manifest_type.as_deref(), kind, name);
        let is_iso = kind == "iso";
        let (image_type, format) = (image_type.to_owned(), format.to_owned());
        Ok(Some(Artifact { arch, image_type, format, is_iso, bootable: false }))
    }
}

/// Warns of a `manifest_type` that does not go with the files that are made for the image type.
fn check_manifest_type(image: &Image) -> Option<Diagnostic> {
    let asked = image_type(image);
    let manifest_type = image.text("manifest_type")?;
    let (Some(archive), Some(format)) = (image_types::archive_type(asked), image_types::format(asked)) else {
        return None;
    };
    let expected = images::formats_of(manifest_type.value).unwrap_or_default();
    // Archives that are no images are not in images.json at all.
    let is_listed = archive_types::suffixes_of(archive).is_some();
    if expected.is_empty() || expected.contains(&format) || !is_listed {
        return None;
    }
    let message = format!(
        "images of type `{asked}` usually are {format} files, but readers of images.json expect {} files of `{}`",
        expected.join(" or "),
        manifest_type.value
    );
    let path = image.path_of("manifest_type");
    let diagnostic = Diagnostic::new(&codes::ODD_MANIFEST_TYPE, path, message).at(manifest_type.span);
    let span = image.get("image_types").map_or(image.span, |types| types.span);
    Some(diagnostic.related(span, "the image type"))
}

/// A string that is there and not empty.
fn filled<'i>(image: &'i Image, key: &str) -> Option<&'i str> {
    image.text(key).map(|text| text.value).filter(|text| !text.is_empty())
}

fn image_type(image: &Image) -> &str {
    image.get("image_types").and_then(type_in).unwrap_or_default()
}
