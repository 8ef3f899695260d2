//! *Similar* names, for "did you mean".

/// Names longer than this are not compared.
const MAX_LENGTH: usize = 100;

/// The name of `known` that `word` is probably a slip of, by Pungi's rule: the smallest edit distance that is below half the
/// word's length, rounded down (facts: options 5). The first of equally near ones.
pub fn suggest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    suggest_within(word, known, MAX_LENGTH)
}

/// The same for names that are alike by nature: the edit distance is at most `most`, too.
pub fn suggest_within<'k>(word: &str, known: impl IntoIterator<Item = &'k str>, most: usize) -> Option<&'k str> {
    let length = word.chars().count();
    if length > MAX_LENGTH {
        return None;
    }
    let limit = (length / 2).min(most + 1);
    let near = known.into_iter().filter(|name| name.chars().count().abs_diff(length) < limit);
    let near = near.map(|name| (strsim::levenshtein(word, name), name)).filter(|(distance, _)| *distance < limit);
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pungis_rule() {
        let known = ["osbuild", "osbs", "osbuild_target", "iso"];
        assert_eq!(suggest("osbild", known), Some("osbuild"));
        assert_eq!(suggest("osbuild_targt", known), Some("osbuild_target"));
        assert_eq!(suggest("qwerty", known), None);
        assert_eq!(suggest("is", known), None);
        assert_eq!(suggest("osb", known), None);
        assert_eq!(suggest("obss", known), None);
    }
}
