//! `magudi status`: how far a compose is, from its journal alone; whether or not anybody runs it.

use super::named::check_chosen;
use super::resume::not_begun;
use super::resume_point::load_history;
use super::status_watch::watch;
use crate::cli::{PlanFormat, StatusArgs};
use crate::error::Failure;
use crate::ui::{Canvas, Table, Told, Ui, failures};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use magudi_compose::layout::ComposeDir;
use magudi_compose::status::{Status, load_status};
use magudi_engine::causes::Cause;
use magudi_engine::history::{History, Past};
use magudi_engine::lock::{Holder, holder};
use magudi_phases::chosen::Chosen;
use serde_json::json;

pub fn run(args: &StatusArgs, ui: Ui) -> Result<(), Failure> {
    let dir = ComposeDir::at(&std::path::absolute(&args.compose_dir).map_err(Failure::failed)?);
    let mut history = load_history(&dir)?.ok_or_else(|| not_begun(&args.compose_dir))?;
    if args.watch {
        return watch(&dir, ui);
    }
    let status = load_status(&dir.status_file()).map_err(Failure::failed)?;
    // What a Pungi beside it says while no run finishes the compose is not how the compose stands.
    let status = match status.map(Status::as_str) {
        Some(word) if history.is_pungis(word) => {
            history.pungi.get_or_insert_default().status = Some(word.to_owned());
            Status::Started.as_str()
        }
        word => word.unwrap_or("none"),
    };
    let chosen = Chosen::parse(&args.only, &args.variant).map_err(|error| Failure::Usage(error.to_string()))?;
    let images: Vec<(&str, &str)> = requests(&history).map(|past| (&*past.variant, &*past.name)).collect();
    check_chosen(&chosen, &images)?;
    history.requests.retain(|_, past| chosen.takes(&past.variant, &past.name));
    let runner = holder(&dir.logs_global());
    let text = match args.format {
        PlanFormat::Table => table(&dir, status, &history, runner.as_ref(), ui.answer_canvas()),
        PlanFormat::Json => as_json(&dir, status, &history, runner.as_ref()),
    };
    ui.answer(&text).map_err(Failure::failed)
}

/// One word for where a request is.
fn stage(past: &Past) -> &'static str {
    match (past, past.state.as_deref()) {
        (Past { done: true, .. }, _) => "done",
        (Past { canceled: true, .. }, _) | (_, Some("CANCELED")) => "canceled",
        (Past { failure: Some(_), .. }, _) | (_, Some("FAILED")) => "failed",
        (Past { in_doubt: Some(_), .. }, _) => "in doubt",
        (_, Some("CLOSED")) => "built",
        (_, Some("OPEN" | "ASSIGNED")) => "open",
        (Past { task: Some(_), .. }, _) => "free",
        _ => "waiting",
    }
}

fn requests(history: &History) -> impl Iterator<Item = &Past> {
    history.order.values().filter_map(|key| history.requests.get(key))
}

fn table(dir: &ComposeDir, status: &str, history: &History, runner: Option<&Holder>, canvas: Canvas) -> String {
    let mut wide = Table::new(&["STATE", "VARIANT", "IMAGE", "ARCHES", ">TASK", ">IMAGES"]);
    let mut narrow = Table::new(&["STATE", ">TASK", "IMAGE"]).fit(canvas.columns);
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for past in requests(history) {
        let stage = stage(past);
        match counts.iter_mut().find(|(name, _)| *name == stage) {
            Some((_, count)) => *count += 1,
            None => counts.push((stage, 1)),
        }
        let task = past.task.map_or_else(|| "-".to_owned(), |task| task.to_string());
        let images = past.images.len().to_string();
        narrow.row([stage.to_owned(), task.clone(), format!("{} of {}", past.name, past.variant)]);
        wide.row([stage.to_owned(), past.variant.clone(), past.name.clone(), past.arches.join(" "), task, images]);
    }
    let table = if wide.fits(canvas.columns) { wide } else { narrow };
    let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let run = match runner {
        Some(holder) => format!("running: {holder}"),
        None => "nobody runs it".to_owned(),
    };
    let id = history.compose_id.as_deref().unwrap_or_else(|| dir.name().unwrap_or_default());
    let mut text = format!("{id}  {status}  ({run})\n{}\n", counts.join(", "));
    if let Some((first, last)) = history.span {
        text.push_str(&format!("first event {first:.0}, last event {last:.0}\n"));
    }
    // A run that was killed meanwhile cannot know how it ended.
    if let Some(outage) = history.outage.as_ref().filter(|_| runner.is_some()) {
        text.push_str(&format!("{}\n", outage.in_words(Timestamp::now(), &TimeZone::system())));
    }
    if let Some(pungi) = &history.pungi {
        let state = match (pungi.running(), &pungi.status) {
            (Some(pid), _) => format!("running, process {pid}"),
            (None, Some(status)) => status.clone(),
            (None, None) => "it has not said how the compose stands".to_owned(),
        };
        text.push_str(&format!("Pungi beside it: {state}\n"));
    }
    if !table.is_empty() {
        text.push_str(&format!("\n{table}"));
    }
    let lost: Vec<(&Past, Cause)> =
        requests(history).flat_map(|past| past.failed_arches.iter().map(move |arch| (past, arch.cause()))).collect();
    let failed = requests(history).filter(|past| stage(past) == "failed").filter_map(told);
    let lost = lost.iter().map(|(past, cause)| lost_arch(past, cause));
    let text = crate::ui::printable(&text);
    let all = failures(failed.chain(lost), canvas);
    all.into_iter().fold(text, |text, failure| format!("{text}\n{failure}"))
}

/// A request that failed, as it is shown.
fn told(past: &Past) -> Option<Told<'_>> {
    Some(Told {
        name: &past.name,
        variant: &past.variant,
        failable: past.failable,
        task: past.task,
        url: past.url.as_deref(),
        error: past.failure.as_deref()?,
        reason: past.reason.as_deref(),
        argument: past.argument.as_deref(),
        causes: &past.causes,
    })
}

/// An arch that a request has ended well without.
fn lost_arch<'p>(past: &'p Past, cause: &'p Cause) -> Told<'p> {
    Told {
        name: &past.name,
        variant: &past.variant,
        failable: true,
        task: past.task,
        url: past.url.as_deref(),
        error: "",
        reason: None,
        argument: None,
        causes: std::slice::from_ref(cause),
    }
}

fn as_json(dir: &ComposeDir, status: &str, history: &History, runner: Option<&Holder>) -> String {
    let requests: Vec<_> = requests(history)
        .map(|past| {
            json!({
                "phase": past.phase, "variant": past.variant, "image": past.name, "arches": past.arches,
                "failable": past.failable, "state": stage(past), "task": past.task, "failure": past.failure, "reason": past.reason,
                "url": past.url, "causes": past.causes, "argument": past.argument, "uploads": past.uploads,
                "failed_arches": past.failed_arches,
                "images": past.images.iter().map(|(_, image)| &image.path).collect::<Vec<_>>(),
            })
        })
        .collect();
    let status = json!({
        "compose_id": history.compose_id, "compose_dir": dir.top(), "status": status, "canceled": history.canceled,
        "running": runner.map(|holder| holder.named()).map(|named| json!({"pid": named.map(|(pid, _)| pid), "host": named.map(|(_, host)| host)})),
        "pungi": history.pungi.as_ref().map(|pungi| json!({"status": pungi.status, "pid": pungi.running()})),
        "outage": history.outage.as_ref().filter(|_| runner.is_some()),
        "first_event": history.span.map(|(first, _)| first.to_string()),
        "last_event": history.span.map(|(_, last)| last.to_string()),
        "requests": requests,
    });
    format!("{status:#}\n")
}
