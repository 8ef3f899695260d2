//! The *closing* words of a run: its images, where they were uploaded to, what failed and why, and the sum.

use super::failures::failures;
use super::frame::{Canvas, counts};
use super::overview::{Overview, Stage};
use super::width::wrapped;
use super::{Table, bytes, printable};
use jiff::Timestamp;
use magudi_compose::CloudUpload;
use magudi_compose::layout::ComposeDir;
use magudi_engine::outage::clock;
use magudi_report::text::shell_word;

/// The most images, and the most uploads, that are listed; the manifests have them all.
const MAX_ROWS: usize = 60;

/// Below this width images are named by their paths alone: the columns of the table would take all of it.
const NARROW: usize = 90;

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
        let place = upload.location();
        if !place.is_empty() {
            text.push_str(&format!("    {}\n", printable(&place)));
        }
    }
    text
}

fn upload_table(uploads: &[&CloudUpload]) -> Table {
    let mut table = Table::new(&["VARIANT", "ARCH", "IMAGE", "PROVIDER", "STATUS", ">TASK", "WHERE"]);
    for upload in uploads {
        let provider = upload.provider.clone().unwrap_or_else(|| "-".to_owned());
        let place = Some(upload.location()).filter(|place| !place.is_empty()).unwrap_or_else(|| "-".to_owned());
        let (variant, arch, image) = (upload.variant.clone(), upload.arch.clone(), upload.image.clone());
        table.row([variant, arch, image, provider, upload.status.clone(), upload.task_id.to_string(), place]);
    }
    table
}

/// Everything that is said when a run is over.
pub fn closing(overview: &Overview, now: Timestamp, canvas: Canvas) -> String {
    let mut parts = vec![images(overview, canvas), first_uploads(overview, canvas)];
    parts.extend(failures(overview.told(), canvas));
    let error = overview.finished.as_ref().and_then(|(_, error)| error.as_deref());
    // A failed image is shown in full above; anything else that ended the compose is not.
    if let Some(interruption) = overview.interruption() {
        parts.push(format!("{interruption}\n"));
    } else if let Some(error) = error.filter(|error| !overview.failures.iter().any(|failed| failed.error == **error)) {
        parts.push(format!("{}: {}\n", canvas.paint("1;31", "error"), printable(error)));
    }
    parts.push(sum(overview, error.is_some(), now, canvas) + &next(overview));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn first_uploads(overview: &Overview, canvas: Canvas) -> String {
    let mut sorted = overview.uploads.clone();
    sorted.sort();
    let more = sorted.len().saturating_sub(MAX_ROWS);
    sorted.truncate(MAX_ROWS);
    for upload in sorted.iter_mut().filter(|upload| upload.status == CloudUpload::FAILURE) {
        // The failed request has it, further down.
        upload.reason = None;
    }
    let text = uploads(&sorted, canvas.columns);
    if more == 0 { text } else { format!("{text}and {more} more: `magudi uploads` has them all\n") }
}

fn images(overview: &Overview, canvas: Canvas) -> String {
    let mut images: Vec<_> = overview.images.iter().collect();
    images.sort_by(|(_, a), (_, b)| a.path.cmp(&b.path));
    let narrow = canvas.columns < NARROW;
    let headings: &[&str] =
        if narrow { &[">SIZE", "IMAGE"] } else { &["VARIANT", "ARCH", "TYPE", ">SIZE", ">TASK", "IMAGE"] };
    let mut table = Table::new(headings).fit(canvas.columns);
    for (request, image) in images.iter().take(MAX_ROWS) {
        if narrow {
            table.row([bytes(image.size), image.path.clone()]);
            continue;
        }
        let seen = overview.requests.get(request);
        let (variant, name) = seen.map(|seen| (seen.variant.clone(), seen.name.clone())).unwrap_or_default();
        let task = seen.and_then(|seen| seen.task).map_or_else(String::new, |task| task.to_string());
        table.row([variant, image.arch.clone(), image.image_type.clone(), bytes(image.size), task, name]);
    }
    let more = match images.len().saturating_sub(MAX_ROWS) {
        0 => String::new(),
        more => format!("and {more} more: compose/metadata/images.json has them all\n"),
    };
    if table.is_empty() { String::new() } else { format!("{table}{more}") }
}

fn sum(overview: &Overview, failed: bool, now: Timestamp, canvas: Canvas) -> String {
    let code = if failed {
        "1;31"
    } else if overview.count(Stage::Failed, None) > 0 {
        "1;33"
    } else {
        "1;32"
    };
    let ended = [Stage::Free, Stage::Open, Stage::Closed];
    let is_over = ended.iter().all(|stage| overview.count(*stage, None) == 0);
    let counts: Vec<String> = counts(overview)
        .into_iter()
        .map(|(text, _)| text)
        .filter(|text| !(is_over && ["0 free", "0 open", "0 closed"].contains(&text.as_str())))
        .collect();
    let status = canvas.paint(code, &overview.status);
    let id = printable(&overview.compose_id);
    let (bytes, time) = (bytes(overview.bytes), clock(overview.elapsed(now)));
    format!("{id}  {status}  {}  {bytes}  {time}\n", counts.join("  "))
}

/// Where to read on, and how to continue.
fn next(overview: &Overview) -> String {
    let Some(dir) = &overview.compose_dir else { return String::new() };
    let report = ComposeDir::at(dir).report();
    let mut text = format!("report: {}\n", printable(&report.display().to_string()));
    let count = |stage| overview.count(stage, None);
    let failed = count(Stage::Failed) + count(Stage::Canceled) > 0;
    let command = match overview.status.as_str() {
        // The hub is gone.
        _ if overview.simulated => return text,
        "DOOMED" | "TERMINATED" | "FINISHED_INCOMPLETE" if failed => "magudi resume --retry-failed",
        "DOOMED" | "TERMINATED" => "magudi resume",
        _ => return text,
    };
    let what = if failed { "to build only what is missing" } else { "to go on" };
    text.push_str(&format!("{what}: {command} {}\n", shell_word(&printable(&dir.display().to_string()))));
    text
}

#[cfg(test)]
mod tests {
    use super::super::overview::tests::{at, planned};
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
            "disk of Server failed\n  task 42: http://hub/42\n  x86_64: no\n\n  DOOMED  0 done  1 failed  0 B  0:00:00\n"
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
                overview.take(&at(0, planned(request, "disk")));
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
