//! A *comparison* says what became of the images of one compose in another one: which are gone, which are new, and what of the
//! others is different. Images are known again by what readers tell them apart by, and where that changed by what is left of it
//! (`matching`).

mod matching;
mod verdict;

use crate::cloud_uploads::CloudUpload;
use crate::images::{Image, Images};
use matching::matched;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use matching::stem;

/// What is known of one of the composes.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// Nothing but its images is known: it is an images.json.
    pub only_images: bool,
    pub compose_id: Option<String>,
    /// The version of its release, which file names have in them.
    pub release_version: Option<String>,
    pub status: Option<String>,
    pub images: Images,
    pub failures: Vec<FailedDeliverable>,
    pub uploads: Vec<CloudUpload>,
    /// Path of an image -> its task.
    pub tasks: HashMap<String, TaskTime>,
}

/// How long a task was at a hub.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TaskTime {
    pub task: Option<i64>,
    /// Seconds until a builder began with it.
    pub waited: Option<i64>,
    /// Seconds that the builder worked on it.
    pub took: Option<i64>,
}

/// Something that a compose tried to make and did not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FailedDeliverable {
    /// The phase, or the kind of deliverable.
    pub phase: String,
    /// The variant's uid; none for the whole compose.
    pub variant: Option<String>,
    /// The arch; `*`: all of them.
    pub arch: String,
    /// The subvariant, where it is known.
    pub subvariant: Option<String>,
    /// The image name, where it is known.
    pub image: Option<String>,
    /// Why, where it is known.
    pub reason: Option<String>,
}

impl FailedDeliverable {
    /// The same thing in another compose.
    fn key(&self) -> (&str, Option<&str>, &str, Option<&str>, Option<&str>) {
        let Self { phase, variant, arch, subvariant, image, .. } = self;
        (phase, variant.as_deref(), arch, subvariant.as_deref(), image.as_deref())
    }

    /// Whether an image that is not there can be what failed.
    fn is_of(&self, variant: &str, image: &Image) -> bool {
        self.variant.as_deref() == Some(variant)
            && (self.arch == "*" || self.arch == image.arch)
            && self.subvariant.as_deref().is_none_or(|subvariant| subvariant == image.subvariant)
    }
}

/// From where on a change is worth being said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Sizes and durations: per cent of what it was.
    pub percent: f64,
    /// Durations: seconds besides.
    pub seconds: i64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { percent: 10.0, seconds: 60 }
    }
}

/// An image, as it is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub variant: String,
    pub subvariant: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub format: String,
    pub arch: String,
    pub disc_number: u32,
    /// The path below `compose`.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// Its task, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskTime>,
}

impl Entry {
    fn new(variant: &str, image: &Image, side: &Side) -> Self {
        Self {
            variant: variant.to_owned(),
            subvariant: image.subvariant.clone(),
            kind: image.kind.clone(),
            format: image.format.clone(),
            arch: image.arch.clone(),
            disc_number: image.disc_number,
            path: image.path.clone(),
            size: image.size,
            task: side.tasks.get(&image.path).copied(),
        }
    }

    /// What readers know it by, in one line.
    pub fn identity(&self) -> String {
        let disc = if self.disc_number > 1 { format!(" disc {}", self.disc_number) } else { String::new() };
        let Self { variant, subvariant, kind, format, arch, .. } = self;
        // Types of which a format is the only one are mostly called like it.
        let format =
            if kind == format || kind.replace('-', ".") == *format { String::new() } else { format!(" ({format})") };
        let variant = if variant == subvariant { String::new() } else { format!(" of {variant}") };
        format!("{subvariant} {kind}{format} {arch}{disc}{variant}")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gone {
    #[serde(flatten)]
    pub image: Entry,
    /// Something failed in the new compose that it may have come of.
    pub failed: bool,
}

/// What is different in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    Variant,
    Subvariant,
    Type,
    Format,
    /// The file's name, but for version, date and respin.
    Name,
    /// Whether it boots.
    Bootable,
    /// The size, by more than the threshold.
    Size,
    /// The algorithms of its checksums.
    Checksums,
    /// How long its task waited for a builder.
    Waited,
    /// How long the builder worked on it.
    Took,
}

impl What {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Variant => "variant",
            Self::Subvariant => "subvariant",
            Self::Type => "type",
            Self::Format => "format",
            Self::Name => "name",
            Self::Bootable => "bootable",
            Self::Size => "size",
            Self::Checksums => "checksums",
            Self::Waited => "waited",
            Self::Took => "took",
        }
    }

    /// Whether it is about what was built, not how long that took.
    pub fn is_of_image(self) -> bool {
        !matches!(self, Self::Waited | Self::Took)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    pub what: What,
    /// What it was: a word, a truth, bytes or seconds.
    pub old: Value,
    pub new: Value,
}

/// An image that is in both composes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    pub old: Entry,
    pub new: Entry,
    /// What is different.
    pub differences: Vec<Difference>,
    /// A checksum says that it is the same file.
    pub same_file: bool,
}

/// One of the composes, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub compose_id: Option<String>,
    pub status: Option<String>,
    pub images: usize,
    /// Their bytes.
    pub bytes: u64,
    /// How many things failed in it.
    pub failures: usize,
    /// How many entries readers of images.json refuse; they are not compared.
    pub refused: usize,
}

/// What failed then and now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Failures {
    /// In the new one only.
    pub new: Vec<FailedDeliverable>,
    /// In both.
    pub still: Vec<FailedDeliverable>,
    /// In the old one only.
    pub mended: Vec<FailedDeliverable>,
}

/// What became of cloud uploads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Uploads {
    /// Those of images that were not uploaded there before.
    pub added: Vec<CloudUpload>,
    /// Those that are no more.
    pub gone: Vec<CloudUpload>,
    /// Old and new ones that ended in another way.
    pub changed: Vec<(CloudUpload, CloudUpload)>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// All of it in one line.
    pub verdict: String,
    pub old: Summary,
    pub new: Summary,
    /// Images of the old one that the new one lacks.
    pub gone: Vec<Gone>,
    /// Images that only the new one has.
    pub added: Vec<Entry>,
    /// Images that both have.
    pub images: Vec<Pair>,
    pub failures: Failures,
    pub uploads: Uploads,
}

impl Comparison {
    /// Images that both have with a difference that passes `filter`.
    pub fn changed(&self, filter: impl Fn(What) -> bool) -> impl Iterator<Item = &Pair> {
        self.images.iter().filter(move |pair| pair.differences.iter().any(|difference| filter(difference.what)))
    }
}

pub fn compare(old: &Side, new: &Side, thresholds: Thresholds) -> Comparison {
    let matched = matched(old, new);
    let entry = |side: &Side, (variant, image): (&str, &Image)| Entry::new(variant, image, side);
    let gone = matched.gone.iter().map(|(variant, image)| {
        let failed = new.failures.iter().any(|failure| failure.is_of(variant, image));
        Gone { image: entry(old, (variant, image)), failed }
    });
    let images = matched.pairs.iter().map(|(before, after)| {
        let (old_entry, new_entry) = (entry(old, *before), entry(new, *after));
        let mut differences = differences(&old_entry, &new_entry, before.1, after.1, thresholds);
        let names = (stem(before.1, old.release_version()), stem(after.1, new.release_version()));
        if names.0 != names.1 {
            let (old, new) = (json!(before.1.file_name()), json!(after.1.file_name()));
            differences.push(Difference { what: What::Name, old, new });
        }
        differences.sort_by_key(|difference| difference.what);
        Pair { old: old_entry, new: new_entry, differences, same_file: is_same_file(before.1, after.1) }
    });
    let is_all_known = !old.only_images && !new.only_images;
    let mut comparison = Comparison {
        verdict: String::new(),
        gone: gone.collect(),
        added: matched.added.iter().map(|added| entry(new, *added)).collect(),
        images: images.collect(),
        failures: if is_all_known { failures(&old.failures, &new.failures) } else { Failures::default() },
        uploads: if is_all_known { uploads(&old.uploads, &new.uploads) } else { Uploads::default() },
        old: old.summary(),
        new: new.summary(),
    };
    comparison.verdict = verdict::of(&comparison);
    comparison
}

impl Side {
    fn summary(&self) -> Summary {
        Summary {
            compose_id: self.compose_id.clone(),
            status: self.status.clone(),
            images: self.images.len(),
            bytes: self.images.iter().map(|(_, _, image)| image.size).fold(0, u64::saturating_add),
            failures: self.failures.len(),
            refused: self.images.odd().len(),
        }
    }

    /// The version in file names: of the release, else what stands before the date in the id.
    fn release_version(&self) -> Option<&str> {
        let of_id = || self.compose_id.as_deref()?.rsplit_once('-')?.0.rsplit_once('-').map(|(_, version)| version);
        self.release_version.as_deref().or_else(of_id)
    }
}

fn differences(old: &Entry, new: &Entry, before: &Image, after: &Image, thresholds: Thresholds) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut add = |what, old: Value, new: Value| found.push(Difference { what, old, new });
    for (what, old, new) in [
        (What::Variant, &old.variant, &new.variant),
        (What::Subvariant, &old.subvariant, &new.subvariant),
        (What::Type, &old.kind, &new.kind),
        (What::Format, &old.format, &new.format),
    ] {
        if old != new {
            add(what, json!(old), json!(new));
        }
    }
    if before.bootable != after.bootable {
        add(What::Bootable, json!(before.bootable), json!(after.bootable));
    }
    if is_beyond(old.size as f64, new.size as f64, thresholds.percent) {
        add(What::Size, json!(old.size), json!(new.size));
    }
    let algorithms = |image: &Image| image.checksums.keys().map(AsRef::as_ref).collect::<Vec<&str>>().join(" ");
    if algorithms(before) != algorithms(after) {
        add(What::Checksums, json!(algorithms(before)), json!(algorithms(after)));
    }
    let times = |time: fn(&TaskTime) -> Option<i64>| Some((time(old.task.as_ref()?)?, time(new.task.as_ref()?)?));
    for (what, times) in [(What::Waited, times(|task| task.waited)), (What::Took, times(|task| task.took))] {
        let notable = times.filter(|(old, new)| {
            new.abs_diff(*old) >= thresholds.seconds.unsigned_abs()
                && is_beyond(*old as f64, *new as f64, thresholds.percent)
        });
        if let Some((old, new)) = notable {
            add(what, json!(old), json!(new));
        }
    }
    found
}

/// Whether a number has changed by more than a percentage.
fn is_beyond(old: f64, new: f64, percent: f64) -> bool {
    (new - old).abs() * 100.0 > old.abs() * percent
}

/// Whether some algorithm says that both are the same file.
fn is_same_file(old: &Image, new: &Image) -> bool {
    old.checksums.iter().any(|(algorithm, digest)| new.checksums.get(algorithm) == Some(digest))
}

fn failures(old: &[FailedDeliverable], new: &[FailedDeliverable]) -> Failures {
    let before: BTreeSet<_> = old.iter().map(FailedDeliverable::key).collect();
    let after: BTreeSet<_> = new.iter().map(FailedDeliverable::key).collect();
    let (still, fresh): (Vec<&FailedDeliverable>, Vec<&FailedDeliverable>) =
        new.iter().partition(|failed| before.contains(&failed.key()));
    Failures {
        new: fresh.into_iter().cloned().collect(),
        still: still.into_iter().cloned().collect(),
        mended: old.iter().filter(|failed| !after.contains(&failed.key())).cloned().collect(),
    }
}

fn uploads(old: &[CloudUpload], new: &[CloudUpload]) -> Uploads {
    type ByImage<'u> = BTreeMap<[&'u str; 5], &'u CloudUpload>;
    fn by_image(all: &[CloudUpload]) -> ByImage<'_> {
        let keyed = all.iter().map(|upload| {
            let CloudUpload { variant, arch, subvariant, image, image_type, .. } = upload;
            ([variant, arch, subvariant, image, image_type].map(String::as_str), upload)
        });
        keyed.collect()
    }
    fn of_one(one: &ByImage<'_>, other: &ByImage<'_>) -> Vec<CloudUpload> {
        one.iter().filter(|(key, _)| !other.contains_key(*key)).map(|(_, upload)| (*upload).clone()).collect()
    }
    let (before, after) = (by_image(old), by_image(new));
    let both = before.iter().filter_map(|(key, old)| Some((*old, *after.get(key)?)));
    let changed = both.filter(|(old, new)| (&old.status, &old.provider) != (&new.status, &new.provider));
    Uploads {
        added: of_one(&after, &before),
        gone: of_one(&before, &after),
        changed: changed.map(|(old, new)| (old.clone(), new.clone())).collect(),
    }
}

#[cfg(test)]
mod tests;
