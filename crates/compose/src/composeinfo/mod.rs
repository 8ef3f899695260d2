//! *composeinfo.json* says which compose it is, of which release, and which variants have which directories (facts:
//! manifests 9).
//!
//! One that is there already is brought to the format of version 1.2 (`convert`), and what it says is united with what is known
//! here (`merge`). It is written again in the version that it was in.

mod convert;
mod merge;

pub use merge::merge;

use crate::identity::{BadLabel, ComposeIdentity, ComposeType, Label, Product, UnknownComposeType};
use crate::layout::ComposeDir;
use crate::manifest::ManifestVersion;
use crate::read::{ManifestError, OtherHeader, json_problem, load_manifest, load_text};
use crate::variants::{Variant, VariantKind, Variants};
use convert::{convert, raise};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// The largest composeinfo that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// The type in the header.
const TYPE: &str = "productmd.composeinfo";

/// A composeinfo that cannot be used.
pub type ComposeinfoError = ManifestError<ComposeinfoProblem>;

#[derive(Debug, thiserror::Error)]
pub enum ComposeinfoProblem {
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is not JSON.
    #[error("{}", json_problem(.0))]
    Json(#[from] serde_json::Error),
    /// It is a different kind of file, or of a newer format.
    #[error("{0}, where {TYPE} 1.x or 2.x is expected")]
    Header(#[from] OtherHeader),
    /// A value is missing or of the wrong type.
    #[error("`{0}` is missing or not {1}")]
    Value(String, &'static str),
    /// The compose type is unknown.
    #[error(transparent)]
    Type(#[from] UnknownComposeType),
    /// The label is not valid.
    #[error(transparent)]
    Label(#[from] BadLabel),
    /// Its parts do not make its id.
    #[error("its id {id} does not fit its release, date, type and respin, which make {computed}")]
    Id {
        id: String,
        /// What it should say.
        computed: String,
    },
}

/// The `compose` block without the label.
pub(crate) fn compose_block(identity: &ComposeIdentity) -> Map<String, Value> {
    let mut block = Map::new();
    block.insert("date".to_owned(), json!(identity.date));
    block.insert("id".to_owned(), json!(identity.id()));
    block.insert("respin".to_owned(), json!(identity.respin));
    block.insert("type".to_owned(), json!(identity.kind.as_str()));
    block
}

fn product(product: &Product) -> Map<String, Value> {
    let mut block = Map::new();
    block.insert("name".to_owned(), json!(product.name));
    block.insert("short".to_owned(), json!(product.short));
    block.insert("type".to_owned(), json!(product.kind));
    block.insert("version".to_owned(), json!(product.version));
    block
}

fn document(identity: &ComposeIdentity, is_final: bool, variants: Map<String, Value>) -> Value {
    let mut compose = compose_block(identity);
    if let Some(label) = &identity.label {
        compose.insert("label".to_owned(), json!(label.as_str()));
        compose.insert("final".to_owned(), json!(is_final));
    }
    let mut release = product(&identity.release);
    release.insert("internal".to_owned(), json!(identity.release.internal));
    let mut payload = Map::new();
    if let Some(base) = &identity.base_product {
        release.insert("is_layered".to_owned(), json!(true));
        payload.insert("base_product".to_owned(), Value::Object(product(base)));
    }
    payload.insert("compose".to_owned(), Value::Object(compose));
    payload.insert("release".to_owned(), Value::Object(release));
    payload.insert("variants".to_owned(), Value::Object(variants));
    json!({"header": ManifestVersion::V1_2.header(TYPE), "payload": payload})
}

/// composeinfo-base.json: no variants; `final` is false whatever the compose is, it is only decided at the end.
pub fn composeinfo_base(identity: &ComposeIdentity) -> Value {
    document(identity, false, Map::new())
}

/// composeinfo.json. A variant gets the paths `images` and `isos` of those arches for which the directories exist.
pub fn composeinfo(identity: &ComposeIdentity, variants: &Variants, dir: &ComposeDir) -> Value {
    let blocks = variants.all().map(|v| (v.uid.clone(), variant_block(identity, v, dir))).collect();
    document(identity, identity.is_final, blocks)
}

fn variant_block(identity: &ComposeIdentity, variant: &Variant, dir: &ComposeDir) -> Value {
    let arches: BTreeSet<&str> = variant.arches.iter().map(String::as_str).collect();
    let existing = |path_of: &dyn Fn(&str) -> PathBuf| -> Map<String, Value> {
        let paths = arches.iter().map(|arch| (arch, path_of(arch))).filter(|(_, path)| path.is_dir());
        paths.filter_map(|(arch, path)| Some(((*arch).to_owned(), json!(dir.relative(&path)?)))).collect()
    };
    let mut paths = Map::new();
    let images = existing(&|arch| dir.images_dir(variant, arch));
    // An addon shares its parent's ISO directory, which says nothing about the addon; Pungi lists none for it either.
    let isos =
        if variant.kind == VariantKind::Addon { Map::new() } else { existing(&|arch| dir.iso_dir(variant, arch)) };
    for (field, found) in [("images", images), ("isos", isos)] {
        if !found.is_empty() {
            paths.insert(field.to_owned(), Value::Object(found));
        }
    }
    let mut block = json!({
        "arches": arches,
        "id": variant.id.replace('-', ""),
        "name": variant.name,
        "paths": paths,
        "type": variant.kind.as_str(),
        "uid": variant.uid,
    });
    let children: BTreeSet<&str> =
        variant.children.iter().filter_map(|uid| uid.strip_prefix(&variant.uid)?.strip_prefix('-')).collect();
    if !children.is_empty() {
        block["variants"] = json!(children);
    }
    if let Some(release) = &variant.release {
        // The type is that of the whole compose: variants.xml has no place for one.
        block["release"] = json!({
            "internal": false,
            "is_layered": true,
            "name": release.name,
            "short": release.short,
            "type": identity.release.kind,
            "version": release.version,
        });
    }
    block
}

/// Reads a file of JSON of a compose as it is; `None` when there is none.
pub fn load_document(path: &Path) -> Result<Option<Value>, ComposeinfoError> {
    load_manifest(path, MAX_BYTES, |text| Ok(serde_json::from_str(text)?))
}

/// A composeinfo.json that was there already.
#[derive(Debug, Clone, PartialEq)]
pub struct Composeinfo {
    /// What it says, in the form of version 1.2.
    pub document: Value,
    /// The version that it is in, and in which it is written again.
    pub version: ManifestVersion,
    /// Where it says that the paths of variants are (version 2.0): variant, field and arch, as in the document.
    locations: Value,
}

impl Composeinfo {
    /// Takes what it says over into `own`, see [`merge`].
    pub fn merge_into(&self, own: &mut Value) {
        merge(own, &self.document);
    }

    pub fn compose_id(&self) -> Option<&str> {
        self.document.pointer("/payload/compose/id")?.as_str()
    }

    pub fn release_version(&self) -> Option<&str> {
        self.document.pointer("/payload/release/version")?.as_str()
    }

    /// Every path of every variant.
    pub fn paths(&self) -> Vec<VariantPath<'_>> {
        let mut found = Vec::new();
        for (variant, block) in
            self.document.pointer("/payload/variants").and_then(Value::as_object).into_iter().flatten()
        {
            for (field, arches) in block.get("paths").and_then(Value::as_object).into_iter().flatten() {
                for (arch, path) in arches.as_object().into_iter().flatten() {
                    let location =
                        [variant, "paths", field, arch].iter().try_fold(&self.locations, |at, key| at.get(key));
                    let url = location.and_then(|location| location.get("url")?.as_str());
                    let is_elsewhere = url.is_some_and(|url| url.contains("://"));
                    found.push(VariantPath { variant, field, arch, path: path.as_str(), is_elsewhere });
                }
            }
        }
        found
    }

    /// No composeinfo.json was there.
    pub fn none() -> Self {
        Self { document: Value::Null, version: ManifestVersion::default(), locations: Value::Null }
    }

    /// Brings `own`, which is in the form of version 1.2, to `version`. What this one says of where a path is, holds.
    pub fn raise(&self, own: &mut Value, version: ManifestVersion) {
        if version == ManifestVersion::V2_0 {
            raise(own, &self.locations);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariantPath<'a> {
    pub variant: &'a str,
    /// What is there: `os_tree`, `images`.
    pub field: &'a str,
    pub arch: &'a str,
    /// The path below `compose`; `None` for what is not a path.
    pub path: Option<&'a str>,
    /// It need not be in the compose: its location has an address on the web (version 2.0).
    pub is_elsewhere: bool,
}

/// Reads a composeinfo.json of any format up to 2.x; `None` when there is none.
pub fn load_composeinfo(path: &Path) -> Result<Option<Composeinfo>, ComposeinfoError> {
    load_manifest(path, MAX_BYTES, parse_composeinfo)
}

/// Reads the text of a composeinfo.json of any format up to 2.x.
pub fn parse_composeinfo(text: &str) -> Result<Composeinfo, ComposeinfoProblem> {
    let document: Value = serde_json::from_str(text)?;
    let locations = document.pointer("/payload/variants").cloned().unwrap_or_default();
    let (version, document) = convert(document)?;
    Ok(Composeinfo { document, version, locations })
}

/// Reads the identity of a compose from its composeinfo-base.json.
pub fn load_identity(path: &Path) -> Result<ComposeIdentity, ComposeinfoError> {
    let read = || parse_identity(&load_text(path, MAX_BYTES)?);
    read().map_err(|problem| ComposeinfoError { path: path.to_path_buf(), problem })
}

/// The same, where there may be no such file.
pub(crate) fn find_identity(path: &Path) -> Result<Option<ComposeIdentity>, ComposeinfoError> {
    load_manifest(path, MAX_BYTES, parse_identity)
}

/// Reads the identity of a compose from the text of a composeinfo, with or without variants.
pub fn parse_identity(text: &str) -> Result<ComposeIdentity, ComposeinfoProblem> {
    let (_, document) = convert(serde_json::from_str(text)?)?;
    let payload = document.get("payload").unwrap_or(&Value::Null);
    let string = |block: &str, key: &str| {
        let value = payload.get(block).and_then(|block| block.get(key)).and_then(Value::as_str);
        value.map(str::to_owned).ok_or_else(|| ComposeinfoProblem::Value(format!("payload.{block}.{key}"), "a string"))
    };
    let flag = |block: &str, key: &str| {
        payload.get(block).and_then(|block| block.get(key)).and_then(Value::as_bool).unwrap_or(false)
    };
    let product = |block: &str| -> Result<Product, ComposeinfoProblem> {
        Ok(Product {
            name: string(block, "name")?,
            short: string(block, "short")?,
            version: string(block, "version")?,
            kind: string(block, "type").unwrap_or_else(|_| "ga".to_owned()).to_lowercase(),
            internal: flag(block, "internal"),
        })
    };
    let respin = payload.get("compose").and_then(|block| block.get("respin")).and_then(Value::as_u64);
    let respin = respin.and_then(|respin| u32::try_from(respin).ok());
    let label = match payload.get("compose").and_then(|block| block.get("label")) {
        None | Some(Value::Null) => None,
        Some(_) => Some(string("compose", "label")?).filter(|label| !label.is_empty()),
    };
    let label = label.as_deref().map(Label::parse).transpose()?;
    let identity = ComposeIdentity {
        release: product("release")?,
        base_product: if flag("release", "is_layered") { Some(product("base_product")?) } else { None },
        date: string("compose", "date")?,
        kind: ComposeType::parse(&string("compose", "type")?)?,
        respin: respin.ok_or_else(|| ComposeinfoProblem::Value("payload.compose.respin".to_owned(), "a number"))?,
        is_final: flag("compose", "final") || label.as_ref().is_some_and(Label::is_final),
        label,
    };
    if identity.date.len() != 8 || !identity.date.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ComposeinfoProblem::Value("payload.compose.date".to_owned(), "a date of eight digits"));
    }
    let (id, computed) = (string("compose", "id")?, identity.id());
    if id == computed { Ok(identity) } else { Err(ComposeinfoProblem::Id { id, computed }) }
}
