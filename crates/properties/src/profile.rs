//! What holds for every configuration file of koji: it gives a profile or says in which line it does not.

use crate::files;
use magudi_koji::parse_profile_files;
use std::path::{Path, PathBuf};

/// Koji's configuration files, the least important first.
pub fn profile(data: &[u8]) {
    let read = |(number, bytes): (usize, &[u8])| {
        Some((PathBuf::from(format!("{number}.conf")), std::str::from_utf8(bytes).ok()?.to_owned()))
    };
    let Some(files) = files(data).enumerate().map(read).collect::<Option<Vec<_>>>() else { return };
    for name in ["koji", "devhub"] {
        match parse_profile_files(&files, name, Some(Path::new("/home/user"))) {
            Ok(profile) => assert_eq!(profile.name, name),
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains(".conf") && text.len() < 100_000, "{text}");
            }
        }
    }
}
