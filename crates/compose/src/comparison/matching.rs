//! *Matching* the images of two composes: first by everything that readers know them by, then by less and less of it.

use super::Side;
use crate::images::Image;
use std::collections::HashMap;
use std::hash::Hash;

/// An image and its variant's uid.
pub type Of<'a> = (&'a str, &'a Image);

#[derive(Debug, Default)]
pub struct Matched<'a> {
    /// Old and new.
    pub pairs: Vec<(Of<'a>, Of<'a>)>,
    /// Old ones without a new one.
    pub gone: Vec<Of<'a>>,
    /// New ones without an old one.
    pub added: Vec<Of<'a>>,
}

/// Matches the images of two composes. Each list is in the order of variant, arch and path.
pub fn matched<'a>(old: &'a Side, new: &'a Side) -> Matched<'a> {
    let (old_stems, new_stems) = (stems(old), stems(new));
    let (mut before, mut after) = (listed(old, &old_stems), listed(new, &new_stems));
    let mut pairs = Vec::new();
    let mut take = Take { before: &mut before, after: &mut after, pairs: &mut pairs };
    // Whatever else changed: its identity is what it is known by.
    take.all(|Listed { variant, image, .. }| {
        (*variant, &*image.subvariant, &*image.kind, &*image.format, &*image.arch, image.disc_number)
    });
    take.certain(|Listed { variant, image, .. }| {
        (*variant, &*image.subvariant, &*image.kind, &*image.arch, image.disc_number)
    });
    // A type goes with a format mostly: a qcow2 image that is gone did not become a VHD.
    take.certain(|Listed { variant, image, stem }| {
        (*variant, &*image.subvariant, &*image.arch, image.disc_number, *stem)
    });
    take.certain(|Listed { image, .. }| {
        (&*image.subvariant, &*image.kind, &*image.format, &*image.arch, image.disc_number)
    });
    take.certain(|Listed { image, stem, .. }| (*stem, &*image.kind, &*image.format, &*image.arch, image.disc_number));
    pairs.sort_by_key(|(old, _): &(Of<'_>, Of<'_>)| (old.0, &old.1.arch, &old.1.path));
    let rest = |listed: Vec<Listed<'a, '_>>| listed.into_iter().map(|one| (one.variant, one.image)).collect();
    Matched { pairs, gone: rest(before), added: rest(after) }
}

/// An image that has no partner yet.
#[derive(Clone, Copy)]
struct Listed<'a, 's> {
    variant: &'a str,
    image: &'a Image,
    stem: &'s str,
}

/// The stems of all images, in their order.
fn stems(side: &Side) -> Vec<String> {
    let version = side.release_version();
    side.images.iter().map(|(_, _, image)| stem(image, version)).collect()
}

fn listed<'a, 's>(side: &'a Side, stems: &'s [String]) -> Vec<Listed<'a, 's>> {
    let images = side.images.iter().zip(stems);
    let mut listed: Vec<Listed<'a, 's>> =
        images.map(|((variant, _, image), stem)| Listed { variant, image, stem }).collect();
    listed.sort_by_key(|one| (one.variant, &one.image.arch, &one.image.path));
    // A source image is listed once for each arch that it is the source of.
    listed.dedup_by_key(|one| (one.variant, &one.image.path));
    listed
}

/// Takes out of both lists what belongs together.
struct Take<'t, 'a, 's> {
    before: &'t mut Vec<Listed<'a, 's>>,
    after: &'t mut Vec<Listed<'a, 's>>,
    pairs: &'t mut Vec<(Of<'a>, Of<'a>)>,
}

impl<'a, 's> Take<'_, 'a, 's> {
    /// What has one key belongs together: of several those of the same name, then in the order of their paths.
    fn all<K: Hash + Eq>(&mut self, key: impl Fn(&Listed<'a, 's>) -> K) {
        self.by(key, |olds, news, before, after| {
            let mut found = Vec::new();
            let (mut olds, mut news) = (olds.to_vec(), news.to_vec());
            olds.retain(|old| {
                let same = news.iter().position(|new| before[*old].stem == after[*new].stem);
                same.inspect(|at| found.push((*old, news.remove(*at)))).is_none()
            });
            found.extend(olds.into_iter().zip(news));
            found
        });
    }

    /// What has one key, and has it alone, belongs together.
    fn certain<K: Hash + Eq>(&mut self, key: impl Fn(&Listed<'a, 's>) -> K) {
        self.by(key, |olds, news, _, _| match (olds, news) {
            ([old], [new]) => vec![(*old, *new)],
            _ => Vec::new(),
        });
    }

    fn by<K: Hash + Eq>(
        &mut self,
        key: impl Fn(&Listed<'a, 's>) -> K,
        choose: impl Fn(&[usize], &[usize], &[Listed<'a, 's>], &[Listed<'a, 's>]) -> Vec<(usize, usize)>,
    ) {
        let mut keyed: HashMap<K, [Vec<usize>; 2]> = HashMap::new();
        for (side, list) in [&*self.before, &*self.after].into_iter().enumerate() {
            for (index, one) in list.iter().enumerate() {
                keyed.entry(key(one)).or_default()[side].push(index);
            }
        }
        let (mut old_taken, mut new_taken) = (vec![false; self.before.len()], vec![false; self.after.len()]);
        for [olds, news] in keyed.values().filter(|[olds, news]| !olds.is_empty() && !news.is_empty()) {
            for (old, new) in choose(olds, news, self.before, self.after) {
                let of = |one: &Listed<'a, 's>| (one.variant, one.image);
                self.pairs.push((of(&self.before[old]), of(&self.after[new])));
                (old_taken[old], new_taken[new]) = (true, true);
            }
        }
        for (list, taken) in [(&mut *self.before, old_taken), (&mut *self.after, new_taken)] {
            let mut taken = taken.into_iter();
            list.retain(|_| !taken.next().unwrap_or_default());
        }
    }
}

/// The name of an image's file without what changes from compose to compose: numbers, dates, the version of the release, compose
/// types and milestones; and without its arch, which is compared separately.
pub fn stem(image: &Image, release_version: Option<&str>) -> String {
    let lower = image.file_name().to_ascii_lowercase();
    let lower = if image.arch.is_empty() { lower } else { lower.replace(&image.arch.to_ascii_lowercase(), "-") };
    let version = release_version.unwrap_or_default().to_ascii_lowercase();
    let changes = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_digit())
            || matches!(*word, "n" | "t" | "d" | "ci" | "alpha" | "beta" | "rc")
            || version.split(SEPARATORS).any(|part| part == *word)
    };
    let words: Vec<&str> = lower.split(SEPARATORS).filter(|word| !word.is_empty() && !changes(word)).collect();
    words.join("-")
}

/// What stands between the words of a file's name.
const SEPARATORS: [char; 3] = ['-', '.', '_'];
