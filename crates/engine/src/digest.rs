//! A *digest* names a checksum algorithm as Python's hashlib does; a [`MultiDigest`] computes several of them in one pass,
//! on two processors where that is faster.

use std::collections::BTreeMap;
use std::io::{self, Read};

/// Size of one read. Large enough that the per-call cost of five algorithms vanishes, small enough to stay in cache.
const CHUNK: usize = 256 * 1024;

/// Size of the first read: many files are small, and a large buffer costs more than to hash them.
const FIRST_CHUNK: usize = 16 * 1024;

/// Size of one read when two processors share the work: handing it over costs some microseconds each time.
const SHARED_CHUNK: usize = 1024 * 1024;

/// The least that is worth being shared, in bytes.
const LEAST_SHARED: usize = 128 * 1024;

macro_rules! algorithms {
    ($($name:literal => $variant:ident($ty:ty) at $cost:literal),* $(,)?) => {
        enum Hasher { $($variant(Box<$ty>)),* }

        impl Hasher {
            fn new(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant(Box::default())),)*
                    _ => None,
                }
            }

            /// How long it takes for a byte, compared with the others, on processors that have instructions for SHA-1 and
            /// SHA-256.
            fn cost(&self) -> u32 {
                match self { $(Self::$variant(_) => $cost),* }
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
    "md5" => Md5(md5::Md5) at 18,
    "sha1" => Sha1(sha1::Sha1) at 6,
    "sha224" => Sha224(sha2::Sha224) at 6,
    "sha256" => Sha256(sha2::Sha256) at 6,
    "sha384" => Sha384(sha2::Sha384) at 26,
    "sha512" => Sha512(sha2::Sha512) at 26,
    "sha3_224" => Sha3x224(sha3::Sha3_224) at 30,
    "sha3_256" => Sha3x256(sha3::Sha3_256) at 30,
    "sha3_384" => Sha3x384(sha3::Sha3_384) at 40,
    "sha3_512" => Sha3x512(sha3::Sha3_512) at 60,
    "blake2b" => Blake2b(blake2::Blake2b512) at 16,
    "blake2s" => Blake2s(blake2::Blake2s256) at 26,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        for nibble in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        out
    })
}

/// Some of the digests of a stream: what one processor computes.
#[derive(Default)]
struct Share(Vec<(String, Hasher)>);

impl Share {
    fn update(&mut self, data: &[u8]) {
        for (_, hasher) in &mut self.0 {
            hasher.update(data);
        }
    }

    fn cost(&self) -> u32 {
        self.0.iter().map(|(_, hasher)| hasher.cost()).sum()
    }
}

/// Several digests of one stream of bytes.
#[derive(Default)]
pub struct MultiDigest {
    /// The more expensive share, and the one that reads the file as well.
    shares: [Share; 2],
    size: u64,
}

impl std::fmt::Debug for MultiDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.shares.iter().flat_map(|share| &share.0).map(|(name, _)| name)).finish()
    }
}

/// Gets the number of bytes that were read, and may end it.
pub type Progress<'a> = dyn FnMut(u64) -> io::Result<()> + 'a;

/// What came out of a [`MultiDigest`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Digests {
    /// Bytes seen.
    pub size: u64,
    /// Algorithm name as it was asked for -> lower-case hex.
    pub values: BTreeMap<String, String>,
}

/// The name of an algorithm that cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown checksum algorithm {0}")]
pub struct UnknownAlgorithm(pub String);

impl MultiDigest {
    /// Begins the given algorithms; a name that is given twice counts once. Names are matched without regard to case, as
    /// hashlib does, and kept as given. The error is the first name that is not an algorithm.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownAlgorithm> {
        let mut hashers: Vec<(String, Hasher)> = Vec::new();
        for name in names {
            if hashers.iter().any(|(n, _)| n == name) {
                continue;
            }
            let hasher = Hasher::new(&name.to_ascii_lowercase()).ok_or_else(|| UnknownAlgorithm(name.to_owned()))?;
            hashers.push((name.to_owned(), hasher));
        }
        // The most expensive first, each to the share that has less to do.
        hashers.sort_by_key(|(_, hasher)| std::cmp::Reverse(hasher.cost()));
        let mut shares = [Share::default(), Share::default()];
        for hasher in hashers {
            let lighter = usize::from(shares[1].cost() < shares[0].cost());
            shares[lighter].0.push(hasher);
        }
        shares.sort_by_key(|share| std::cmp::Reverse(share.cost()));
        Ok(Self { shares, size: 0 })
    }

    /// Whether there is work for two.
    fn is_shared(&self) -> bool {
        self.shares.iter().all(|share| !share.0.is_empty())
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.size += data.len() as u64;
        let shared = self.is_shared() && data.len() >= LEAST_SHARED;
        let [first, second] = &mut self.shares;
        if shared {
            rayon::join(|| first.update(data), || second.update(data));
        } else {
            first.update(data);
            second.update(data);
        }
    }

    /// The digests of everything taken in.
    pub fn finish(self) -> Digests {
        let hashers = self.shares.into_iter().flat_map(|share| share.0);
        Digests { size: self.size, values: hashers.map(|(name, hasher)| (name, hasher.finish())).collect() }
    }

    /// Reads `source` to its end, telling `progress` the bytes of each read: a megabyte at the most. An error of `progress`
    /// ends the reading.
    pub fn read_all(mut self, source: &mut (dyn Read + Send), progress: &mut Progress<'_>) -> io::Result<Digests> {
        let mut buffer = vec![0; FIRST_CHUNK];
        loop {
            let length = fill(source, &mut buffer)?;
            self.update(&buffer[..length]);
            progress(length as u64)?;
            if length < buffer.len() {
                return Ok(self.finish());
            }
            if self.is_shared() && length == CHUNK {
                return self.read_rest(source, progress);
            }
            buffer.resize(CHUNK, 0);
        }
    }

    /// Reads the rest on two processors: while the one works on a piece, the other reads the next one and then works on the
    /// same piece.
    fn read_rest(mut self, source: &mut (dyn Read + Send), progress: &mut Progress<'_>) -> io::Result<Digests> {
        let (mut full, mut free) = (vec![0; SHARED_CHUNK], vec![0; SHARED_CHUNK]);
        let mut length = fill(source, &mut full)?;
        while length > 0 {
            let data = &full[..length];
            let [first, second] = &mut self.shares;
            let read_and_update = || {
                let next = fill(source, &mut free);
                second.update(data);
                next
            };
            let ((), next) = rayon::join(|| first.update(data), read_and_update);
            self.size += length as u64;
            progress(length as u64)?;
            length = next?;
            std::mem::swap(&mut full, &mut free);
        }
        Ok(self.finish())
    }
}

/// Reads until `buffer` is full or `source` at its end; how many bytes there are.
fn fill(source: &mut (dyn Read + Send), buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match source.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(n) => length += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(length)
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
        assert_eq!(MultiDigest::new(["md5", "crc7"]).unwrap_err().0, "crc7");
    }

    #[test]
    fn every_listed_algorithm_exists() {
        assert_eq!(MultiDigest::new(ALGORITHMS.iter().copied()).unwrap().finish().values.len(), ALGORITHMS.len());
    }

    #[test]
    fn shared_work_comes_to_the_same() {
        let large: Vec<u8> = (0..5 * SHARED_CHUNK + 123).map(|n| (n % 251) as u8).collect();
        for algorithms in [&["sha256"][..], &["md5", "sha256"], &["sha1", "md5", "sha256"], ALGORITHMS] {
            for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + SHARED_CHUNK, large.len()] {
                let data = &large[..size];
                let read = |chunk: usize| {
                    let mut digest = MultiDigest::new(algorithms.iter().copied()).unwrap();
                    data.chunks(chunk).for_each(|piece| digest.update(piece));
                    digest.finish()
                };
                let mut told = 0;
                let digest = MultiDigest::new(algorithms.iter().copied()).unwrap();
                let whole = digest.read_all(&mut &*data, &mut |n| {
                    told += n;
                    Ok(())
                });
                let whole = whole.unwrap();
                assert_eq!((whole.size, told), (size as u64, size as u64));
                assert_eq!(whole, read(1000), "{algorithms:?} {size}");
                assert_eq!(whole, read(LEAST_SHARED), "{algorithms:?} {size}");
            }
        }
    }

    #[test]
    fn reading_ends_when_progress_wants_it() {
        let mut read = 0;
        let digest = MultiDigest::new(["md5", "sha256"]).unwrap();
        let ended = digest.read_all(&mut io::repeat(7), &mut |n| {
            read += n;
            if read > 3 << 20 { Err(io::Error::other("enough")) } else { Ok(()) }
        });
        assert_eq!(ended.unwrap_err().to_string(), "enough");
        assert!(read <= 4 << 20, "{read}");
    }

    #[test]
    fn the_work_is_divided_by_its_cost() {
        let names = |list: &[&str]| {
            let digest = MultiDigest::new(list.iter().copied()).unwrap();
            digest.shares.map(|share| share.0.into_iter().map(|(name, _)| name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["sha256"]), [vec!["sha256".to_owned()], vec![]]);
        assert_eq!(names(&["sha1", "md5", "sha256"]), [vec!["md5"], vec!["sha1", "sha256"]]);
    }
}
