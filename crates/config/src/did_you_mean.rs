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
    let letters: Vec<char> = word.chars().take(MAX_LENGTH + 1).collect();
    if letters.len() > MAX_LENGTH {
        return None;
    }
    let mut best = None;
    let mut limit = (letters.len() / 2).min(most + 1);
    for name in known {
        if limit == 0 {
            break;
        }
        if let Some(distance) = distance(&letters, name, limit) {
            limit = distance;
            best = Some(name);
        }
    }
    best
}

/// The edit distance (insert, delete, replace) when it is below `limit`.
fn distance(left: &[char], right: &str, limit: usize) -> Option<usize> {
    let right: Vec<char> = right.chars().take(2 * MAX_LENGTH + 1).collect();
    if left.len().abs_diff(right.len()) >= limit {
        return None;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().filter(|distance| *distance < limit)
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
