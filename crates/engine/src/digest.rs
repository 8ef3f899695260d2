//! A *digest* names a checksum algorithm as Python's hashlib does; a [`MultiDigest`] computes several of them in one pass.

use std::collections::BTreeMap;
use std::io::{self, Read};

/// Size of one read. Large enough that the per-call cost of five algorithms vanishes, small enough to stay in cache.
const CHUNK: usize = 256 * 1024;

macro_rules! algorithms {
    ($($name:literal => $variant:ident($ty:ty)),* $(,)?) => {
        /// One algorithm in progress.
        #[allow(missing_docs)]
        enum Hasher { $($variant(Box<$ty>)),* }

        impl Hasher {
            fn new(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant(Box::default())),)*
                    _ => None,
                }
            }

            fn update(&mut self, data: &[u8]) {
                use sha2::Digest as _;
                match self { $(Self::$variant(h) => h.update(data)),* }
            }

            fn finish(self) -> String {
                use sha2::Digest as _;
                match self { $(Self::$variant(h) => hex(&h.finalize())),* }
            }
        }

        /// The algorithms that can be computed, by their hashlib names.
        pub const ALGORITHMS: &[&str] = &[$($name),*];
    };
}

algorithms! {
    "md5" => Md5(md5::Md5),
    "sha1" => Sha1(sha1::Sha1),
    "sha224" => Sha224(sha2::Sha224),
    "sha256" => Sha256(sha2::Sha256),
    "sha384" => Sha384(sha2::Sha384),
    "sha512" => Sha512(sha2::Sha512),
    "sha3_224" => Sha3x224(sha3::Sha3_224),
    "sha3_256" => Sha3x256(sha3::Sha3_256),
    "sha3_384" => Sha3x384(sha3::Sha3_384),
    "sha3_512" => Sha3x512(sha3::Sha3_512),
    "blake2b" => Blake2b(blake2::Blake2b512),
    "blake2s" => Blake2s(blake2::Blake2s256),
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        for nibble in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        out
    })
}

/// Several digests of one stream of bytes.
#[derive(Default)]
pub struct MultiDigest {
    hashers: Vec<(String, Hasher)>,
    size: u64,
}

impl std::fmt::Debug for MultiDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.hashers.iter().map(|(name, _)| name)).finish()
    }
}

/// What came out of a [`MultiDigest`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Digests {
    /// Bytes seen.
    pub size: u64,
    /// Algorithm name as it was asked for -> lower-case hex.
    pub values: BTreeMap<String, String>,
}

impl MultiDigest {
    /// Begins the given algorithms; a name that is given twice counts once. Names are matched without regard to case, as
    /// hashlib does, and kept as given. The error is the first name that is no algorithm.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut hashers: Vec<(String, Hasher)> = Vec::new();
        for name in names {
            if hashers.iter().any(|(n, _)| n == name) {
                continue;
            }
            let hasher = Hasher::new(&name.to_ascii_lowercase()).ok_or_else(|| name.to_owned())?;
            hashers.push((name.to_owned(), hasher));
        }
        Ok(Self { hashers, size: 0 })
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.size += data.len() as u64;
        for (_, hasher) in &mut self.hashers {
            hasher.update(data);
        }
    }

    /// The digests of everything taken in.
    pub fn finish(self) -> Digests {
        Digests { size: self.size, values: self.hashers.into_iter().map(|(name, h)| (name, h.finish())).collect() }
    }

    /// Reads `source` to its end, telling `progress` the bytes of each read.
    pub fn read_all(mut self, source: &mut dyn Read, progress: &mut dyn FnMut(u64)) -> io::Result<Digests> {
        let mut buffer = vec![0; CHUNK];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return Ok(self.finish()),
                Ok(n) => {
                    self.update(&buffer[..n]);
                    progress(n as u64);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digests of `abc`, by Python's hashlib.
    const ABC: &[(&str, &str)] = &[
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("sha3_256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        ("blake2s", "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"),
    ];

    #[test]
    fn known_answers() {
        let mut digest = MultiDigest::new(ABC.iter().map(|(name, _)| *name)).unwrap();
        digest.update(b"a");
        digest.update(b"bc");
        let done = digest.finish();
        assert_eq!(done.size, 3);
        for (name, want) in ABC {
            assert_eq!(done.values[*name], *want, "{name}");
        }
    }

    #[test]
    fn names_are_matched_without_case_and_kept() {
        let done = MultiDigest::new(["SHA256", "SHA256"]).unwrap().finish();
        assert_eq!(done.values.keys().collect::<Vec<_>>(), ["SHA256"]);
        assert_eq!(MultiDigest::new(["md5", "crc7"]).unwrap_err(), "crc7");
    }

    #[test]
    fn every_listed_algorithm_exists() {
        assert_eq!(MultiDigest::new(ALGORITHMS.iter().copied()).unwrap().finish().values.len(), ALGORITHMS.len());
    }
}
