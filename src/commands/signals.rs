//! *Signals*: the first SIGINT or SIGTERM asks a run to end, the second one ends it at once.
//!
//! They are waited for by a thread that does nothing else, so that they are obeyed whatever the others are busy with, or hang
//! in.

use magudi_config::words::counted;
use magudi_engine::event::{Event, Events, Level};
use magudi_engine::notify::NotifierEnd;
use magudi_engine::running::Running;
use magudi_engine::stop::{Reason, StopHandle};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// How long the last words may take: they may have to wait for a lock, a disk, or a terminal that stands still.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How long a run that was asked to end waits for its notification scripts.
pub const SCRIPTS_PATIENCE: Duration = Duration::from_secs(5);

/// The exit status of a run that was ended at once.
const ENDED: i32 = 1;

/// Sets the stop at the first signal, and ends the program at the second one, with the notification script that runs. With
/// `detach` tasks are left alone. The error is that of a thread or descriptor that cannot be made.
pub fn watch(handle: StopHandle, events: Arc<Events>, detach: bool, scripts: Option<NotifierEnd>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let running = Running::default();
    events.subscribe(Box::new(running.clone()));
    let watch = move || {
        let mut signals = signals.forever();
        let Some(number) = signals.next() else { return };
        handle.set(if detach { Reason::Detach(number) } else { Reason::Signal(number) });
        if let Some(scripts) = &scripts {
            scripts.hurry(SCRIPTS_PATIENCE);
        }
        // On a thread of its own: writing may wait for another writer.
        let (log, tasks) = (Arc::clone(&events), running.count());
        beside(move || log.say(Event::Interrupted { signal: number, tasks, detached: detach }));
        let Some(number) = signals.next() else { return };
        let said = beside(move || {
            let left = match running.count() {
                0 => String::new(),
                tasks => format!(": {} may still run; continue with `magudi resume`", counted(tasks, "task")),
            };
            let text = format!("Ended at once by a second signal ({number}){left}");
            events.message(Level::Critical, None, text);
        });
        let _ = said.recv_timeout(LAST_WORDS);
        if let Some(scripts) = scripts {
            scripts.kill();
        }
        // Nothing that waits for other threads, as the usual exit does.
        signal_hook::low_level::exit(ENDED);
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(watch)?;
    Ok(())
}

/// Does something on a thread of its own. What comes back ends when it is done; at once, when no thread can be made.
fn beside(work: impl FnOnce() + Send + 'static) -> mpsc::Receiver<()> {
    let (done, receiver) = mpsc::channel();
    // Without a thread it is left undone: what is worth more than words must not wait for them.
    let _ = std::thread::Builder::new().spawn(move || {
        work();
        drop(done);
    });
    receiver
}
