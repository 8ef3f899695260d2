//! *Images named on the command line*: `--rebuild`, `--accept` and `--adopt` take NAME or VARIANT:NAME.

use crate::cli::GoingArgs;
use crate::error::Failure;
use magudi_config::did_you_mean::suggest;
use magudi_phases::chosen::Chosen;
use std::collections::BTreeSet;

impl GoingArgs {
    /// Refuses names of images that there are not.
    pub fn check_names(&self, images: &[(&str, &str)]) -> Result<(), Failure> {
        for (option, words) in [("--rebuild", &self.rebuild), ("--accept", &self.accept)] {
            words.iter().try_for_each(|word| check_name(option, word, images))?;
        }
        self.adopt.iter().try_for_each(|(image, _)| check_name("--adopt", image, images))
    }
}

/// The word for all images.
pub const ALL: &str = "*";

/// Near names that are shown.
const MOST_NEAR: usize = 3;

/// Whether `word` names the image `name` of `variant`.
pub fn is_named(word: &str, variant: &str, name: &str) -> bool {
    word == ALL || word == name || word.strip_suffix(name).and_then(|rest| rest.strip_suffix(':')) == Some(variant)
}

/// Refuses a word of the option `option` that names none of `images` (variant and name): a wrong use of the command line.
pub fn check_name(option: &str, word: &str, images: &[(&str, &str)]) -> Result<(), Failure> {
    if word == ALL || images.iter().any(|(variant, name)| is_named(word, variant, name)) {
        return Ok(());
    }
    Err(Failure::usage(format!("{option}: there is no image `{}`{}", word.escape_debug(), near(word, images))))
}

/// Refuses patterns that none of `images` (variant and name) fits: a wrong use of the command line.
pub fn check_chosen(chosen: &Chosen, images: &[(&str, &str)]) -> Result<(), Failure> {
    let Some((option, pattern)) = chosen.unused(images) else { return Ok(()) };
    let shown = pattern.escape_debug();
    if option == "--only" {
        return Err(Failure::usage(format!("{option}: no image is called `{shown}`{}", near(pattern, images))));
    }
    let variants: Vec<(&str, &str)> = images.iter().map(|(variant, _)| (*variant, *variant)).collect();
    Err(Failure::usage(format!("{option}: no variant with images is called `{shown}`{}", near(pattern, &variants))))
}

/// The image that `word` names alone, by its place in `images`.
pub fn the_one(option: &str, word: &str, images: &[(&str, &str)]) -> Result<usize, Failure> {
    check_name(option, word, images)?;
    let mut fitting = images.iter().enumerate().filter(|(_, (variant, name))| is_named(word, variant, name));
    match (fitting.next(), fitting.count()) {
        (Some((place, _)), 0) => Ok(place),
        (_, others) => {
            let word = word.escape_debug();
            Err(Failure::usage(format!("{option}: `{word}` names {} images; name one as VARIANT:NAME", others + 1)))
        }
    }
}

/// The names that `word` may be a slip of, as the end of a message.
fn near(word: &str, images: &[(&str, &str)]) -> String {
    let full: Vec<String> = images.iter().map(|(variant, name)| format!("{variant}:{name}")).collect();
    let with_variant = word.contains(':');
    let names = full.iter().map(String::as_str).zip(images.iter().map(|(_, name)| *name));
    let mut left: BTreeSet<&str> = names.map(|(full, name)| if with_variant { full } else { name }).collect();
    let mut found = Vec::new();
    while let Some(name) = suggest(word, left.iter().copied()).filter(|_| found.len() < MOST_NEAR) {
        left.remove(name);
        found.push(format!("`{name}`"));
    }
    match found.as_slice() {
        [] if left.len() <= MOST_NEAR && !left.is_empty() => {
            format!("; there is {}", left.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
        }
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGES: [(&str, &str); 4] =
        [("Server", "disk1"), ("Server", "disk2"), ("Client", "disk1"), ("Client", "a:b")];

    fn told(result: Result<impl std::fmt::Debug, Failure>) -> String {
        match result.unwrap_err() {
            failure @ Failure::Usage(_) => failure.detail(),
            other => panic!("{other:?} is not wrong usage"),
        }
    }

    #[test]
    fn a_name_may_have_its_variant() {
        for (word, want) in [("disk1", 2), ("Server:disk1", 1), ("*", 4), ("a:b", 1), ("Client:a:b", 1), ("b", 0)] {
            assert_eq!(IMAGES.iter().filter(|(v, n)| is_named(word, v, n)).count(), want, "{word}");
        }
        assert!(check_name("--rebuild", "disk2", &IMAGES).is_ok());
    }

    #[test]
    fn what_names_nothing_is_told_with_near_names() {
        assert_eq!(
            told(check_name("--rebuild", "disc1", &IMAGES)),
            "--rebuild: there is no image `disc1`; did you mean `disk1`?"
        );
        assert_eq!(
            told(check_name("--rebuild", "Client:disk2", &IMAGES)),
            "--rebuild: there is no image `Client:disk2`; did you mean `Client:disk1` or `Client:a:b`?"
        );
        assert_eq!(
            told(check_name("--accept", "nosuch\u{1b}", &IMAGES[..1])),
            "--accept: there is no image `nosuch\\u{1b}`; there is `disk1`"
        );
        assert_eq!(told(check_name("--rebuild", "x", &[])), "--rebuild: there is no image `x`");
        assert_eq!(
            told(the_one("--adopt", "disk1", &IMAGES)),
            "--adopt: `disk1` names 2 images; name one as VARIANT:NAME"
        );
        assert_eq!(the_one("--adopt", "Client:disk1", &IMAGES).unwrap(), 2);
    }
}
