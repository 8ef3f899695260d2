use super::*;
use magudi_testkit::wait_until;

fn acquire(dir: &Path, host: &str) -> Result<Lock, LockError> {
    Lock::acquire(dir, host, Locks::Needed)
}

/// The same of one that nobody has any more. A process that another test is just starting has what is open until it runs its program.
fn acquire_free(dir: &Path, host: &str) -> Lock {
    let mut lock = None;
    wait_until("the lock is held although its owner let go", || {
        lock = acquire(dir, host).ok();
        lock.is_some()
    });
    lock.unwrap()
}

/// Locks the file as who only looks does, once nobody has the lock any more.
fn look(path: &Path) -> File {
    let file = File::open(path).unwrap();
    wait_until("the lock is held although its owner let go", || file.try_lock_shared().is_ok());
    file
}

#[test]
fn a_second_one_is_told_who_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(holder(dir.path()), None);
    let lock = acquire(dir.path(), "builder.example.com").unwrap();
    let error = acquire(dir.path(), "other").unwrap_err().to_string();
    let own = std::process::id();
    assert!(error.contains(&format!("process {own} on builder.example.com")), "{error}");
    let held_by = holder(dir.path()).unwrap();
    assert_eq!(held_by.named(), Some((own as i32, "builder.example.com")));
    assert_eq!(held_by.process("builder.example.com").unwrap().pid, own as i32);
    assert_eq!(held_by.process("other").unwrap_err(), NotThere::OtherHost("builder.example.com".to_owned()));
    drop(lock);
    wait_until("the lock is held although its owner let go", || holder(dir.path()).is_none());
    acquire_free(dir.path(), "other");
}

#[test]
fn who_only_looks_keeps_nobody_out() {
    let dir = tempfile::tempdir().unwrap();
    drop(acquire(dir.path(), "builder.example.com").unwrap());
    let path = dir.path().join(NAME);
    // For a moment, and for ever.
    let looking = look(&path);
    let looked = std::thread::spawn(move || {
        std::thread::sleep(PAUSE);
        drop(looking);
    });
    drop(acquire(dir.path(), "other").unwrap());
    looked.join().unwrap();
    let _looking = look(&path);
    let lock = acquire(dir.path(), "other").unwrap();
    assert!(acquire(dir.path(), "third").unwrap_err().to_string().contains("on other"));
    assert_eq!(holder(dir.path()).unwrap().named().unwrap().1, "other");
    drop(lock);
    acquire_free(dir.path(), "third");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "something is left");
}

/// Many at once, while somebody has a shared lock: one of them gets it.
#[test]
fn of_many_that_replace_it_one_does() {
    let dir = tempfile::tempdir().unwrap();
    drop(acquire(dir.path(), "host").unwrap());
    for _ in 0..10 {
        let _looking = look(&dir.path().join(NAME));
        let got: Vec<Result<Lock, LockError>> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(|| acquire(dir.path(), "host"))).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(got.iter().filter(|lock| lock.is_ok()).count(), 1);
    }
}

#[test]
fn who_locks_it_without_a_word_keeps_a_run_out_and_is_never_signalled() {
    let dir = tempfile::tempdir().unwrap();
    let file = File::create(dir.path().join(NAME)).unwrap();
    file.try_lock().unwrap();
    let error = acquire(dir.path(), "host").unwrap_err().to_string();
    assert!(error.contains("an unknown process"), "{error}");
    for (text, named) in [
        ("", None),
        ("nonsense", None),
        ("99999999999 host\n", None),
        ("-1 host\n", Some(-1)),
        ("0 host\n", Some(0)),
        ("1 host\n", Some(1)),
        ("-2147483648 host\nstart 1\nboot b\n", Some(i32::MIN)),
    ] {
        fs::write(dir.path().join(NAME), text).unwrap();
        let holder = holder(dir.path()).unwrap();
        assert_eq!(holder.named().map(|(pid, _)| pid), named, "{text:?}");
        holder.process("host").unwrap_err();
    }
    for pid in [-1, 0, 1, i32::MIN] {
        fs::write(dir.path().join(NAME), format!("{pid} host\n{}", Birth::own().unwrap())).unwrap();
        assert_eq!(holder(dir.path()).unwrap().process("host").unwrap_err(), NotThere::Impossible(pid));
    }
}

#[test]
fn it_is_for_its_owner_and_group() {
    let dir = tempfile::tempdir().unwrap();
    let mode = || fs::metadata(dir.path().join(NAME)).unwrap().mode() & 0o777;
    drop(acquire(dir.path(), "host").unwrap());
    assert_eq!(mode() & 0o007, 0);
    assert_eq!(mode() & 0o600, 0o600);
    // One that an older program made.
    fs::set_permissions(dir.path().join(NAME), Permissions::from_mode(0o644)).unwrap();
    drop(acquire(dir.path(), "host").unwrap());
    assert_eq!(mode(), 0o640);
}

#[test]
fn a_short_word_in_the_place_of_a_long_one_leaves_nothing_of_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(NAME), "x".repeat(900)).unwrap();
    let _lock = acquire(dir.path(), "h").unwrap();
    let text = fs::read_to_string(dir.path().join(NAME)).unwrap();
    assert!(text.starts_with(&format!("{} h\nstart ", std::process::id())) && !text.contains('x'), "{text}");
}
