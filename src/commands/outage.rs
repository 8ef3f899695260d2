//! An *outage* of the hub, reported in the compose's log: a compose that waits must not look like one that hangs.

use magudi_engine::event::{Events, Level};
use magudi_koji::{KojiError, Listener};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Tells of calls that wait for the hub.
pub struct OutageLog(pub Arc<Events>);

impl fmt::Debug for OutageLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutageLog")
    }
}

impl Listener for OutageLog {
    fn waiting(&self, problem: &KojiError) {
        self.0.message(Level::Warning, None, format!("Waiting for the hub: {problem}"));
    }

    fn answered(&self, method: &str, after: Duration) {
        let text = format!("The hub answers again: {method} took {} s", after.as_secs());
        self.0.message(Level::Info, None, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use magudi_engine::event::{Event, Stamped, Subscriber};
    use std::sync::Mutex;

    #[derive(Default, Clone)]
    struct Said(Arc<Mutex<Vec<String>>>);

    impl Subscriber for Said {
        fn on_event(&mut self, event: &Stamped) {
            if let Event::Message { text, .. } = &event.event {
                self.0.lock().unwrap().push(text.clone());
            }
        }
    }

    #[test]
    fn waiting_is_said() {
        let (events, said) = (Events::new(), Said::default());
        events.subscribe(Box::new(said.clone()));
        let log = OutageLog(Arc::new(events));
        log.waiting(&KojiError::Auth { reason: "x".into() });
        log.answered("getTaskInfo", Duration::from_secs(3700));
        let expected = ["Waiting for the hub: cannot log in: x", "The hub answers again: getTaskInfo took 3700 s"];
        assert_eq!(*said.0.lock().unwrap(), expected);
    }
}
