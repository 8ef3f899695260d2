//! The *customizations* that osbuild-composer's Cloud API takes (facts: osbuild 21): a slip in one is found when the image is built.

use magudi_config::compose_config::Image;
use magudi_config::did_you_mean::{suggest, suggest_within};
use magudi_config::{Diagnostic, Node, codes};

/// What stands at a place.
enum Shape {
    /// Anything.
    Any,
    /// A dict with these keys and no others.
    Closed(&'static [(&'static str, Shape)]),
    /// A dict with these keys; others are passed over.
    Open(&'static [&'static str]),
    /// A list of these.
    Each(&'static Shape),
}

use Shape::{Any, Closed, Each, Open};

const FILE: Shape = Open(&["path", "mode", "user", "group", "data", "ensure_parents"]);
const REPOSITORY: Shape = Open(&[
    "baseurl",
    "mirrorlist",
    "metalink",
    "gpgkey",
    "check_gpg",
    "check_repo_gpg",
    "ignore_ssl",
    "module_hotfixes",
    "package_sets",
    "rhsm",
]);
const CUSTOM_REPOSITORY: Shape = Open(&[
    "id",
    "name",
    "filename",
    "baseurl",
    "mirrorlist",
    "metalink",
    "enabled",
    "gpgkey",
    "check_gpg",
    "check_repo_gpg",
    "ssl_verify",
    "priority",
    "module_hotfixes",
]);
const SWITCHED: Shape = Closed(&[("enabled", Any), ("disabled", Any)]);

const CUSTOMIZATIONS: Shape = Closed(&[
    ("cacerts", Any),
    ("containers", Each(&Open(&["source", "name", "tls_verify"]))),
    ("custom_repositories", Each(&CUSTOM_REPOSITORY)),
    ("directories", Each(&Open(&["path", "mode", "user", "group", "ensure_parents"]))),
    ("disk", Open(&["type", "minsize", "partitions"])),
    ("enabled_modules", Each(&Closed(&[("name", Any), ("stream", Any)]))),
    ("fdo", Any),
    ("files", Each(&FILE)),
    ("filesystem", Each(&Open(&["mountpoint", "min_size"]))),
    ("fips", Closed(&[("enabled", Any)])),
    ("firewall", Closed(&[("ports", Any), ("services", SWITCHED)])),
    ("groups", Each(&Closed(&[("name", Any), ("gid", Any)]))),
    ("hostname", Any),
    ("ignition", Closed(&[("embedded", Closed(&[("config", Any)])), ("firstboot", Closed(&[("url", Any)]))])),
    ("installation_device", Any),
    ("installer", Any),
    ("kernel", Closed(&[("name", Any), ("append", Any)])),
    ("locale", Closed(&[("languages", Any), ("keyboard", Any)])),
    ("openscap", Any),
    ("packages", Any),
    ("partitioning_mode", Any),
    ("payload_repositories", Each(&REPOSITORY)),
    ("rhsm", Any),
    ("rpm", Any),
    ("services", Closed(&[("enabled", Any), ("disabled", Any), ("masked", Any)])),
    (
        "subscription",
        Open(&[
            "organization",
            "activation_key",
            "server_url",
            "base_url",
            "insights",
            "rhc",
            "insights_client_proxy",
            "template_uuid",
            "template_name",
        ]),
    ),
    ("timezone", Closed(&[("timezone", Any), ("ntpservers", Any)])),
    ("users", Each(&Closed(&[("name", Any), ("groups", Any), ("key", Any), ("password", Any)]))),
]);

/// A warning for each key that composer would refuse, or that is a slip of one it knows.
pub fn check(image: &Image) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if let Some(node) = image.get("customizations") {
        look(node, &CUSTOMIZATIONS, &image.path_of("customizations"), &mut found);
    }
    found
}

fn look(node: &Node, shape: &Shape, path: &str, found: &mut Vec<Diagnostic>) {
    match shape {
        Any => {}
        Each(shape) => {
            for (place, item) in node.as_array().unwrap_or_default().iter().enumerate() {
                look(item, shape, &format!("{path}.{place}"), found);
            }
        }
        Closed(_) | Open(_) => {
            for (key, value) in node.as_dict().into_iter().flat_map(|dict| &dict.entries) {
                let Some(name) = key.as_str() else { continue };
                let path = format!("{path}.{name}");
                match shape {
                    Closed(keys) => match keys.iter().find(|(known, _)| *known == name) {
                        Some((_, shape)) => look(value, shape, &path, found),
                        None => {
                            found.push(unknown(key, name, path, suggest(name, keys.iter().map(|(known, _)| *known))));
                        }
                    },
                    Open(keys) if !keys.contains(&name) => {
                        let near = suggest_within(name, keys.iter().copied(), 2);
                        found.extend(near.map(|near| unknown(key, name, path, Some(near))));
                    }
                    _ => {}
                }
            }
        }
    }
}

fn unknown(key: &Node, name: &str, path: String, near: Option<&str>) -> Diagnostic {
    let help = near.map_or_else(
        || "osbuild-composer refuses an image with a key that it does not know".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    let message = format!("no customization is called `{name}`");
    Diagnostic::new(&codes::UNKNOWN_CUSTOMIZATION, path, message).at(key.span).help(help)
}
