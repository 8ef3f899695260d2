//! *Clashes*: images that ask for the same build, or that readers could not tell apart in the compose.

use super::Planned;
use crate::phase::{Expected, ImagePhase};
use magudi_config::{Diagnostic, codes};
use magudi_engine::plan::About;
use std::borrow::Cow;
use std::collections::hash_map::{Entry, RandomState};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, Hash};

/// Two requests for the same name, version and release: the hub takes the first and refuses the second. One diagnostic
/// for each image, however many variants it is built for.
pub(super) fn same_nvr(requests: &[Planned<'_>]) -> Vec<Diagnostic> {
    let mut seen: HashMap<(Cow<'_, str>, &str, &str), &Planned<'_>> = HashMap::new();
    let mut clashes: BTreeMap<&str, (&Planned<'_>, Vec<&Planned<'_>>)> = BTreeMap::new();
    for planned in not_alone(requests, nvr_of) {
        let Some(key) = nvr_of(planned) else { continue };
        match seen.get(&key) {
            Some(first) => clashes.entry(&planned.image.path).or_insert((first, Vec::new())).1.push(planned),
            None => {
                seen.insert(key, planned);
            }
        }
    }
    clashes.into_values().filter_map(|(first, others)| nvr_clash(first, &others)).collect()
}

/// What a build is known by, if one is asked for.
fn nvr_of<'r>(planned: &'r Planned<'_>) -> Option<(Cow<'r, str>, &'r str, &'r str)> {
    let About { name, version, release, scratch, .. } = &planned.request.about;
    // What is built for scratch is not a build.
    let release = release.as_ref().filter(|_| !scratch)?;
    // A build that is named by its description is known by that.
    let name = if planned.request.method.names_build {
        Cow::Borrowed(&**name)
    } else {
        Cow::Owned(format!("{name} {:?}", planned.request.args))
    };
    Some((name, version, release))
}

/// The requests whose key another one has as well, in their order, and rarely one more: keys are compared by their hashes, which take a
/// tenth of the room.
fn not_alone<'r, 'a, K: Hash>(
    requests: &'r [Planned<'a>],
    key: impl Fn(&'r Planned<'a>) -> Option<K>,
) -> impl Iterator<Item = &'r Planned<'a>> {
    let state = RandomState::new();
    let hash = |(place, planned)| Some((state.hash_one(key(planned)?), place));
    let mut hashes: Vec<(u64, usize)> = requests.iter().enumerate().filter_map(hash).collect();
    hashes.sort_unstable();
    let alike = hashes.chunk_by(|one, other| one.0 == other.0).filter(|alike| alike.len() > 1);
    let mut places: Vec<usize> = alike.flatten().map(|(_, place)| *place).collect();
    places.sort_unstable();
    places.into_iter().filter_map(|place| requests.get(place))
}

/// What to say of requests of one image that ask for the build of `first`.
fn nvr_clash(first: &Planned<'_>, others: &[&Planned<'_>]) -> Option<Diagnostic> {
    let planned = others.first()?;
    let (name, nvr) = (planned.request.name(), planned.request.nvr());
    let mut variants: Vec<&str> = others.iter().map(|planned| planned.request.variant.as_str()).collect();
    let of_one_image = std::ptr::eq(first.image, planned.image);
    let message = if of_one_image {
        variants.insert(0, &first.request.variant);
        format!("image {name} requests the same build, {nvr}, for {}", listed("variant", &variants))
    } else {
        let other = first.request.label();
        format!("image {name} requests the build {nvr} for {}, as does image {other}", listed("variant", &variants))
    };
    let diagnostic = Diagnostic::new(&codes::SAME_NVR, planned.image.path.clone(), message)
        .at(planned.image.label_span())
        .help("a build can exist only once: give each image, or each variant, a name, version or release of its own");
    Some(if of_one_image { diagnostic } else { diagnostic.related(first.image.label_span(), "the other image") })
}

/// `variant A`, `variants A, B and C`.
pub(super) fn listed(noun: &str, names: &[&str]) -> String {
    match names {
        [] => format!("no {noun}"),
        [one] => format!("{noun} {one}"),
        [most @ .., last] => format!("{noun}s {} and {last}", most.join(", ")),
    }
}

/// Images that readers of images.json could not tell apart (facts: manifests 5): same subvariant, type, format and arch, in
/// whatever variants they are. One diagnostic for each image, however many variants it is built for.
pub(super) fn same_identity<'r>(phase: &'r dyn ImagePhase, requests: &'r [Planned<'_>]) -> Vec<Diagnostic> {
    let identity_of = |planned: &'r Planned<'_>| {
        let request = &planned.request;
        // Of files that are not known beforehand, those of one name and type are alike.
        let unknown = Expected { image_type: &request.about.image_type, format: request.name() };
        let expected = phase.expected(request).or(request.about.is_open.then_some(unknown))?;
        Some((request.subvariant.as_str(), expected.image_type, expected.format))
    };
    let mut seen: HashMap<(&str, &str, &str), Alike<'_>> = HashMap::new();
    let mut clashes: BTreeMap<&str, IdentityClash<'_>> = BTreeMap::new();
    for planned in not_alone(requests, identity_of) {
        let Some(identity) = identity_of(planned) else { continue };
        let kind = identity.1;
        let first_arch = match seen.entry(identity) {
            Entry::Vacant(place) => {
                place.insert(Alike { first: planned, others: Vec::new() });
                None
            }
            Entry::Occupied(place) => place.into_mut().add(planned),
        };
        if let Some((first, arch)) = first_arch {
            let clash = IdentityClash { first, kind, arch, others: Vec::new() };
            clashes.entry(&planned.image.path).or_insert(clash).others.push(planned);
        }
    }
    clashes.into_values().filter_map(|clash| clash.diagnostic()).collect()
}

/// Requests that are alike but for their arches.
struct Alike<'a> {
    first: &'a Planned<'a>,
    /// Arches that it does not have, each with the first request that has it.
    others: Vec<(&'a str, &'a Planned<'a>)>,
}

impl<'a> Alike<'a> {
    /// Adds a request. Gives an earlier one and the arch that they have in common, if there is one.
    fn add(&mut self, planned: &'a Planned<'a>) -> Option<(&'a Planned<'a>, &'a str)> {
        let mut clash = None;
        for arch in planned.request.about.arches.iter().map(|arch| &**arch) {
            let of_first = self.first.request.about.arches.iter().any(|known| **known == *arch).then_some(self.first);
            let other = || self.others.iter().find(|(known, _)| *known == arch).map(|(_, other)| *other);
            match of_first.or_else(other) {
                Some(earlier) => clash = clash.or(Some((earlier, arch))),
                None => self.others.push((arch, planned)),
            }
        }
        clash
    }
}

/// Requests of one image that have the identity of an earlier one.
struct IdentityClash<'a> {
    first: &'a Planned<'a>,
    kind: &'a str,
    arch: &'a str,
    others: Vec<&'a Planned<'a>>,
}

impl IdentityClash<'_> {
    fn diagnostic(&self) -> Option<Diagnostic> {
        let (first, planned) = (self.first, self.others.first()?);
        let request = &planned.request;
        let mut variants: Vec<&str> = self.others.iter().map(|planned| planned.request.variant.as_str()).collect();
        let of_one_image = std::ptr::eq(first.image, planned.image);
        let (who, help) = if of_one_image {
            variants.insert(0, &first.request.variant);
            let who = format!("the images {} of {} from each other", request.name(), listed("variant", &variants));
            (who, "without a `subvariant`, an image has the uid of its variant for one")
        } else {
            let of = listed("variant", &variants);
            let who = format!("the image {} of {of} from {}", request.name(), first.request.label());
            (who, "give one of them another `subvariant`")
        };
        // A type that is not named is in the description.
        let kind = if self.kind.is_empty() { String::new() } else { format!(" {}", self.kind) };
        let message = format!(
            "readers of images.json could not tell {who}: same subvariant {}, type{kind} and arch {}",
            request.subvariant, self.arch
        );
        let diagnostic = Diagnostic::new(&codes::SAME_IDENTITY, planned.image.path.clone(), message)
            .at(planned.image.label_span())
            .help(help);
        Some(if of_one_image { diagnostic } else { diagnostic.related(first.image.label_span(), "the other image") })
    }
}
