//! Tests of opening compose directories.

use super::*;
use crate::identity::{ComposeType, test_identity};
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn takes_the_first_free_respin() {
    let target = tempfile::tempdir().unwrap();
    for taken in ["Test-9.2-20240229.t.0", "Test-9.2-20240229.t.1", "Test-9.2-20240229.t.3"] {
        fs::create_dir(target.path().join(taken)).unwrap();
    }
    let mut identity = test_identity();
    let (planned, respin) = first_free_respin(target.path(), &identity).unwrap();
    assert_eq!((respin, planned.top().exists()), (2, false));
    let dir = create(target.path(), &mut identity).unwrap();
    assert_eq!((identity.respin, &dir), (2, &planned));
    assert_eq!(dir.name(), Some("Test-9.2-20240229.t.2"));
    assert_eq!(fs::read_to_string(dir.compose_id_file()).unwrap(), "Test-9.2-20240229.t.2");
    assert_eq!(peek_identity(&dir, &identity, false).unwrap(), Some(identity.clone()));
    create(target.path(), &mut identity).unwrap();
    assert_eq!(identity.respin, 4);
    assert!(matches!(create(&target.path().join("no"), &mut identity), Err(OpeningError::MakeDir { .. })));
}

#[test]
fn modes_follow_the_umask() {
    let target = tempfile::tempdir().unwrap();
    let plain = target.path().join("plain");
    fs::create_dir(&plain).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let dir = create(target.path(), &mut test_identity()).unwrap();
    assert_eq!(mode(dir.top()), mode(&plain));
    assert_eq!(mode(&dir.metadata()), mode(&plain) & 0o775);
}

/// Opens a directory as a run does: the identity that is there wins.
fn open_as_run(dir: &Path, identity: ComposeIdentity) -> Result<(ComposeDir, ComposeIdentity), OpeningError> {
    let dir = ComposeDir::at(&absolute(dir)?);
    let identity = peek_identity(&dir, &identity, false)?.unwrap_or(identity);
    open(&dir, &identity)?;
    Ok((dir, identity))
}

#[test]
fn an_existing_compose_keeps_its_identity() {
    let target = tempfile::tempdir().unwrap();
    let path = target.path().join("x/../mine");
    let nightly = ComposeIdentity { kind: ComposeType::Nightly, respin: 7, ..test_identity() };
    let (dir, identity) = open_as_run(&path, nightly.clone()).unwrap();
    assert_eq!((dir.name(), &identity), (Some("mine"), &nightly));
    let (_, identity) = open_as_run(&path, test_identity()).unwrap();
    assert_eq!(identity, nightly);
    assert_eq!(fs::read_to_string(dir.compose_id_file()).unwrap(), "Test-9.2-20240229.n.7");
}

#[test]
fn a_finished_compose_is_not_touched() {
    let target = tempfile::tempdir().unwrap();
    let path = target.path().join("mine");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("STATUS"), "FINISHED\n").unwrap();
    let error = open_as_run(&path, test_identity()).unwrap_err();
    assert!(error.to_string().contains("FINISHED"), "{error}");
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    fs::write(path.join("STATUS"), "DOOMED\n").unwrap();
    open_as_run(&path, test_identity()).unwrap();
}

#[test]
fn targets_are_directories() {
    let target = tempfile::tempdir().unwrap();
    fs::write(target.path().join("file"), "").unwrap();
    assert!(check_target(target.path()).is_ok());
    assert!(check_target(&target.path().join("file")).is_err());
    assert!(check_target(&target.path().join("no")).is_err());
}
