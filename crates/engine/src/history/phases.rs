//! The *phases* of the last run, ours and those of a Pungi beside it, and how long each took.

use crate::event::{Event, PungiPhase, Stamped};
use jiff::Timestamp;

/// What stands for the Pungi beside a run, and before the names of its phases.
const PUNGI: &str = "pungi";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// As Pungi names it; of the Pungi beside the run with `pungi: ` before it.
    pub name: String,
    /// One of the phases of the Pungi beside the run.
    pub is_pungis: bool,
    pub state: PhaseState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhaseState {
    /// Running since then.
    Running(Timestamp),
    /// Done, in so many milliseconds.
    Done(i64),
    /// Not run, for this reason.
    Skipped(String),
}

/// The phases of a run, in the order in which they began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Phases(Vec<Phase>);

impl Phases {
    pub fn iter(&self) -> impl Iterator<Item = &Phase> {
        self.0.iter()
    }

    /// Takes in an event of the run.
    pub(super) fn take(&mut self, stamped: &Stamped) {
        let time = stamped.time;
        match &stamped.event {
            Event::ComposeStarted { .. } => self.0.clear(),
            Event::PhaseStarted { phase } => self.set(phase, false, PhaseState::Running(time)),
            Event::PhaseFinished { phase, seconds } => {
                let said = i64::try_from(*seconds).unwrap_or(i64::MAX).saturating_mul(1000);
                let took = self.running_for(phase, time).unwrap_or(said);
                self.set(phase, false, PhaseState::Done(took));
            }
            Event::PhaseSkipped { phase, reason } => self.set(phase, false, PhaseState::Skipped(reason.clone())),
            Event::PungiStarted { .. } => self.set(PUNGI, false, PhaseState::Running(time)),
            Event::PungiPhase { phase, state } => {
                let name = format!("{PUNGI}: {phase}");
                match (state, self.running_for(&name, time)) {
                    (PungiPhase::Started, _) => self.set(&name, true, PhaseState::Running(time)),
                    (PungiPhase::Finished, Some(took)) => self.set(&name, true, PhaseState::Done(took)),
                    _ => self.0.retain(|known| known.name != name),
                }
            }
            Event::PungiEnded { .. } => {
                // What it had begun has not ended, and never will.
                self.0.retain(|known| !(known.is_pungis && matches!(known.state, PhaseState::Running(_))));
                let took = self.running_for(PUNGI, time).unwrap_or_default();
                self.set(PUNGI, false, PhaseState::Done(took));
            }
            _ => {}
        }
    }

    /// Milliseconds since a phase began that runs; a clock that was set back gives 0.
    fn running_for(&self, name: &str, now: Timestamp) -> Option<i64> {
        self.0.iter().find_map(|known| match known.state {
            PhaseState::Running(since) if known.name == name => {
                Some(now.as_millisecond().saturating_sub(since.as_millisecond()).max(0))
            }
            _ => None,
        })
    }

    fn set(&mut self, name: &str, is_pungis: bool, state: PhaseState) {
        match self.0.iter_mut().find(|known| known.name == name) {
            Some(known) => known.state = state,
            None => self.0.push(Phase { name: name.to_owned(), is_pungis, state }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[(i64, Event)]) -> Vec<(String, PhaseState)> {
        let mut phases = Phases::default();
        for (milliseconds, event) in events {
            let time = Timestamp::from_millisecond(*milliseconds).unwrap();
            phases.take(&Stamped { time, event: event.clone() });
        }
        phases.iter().map(|phase| (phase.name.clone(), phase.state.clone())).collect()
    }

    fn finished(phase: &str, seconds: u64) -> Event {
        Event::PhaseFinished { phase: phase.into(), seconds }
    }

    #[test]
    fn a_phase_takes_as_long_as_its_events_are_apart() {
        let started = |phase: &str| Event::PhaseStarted { phase: phase.into() };
        let skipped = Event::PhaseSkipped { phase: "kiwibuild".into(), reason: "no".into() };
        let events = [
            (1000, started("osbuild")),
            (1500, skipped),
            (3250, finished("osbuild", 3)),
            // Its beginning is lost, the clock was set back, and one that still runs.
            (3300, finished("live_media", 7)),
            (9000, started("image_checksum")),
            (8000, finished("image_checksum", 0)),
            (9100, started("image_build")),
        ];
        let done = |name: &str, took| (name.to_owned(), PhaseState::Done(took));
        let want = [
            done("osbuild", 2250),
            ("kiwibuild".to_owned(), PhaseState::Skipped("no".into())),
            done("live_media", 7000),
            done("image_checksum", 0),
            ("image_build".to_owned(), PhaseState::Running(Timestamp::from_millisecond(9100).unwrap())),
        ];
        assert_eq!(after(&events), want);
    }

    #[test]
    fn phases_of_a_pungi_end_with_it() {
        let pungis = |phase: &str, state| Event::PungiPhase { phase: phase.into(), state };
        let begun = || {
            vec![
                (0, Event::PungiStarted { command: Vec::new(), pid: None, birth: None }),
                (10, pungis("pkgset", PungiPhase::Started)),
                (30, pungis("pkgset", PungiPhase::Finished)),
                (40, pungis("gather", PungiPhase::Started)),
                (41, pungis("createiso", PungiPhase::Skipped)),
            ]
        };
        let names = |all: Vec<(String, PhaseState)>| all.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(after(&begun())), ["pungi", "pungi: pkgset", "pungi: gather"]);
        let mut events = begun();
        events.push((5000, Event::PungiEnded { code: Some(0), signal: None, reason: None }));
        let done = |name: &str, took| (name.to_owned(), PhaseState::Done(took));
        assert_eq!(after(&events), [done("pungi", 5000), done("pungi: pkgset", 20)]);
    }
}
