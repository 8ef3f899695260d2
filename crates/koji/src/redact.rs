//! A *mask* hides secrets in texts that came from elsewhere: a hub that refuses a request quotes it, passwords and all, and the
//! page of a proxy quotes the address and the headers that it got.
//!
//! One mask serves a whole process and grows: a client adds what it gets in a login and what it sends to be known by. A text is
//! looked through as it is and with its escapes undone (`layers`), so that it does not matter how a secret is quoted; a long one
//! part by part (`windows`).

mod layers;
#[cfg(test)]
mod tests;
mod windows;

use crate::xmlrpc::Value;
use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use layers::Layer;
use memchr::memmem;
use reqwest::Url;
use reqwest::header::{HeaderMap, SET_COOKIE};
use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

pub use windows::Hiding;

/// What stands in the place of a secret.
pub const STARS: &str = "***";

/// Shorter ones would be found everywhere, and protect nothing.
const SHORTEST: usize = 4;

/// Shorter ones are hidden only where no word continues beside them. Of a passing one, a beginning or an end of this length is
/// hidden like the whole; of a lasting one a cut of letters alone is not a word.
const LONG: usize = 8;

/// Passing secrets of this length have pieces that cannot be words.
const HAS_PIECES: usize = 16;

/// Shorter ones at the edge of a text, or beside dots, were not cut off there: they stand there by chance.
const SHORTEST_CUT: usize = 6;

/// What stands, besides two or three dots, where something was cut off.
const DOTS: &[u8] = "\u{2026}".as_bytes();

/// How many passing secrets are kept. A hub may open a session for each call, and only the last ones are worth anything.
const MOST_PASSING: usize = 256;

/// Longer values of a hub are no keys.
const LONGEST_PASSING: usize = 16 * 1024;

/// What all [`LABELS`] begin with.
const LABELLED: &str = "session";

/// Names that sessions travel under: what follows them is hidden, whether it is known or not.
const LABELS: [&str; 6] = ["session-key", "session_key", "sessionkey", "session-id", "session_id", "sessionid"];

/// Parameters of a URL with which any holder may fetch what it leads to: of S3 and what speaks as S3 does, in both versions, of Google's
/// storage, of Azure (a shared access signature) and of CloudFront.
const SIGNATURES: [&str; 11] = [
    "x-amz-signature",
    "x-amz-credential",
    "x-amz-security-token",
    "x-goog-signature",
    "x-goog-credential",
    "signature",
    "awsaccesskeyid",
    "googleaccessid",
    "key-pair-id",
    "policy",
    "sig",
];

/// How far a value may be from its name, in bytes: tags, quotes and the like.
const LABEL_REACH: usize = 64;

/// An unlabelled run of letters is a word, unless it is as long as this.
const NO_WORD: usize = 16;

/// Texts that must not be shown. Copies are the same mask.
#[derive(Clone, Default)]
pub struct Mask(Arc<RwLock<Secrets>>);

/// Sorted so that the longest come first: one within another does not leave the rest of it.
#[derive(Default)]
struct Secrets {
    lasting: BTreeSet<Needle>,
    passing: VecDeque<Needle>,
    /// How long the longest of all is that there were, in bytes.
    longest: usize,
    /// Finds, in capital or small letters, the edges of all of them; made anew when it is needed after one was added. None: it cannot
    /// be made, and every text is looked through.
    edges: OnceLock<Option<AhoCorasick>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Needle {
    /// In small letters, unless it is short: hosts and types are written in these by who quotes them.
    bytes: Vec<u8>,
    /// A beginning or an end of it is as good as the whole.
    has_pieces: bool,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask(..)")
    }
}

impl Mask {
    /// A mask that hides each of `secrets`.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mask = Self::default();
        mask.add(secrets);
        mask
    }

    /// From now on hides `secrets` too: those of a configuration, a password.
    pub fn add<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for needle in secrets.into_iter().flat_map(|secret| spellings(secret, false)) {
            all.longest = all.longest.max(needle.bytes.len());
            all.lasting.insert(needle);
        }
        all.edges = OnceLock::new();
    }

    /// From now on hides a secret of a session: random, and replaced by others as time goes by.
    pub fn add_passing(&self, secret: &str) {
        let secret = secret.trim();
        if secret.len() > LONGEST_PASSING {
            return;
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for needle in spellings(secret, true) {
            all.longest = all.longest.max(needle.bytes.len());
            if !all.passing.contains(&needle) {
                all.passing.push_back(needle);
            }
        }
        while all.passing.len() > MOST_PASSING {
            all.passing.pop_front();
        }
        all.edges = OnceLock::new();
    }

    /// From now on hides the password in an address, as it is written there and as it is meant.
    pub fn add_password_of(&self, address: &Url) {
        let Some(written) = address.password() else { return };
        let meant = layers::of(written).pop().map(|layer| String::from_utf8_lossy(&layer.bytes).into_owned());
        self.add([written, &meant.unwrap_or_default()]);
    }

    /// From now on hides the cookies that an answer sets.
    pub(crate) fn add_headers(&self, headers: &HeaderMap) {
        for cookie in headers.get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            let value = pair.split_once('=').map_or(pair, |(_, value)| value).trim().trim_matches('"');
            if value.len() >= LONG && !is_words(value) {
                self.add_passing(value);
            }
        }
    }

    /// From now on hides every text and every large number in the answer to a login, but for words: no key is made of those, and
    /// everything else that is said may be.
    pub(crate) fn add_answer(&self, answer: &Value) {
        match answer {
            Value::String(text) if text.len() >= SHORTEST && !is_words(text) => self.add_passing(text),
            Value::Base64(bytes) => self.add_passing(&String::from_utf8_lossy(bytes)),
            Value::Int(_) | Value::Int64(_) => {
                let number = answer.as_i64().unwrap_or_default().to_string();
                if number.len() >= SHORTEST_CUT {
                    self.add_passing(&number);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.add_answer(item)),
            Value::Struct(members) => members.iter().for_each(|(_, value)| self.add_answer(value)),
            _ => {}
        }
    }

    /// The text without secrets.
    pub fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let found = self.0.read().unwrap_or_else(PoisonError::into_inner).find_in(text, 0, true);
        starred(text, found.ranges)
    }

    /// Writes to `out` what is written to it, without secrets.
    pub fn hiding<W: Write>(&self, out: W) -> Hiding<'_, W> {
        Hiding::new(self, out)
    }

    /// Hides the secrets in a text in place.
    pub fn hide_in(&self, text: &mut String) {
        if let Cow::Owned(hidden) = self.hide(text) {
            *text = hidden;
        }
    }
}

impl Secrets {
    /// Whether a look at the text as it is tells that there is nothing to hide, as it does of nearly all: no escape, no parameter of a
    /// URL, no label, and no edge of a secret.
    fn cannot_be_in(&self, text: &str) -> bool {
        let marks = memchr::memchr3(layers::KINDS[0], layers::KINDS[1], layers::KINDS[2], text.as_bytes());
        marks.is_none()
            && memchr::memchr_iter(b'?', text.as_bytes()).all(|mark| signature(&text.as_bytes()[mark + 1..]).is_none())
            && self.edges.get_or_init(|| self.find_edges()).as_ref().is_some_and(|edges| !edges.is_match(text))
    }

    fn find_in_layer(&self, layer: &Layer) -> Vec<Range<usize>> {
        let all = self.lasting.iter().chain(&self.passing).flat_map(|needle| needle.find_in(layer));
        let all = all.chain(labelled(&layer.lower)).chain(signed(&layer.lower));
        all.map(|range| layer.origin(range)).collect()
    }

    fn find_edges(&self) -> Option<AhoCorasick> {
        let needles = self.lasting.iter().chain(&self.passing);
        let edges = needles.flat_map(Needle::edges).chain([LABELLED.as_bytes()]);
        AhoCorasick::builder().ascii_case_insensitive(true).build(edges).ok()
    }
}

/// `text` with stars for each of `ranges`.
fn starred(text: &str, mut ranges: Vec<Range<usize>>) -> Cow<'_, str> {
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut shown = String::with_capacity(text.len());
    let mut end = 0;
    for range in ranges {
        if range.start >= end {
            shown.push_str(text.get(end..range.start).unwrap_or_default());
            shown.push_str(STARS);
        }
        end = end.max(range.end);
    }
    shown.push_str(text.get(end..).unwrap_or_default());
    Cow::Owned(shown)
}

/// A secret as it is and in the forms that undoing escapes does not lead back from: lines of a text, spaces as in a form, base64.
fn spellings(secret: &str, has_pieces: bool) -> Vec<Needle> {
    let mut all = vec![secret.as_bytes().to_vec()];
    if secret.contains(' ') {
        all.push(secret.replace(' ', "+").into_bytes());
    }
    // A text of several lines is cut at their ends by a reader that shows only one.
    let lines = secret.lines().map(str::trim).filter(|line| line.len() >= LONG && *line != secret);
    all.extend(lines.map(|line| line.as_bytes().to_vec()));
    if secret.len() >= SHORTEST {
        all.extend((0..3).flat_map(|shift| in_base64(secret.as_bytes(), shift)));
    }
    let needle = |mut bytes: Vec<u8>| {
        if bytes.len() >= LONG {
            bytes.make_ascii_lowercase();
        }
        Needle { has_pieces: has_pieces && bytes.len() >= HAS_PIECES, bytes }
    };
    all.into_iter().filter(|bytes| bytes.len() >= SHORTEST).map(needle).collect()
}

/// The letters that stand for a secret in the base64 of a longer text in which it begins at byte `shift` of a group of three.
fn in_base64(secret: &[u8], shift: usize) -> Vec<Vec<u8>> {
    let padded = [&[0; 3][..shift], secret].concat();
    let inner = |text: String| {
        // The letters at the edges belong to the neighbours as well.
        let start = (shift * 8).div_ceil(6);
        let end = padded.len() * 8 / 6;
        text.as_bytes().get(start..end).filter(|letters| letters.len() >= SHORTEST_CUT).map(<[u8]>::to_vec)
    };
    [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)].into_iter().filter_map(inner).collect()
}

impl Needle {
    /// What stands wherever it is found, whole or in pieces: one of these.
    fn edges(&self) -> [&[u8]; 2] {
        if self.bytes.len() < LONG { [&self.bytes; 2] } else { [self.head(), self.tail()] }
    }

    fn head(&self) -> &[u8] {
        &self.bytes[..SHORTEST_CUT]
    }

    fn tail(&self) -> &[u8] {
        &self.bytes[self.bytes.len() - SHORTEST_CUT..]
    }

    fn find_in(&self, layer: &Layer) -> Vec<Range<usize>> {
        let long = self.bytes.len();
        let text = if long < LONG { &layer.bytes } else { &layer.lower };
        let mut found: Vec<Range<usize>> =
            memmem::find_iter(text, &self.bytes).map(|at| at..at + long).filter(|at| self.counts(text, at)).collect();
        if long >= LONG {
            self.cuts(text, &mut found);
        }
        found
    }

    fn counts(&self, text: &[u8], at: &Range<usize>) -> bool {
        self.bytes.len() >= LONG || !(is_word_before(text, at.start) || is_word_at(text, at.end))
    }

    /// Beginnings of it from which the end was cut off, and ends from which the beginning was.
    fn cuts(&self, text: &[u8], found: &mut Vec<Range<usize>>) {
        for start in memmem::find_iter(text, self.head()) {
            let pairs = self.bytes.iter().zip(&text[start..]);
            let piece = start..start + pairs.take_while(|(ours, theirs)| ours == theirs).count();
            let behind = &text[piece.end..];
            let dots = behind.strip_prefix(b"'").or_else(|| behind.strip_prefix(b"\"")).unwrap_or(behind);
            let is_dotted = dots.starts_with(b"..") || dots.starts_with(DOTS);
            if self.is_cut(&text[piece.clone()], is_dotted, behind.is_empty()) {
                found.push(piece);
            }
        }
        for start in memmem::find_iter(text, self.tail()) {
            let end = start + SHORTEST_CUT;
            let pairs = self.bytes.iter().rev().zip(text[..end].iter().rev());
            let piece = end - pairs.take_while(|(ours, theirs)| ours == theirs).count()..end;
            let before = &text[..piece.start];
            let dots = before.strip_suffix(b"'").or_else(|| before.strip_suffix(b"\"")).unwrap_or(before);
            let is_dotted = dots.ends_with(b"..") || dots.ends_with(DOTS);
            if self.is_cut(&text[piece.clone()], is_dotted, before.is_empty()) {
                found.push(piece);
            }
        }
    }

    /// Whether a piece of it gives it away. What is random has no words in it, and a long piece of it counts wherever it stands. What
    /// people choose has: of that only a piece counts that dots say was cut, and that is not a word as others are.
    fn is_cut(&self, piece: &[u8], is_dotted: bool, is_at_edge: bool) -> bool {
        if self.has_pieces {
            return is_dotted || is_at_edge || piece.len() >= LONG;
        }
        is_dotted && (piece.len() >= LONG || !piece.iter().all(u8::is_ascii_alphabetic))
    }
}

/// Whether a text is nothing but words: letters, and not too many of them in one piece.
fn is_words(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || c.is_ascii_punctuation())
        .all(|word| word.len() < NO_WORD && word.chars().all(char::is_alphabetic))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn is_word_before(text: &[u8], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| text.get(before)).is_some_and(|byte| is_word(*byte))
}

fn is_word_at(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(|byte| is_word(*byte))
}

/// Whether any holder of a URL can fetch what it leads to, by one of `SIGNATURES`.
pub fn is_signed(url: &str) -> bool {
    layers::of(url).iter().any(|layer| !signed(&layer.lower).is_empty())
}

/// A URL without its parameters, if one of them is a signature.
pub fn unsigned(url: &str) -> Cow<'_, str> {
    if !is_signed(url) {
        return Cow::Borrowed(url);
    }
    match url.split_once('?') {
        Some((place, _)) => Cow::Owned(place.to_owned()),
        // Its question mark is written otherwise.
        None => Cow::Owned(Mask::default().hide(url).into_owned()),
    }
}

/// The values of [`SIGNATURES`], in a text of small letters.
fn signed(text: &[u8]) -> Vec<Range<usize>> {
    let value = |mark: usize| {
        let name = mark + 1;
        let rest = text.get(name..)?;
        let long = signature(rest)?;
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"'<>&;,)]}`\\".contains(byte);
        let value = rest.get(long..)?;
        let end = value.iter().position(ends).unwrap_or(value.len());
        (end > 0).then(|| name + long..name + long + end)
    };
    memchr::memchr2_iter(b'?', b'&', text).filter_map(value).collect()
}

/// How long the parameter is with which `text` begins, to the sign behind it, if that is one of [`SIGNATURES`].
fn signature(text: &[u8]) -> Option<usize> {
    SIGNATURES.iter().find_map(|wanted| {
        let (name, rest) = text.split_at_checked(wanted.len())?;
        (name.eq_ignore_ascii_case(wanted.as_bytes()) && rest.first() == Some(&b'=')).then_some(wanted.len() + 1)
    })
}

/// The values that stand behind [`LABELS`], in a text of small letters.
fn labelled(text: &[u8]) -> Vec<Range<usize>> {
    // All have it, and few texts do.
    if memmem::find(text, LABELLED.as_bytes()).is_none() {
        return Vec::new();
    }
    let ends = LABELS.iter().flat_map(|label| memmem::find_iter(text, label).map(|at| at + label.len()));
    ends.filter_map(|end| value_behind(text, end)).collect()
}

/// The value after a label that ends at `end`; none when what follows is the next word of a sentence.
fn value_behind(text: &[u8], end: usize) -> Option<Range<usize>> {
    let mut at = end;
    let mut is_told = false;
    while at < text.len() && at - end < LABEL_REACH {
        match text[at] {
            b'<' => {
                at += memchr::memchr(b'>', &text[at..])? + 1;
                is_told = true;
                continue;
            }
            b'=' | b':' | b'>' | b',' => is_told = true,
            b'"' | b'\'' | b'\\' | b' ' | b'\t' | b'\n' | b'\r' | b'(' | b'[' | b'`' => {}
            _ => break,
        }
        at += 1;
    }
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"'<>&;,)]}`".contains(byte);
    let long = text.get(at..)?.iter().position(ends).unwrap_or(text.len() - at);
    let value = at..at + long;
    let is_no_word = long >= NO_WORD || text[value.clone()].iter().any(u8::is_ascii_digit);
    (is_told && is_no_word).then_some(value)
}

impl Layer {
    /// Where in the text a range of the layer comes from.
    fn origin(&self, range: Range<usize>) -> Range<usize> {
        match &self.spans {
            None => range,
            Some(spans) => {
                let start = spans.get(range.start).map_or(0, |span| span.0);
                let end = range.end.checked_sub(1).and_then(|last| spans.get(last)).map_or(start, |span| span.1);
                start..end
            }
        }
    }
}
