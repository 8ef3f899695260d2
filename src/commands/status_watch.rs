//! `magudi status --watch`: what the terminal of a run shows, from another terminal. It follows the journal and asks no hub.

use crate::error::Failure;
use crate::ui::{PlainLog, Stream, Ui, View};
use jiff::Timestamp;
use magudi_compose::layout::ComposeDir;
use magudi_engine::event::{Event, Stamped, Subscriber as _};
use magudi_engine::journal;
use magudi_engine::journal_tail::Follower;
use magudi_engine::lock::holder;
use magudi_engine::method::Method;
use magudi_phases::PHASES;
use magudi_phases::phase::find;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often the journal is looked at.
const PAUSE: Duration = Duration::from_millis(300);

/// Looks at the journal without news until it is asked whether anybody still runs the compose. Asking takes the lock for a
/// moment, which must not meet a run that begins.
const QUIET_LOOKS: u32 = 10;

/// Who shows the events.
enum Show {
    /// A frame that stays in its place.
    View(Box<View>),
    Log(PlainLog),
}

impl Show {
    fn take(&mut self, event: &Stamped) {
        match self {
            Self::View(view) => view.take(event),
            Self::Log(log) => log.on_event(event),
        }
    }
}

/// What the log calls the tasks of a run. The journal does not say it, but for what it follows from.
#[derive(Default)]
struct Words(BTreeMap<usize, Planned>);

struct Planned {
    method: &'static Method,
    name: String,
    variant: String,
    subvariant: String,
}

impl Words {
    /// Fills in what an event of the run leaves out.
    fn fill_in(&mut self, event: &mut Event) {
        if let Event::Planned { request, phase, name, variant, subvariant, .. } = &*event
            && let Some(known) = find(PHASES, phase)
        {
            let (name, variant, subvariant) = (name.clone(), variant.clone(), subvariant.clone());
            self.0.insert(*request, Planned { method: known.method(), name, variant, subvariant });
            return;
        }
        let Some(Planned { method, name, variant, subvariant }) = event.request().and_then(|of| self.0.get(&of)) else {
            return;
        };
        match event {
            Event::Submitting { what, .. } | Event::RequestDone { what, .. } => *what = method.title_of(variant, name),
            Event::RequestFailed { what, .. } => *what = method.part_of(variant, subvariant, "*"),
            Event::ArchFailed { what, failed, .. } => *what = method.part_of(variant, subvariant, &failed.arch),
            _ => {}
        }
    }
}

/// Shows the last run of the compose in `dir` until it ends. A compose that did not finish is an unhappy end.
pub fn watch(dir: &ComposeDir, ui: Ui) -> Result<(), Failure> {
    let logs = dir.logs_global();
    let mut follower = Follower::open_at_last_run(&logs.join(journal::NAME))?;
    let mut show = if ui.answers_to_terminal {
        Show::View(Box::new(View::new(Stream::Out, ui.answers_in_color)))
    } else {
        Show::Log(PlainLog::new(Stream::Out))
    };
    let mut words = Words::default();
    // Nothing of what is past is news: the process that runs it now is looked for at once.
    let (mut quiet, mut abandoned) = (QUIET_LOOKS, false);
    loop {
        let (mut news, mut end) = (false, None);
        let take = &mut |mut event: Stamped| {
            words.fill_in(&mut event.event);
            // A later run in the same journal is not the one that is followed.
            if end.is_none() {
                show.take(&event);
                news = true;
            }
            if let Event::ComposeFinished { error, .. } = event.event {
                end.get_or_insert(error);
            }
        };
        follower.read_new(take)?;
        match end {
            Some(None) => return Ok(()),
            Some(Some(_)) => return Err(Failure::Told),
            None => {}
        }
        // What was written between the last look and the end of the run is shown first.
        if abandoned && !news {
            if let Show::View(view) = &mut show {
                view.clear();
            }
            return Err(Failure::failed(format!(
                "{} was interrupted: no process is running it. Continue with `magudi resume`",
                dir.top().display()
            )));
        }
        quiet += u32::from(!news);
        if let Show::View(view) = &mut show {
            view.draw(Timestamp::now());
        }
        abandoned = false;
        if quiet >= QUIET_LOOKS {
            quiet = 0;
            abandoned = holder(&logs).is_none();
        }
        if !abandoned {
            std::thread::sleep(PAUSE);
        }
    }
}
