//! The *model* of the page: everything on it, as text where people read it and as numbers where the page sorts.

use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub compose_id: String,
    pub compose_dir: String,
    pub state: ComposeState,
    pub made: Moment,
    /// The first event.
    pub begun: Option<Moment>,
    pub last: Option<Moment>,
    /// From the first to the last event, all runs taken together.
    pub elapsed: String,
    pub runs: usize,
    /// Tasks by state, what needs attention first; states without tasks are left out.
    pub counts: Vec<Count>,
    pub tasks: usize,
    /// Number of images in the compose, for people; `988 of 1,000` while some are missing.
    pub images: String,
    /// Their size, for people.
    pub size: String,
    /// What ended the compose early, if that was not a failed image.
    pub error: Option<String>,
    /// What failed and why, what must not fail first.
    pub failures: Vec<FailureGroup>,
    pub failed: usize,
    /// What people may want to do now.
    pub advice: Vec<Advice>,
    /// The time axis.
    pub axis: Axis,
    /// One row of the timeline for each request, in the order of their submission.
    pub timeline: Vec<Bar>,
    /// Tasks that failed and were tried again.
    pub retried: Vec<TriedAgain>,
    /// When the hub did not answer, the last outages.
    pub outages: Vec<Outage>,
    /// How long that was all in all, for people.
    pub away: Option<String>,
    /// Tasks that have no row, because they are too many.
    pub left_out: usize,
    /// One row of the table for each image, and for each arch of a request that has none.
    pub rows: Vec<Row>,
    /// What the columns of the table need, as lengths of CSS, so that no value is cut where there is room.
    pub columns: String,
    /// The values to filter by.
    pub choices: Choices,
    /// Uploads to clouds, by image.
    pub uploads: Vec<Upload>,
    /// Why the uploads cannot be shown, if there are any.
    pub uploads_problem: Option<String>,
    /// Checksums of every image, by algorithm.
    pub checksums: Vec<Checksums>,
    /// What did not run, and why.
    pub skipped: Vec<String>,
    pub diagnostics: Vec<Finding>,
    /// The phases that ran: name and duration.
    pub phases: Vec<(String, String)>,
    /// Files to look at.
    pub links: Vec<Link>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComposeState {
    /// The word of STATUS, or `RUNNING`, or `STOPPED` for a run that died.
    pub word: String,
    /// `good`, `warn`, `bad` or `busy`.
    pub kind: &'static str,
    pub sentence: String,
    /// Somebody runs it.
    pub running: bool,
    /// The hub was a simulated one: nothing was built.
    pub simulated: bool,
}

/// A time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// RFC 3339.
    pub iso: String,
    /// For people, in UTC.
    pub text: String,
}

/// How many tasks are in a state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Count {
    pub stage: &'static str,
    pub count: usize,
    /// Their part of all, in percent.
    pub percent: f64,
}

/// A reason, and what failed for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureGroup {
    /// Whether the compose continues without it.
    pub failable: bool,
    /// Why, in the hub's words or ours; empty when composer says it better.
    pub reason: String,
    /// Composer's reasons, those together that are the same for several arches.
    pub causes: Vec<Reasons>,
    pub argument: Option<String>,
    pub images: Vec<FailedImage>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedImage {
    /// Its place in the plan.
    pub request: usize,
    pub name: String,
    pub variant: String,
    pub arches: String,
    /// The line of the log.
    pub message: String,
    pub task: Option<TaskLink>,
    /// The tasks of its arches that failed, each with the arch and the log that says more.
    pub children: Vec<(String, TaskLink, String)>,
    /// Address of its watch log.
    pub log: Option<String>,
    /// Unknown whether the hub made a task.
    pub in_doubt: bool,
}

/// A task that failed, and instead of which the image was asked for again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TriedAgain {
    /// Place of the request in the plan.
    pub request: usize,
    pub name: String,
    pub variant: String,
    pub task: TaskLink,
    /// When it failed.
    pub at: Moment,
    pub why: String,
    /// Which retry followed, from 1, and how many there could be.
    pub retry: usize,
    pub retries: usize,
}

/// A time in which the hub did not answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outage {
    pub from: Moment,
    /// Its end, or the end of the run; none while it lasts.
    pub to: Option<Moment>,
    pub lasted: String,
    /// The address of the hub.
    pub hub: Option<String>,
    /// The first call without an answer.
    pub call: String,
    pub reason: String,
    /// It ended with an answer of the hub.
    pub is_back: bool,
    /// Where it begins and how long it is, in percent of the axis; none without an axis.
    pub place: Option<(f64, f64)>,
}

/// Why images of some arches failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reasons {
    /// The arches, as one text; may be empty.
    pub arches: String,
    /// For each cause the innermost reason, and those around it from the outermost inwards.
    pub chains: Vec<(String, Vec<String>)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskLink {
    pub id: i64,
    /// Its page, if that is an address of the web.
    pub url: Option<String>,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// Why one would.
    pub text: String,
    /// A command to copy.
    pub command: String,
}

/// The time axis.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Axis {
    pub from: String,
    /// Place in percent, and the time since the beginning.
    pub ticks: Vec<(f64, String)>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bar {
    /// Place of the request in the plan.
    pub request: usize,
    pub name: String,
    /// Variant and arches.
    pub detail: String,
    pub stage: &'static str,
    /// How long it took, or has taken.
    pub duration: String,
    /// The parts of its life.
    pub parts: Vec<BarPart>,
    /// Where everything was verified, in percent.
    pub verified: Option<f64>,
    pub task: Option<TaskLink>,
}

/// A part of a bar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BarPart {
    /// `queued`, `open`, `closed` (built, files wait), `fetching`, `failed` or `canceled`.
    pub kind: &'static str,
    /// Where it begins, in percent of the axis.
    pub left: f64,
    /// How long it is, in percent of the axis.
    pub width: f64,
    /// How long it is, for people.
    pub duration: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Place of the request in the plan.
    pub request: usize,
    pub stage: &'static str,
    /// The image name.
    pub name: String,
    /// The page says why it failed.
    pub failed: bool,
    /// Name, version, release.
    pub nvr: String,
    /// The file, or the image name if there is none yet.
    pub file: String,
    /// Address of the file.
    pub href: Option<String>,
    pub variant: String,
    pub arch: String,
    pub subvariant: String,
    pub image_type: String,
    /// Size in bytes.
    pub bytes: Option<u64>,
    pub size: String,
    /// Duration of the task in milliseconds.
    pub milliseconds: Option<i64>,
    pub duration: String,
    pub task: Option<TaskLink>,
}

/// What the table can be filtered by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Choices {
    pub stages: Vec<String>,
    pub variants: Vec<String>,
    pub arches: Vec<String>,
    pub subvariants: Vec<String>,
    pub types: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upload {
    pub variant: String,
    /// Name, version, release.
    pub nvr: String,
    pub image_type: String,
    pub task: TaskLink,
    /// Where it went, or should have gone.
    pub places: Vec<Place>,
}

/// A place that arches of an image were uploaded to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    pub arches: Vec<String>,
    /// `aws`, `aws.s3`, `gcp`, `azure` or `container`; none for what failed before anything was uploaded.
    pub provider: Option<String>,
    pub status: String,
    /// `good`, `bad` or `busy`.
    pub kind: &'static str,
    /// What the provider calls the image: key, value, and the value's address if it is one of the web.
    pub options: Vec<(String, String, Option<String>)>,
    pub reason: Option<String>,
}

/// Checksums of one algorithm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checksums {
    /// `sha256`.
    pub algorithm: String,
    /// The program that checks them, where coreutils have one.
    pub program: Option<String>,
    pub count: usize,
    /// Lines of checksum, two blanks and path below `compose/`.
    pub lines: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub id: String,
    /// `error` or `warning`.
    pub severity: String,
    pub message: String,
    /// Dotted path.
    pub path: String,
    /// File, line and column.
    pub place: String,
    pub help: Option<String>,
}

/// A file to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    pub label: String,
    /// Its address, relative to the page.
    pub href: String,
}
