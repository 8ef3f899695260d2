//! The *closing* lines of a run, on one screen: what failed and why, the totals, and where to read more.

use super::failures::{FailedImage, brief};
use super::frame::{Canvas, counts};
use super::overview::Overview;
use super::width::{cut, wrapped};
use super::{Table, bytes, printable};
use jiff::Timestamp;
use magudi_compose::CloudUpload;
use magudi_compose::layout::ComposeDir;
use magudi_config::words::counted;
use magudi_engine::history::{History, Past, RequestState};
use magudi_engine::outage::clock;
use magudi_engine::plan_secrets::unsigned;
use magudi_report::Next;
use magudi_report::failures::is_told;
use magudi_report::text::shell_word;
use std::collections::BTreeMap;

/// The most lines: what is said last is read first, and the report has the rest.
const LINES: usize = 12;

/// The uploads as a table, and below it why some failed. Places are never cut: they are there to be copied. Where the
/// table is wider than `columns`, each image gets lines of its own instead.
pub fn uploads(uploads: &[CloudUpload], columns: usize) -> String {
    if uploads.is_empty() {
        return String::new();
    }
    // Arches of one image stand together.
    let mut sorted: Vec<&CloudUpload> = uploads.iter().collect();
    sorted.sort_by_key(|upload| (&upload.variant, &upload.image, upload.task_id, &upload.arch));
    let table = upload_table(&sorted);
    let text = if table.fits(columns) { table.to_string() } else { upload_lines(&sorted) };
    format!("{text}{}", upload_reasons(&sorted, columns))
}

/// Why uploads failed, once for all arches of an image.
fn upload_reasons(uploads: &[&CloudUpload], columns: usize) -> String {
    let mut told: Vec<(String, &str, Vec<&str>)> = Vec::new();
    for upload in uploads {
        let Some(reason) = upload.reason.as_deref() else { continue };
        let what = format!("{} of {}", upload.image, upload.variant);
        match told.iter_mut().find(|(other, why, _)| *other == what && *why == reason) {
            Some((_, _, arches)) => arches.push(&upload.arch),
            None => told.push((what, reason, vec![&upload.arch])),
        }
    }
    let line = |(what, reason, arches): (String, &str, Vec<&str>)| {
        let said = printable(&format!("{what}, {}: {reason}", arches.join(", ")));
        format!("\n{}", wrapped(&said, "", columns))
    };
    told.into_iter().map(line).collect()
}

fn upload_lines(uploads: &[&CloudUpload]) -> String {
    let mut text = String::new();
    let mut before = None;
    for upload in uploads {
        let CloudUpload { variant, arch, image, status, task_id, .. } = upload;
        if before.replace((variant, image, task_id)) != Some((variant, image, task_id)) {
            text.push_str(&printable(&format!("{image} of {variant}, task {task_id}\n")));
        }
        let provider = upload.provider.as_deref().unwrap_or("upload");
        text.push_str(&printable(&format!("  {arch}: {provider} {status}\n")));
        let place = place(upload);
        if !place.is_empty() {
            text.push_str(&format!("    {}\n", printable(&place)));
        }
    }
    text
}

/// Where an upload is, without the signature that would let its reader fetch it.
fn place(upload: &CloudUpload) -> String {
    upload.location().split(' ').map(unsigned).collect::<Vec<_>>().join(" ")
}

fn upload_table(uploads: &[&CloudUpload]) -> Table {
    let mut table = Table::new(&["VARIANT", "ARCH", "IMAGE", "PROVIDER", "STATUS", ">TASK", "WHERE"]);
    for upload in uploads {
        let provider = upload.provider.clone().unwrap_or_else(|| "-".to_owned());
        let place = Some(place(upload)).filter(|place| !place.is_empty()).unwrap_or_else(|| "-".to_owned());
        let (variant, arch, image) = (upload.variant.clone(), upload.arch.clone(), upload.image.clone());
        table.row([variant, arch, image, provider, upload.status.clone(), upload.task_id.to_string(), place]);
    }
    table
}

/// Everything that is said when a run is over: at most [`LINES`] lines on a terminal that does not break them.
pub fn closing(overview: &Overview, now: Timestamp, canvas: Canvas) -> String {
    let history = overview.history();
    let error = overview.finished.as_ref().and_then(|(_, error)| error.as_deref());
    let mut last = Vec::new();
    // Failed images are listed anyway; anything else that ended the compose is not.
    if let Some(interruption) = overview.interruption() {
        last.push(interruption);
    } else if let Some(error) = error.filter(|error| !is_told(error, history)) {
        let error = printable(error).split_whitespace().collect::<Vec<_>>().join(" ");
        last.push(format!("{}: {}", canvas.paint("1;31", "error"), cut(&error, canvas.columns.saturating_sub(7))));
    }
    last.push(sum(overview, error.is_some(), now, canvas));
    if let Some(dir) = &overview.compose_dir {
        let shown = printable(&dir.display().to_string());
        last.extend(count_of_uploads(history).map(|count| format!("{count}: magudi uploads {}", shell_word(&shown))));
        last.push(format!("Report: {}", printable(&ComposeDir::at(dir).report().display().to_string())));
        let next = Next::of(&overview.status, history);
        last.extend(next.map(|next| format!("{}: {}", next.purpose(), next.command(&shown))));
    }
    // One line sets them apart.
    let failures = brief(FailedImage::all(history), LINES - last.len() - 1, canvas);
    let last = last.join("\n") + "\n";
    if failures.is_empty() { last } else { format!("{failures}\n{last}") }
}

/// How many uploads there were, and how they ended.
fn count_of_uploads(history: &History) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for upload in history.requests.iter().flat_map(|past| &past.uploads) {
        *counts.entry(upload.status.as_str()).or_default() += 1;
    }
    let total = counts.values().sum();
    let ended = |status: &str| match status {
        "success" => "succeeded".to_owned(),
        "failure" => "failed".to_owned(),
        other => printable(other),
    };
    let ends: Vec<String> = counts.iter().map(|(status, count)| format!("{count} {}", ended(status))).collect();
    (total > 0).then(|| format!("{} ({})", counted(total, "upload"), ends.join(", ")))
}

fn sum(overview: &Overview, failed: bool, now: Timestamp, canvas: Canvas) -> String {
    let history = overview.history();
    let all = history.counts();
    let code = if failed {
        "1;31"
    } else if all.of(RequestState::Failed) > 0 {
        "1;33"
    } else {
        "1;32"
    };
    let counts: Vec<String> = counts(all, &[RequestState::Done]).into_iter().map(|(text, _)| text).collect();
    let images = counted(history.requests.iter().map(Past::image_count).sum(), "image");
    let status = canvas.paint(code, &overview.status);
    let id = printable(&overview.compose_id);
    let (bytes, time) = (bytes(overview.bytes), clock(overview.elapsed(now)));
    format!("{id}  {status}  {}  {images}  {bytes}  {time}", counts.join("  "))
}

#[cfg(test)]
mod tests {
    use super::super::overview::tests::{at, planned, submitted};
    use super::*;
    use magudi_engine::causes::Cause;
    use magudi_engine::event::Event;

    const CANVAS: Canvas = Canvas { columns: 80, rows: 24, color: false };

    #[test]
    fn what_ended_the_compose_is_told_once() {
        let mut overview = Overview::default();
        overview.take(&at(0, planned(0, "disk")));
        overview.take(&at(1, Event::Submitted { request: 0, task: 42, url: "http://hub/42".into() }));
        let failed = Event::RequestFailed {
            what: String::new(),
            request: 0,
            phase: "osbuild".into(),
            variant: "Server".into(),
            name: "disk".into(),
            task: Some(42),
            failable: false,
            error: "task 42 failed: no".into(),
            reason: None,
            url: Some("http://hub/42".into()),
            causes: vec![Cause { arch: "x86_64".into(), chains: vec![vec!["no".to_owned()]], ..Cause::default() }],
            argument: None,
            in_doubt: false,
        };
        overview.take(&at(2, failed));
        let error = Some("task 42 failed: no".to_owned());
        overview.take(&at(3, Event::ComposeFinished { status: "DOOMED".into(), error }));
        assert_eq!(
            closing(&overview, Timestamp::UNIX_EPOCH, CANVAS),
            "1 image failed: disk of Server\n  no\n\n  DOOMED  0 done  1 failed  0 images  0 B  0:00:00\n"
        );
        overview.take(&at(3, Event::ComposeFinished { status: "DOOMED".into(), error: Some("disk full".into()) }));
        assert!(closing(&overview, Timestamp::UNIX_EPOCH, CANVAS).contains("\nerror: disk full\n"));
    }

    #[test]
    fn a_signal_says_what_became_of_the_tasks() {
        for (detached, canceled, said) in [
            (false, 2, "interrupted: 2 tasks were canceled\n"),
            (false, 1, "interrupted: 1 task may still run\n"),
            (true, 0, "interrupted: 2 tasks still run\n"),
        ] {
            let mut overview = Overview::default();
            for request in 0..2 {
                overview.take(&at(0, planned(request, &format!("disk-{request}"))));
            }
            for request in 0..2 {
                overview.take(&at(1, Event::Submitted { request, task: 42, url: "http://hub/42".into() }));
            }
            overview.take(&at(2, Event::Interrupted { signal: 2, tasks: 2, detached }));
            for request in 0..canceled {
                overview.take(&at(3, Event::TaskCanceled { request, task: 42 }));
            }
            let error = Some("signal 2".to_owned());
            overview.take(&at(4, Event::ComposeFinished { status: "TERMINATED".into(), error }));
            let text = closing(&overview, Timestamp::UNIX_EPOCH, CANVAS);
            assert!(text.starts_with(said) && !text.contains("error"), "{text}");
        }
    }

    #[test]
    fn images_that_an_earlier_run_brought_count() {
        let mut overview = Overview::default();
        overview.take(&at(0, planned(0, "disk")));
        overview.take(&at(1, Event::Kept { request: 0, task: 42, images: 3 }));
        overview.take(&at(2, Event::ComposeFinished { status: "FINISHED".into(), error: None }));
        let text = closing(&overview, Timestamp::UNIX_EPOCH, CANVAS);
        assert_eq!(text, "  FINISHED  1 done  3 images  0 B  0:00:00\n");
    }

    #[test]
    fn the_end_fits_on_a_screen() {
        let mut overview = Overview::default();
        let settings = serde_json::json!({"simulated": false});
        let (compose_id, compose_dir) = ("C-42".to_owned(), "/mnt/C 42".into());
        overview.take(&at(0, Event::ComposeStarted { compose_id, compose_dir, requests: 40, settings, fresh: false }));
        for request in 0..40 {
            let mut event = planned(request, &format!("disk-{request}"));
            if let Event::Planned { failable, .. } = &mut event {
                *failable = request % 2 == 0;
            }
            overview.take(&at(0, event));
        }
        for request in 0..40 {
            overview.take(&at(1, submitted(request)));
            let failed = Event::RequestFailed {
                what: String::new(),
                request,
                phase: "osbuild".into(),
                variant: "Server".into(),
                name: format!("disk-{request}"),
                task: None,
                failable: request % 2 == 0,
                error: format!("reason {}\nof many", request / 2),
                reason: None,
                url: None,
                causes: vec![],
                argument: None,
                in_doubt: false,
            };
            overview.take(&at(2, failed));
        }
        let error = Some("40 images failed: disk-0 (reason 0)".to_owned());
        overview.take(&at(3, Event::ComposeFinished { status: "DOOMED".into(), error }));
        let text = closing(&overview, Timestamp::UNIX_EPOCH, Canvas { columns: 60, ..CANVAS });
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() <= LINES, "{text}");
        assert_eq!(
            lines[..2],
            ["1 image failed: disk-1 of Server", "  reason 0 of many"],
            "what must not fail comes first"
        );
        assert_eq!(
            lines[lines.len() - 1],
            "Build only what failed, and keep the rest: magudi resume --retry-failed '/mnt/C 42'"
        );
        assert!(text.contains("\n37 images more failed for 37 other reasons\n"), "{text}");
    }

    #[test]
    fn places_are_not_cut() {
        let url = format!("https://bucket/{}", "x".repeat(500));
        let upload = CloudUpload {
            variant: "Server".into(),
            arch: "x86_64".into(),
            subvariant: "Server".into(),
            image: "disk".into(),
            image_type: "qcow2".into(),
            nvr: None,
            task_id: 42,
            build_id: None,
            provider: Some("aws.s3".into()),
            status: "success".into(),
            options: [("url".to_owned(), url.clone())].into(),
            reason: None,
        };
        let failed = CloudUpload {
            provider: None,
            status: "failure".into(),
            options: [].into(),
            reason: Some("no\u{202e}".into()),
            ..upload.clone()
        };
        let all = [upload, failed];
        let (wide, narrow) = (uploads(&all, usize::MAX), uploads(&all, 80));
        for text in [&wide, &narrow] {
            assert!(text.contains(&url), "{text}");
            assert!(text.ends_with("\ndisk of Server, x86_64: no\\u{202e}\n"), "{text}");
        }
        assert!(wide.starts_with("VARIANT"), "{wide}");
        assert!(narrow.starts_with("disk of Server, task 42\n  x86_64: aws.s3 success\n    https://"), "{narrow}");
        assert_eq!(uploads(&[], 80), "");
    }
}
