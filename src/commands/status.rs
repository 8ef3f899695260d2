//! `magudi status`: how far a compose is, from its journal alone; whether or not anybody runs it.

use super::named::check_chosen;
use super::resume::not_begun;
use super::resume_point::load_history;
use super::status_watch::watch;
use crate::cli::{PlanFormat, StatusArgs};
use crate::error::Failure;
use crate::ui::{Canvas, FailedImage, Table, Ui, failures, printable, wrapped};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use magudi_compose::layout::ComposeDir;
use magudi_compose::status::{Status, load_status};
use magudi_config::words::counted;
use magudi_engine::history::{Counts, History, Past, RequestState, Retried};
use magudi_engine::lock::{Holder, holder};
use magudi_engine::outage::clock;
use magudi_phases::chosen::Chosen;
use magudi_report::Next;
use serde_json::{Value as Json, json};

pub fn run(args: &StatusArgs, ui: Ui) -> Result<(), Failure> {
    let dir = ComposeDir::at(&std::path::absolute(&args.compose_dir)?);
    let mut history = load_history(&dir)?.ok_or_else(|| not_begun(&args.compose_dir))?;
    if args.watch {
        return watch(&dir, ui);
    }
    let status = load_status(&dir.status_file())?;
    // What a Pungi beside it says while no run finishes the compose is not how the compose stands.
    let status = match status.map(Status::as_str) {
        Some(word) if history.is_pungis(word) => {
            history.pungi.get_or_insert_default().status = Some(word.to_owned());
            Status::Started.as_str()
        }
        word => word.unwrap_or("none"),
    };
    let chosen = Chosen::parse(&args.only, &args.variant)?;
    let asked = history.requests.iter().map(|past| &past.asked);
    let images: Vec<(&str, &str)> = asked.map(|asked| (&*asked.variant, &*asked.name)).collect();
    check_chosen(&chosen, &images)?;
    let runner = holder(&dir.logs_global());
    let next = if runner.is_none() { Next::of(status, &history) } else { None };
    history.requests.retain(|past| chosen.takes(&past.asked.variant, &past.asked.name));
    let (failed, all) = (args.failed, args.all);
    let asked = Asked { dir: &dir, status, history: &history, runner: runner.as_ref(), next, failed, all };
    let text = match args.format {
        PlanFormat::Table => asked.table(ui.answer_canvas()),
        PlanFormat::Json => as_json(&asked),
    };
    Ok(ui.answer(&text)?)
}

/// The most requests that are listed without `--all`: what the terminal shows is to have the failures on it.
const MOST_ROWS: usize = 30;

struct Asked<'a> {
    dir: &'a ComposeDir,
    status: &'a str,
    history: &'a History,
    runner: Option<&'a Holder>,
    next: Option<Next>,
    failed: bool,
    all: bool,
}

impl Asked<'_> {
    /// The requests that are shown, what needs attention first.
    fn requests(&self) -> Vec<&Past> {
        let mut requests: Vec<&Past> =
            self.history.requests.iter().filter(|past| !self.failed || needs_attention(past)).collect();
        let place = |past: &&Past| RequestState::BY_ATTENTION.iter().position(|state| *state == past.state());
        requests.sort_by_cached_key(place);
        requests
    }

    /// The end of what has not ended: a run that was killed stopped with its last event.
    fn now(&self) -> Timestamp {
        let last = self.history.span.map(|(_, last)| last).filter(|_| self.runner.is_none());
        last.unwrap_or_else(Timestamp::now)
    }

    fn table(&self, canvas: Canvas) -> String {
        let mut parts = vec![printable(&self.head())];
        parts.extend(failures(FailedImage::all(self.history), canvas));
        parts.extend(Some(self.retried(canvas)).filter(|retried| !retried.is_empty()));
        parts.extend(Some(self.rows(canvas)).filter(|rows| !rows.is_empty()));
        if let Some(next) = self.next {
            let dir = printable(&self.dir.top().display().to_string());
            parts.push(format!("{}: {}\n", next.purpose(), next.command(&dir)));
        }
        parts.join("\n")
    }

    fn head(&self) -> String {
        let Self { dir, status, history, .. } = self;
        let id = history.compose_id.as_deref().unwrap_or_else(|| dir.name().unwrap_or_default());
        let run = self.runner.map_or_else(|| "not running".to_owned(), |holder| format!("running: {holder}"));
        let counts: Vec<String> = history
            .counts()
            .present(RequestState::BY_ATTENTION)
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        let images = counted(history.requests.iter().map(Past::image_count).sum(), "image");
        let mut text = format!("{id}  {status}  ({run})\n");
        if !counts.is_empty() {
            text.push_str(&format!("{}; {images} in the compose\n", counts.join(", ")));
        }
        if let Some((first, last)) = history.span {
            text.push_str(&format!("first event {first:.0}, last event {last:.0}\n"));
        }
        // Of one that could write its STATUS, the images and the log say why.
        if let Some(error) = history.error.as_ref().filter(|_| self.status == Status::Started.as_str()) {
            text.push_str(&format!("the run ended: {error}\n"));
        }
        // A run that was killed meanwhile cannot know how it ended.
        if let Some(outage) = history.outages.lasting().filter(|_| self.runner.is_some()) {
            text.push_str(&format!("{}\n", outage.in_words(Timestamp::now(), &TimeZone::system())));
        }
        if let Some(pungi) = &history.pungi {
            let state = match (pungi.running(), &pungi.status) {
                (Some(pid), _) => format!("running, process {pid}"),
                (None, Some(status)) => status.clone(),
                (None, None) => "it has no final status yet".to_owned(),
            };
            text.push_str(&format!("Pungi beside it: {state}\n"));
        }
        text
    }

    /// The tasks that failed and were tried again, a paragraph each.
    fn retried(&self, canvas: Canvas) -> String {
        let of = |past: &&Past| past.retried.len();
        let requests = self.requests();
        let most = if self.all { usize::MAX } else { MOST_ROWS };
        let all = requests.iter().flat_map(|past| past.retried.iter().map(move |retried| (past, retried)));
        let mut text: String = all
            .take(most)
            .map(|(past, retried)| {
                let said = format!("{} of {}: {}", past.asked.name, past.asked.variant, retried.in_words());
                wrapped(&printable(&said), "", canvas.columns)
            })
            .collect();
        match requests.iter().map(of).sum::<usize>().saturating_sub(most) {
            0 => {}
            more => text.push_str(&format!("and {more} more that were tried again: --all lists them\n")),
        }
        text
    }

    fn rows(&self, canvas: Canvas) -> String {
        let now = self.now();
        let requests = self.requests();
        let most = if self.all { requests.len() } else { MOST_ROWS.min(requests.len()) };
        let (listed, rest) = requests.split_at(most);
        let mut wide = Table::new(&["STATE", "VARIANT", "IMAGE", "ARCHES", ">TASK", ">TIME"]);
        let mut narrow = Table::new(&["STATE", ">TASK", ">TIME", "IMAGE"]).fit(canvas.columns);
        for past in listed {
            let (state, asked) = (past.state().to_string(), &past.asked);
            let task = past.task.map_or_else(|| "-".to_owned(), |task| task.to_string());
            let time = past.duration(now).map_or_else(|| "-".to_owned(), |milliseconds| clock(milliseconds / 1000));
            let image = format!("{} of {}", asked.name, asked.variant);
            narrow.row([state.clone(), task.clone(), time.clone(), image]);
            wide.row([state, asked.variant.clone(), asked.name.clone(), asked.arches.join(" "), task, time]);
        }
        let table = if wide.fits(canvas.columns) { wide } else { narrow };
        if table.is_empty() {
            return String::new();
        }
        let counts: Counts = rest.iter().map(|past| past.state()).collect();
        let counts: Vec<String> =
            counts.present(RequestState::BY_ATTENTION).map(|(state, count)| format!("{count} {state}")).collect();
        let more = match rest.len() {
            0 => String::new(),
            more => format!("and {more} more ({}): --all lists them\n", counts.join(", ")),
        };
        format!("{table}{more}")
    }
}

/// Whether somebody should look at a request.
fn needs_attention(past: &Past) -> bool {
    matches!(past.state(), RequestState::Failed | RequestState::Canceled | RequestState::InDoubt)
        || !past.failed_arches.is_empty()
}

fn retried_as_json(retried: &Retried) -> Json {
    let Retried { task, url, retry, retries, failure, sent: _ } = retried;
    json!({
        "task": task, "url": url, "retry": retry, "retries": retries, "failure": failure.error, "reason": failure.reason,
        "causes": failure.causes,
    })
}

fn as_json(asked: &Asked<'_>) -> String {
    let Asked { dir, status, history, runner, failed, .. } = asked;
    let now = asked.now();
    let requests = history.requests.iter().filter(|past| !failed || needs_attention(past));
    let requests: Vec<_> = requests
        .map(|past| {
            let failure = past.failure.as_ref();
            let causes = failure.map(|failure| &*failure.causes).unwrap_or_default();
            json!({
                "phase": past.asked.phase, "variant": past.asked.variant, "image": past.asked.name, "arches": past.asked.arches,
                "failable": past.asked.failable, "state": past.state().as_str(), "task": past.task,
                "retried": past.retried.iter().map(retried_as_json).collect::<Vec<_>>(),
                "seconds": past.duration(now).map(|milliseconds| milliseconds / 1000), "failure": failure.map(|failure| &failure.error), "reason": failure.and_then(|failure| failure.reason.as_ref()),
                "url": past.url, "causes": causes, "argument": failure.and_then(|failure| failure.argument.as_ref()), "uploads": past.uploads,
                "failed_arches": past.failed_arches,
                "images": past.images.iter().map(|(_, image)| &image.path).collect::<Vec<_>>(),
            })
        })
        .collect();
    let status = json!({
        "compose_id": history.compose_id, "compose_dir": dir.top().to_string_lossy(), "status": status, "canceled": history.canceled,
        "running": runner.map(|holder| holder.named()).map(|named| json!({"pid": named.map(|(pid, _)| pid), "host": named.map(|(_, host)| host)})),
        "pungi": history.pungi.as_ref().map(|pungi| json!({"status": pungi.status, "pid": pungi.running()})),
        "outage": history.outages.lasting().filter(|_| runner.is_some()),
        "first_event": history.span.map(|(first, _)| first.to_string()),
        "last_event": history.span.map(|(_, last)| last.to_string()),
        "requests": requests,
    });
    format!("{status:#}\n")
}
