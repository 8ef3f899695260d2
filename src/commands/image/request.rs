//! The *request* that a command line asks for, checked: nothing goes to a hub that it is known to refuse, or that is known to
//! fail after an hour.

use super::repositories::Repository;
use crate::cli::ImageArgs;
use crate::error::Failure;
use crate::ui::Ui;
use magudi_compose::arches::is_rpm_arch;
use magudi_config::check::check_upload_options;
use magudi_config::diagnostic::has_errors;
use magudi_config::dump::to_json;
use magudi_config::load::load_json;
use magudi_config::schema::images::slip_of;
use magudi_config::{Diagnostic, Node, Sources, codes};
use magudi_engine::find_task::Sent;
use magudi_engine::plan::{About, Keywords, Opts, TaskRequest};
use magudi_koji::value::from_json;
use magudi_koji::xmlrpc::encode_call;
use magudi_phases::expand::unnameable;
use magudi_phases::osbuild;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;
use std::path::Path;

/// The request, with the arguments and options just as `koji osbuild-image` sends them: an option that is not given, or is
/// empty, has no key. Warnings are shown.
pub fn request(args: &ImageArgs, ui: Ui) -> Result<TaskRequest, Failure> {
    check_arguments(args)?;
    let mut opts = Opts::default();
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if let Some(release) = given(&args.release) {
        opts.insert("release".into(), json!(release));
    }
    if !args.repositories.0.is_empty() {
        opts.insert("repo".into(), args.repositories.0.iter().map(Repository::to_json).collect());
    }
    if args.skip_tag {
        opts.insert("skip_tag".into(), json!(true));
    }
    let ostree = [("parent", &args.ostree_parent), ("ref", &args.ostree_ref), ("url", &args.ostree_url)];
    let ostree: Map<String, Json> =
        ostree.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(given(value)?)))).collect();
    if !ostree.is_empty() {
        opts.insert("ostree".into(), Json::Object(ostree));
    }
    let files = [("customizations", &args.customizations), ("upload_options", &args.upload_options)];
    for (key, path) in files {
        if let Some(path) = path.as_ref().filter(|path| !path.as_os_str().is_empty()) {
            let (value, warnings, sources) = load_option(key, path, &args.image_type)?;
            if !args.quiet {
                ui.diagnostics(&warnings, &sources);
            }
            opts.insert(key.into(), value);
        }
    }
    let request = TaskRequest {
        phase: osbuild::NAME,
        variant: String::new(),
        subvariant: String::new(),
        failable: false,
        method: &osbuild::METHOD,
        args: vec![
            json!(args.name),
            json!(args.version),
            json!(args.distro),
            json!(args.image_type),
            json!(args.target),
            json!(args.arches),
        ],
        about: About {
            name: args.name.as_str().into(),
            arches: args.arches.iter().map(|arch| arch.as_str().into()).collect(),
            version: args.version.as_str().into(),
            release: given(&args.release).map(Into::into),
            image_type: args.image_type.as_str().into(),
            target: args.target.as_str().into(),
            uploads: opts.contains_key("upload_options"),
            ..About::default()
        },
        keywords: Keywords::of_opts(opts),
    };
    check_sendable(&request)?;
    Ok(request)
}

/// What is likely to be a mistake, and is sent all the same.
pub fn doubts(args: &ImageArgs, request: &TaskRequest) -> Vec<String> {
    let slip = slip_of(&args.image_type)
        .map(|near| format!("no image type is known as `{}`; did you mean `{near}`?", args.image_type.escape_debug()));
    slip.into_iter().chain(unnameable(request)).collect()
}

/// What the hub takes and the builder then fails on (facts: osbuild 6).
fn check_arguments(args: &ImageArgs) -> Result<(), Failure> {
    let texts = [
        ("NAME", &args.name),
        ("VERSION", &args.version),
        ("DISTRO", &args.distro),
        ("TARGET", &args.target),
        ("--image-type", &args.image_type),
    ];
    if let Some((what, _)) = texts.iter().find(|(_, text)| text.trim().is_empty()) {
        return Err(Failure::usage(format!("{what} is empty")));
    }
    let mut seen = BTreeSet::new();
    for arch in &args.arches {
        if !is_rpm_arch(arch) || matches!(arch.as_str(), "src" | "nosrc" | "noarch") {
            return Err(Failure::usage(format!("`{}` is not an arch that an image can have", arch.escape_debug())));
        }
        if !seen.insert(arch) {
            return Err(Failure::usage(format!("the arch {arch} is given twice: a build has one image of each arch")));
        }
    }
    for repository in &args.repositories.0 {
        if !repository.url.starts_with('/') && !repository.url.contains("://") {
            let url = repository.url.escape_debug();
            return Err(Failure::usage(format!("--repo `{url}` is neither a URL nor an absolute path")));
        }
    }
    Ok(())
}

/// An option that is a file of one JSON object, and what may be wrong with it.
fn load_option(key: &'static str, path: &Path, image_type: &str) -> Result<(Json, Vec<Diagnostic>, Sources), Failure> {
    let mut sources = Sources::new();
    let (value, diagnostics) = match load_json(path, &mut sources) {
        Ok(node) => checked(key, &node, image_type),
        Err(diagnostic) => (None, vec![diagnostic]),
    };
    match value {
        Some(value) if !has_errors(&diagnostics) => Ok((value, diagnostics, sources)),
        _ => Err(Failure::invalid(diagnostics, sources)),
    }
}

fn checked(key: &'static str, node: &Node, image_type: &str) -> (Option<Json>, Vec<Diagnostic>) {
    let mut diagnostics = if key == "upload_options" { check_upload_options(node, image_type) } else { Vec::new() };
    let sendable = to_json(node).and_then(|json| match from_json(&json) {
        Ok(_) => Ok(json),
        Err(error) => Err(Diagnostic::new(&codes::NOT_SENDABLE, key, error.to_string()).at(node.span)),
    });
    match sendable {
        Ok(json) => (Some(json), diagnostics),
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            (None, diagnostics)
        }
    }
}

/// Finds what cannot be written in XML, such as control characters, before anybody is asked anything.
fn check_sendable(request: &TaskRequest) -> Result<(), Failure> {
    let sent = Sent::of(request).map_err(Failure::usage)?;
    let call = sent.call();
    encode_call(&call.method, &call.params)
        .map(|_| ())
        .map_err(|error| Failure::usage(format!("this cannot be sent to a hub: {error}")))
}
