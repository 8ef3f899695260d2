//! The *verdict*: a comparison in one line, what matters most first.

use super::{Comparison, What};
use magudi_config::words::{agreeing, counted_with};

/// `2 images are gone, 1 is new, 3 differ; 1 failure is new`.
pub(super) fn of(comparison: &Comparison) -> String {
    let mut images = Vec::new();
    let mut say = |n: usize, one: &str, many: &str| {
        if n > 0 {
            // The first one names what is counted.
            let first = images.is_empty();
            images.push(if first {
                counted_with(n, "image", one, many)
            } else {
                format!("{n} {}", agreeing(n, one, many))
            });
        }
    };
    let lost = comparison.gone.iter().filter(|gone| gone.failed).count();
    say(comparison.gone.len() - lost, "is gone", "are gone");
    say(lost, "is gone after a failure", "are gone after failures");
    say(comparison.added.len(), "is new", "are new");
    let is_move = |what| matches!(what, What::Variant | What::Subvariant | What::Type | What::Format);
    say(comparison.changed(is_move).count(), "is known by another identity", "are known by another identity");
    let has = |pair: &super::Pair, filter: &dyn Fn(What) -> bool| pair.differences.iter().any(|d| filter(d.what));
    let moved = |pair: &super::Pair| has(pair, &is_move);
    let others = || comparison.images.iter().filter(|pair| !moved(pair));
    let is_renamed = |pair: &&super::Pair| has(pair, &|what| what == What::Name);
    say(others().filter(is_renamed).count(), "has another name", "have other names");
    let is_resized = |pair: &&super::Pair| has(pair, &|what| what == What::Size);
    say(others().filter(|pair| !is_renamed(pair)).filter(is_resized).count(), "has another size", "have other sizes");
    let rest = |what: What| what.is_of_image() && !is_move(what) && !matches!(what, What::Name | What::Size);
    let is_other = |pair: &&super::Pair| !is_renamed(pair) && !is_resized(pair) && has(pair, &rest);
    say(others().filter(is_other).count(), "differs", "differ");
    let mut parts = Vec::new();
    parts.push(match (images.is_empty(), comparison.images.len()) {
        (false, _) => images.join(", "),
        (true, 0) => "there are no images in either".to_owned(),
        (true, 1) => "the same image".to_owned(),
        (true, n) => format!("the same {n} images"),
    });
    match comparison.failures.new.len() {
        0 => {}
        n => parts.push(counted_with(n, "failure", "is new", "are new")),
    }
    match comparison.uploads.gone.len() {
        0 => {}
        n => parts.push(counted_with(n, "upload", "is gone", "are gone")),
    }
    parts.join("; ")
}
