//! What the phases have in common whose images Koji makes of a *kickstart* by tasks of its own (facts: kickstart 4).

use crate::phase::Context;
use magudi_config::compose_config::Image;
use magudi_config::did_you_mean::suggest;
use magudi_config::{Diagnostic, codes};
use magudi_engine::plan::{Keywords, Opts};
use serde_json::{Value as Json, json};

/// The named arguments of both methods. A priority is what the koji client gives a task that no one waits for.
pub fn in_opts(opts: Opts, priority: Option<i64>) -> Keywords {
    let mut others = Opts::with_capacity(1);
    others.insert("priority".into(), json!(priority));
    Keywords { opts: Some(opts), others }
}

/// The URLs of repositories: all that is sent of one that is written as a dict.
pub fn urls(repositories: Vec<Json>) -> Vec<Json> {
    let url = |repository| match repository {
        Json::Object(mut members) => members.remove("baseurl").unwrap_or_default(),
        url => url,
    };
    repositories.into_iter().map(url).collect()
}

/// An `install_tree_from` that is neither a variant nor what `is_tree` takes.
pub fn check_install_tree(image: &Image, context: &Context<'_>, is_tree: impl Fn(&str) -> bool) -> Option<Diagnostic> {
    let from = image.text("install_tree_from")?;
    if is_tree(from.value) || context.variants.get(from.value).is_some() {
        return None;
    }
    let message = format!("there is no variant `{}` to install from", from.value);
    let uids: Vec<&str> = context.variants.ordered().map(|variant| variant.uid.as_str()).collect();
    let help = match suggest(from.value, uids.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the variants are {}", uids.join(", ")),
    };
    let path = image.path_of("install_tree_from");
    Some(Diagnostic::new(&codes::UNKNOWN_VARIANT, path, message).at(from.span).help(help))
}
