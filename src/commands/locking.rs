//! The lock of a compose directory, as every verb takes it that changes one.

use crate::error::Failure;
use crate::ui::Ui;
use magudi_compose::layout::ComposeDir;
use magudi_engine::lock::{Lock, Locks};

/// Takes the lock of a compose. Where the file system has none it needs the word of `--no-lock`.
pub fn lock(dir: &ComposeDir, no_lock: bool, ui: Ui) -> Result<Lock, Failure> {
    let locks = if no_lock { Locks::Unneeded } else { Locks::Needed };
    let lock = Lock::acquire(&dir.logs_global(), &host(), locks)?;
    if let Some(error) = lock.missing() {
        let dir = dir.top().display();
        ui.note(&format!("warning: {dir} cannot be locked ({error}): nothing keeps another magudi out of it"));
    }
    Ok(lock)
}

pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
