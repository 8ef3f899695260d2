//! An *outage* of the hub, as it is said: by a run in its events, by everything else on standard error. What waits must not look
//! like what hangs.

use crate::settings::Environment;
use crate::ui::{Ui, WaitingLine};
use jiff::Timestamp;
use magudi_engine::event::{Event, Events};
use magudi_engine::outage::Outage;
use magudi_koji::{ClientOptions, Listener, Unanswered};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A client that says when it waits for the hub, unless it is to be `quiet`; for what has no events.
pub fn client(environment: &Environment, ui: Ui, quiet: bool) -> ClientOptions {
    let listener = (!quiet).then(|| -> Arc<dyn Listener> { Arc::new(OutageNote::new(ui)) });
    ClientOptions { listener, ..environment.network.client_options() }
}

/// What a listener hears, in the terms of the engine.
fn outage(call: &Unanswered<'_>) -> Outage {
    let now = Timestamp::now();
    let earlier = |by: Duration| now.checked_sub(by).unwrap_or(now);
    Outage {
        call: call.method.to_owned(),
        reason: call.problem.in_short(),
        since: earlier(call.elapsed),
        // Patience beyond the end of time has no end.
        until: call.left.and_then(|left| now.checked_add(left).ok()),
    }
}

/// Says in the events of a run that the hub does not answer, and that it answers again.
pub struct OutageLog {
    events: Arc<Events>,
    since: Mutex<Option<Timestamp>>,
}

impl OutageLog {
    /// For a run with these events.
    pub fn new(events: Arc<Events>) -> Self {
        Self { events, since: Mutex::new(None) }
    }
}

impl fmt::Debug for OutageLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutageLog")
    }
}

impl Listener for OutageLog {
    fn waiting(&self, call: &Unanswered<'_>) {
        let outage = outage(call);
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        // Of calls that wait together the first one speaks.
        if since.is_none() {
            *since = Some(outage.since);
            self.events.say(Event::HubUnreachable(outage));
        }
    }

    fn answered(&self) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = since.take() {
            let lasted = Timestamp::now().as_second().saturating_sub(since.as_second());
            self.events.say(Event::HubBack { seconds: u64::try_from(lasted).unwrap_or_default() });
        }
    }
}

/// Says the same on standard error.
struct OutageNote(WaitingLine);

impl OutageNote {
    fn new(ui: Ui) -> Self {
        Self(WaitingLine::new(ui))
    }
}

impl fmt::Debug for OutageNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutageNote")
    }
}

impl Listener for OutageNote {
    fn waiting(&self, call: &Unanswered<'_>) {
        self.0.begin(outage(call));
    }

    fn answered(&self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use magudi_engine::event::{Stamped, Subscriber};
    use magudi_koji::KojiError;

    #[derive(Default, Clone)]
    struct Said(Arc<Mutex<Vec<Event>>>);

    impl Subscriber for Said {
        fn on_event(&mut self, event: &Stamped) {
            self.0.lock().unwrap().push(event.event.clone());
        }
    }

    #[test]
    fn an_outage_is_said_once_and_its_end_as_well() {
        let (events, said) = (Events::new(), Said::default());
        events.subscribe(Box::new(said.clone()));
        let log = OutageLog::new(Arc::new(events));
        let problem = KojiError::Auth { reason: "x".into() };
        let wait = |method| {
            let (elapsed, left) = (Duration::from_secs(190), Some(Duration::MAX));
            log.waiting(&Unanswered { method, problem: &problem, elapsed, left });
        };
        log.answered();
        for _ in 0..2 {
            wait("getTaskInfo");
            wait("osbuildImage");
            log.answered();
            log.answered();
        }
        let said = said.0.lock().unwrap();
        let [Event::HubUnreachable(outage), Event::HubBack { seconds }, _, Event::HubBack { .. }] = &said[..] else {
            panic!("{said:?}");
        };
        assert_eq!((outage.call.as_str(), outage.reason.as_str()), ("getTaskInfo", "cannot log in: x"));
        assert!((190..200).contains(seconds) && outage.until.is_none(), "{outage:?}, {seconds}");
    }
}
