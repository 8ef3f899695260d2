//! *Shared texts*: strings that were read before. The keys of ten thousand images are ten strings.

use std::sync::Arc;

/// How many strings are remembered. One that comes later takes the place of an earlier one, so that no file can make looking
/// one up slow.
const SLOTS: usize = 1024;

/// The strings that were read last, each at the place that its bytes give it.
#[derive(Debug)]
pub struct SharedTexts {
    slots: Vec<Option<Arc<str>>>,
}

impl SharedTexts {
    pub fn new() -> Self {
        Self { slots: vec![None; SLOTS] }
    }

    /// `text`, shared with an earlier one where that is remembered.
    pub fn share(&mut self, text: &str) -> Arc<str> {
        let Some(slot) = self.slots.get_mut(place(text)) else { return text.into() };
        match slot {
            Some(known) if **known == *text => Arc::clone(known),
            _ => Arc::clone(slot.insert(text.into())),
        }
    }
}

/// The slot of a text: a multiplicative hash of its length and its bytes, eight at a time.
fn place(text: &str) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let hash = words.iter().fold(text.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let last = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    // The upper bits are the mixed ones.
    (mix(hash, last) >> 48) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_and_others_stay_apart() {
        let mut texts = SharedTexts::new();
        let words: Vec<String> = (0..5000).map(|n| format!("word-{}", n % 700)).collect();
        let shared: Vec<Arc<str>> = words.iter().map(|word| texts.share(word)).collect();
        assert!(shared.iter().zip(&words).all(|(shared, word)| **shared == **word));
        let distinct: std::collections::HashSet<*const u8> = shared.iter().map(|text| text.as_ptr()).collect();
        assert!(distinct.len() < 3500, "{} texts for 700 words", distinct.len());
        let (one, other) = (texts.share("again"), texts.share("again"));
        assert!(Arc::ptr_eq(&one, &other));
    }
}
