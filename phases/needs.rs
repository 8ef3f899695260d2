//! What a request *needs* of the compose that it belongs to: the repositories and trees in it that its image is built from.
//! Pungi makes them, perhaps while the request waits.
//!
//! It is read from what is sent, so that it holds for every phase.

use crate::repos::{normpath, translate};
use magudi_compose::layout::ComposeDir;
use magudi_engine::plan::TaskRequest;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What builders put an arch in the place of, in URLs of repositories.
const ARCH_VARIABLES: [&str; 2] = ["$basearch", "$arch"];

/// The last file that is made of a repository.
const REPOSITORY: &str = "repodata/repomd.xml";

/// The last file that is made of a tree to install from.
const TREE: &str = ".treeinfo";

/// The files below the compose `dir` that must be there before `request` is sent: of each repository and tree, for each arch.
pub fn needs(request: &TaskRequest, dir: &ComposeDir, translate_paths: &[(String, String)]) -> Vec<PathBuf> {
    let compose = dir.compose();
    let sent = translate(&compose.to_string_lossy(), translate_paths);
    let needs = Needs { compose: &compose, sent: &sent, arches: request.arches() };
    let mut files = BTreeSet::new();
    for (name, value) in request.method.parameters.iter().copied().zip(&request.args) {
        needs.of(name, value, &mut files);
    }
    for (name, value) in request.keywords.members() {
        needs.of(name, value, &mut files);
    }
    files.into_iter().collect()
}

struct Needs<'a> {
    compose: &'a Path,
    /// The same as it is sent.
    sent: &'a str,
    arches: Vec<&'a str>,
}

impl Needs<'_> {
    /// Those of an argument, whose name says whether it is a tree.
    fn of(&self, name: &str, value: &Json, files: &mut BTreeSet<PathBuf>) {
        match value {
            Json::String(text) => {
                let last = if name.contains("tree") { TREE } else { REPOSITORY };
                for word in text.split(|c: char| c == ',' || c.is_whitespace()) {
                    files.extend(self.inside(word).into_iter().map(|directory| directory.join(last)));
                }
            }
            Json::Array(items) => items.iter().for_each(|item| self.of(name, item, files)),
            // It is not a repository of packages, and nothing in it tells when it is done.
            Json::Object(_) if name == "ostree" => {}
            Json::Object(members) => members.iter().for_each(|(name, item)| self.of(name, item, files)),
            _ => {}
        }
    }

    /// The directories of the compose that a URL or path means, one for each arch if it names the arch.
    fn inside(&self, url: &str) -> BTreeSet<PathBuf> {
        let rest = url.strip_prefix(self.sent).and_then(|rest| rest.strip_prefix('/'));
        let rest = rest.map(normpath).filter(|rest| !rest.starts_with(".."));
        let of_arch = |rest: &String, arch: &str| {
            let path = ARCH_VARIABLES.iter().fold(rest.clone(), |path, variable| path.replace(variable, arch));
            self.compose.join(path)
        };
        rest.iter().flat_map(|rest| self.arches.iter().map(move |arch| of_arch(rest, arch))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_build;
    use magudi_engine::plan::{About, Keywords, Opts};
    use serde_json::json;

    fn request(args: Vec<Json>, opts: &Json) -> TaskRequest {
        let opts = opts.as_object().unwrap().iter().map(|(name, value)| (name.clone().into(), value.clone()));
        TaskRequest {
            phase: "images",
            variant: "Server".into(),
            subvariant: "Server".into(),
            failable: false,
            method: &image_build::METHOD,
            args,
            keywords: Keywords::of_opts(opts.collect::<Opts>()),
            about: About { arches: ["aarch64".into(), "x86_64".into()].into(), ..About::default() },
        }
    }

    #[test]
    fn what_lies_in_the_compose_is_needed_for_each_arch() {
        let dir = ComposeDir::at(Path::new("/mnt/c/F-1"));
        let translated = [("/mnt/c".to_owned(), "http://c.example.com".to_owned())];
        let args = json!(["Server", "1", ["x86_64"], "f42", "http://c.example.com/F-1/compose/Server/$arch/os"]);
        let opts = json!({
            "repo": ["http://c.example.com/F-1/compose/Client/$basearch/os/", "http://elsewhere/F-1/compose/x"],
            "ksurl": "git://c.example.com/ks",
            "other_repos": "http://c.example.com/F-1/compose/Extra/os,http://c.example.com/F-1/compose/../work",
        });
        let found = needs(&request(args.as_array().unwrap().clone(), &opts), &dir, &translated);
        let want = [
            "Client/aarch64/os/repodata/repomd.xml",
            "Client/x86_64/os/repodata/repomd.xml",
            "Extra/os/repodata/repomd.xml",
            "Server/aarch64/os/.treeinfo",
            "Server/x86_64/os/.treeinfo",
        ];
        assert_eq!(found, want.map(|path| dir.compose().join(path)));
        assert!(needs(&request(Vec::new(), &json!({"repo": ["/mnt/c/F-10/compose/S/os"]})), &dir, &[]).is_empty());
        let own = needs(&request(Vec::new(), &json!({"repo": [{"baseurl": "/mnt/c/F-1/compose/S/os"}]})), &dir, &[]);
        assert_eq!(own, [dir.compose().join("S/os/repodata/repomd.xml")]);
        let inside = json!({"opts": {
            "install_tree_url": "/mnt/c/F-1/compose/S/os",
            "ostree": {"url": "/mnt/c/F-1/compose/S/ostree/repo"},
        }});
        let tree = needs(&request(Vec::new(), &inside), &dir, &[]);
        assert_eq!(tree, [dir.compose().join("S/os/.treeinfo")]);
    }
}
