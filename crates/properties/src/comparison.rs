//! What holds for two composes, or two plans, beside each other: everything of either is said once, and nothing differs from itself.

use crate::files;
use magudi_compose::comparison::{Comparison, Side, Thresholds, compare};
use magudi_compose::images::{Images, parse_images};
use magudi_engine::plan_changes::{ComparedRequest, changes, parse_plan};

/// Two images.json of any version.
pub fn comparison(data: &[u8]) {
    let mut texts = files(data).map(std::str::from_utf8);
    let mut next = || parse_images(texts.next()?.ok()?).ok();
    let Some(old) = next() else { return };
    let new = next().unwrap_or_default();
    let found = compared(&old, &new);
    assert_eq!(found.gone.len() + found.images.len(), old.len(), "{}", found.verdict);
    assert_eq!(found.added.len() + found.images.len(), new.len(), "{}", found.verdict);
    assert!(!found.verdict.contains('\n'), "{}", found.verdict);
    for pair in &found.images {
        assert!(pair.differences.iter().all(|difference| difference.old != difference.new), "{pair:?}");
    }
    if old.shared_identities().is_empty() {
        let same = compared(&old, &old);
        assert!(same.gone.is_empty() && same.added.is_empty(), "{}", same.verdict);
        assert!(same.images.iter().all(|pair| pair.differences.is_empty() && pair.old == pair.new), "{}", same.verdict);
    }
}

fn compared(old: &Images, new: &Images) -> Comparison {
    let side = |images: &Images| Side { images: images.clone(), ..Side::default() };
    compare(&side(old), &side(new), Thresholds::default())
}

/// Two plans, as `magudi plan --format json` prints them.
pub fn plan(data: &[u8]) {
    let mut texts = files(data).map(std::str::from_utf8);
    let mut next = || -> Option<Vec<ComparedRequest>> {
        match parse_plan(texts.next()?.ok()?, &method) {
            Ok((_, asked)) => Some(asked),
            Err(error) => {
                assert!(error.to_string().len() < 1000, "{error}");
                None
            }
        }
    };
    let Some(old) = next() else { return };
    let new = next().unwrap_or_default();
    let found = changes(old.clone(), new.clone());
    assert_eq!(found.same + found.changed.len() + found.gone.len(), old.len());
    assert_eq!(found.same + found.changed.len() + found.new.len(), new.len());
    for change in &found.changed {
        assert!(!change.differences.is_empty() || change.old == change.new, "{change:?}");
        assert!(change.differences.iter().all(|difference| difference.old != difference.new), "{change:?}");
    }
    for asked in &old {
        let _ = (asked.name(), asked.summary());
        let mut other = asked.clone();
        other.replace("", "x");
        other.replace("2025", "2026");
    }
    assert_eq!(changes(new.clone(), new.clone()).same, new.len());
}

fn method(name: &str) -> Option<&'static magudi_engine::method::Method> {
    magudi_phases::PHASES.iter().map(|phase| phase.method()).find(|method| method.name == name)
}
