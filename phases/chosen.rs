//! The images that are *chosen* by patterns of their names and variants (`--only`, `--variant`); the rest is left out as if it
//! were not configured.

use glob::Pattern;

/// Which images are chosen; all by default.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    images: Vec<Pattern>,
    variants: Vec<Pattern>,
}

impl Chosen {
    /// The images with one of the names `only`, in the variants `variants`: shell patterns, in which `*` stands for any characters.
    /// An image is named NAME or VARIANT:NAME. An empty list takes all.
    pub fn parse(only: &[String], variants: &[String]) -> Result<Self, BadPattern> {
        Ok(Self { images: patterns("--only", only)?, variants: patterns("--variant", variants)? })
    }

    /// Whether no image is left out.
    pub fn is_all(&self) -> bool {
        self.images.is_empty() && self.variants.is_empty()
    }

    /// Whether the image `name` of `variant` is chosen.
    pub fn takes(&self, variant: &str, name: &str) -> bool {
        let fits = |pattern: &Pattern| is_image(pattern, variant, name);
        (self.images.is_empty() || self.images.iter().any(fits))
            && (self.variants.is_empty() || self.variants.iter().any(|pattern| pattern.matches(variant)))
    }

    /// The first pattern that none of `images` (variant and name) fits: the option, and the pattern.
    pub fn unused(&self, images: &[(&str, &str)]) -> Option<(&'static str, &str)> {
        let no_image = |pattern: &&Pattern| !images.iter().any(|(variant, name)| is_image(pattern, variant, name));
        let no_variant = |pattern: &&Pattern| !images.iter().any(|(variant, _)| pattern.matches(variant));
        let unused = self.images.iter().find(no_image).map(|pattern| ("--only", pattern.as_str()));
        unused.or_else(|| self.variants.iter().find(no_variant).map(|pattern| ("--variant", pattern.as_str())))
    }
}

fn patterns(option: &'static str, texts: &[String]) -> Result<Vec<Pattern>, BadPattern> {
    let bad = |text: &str, reason| BadPattern { option, text: text.to_owned(), reason };
    texts.iter().map(|text| Pattern::new(text).map_err(|error| bad(text, error.msg))).collect()
}

fn is_image(pattern: &Pattern, variant: &str, name: &str) -> bool {
    pattern.matches(name) || pattern.matches(&format!("{variant}:{name}"))
}

/// A word of the command line that is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{option}: `{}` is not a pattern: {reason}", .text.escape_debug())]
pub struct BadPattern {
    option: &'static str,
    text: String,
    reason: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGES: [(&str, &str); 4] =
        [("Server", "disk"), ("Server", "Cloud-Base"), ("Cloud", "Cloud-Base"), ("Cloud", "a:b")];

    fn chosen(only: &[&str], variants: &[&str]) -> Chosen {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Chosen::parse(&texts(only), &texts(variants)).unwrap()
    }

    #[test]
    fn images_are_chosen_by_name_and_variant() {
        let cases: [(&[&str], &[&str], &[usize]); 9] = [
            (&[], &[], &[0, 1, 2, 3]),
            (&["disk"], &[], &[0]),
            (&["Cloud-*"], &[], &[1, 2]),
            (&["Cloud:*"], &[], &[2, 3]),
            (&["a:b"], &[], &[3]),
            (&["*"], &["Server"], &[0, 1]),
            (&["Cloud-Base"], &["C*"], &[2]),
            (&["disk", "a*"], &[], &[0, 3]),
            (&["disk"], &["Cloud"], &[]),
        ];
        for (only, variants, want) in cases {
            let chosen = chosen(only, variants);
            let got = IMAGES.iter().enumerate().filter(|(_, (variant, name))| chosen.takes(variant, name));
            assert_eq!(got.map(|(at, _)| at).collect::<Vec<_>>(), want, "{only:?} {variants:?}");
            assert_eq!(chosen.unused(&IMAGES), None, "{only:?} {variants:?}");
        }
    }

    #[test]
    fn what_fits_nothing_is_named() {
        assert_eq!(chosen(&["disk", "disc"], &[]).unused(&IMAGES), Some(("--only", "disc")));
        assert_eq!(chosen(&[], &["server"]).unused(&IMAGES), Some(("--variant", "server")));
        assert_eq!(chosen(&["x"], &[]).unused(&[]), Some(("--only", "x")));
    }

    #[test]
    fn a_bad_pattern_is_refused_with_its_option() {
        let bad = Chosen::parse(&[], &["[a".to_owned()]).unwrap_err();
        assert_eq!(bad.to_string(), "--variant: `[a` is not a pattern: invalid range pattern");
    }
}
