//! The inputs that the fuzzer kept, those of everything it once found among them.

use magudi_properties::ALL;
use std::collections::BTreeSet;

/// What the inputs of one property may have together, in bytes.
const MOST: u64 = 64 << 10;

#[test]
fn properties_hold_for_every_input_that_was_kept() {
    let corpus = magudi_testkit::repository().join("fuzz/corpus");
    for (name, property) in ALL {
        let mut size = 0;
        let inputs: BTreeSet<_> = corpus.join(name).read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(inputs.len() > 5, "{name}");
        for input in inputs {
            let bytes = std::fs::read(&input).unwrap();
            size += bytes.len() as u64;
            std::panic::catch_unwind(|| property(&bytes)).unwrap_or_else(|_| panic!("{}", input.display()));
        }
        assert!(size <= MOST, "{name}: {size} bytes are kept");
    }
}

#[test]
fn every_property_has_a_target_and_inputs() {
    let fuzz = magudi_testkit::repository().join("fuzz");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for (name, _) in ALL {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        assert!(fuzz.join(format!("fuzz_targets/{name}.rs")).is_file(), "{name}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), ALL.len());
    assert_eq!(fuzz.join("corpus").read_dir().unwrap().count(), ALL.len());
}
