//! Reads an images.json that is already there, be it ours or another tool's. Of somebody else's entries those that cannot be
//! understood, or that readers refuse, are kept as they are: they are not ours to judge.

mod member;
mod pieces;
mod plain;

use self::member::find_member;
use super::document::TYPE;
use super::{Checksums, Image, Images, Oddity};
use crate::manifest::{ManifestVersion, flatten};
use crate::read::{ManifestError, OtherHeader, check_header, json_problem, load_manifest};
use magudi_config::regular;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::io::{self, BufReader, Read as _};
use std::path::Path;

/// The largest images.json that is read, in bytes; one of 10,000 images has 19 MB.
const MAX_BYTES: u64 = 512 << 20;

/// Bytes that are read at once.
const BUFFER: usize = 64 << 10;

/// An images.json that cannot be used.
pub type ImagesError = ManifestError<ImagesProblem>;

#[derive(Debug, thiserror::Error)]
pub enum ImagesProblem {
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
}

/// Reads an images.json; `None` when there is none.
pub fn load_images(path: &Path) -> Result<Option<Images>, ImagesError> {
    load_other_images(path, &BTreeSet::new())
}

/// The same without the images at the paths of `own`, which may be nearly all.
pub fn load_other_images(path: &Path, own: &BTreeSet<String>) -> Result<Option<Images>, ImagesError> {
    if let Some(images) = load_plain(path, own) {
        return Ok(Some(images));
    }
    // What is odd in any way is read as a whole, which knows what to say of it.
    let mut images = load_manifest(path, MAX_BYTES, parse_images)?;
    if let Some(images) = &mut images {
        images.retain(|image| !own.contains(&image.path));
        images.retain_odd(|path| !own.contains(path));
    }
    Ok(images)
}

/// From how many bytes on a file is read without having its text as a whole, which is a third slower.
const LARGE: u64 = 4 << 20;

/// The images of a large file in which nothing is odd. Its text is never there as a whole: that has 1.8 kB for a request.
fn load_plain(path: &Path, own: &BTreeSet<String>) -> Option<Images> {
    let file = regular::open(path).ok().filter(|file| file.metadata().is_ok_and(|meta| meta.len() >= LARGE))?;
    pieces::read_plain(BufReader::with_capacity(BUFFER, file.take(MAX_BYTES)), own).ok()
}

/// Bytes at the beginning of an images.json in which its id is looked for first.
const HEAD_BYTES: u64 = 64 << 10;

/// The id that an images.json gives its compose; `None` when there is no such file, or when it gives none. What follows the id is not
/// looked at, and in a large file not read.
pub fn load_compose_id(path: &Path) -> Result<Option<String>, ImagesError> {
    let compose = match compose_in_head(path) {
        Some(compose) => Some(compose),
        None => load_compose(path)?,
    };
    Ok(compose.and_then(|compose| Some(compose.get("id")?.as_str()?.to_owned())))
}

/// What the beginning of an images.json says of its compose, if it does.
fn compose_in_head(path: &Path) -> Option<Value> {
    let mut head = Vec::new();
    regular::open(path).ok()?.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    // The last character may be cut.
    let text = head.utf8_chunks().next()?.valid();
    find_member(text, &["payload", "compose"])
}

fn load_compose(path: &Path) -> Result<Option<Value>, ImagesError> {
    load_manifest(path, MAX_BYTES, |text| match find_member(text, &["payload", "compose"]) {
        Some(compose) => Ok(compose),
        // What it lacks, or what is wrong with it, is said by who reads it as a whole.
        None => Ok(serde_json::from_str::<Value>(text)?["payload"]["compose"].take()),
    })
}

/// Reads the text of an images.json of any format up to 2.x. Keys that are unknown here are kept, and so is the location of an
/// image (2.x), beside the path, size and checksums that it stands for.
pub fn parse_images(text: &str) -> Result<Images, ImagesProblem> {
    // What is odd in any way is read as a whole, which knows what to say of it.
    if let Ok(images) = pieces::read(text) {
        return Ok(images);
    }
    let mut document: Value = serde_json::from_str(text)?;
    let format = Format::of(&document)?;
    let Some(Value::Object(mut payload)) = document.get_mut("payload").map(Value::take) else {
        return Err(ImagesProblem::Value("payload".to_owned(), "an object"));
    };
    let listed = object(payload.remove("images"), "payload.images")?;
    payload.remove("compose");
    let mut images = Images { extra: payload, version: format.written, ..Images::default() };
    for (uid, arches) in listed {
        take_variant(&mut images, format, &uid, arches)?;
    }
    Ok(images)
}

/// The format of a document.
#[derive(Debug, Clone, Copy)]
struct Format {
    /// Major and minor number.
    version: (u32, u32),
    written: ManifestVersion,
}

impl Format {
    /// What the header says. Up to version 1.0 there is no type in it.
    fn of(document: &Value) -> Result<Self, OtherHeader> {
        let version = check_header(document, TYPE, ManifestVersion::MAJORS, (1, 1))?;
        Ok(Self { version, written: ManifestVersion::of_major(version.0) })
    }

    /// Whether entries have just the members of an image, and stand where they belong: so they do in what we write, of 1.2.
    fn has_plain_entries(self) -> bool {
        self.version > (1, 1) && self.written == ManifestVersion::V1_2
    }
}

/// Takes over what is listed for the variant `uid`.
fn take_variant(images: &mut Images, format: Format, uid: &str, arches: Value) -> Result<(), ImagesProblem> {
    let Format { version, written } = format;
    let at = format!("payload.images.{uid}");
    let arches = object(Some(arches), &at)?;
    // Up to version 1.1 sources were listed beside the arches, for all of them.
    let binary: Vec<String> = arches.keys().filter(|arch| version > (1, 1) || *arch != "src").cloned().collect();
    for (arch, list) in arches {
        let at = format!("{at}.{arch}");
        let Value::Array(list) = list else { return Err(ImagesProblem::Value(at, "a list")) };
        for (i, item) in list.into_iter().enumerate() {
            let at = format!("{at}.{i}");
            let mut entry = object(Some(item), &at)?;
            if written == ManifestVersion::V2_0 {
                entry.retain(|key, _| !matches!(key.as_str(), "path" | "size" | "checksums"));
                flatten(&mut entry);
                if !entry.contains_key("path") {
                    return Err(ImagesProblem::Value(format!("{at}.location.local_path"), "a string"));
                }
            }
            let Some(path) = entry.get("path").and_then(Value::as_str).map(str::to_owned) else {
                return Err(ImagesProblem::Value(format!("{at}.path"), "a string"));
            };
            if version <= (1, 0) && entry.get("subvariant").is_none_or(Value::is_null) {
                entry.insert("subvariant".to_owned(), json!(""));
            }
            let own_arch = [arch.clone()];
            let arches = if version <= (1, 1) && arch == "src" { &binary[..] } else { &own_arch[..] };
            for arch in arches {
                take(images, uid, arch, &at, &path, entry.clone());
            }
        }
    }
    Ok(())
}

/// Takes an entry over as the image that it describes; as it is, where it describes none that readers take.
fn take(images: &mut Images, variant: &str, arch: &str, at: &str, path: &str, entry: Map<String, Value>) {
    let read = Reader { at: at.to_owned(), map: entry.clone() }.image().map_err(|problem| problem.to_string());
    let usable = read.and_then(|image| match image.problems().first() {
        Some(problem) => Err(problem.to_string()),
        None => Ok(image),
    });
    let added = usable.and_then(|image| images.add(variant, arch, image).map_err(|error| error.problem.to_string()));
    if let Err(problem) = added {
        let (variant, arch, path) = (variant.to_owned(), arch.to_owned(), path.to_owned());
        images.odd.push(Oddity { variant, arch, path, problem, entry });
    }
}

fn object(value: Option<Value>, at: &str) -> Result<Map<String, Value>, ImagesProblem> {
    match value {
        Some(Value::Object(map)) => Ok(map),
        _ => Err(ImagesProblem::Value(at.to_owned(), "an object")),
    }
}

/// Takes an image's keys out of its object, until only the unknown ones are left.
struct Reader {
    at: String,
    map: Map<String, Value>,
}

impl Reader {
    fn wrong(&self, key: &str, expected: &'static str) -> ImagesProblem {
        ImagesProblem::Value(format!("{}.{key}", self.at), expected)
    }

    fn string(&mut self, key: &str) -> Result<String, ImagesProblem> {
        self.optional(key)?.ok_or_else(|| self.wrong(key, "a string"))
    }

    /// A string, or null, or nothing.
    fn optional(&mut self, key: &str) -> Result<Option<String>, ImagesProblem> {
        match self.map.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "a string")),
        }
    }

    /// A whole number; productmd takes floats and digits in quotes as well.
    fn number<T: TryFrom<i64>>(&mut self, key: &str) -> Result<T, ImagesProblem> {
        let number = match self.map.remove(key) {
            Some(Value::Number(n)) => n.as_i64().or_else(|| {
                // Floats outside this range are no seconds and no sizes.
                n.as_f64().filter(|x| x.abs() < 9e15).map(|x| x as i64)
            }),
            Some(Value::String(text)) => text.trim().parse().ok(),
            _ => None,
        };
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| self.wrong(key, "a whole number"))
    }

    fn flag(&mut self, key: &str) -> Result<bool, ImagesProblem> {
        match self.map.remove(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(self.wrong(key, "a boolean")),
        }
    }

    fn checksums(&mut self) -> Result<Checksums, ImagesProblem> {
        let checksums = match self.map.remove("checksums") {
            Some(Value::Object(map)) => {
                map.into_iter().map(|(name, sum)| Some((name.into(), sum.as_str()?.into()))).collect::<Option<_>>()
            }
            _ => None,
        };
        checksums.ok_or_else(|| self.wrong("checksums", "an object of strings"))
    }

    fn strings(&mut self, key: &str) -> Result<Vec<String>, ImagesProblem> {
        let strings = match self.map.remove(key) {
            None => Some(Vec::new()),
            Some(Value::Array(items)) => items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            Some(_) => None,
        };
        strings.ok_or_else(|| self.wrong(key, "a list of strings"))
    }

    fn image(mut self) -> Result<Image, ImagesProblem> {
        Ok(Image {
            path: self.string("path")?,
            mtime: self.number("mtime")?,
            size: self.number("size")?,
            volume_id: self.optional("volume_id")?,
            kind: self.string("type")?,
            format: self.optional("format")?.unwrap_or_else(|| "iso".to_owned()),
            arch: self.string("arch")?,
            disc_number: self.number("disc_number")?,
            disc_count: self.number("disc_count")?,
            checksums: self.checksums()?,
            implant_md5: self.optional("implant_md5")?,
            bootable: self.flag("bootable")?,
            subvariant: self.string("subvariant")?,
            unified: self.flag("unified")?,
            additional_variants: self.strings("additional_variants")?,
            extra: self.map,
        })
    }
}
