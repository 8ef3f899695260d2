//! *Failures* in words: what failed, where to look, and why, down to the innermost reason. What failed for one reason is shown
//! together, so that a mirror that was gone is reported once and not for every image.

use super::frame::Canvas;
use super::printable;
use super::width::{cut, wrapped};
use magudi_config::words::counted;
use magudi_engine::artifact::FailedArch;
use magudi_engine::causes::{Cause, grouped};
use magudi_engine::history::{History, Past, RequestState};
use std::borrow::Cow;

/// The most requests of one reason that are named.
const MAX_NAMED: usize = 10;

/// The most requests of one reason that are named in a summary.
const MAX_NAMED_IN_BRIEF: usize = 3;

/// A request that failed, or an arch that a request did without.
#[derive(Debug, Clone)]
pub struct FailedImage<'a> {
    pub name: &'a str,
    pub variant: &'a str,
    /// Whether the compose continues without it.
    pub failable: bool,
    pub task: Option<i64>,
    pub url: Option<&'a str>,
    /// What went wrong, in one line.
    pub error: &'a str,
    /// The hub's own words in that.
    pub reason: Option<&'a str>,
    pub argument: Option<&'a str>,
    /// The builder's reasons, by arch.
    pub causes: Cow<'a, [Cause]>,
}

impl<'a> FailedImage<'a> {
    /// Everything that failed and did not end well after all, in the order of the plan.
    pub fn all(history: &'a History) -> impl Iterator<Item = Self> {
        history.requests.iter().flat_map(|past| Self::of(past).into_iter().chain(Self::lost(past)))
    }

    /// A request that failed; `None` of any other.
    pub fn of(past: &'a Past) -> Option<Self> {
        let failure = past.failure.as_ref().filter(|_| past.state() == RequestState::Failed)?;
        Some(Self {
            failable: past.asked.failable,
            error: &failure.error,
            reason: failure.reason.as_deref(),
            argument: failure.argument.as_deref(),
            causes: Cow::Borrowed(&failure.causes),
            ..Self::about(past)
        })
    }

    /// The arches that a request has ended well without.
    fn lost(past: &'a Past) -> impl Iterator<Item = Self> {
        let causes = past.failed_arches.iter().map(FailedArch::cause);
        causes.map(|cause| Self { causes: Cow::Owned(vec![cause]), ..Self::about(past) })
    }

    fn about(past: &'a Past) -> Self {
        Self {
            name: &past.asked.name,
            variant: &past.asked.variant,
            failable: true,
            task: past.task,
            url: past.url.as_deref(),
            error: "",
            reason: None,
            argument: None,
            causes: Cow::Borrowed(&[]),
        }
    }
}

impl FailedImage<'_> {
    /// Why, as far as the reasons by arch do not say it better.
    fn said(&self) -> &str {
        if self.causes.is_empty() { self.reason.unwrap_or(self.error) } else { "" }
    }

    fn is_like(&self, other: &Self) -> bool {
        let same = |(one, other): (&Cause, &Cause)| one.arch == other.arch && one.chains == other.chains;
        (self.failable, self.said(), self.argument, self.causes.len())
            == (other.failable, other.said(), other.argument, other.causes.len())
            && self.causes.iter().zip(&*other.causes).all(same)
    }

    fn what(&self) -> String {
        format!("{} of {}", printable(self.name), printable(self.variant))
    }

    /// The reason that says most, in one line: the innermost one of the builder, else the hub's words, else ours.
    fn innermost(&self) -> String {
        let chains = self.causes.iter().flat_map(|cause| &cause.chains);
        let said = chains.filter_map(|chain| chain.last()).map(String::as_str).next();
        printable(said.unwrap_or_else(|| self.said())).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn place(&self) -> Option<String> {
        let (task, url) = (self.task?, self.url?);
        Some(format!("task {task}: {}", printable(url)))
    }
}

/// One failure, on a few lines.
pub fn failure(told: FailedImage<'_>, canvas: Canvas) -> String {
    group(&[told], canvas)
}

/// All failures, those together that have the same reason; what must not fail comes first.
pub fn failures<'a>(all: impl IntoIterator<Item = FailedImage<'a>>, canvas: Canvas) -> Vec<String> {
    by_reason(all, FailedImage::is_like).iter().map(|of_one_reason| group(of_one_reason, canvas)).collect()
}

/// All failures on at most `lines` lines, two for each reason: what failed, and the innermost reason. What must not fail comes first.
pub fn brief<'a>(all: impl IntoIterator<Item = FailedImage<'a>>, lines: usize, canvas: Canvas) -> String {
    let is_like = |one: &FailedImage<'_>, other: &FailedImage<'_>| {
        (one.failable, one.innermost()) == (other.failable, other.innermost())
    };
    let groups = by_reason(all, is_like);
    let fits = if groups.len() * 2 <= lines { groups.len() } else { lines.saturating_sub(1) / 2 };
    let (shown, rest) = groups.split_at(fits.min(groups.len()));
    let mut text: String = shown.iter().map(|of_one_reason| brief_group(of_one_reason, canvas)).collect();
    if !rest.is_empty() {
        let images = counted(rest.iter().map(Vec::len).sum(), "image");
        text.push_str(&format!("{images} more failed for {}\n", counted(rest.len(), "other reason")));
    }
    text
}

fn brief_group(group: &[FailedImage<'_>], canvas: Canvas) -> String {
    let Some(first) = group.first() else { return String::new() };
    let named: Vec<String> = group.iter().take(MAX_NAMED_IN_BRIEF).map(FailedImage::what).collect();
    let more = match group.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let may = if first.failable { " (failable)" } else { "" };
    let (head, tail) =
        (format!("{} failed", counted(group.len(), "image")), format!("{may}: {}{more}", named.join(", ")));
    let room = canvas.columns.saturating_sub(head.len());
    let reason = cut(&format!("  {}", first.innermost()), canvas.columns);
    format!("{}{}\n{reason}\n", canvas.paint("1;31", &head), cut(&tail, room))
}

fn by_reason<'a>(
    all: impl IntoIterator<Item = FailedImage<'a>>,
    is_like: impl Fn(&FailedImage<'a>, &FailedImage<'a>) -> bool,
) -> Vec<Vec<FailedImage<'a>>> {
    let mut groups: Vec<Vec<FailedImage<'a>>> = Vec::new();
    for told in all {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| is_like(first, &told))) {
            Some(group) => group.push(told),
            None => groups.push(vec![told]),
        }
    }
    groups.sort_by_key(|group| group.first().is_some_and(|first| first.failable));
    groups
}

fn group(group: &[FailedImage<'_>], canvas: Canvas) -> String {
    let Some(first) = group.first() else { return String::new() };
    let (what, them) = match group {
        [one] => (one.what(), "it"),
        all => (format!("{} tasks", all.len()), "them"),
    };
    let what = canvas.paint("1;31", &format!("{what} failed"));
    let going_on = if first.failable { format!(" (the compose continues without {them})") } else { String::new() };
    let mut text = format!("{what}{going_on}\n");
    match group {
        [one] => text.extend(one.place().map(|place| format!("  {place}\n"))),
        all => {
            for one in all.iter().take(MAX_NAMED) {
                let place = one.place().map(|place| format!(", {place}")).unwrap_or_default();
                text.push_str(&format!("  {}{place}\n", one.what()));
            }
            if let Some(more) = all.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
                text.push_str(&format!("  and {more} more\n"));
            }
        }
    }
    if !first.said().is_empty() {
        text.push_str(&wrapped(&printable(first.said()), "  ", canvas.columns));
    }
    if let Some(argument) = first.argument {
        let said = format!("the hub refused the argument `{}`", printable(argument));
        text.push_str(&wrapped(&said, "  ", canvas.columns));
    }
    text.push_str(&reasons(&first.causes, "  ", canvas.columns));
    if let [one] = group {
        text.extend(one.causes.iter().filter_map(task_of_arch));
    }
    text
}

/// Where to look for more of what a task for one arch says.
fn task_of_arch(cause: &Cause) -> Option<String> {
    let (task, url) = (cause.task?, cause.url.as_deref()?);
    let log = cause.log.as_deref().map_or_else(String::new, |log| format!(" ({})", printable(log)));
    Some(format!("  {}: task {task}: {}{log}\n", printable(&cause.arch), printable(url)))
}

/// The builder's reasons, each below and further in than the one that it caused.
pub fn reasons(causes: &[Cause], indent: &str, columns: usize) -> String {
    let mut text = String::new();
    for (arches, chains) in grouped(causes) {
        for chain in chains {
            for (depth, reason) in chain.iter().enumerate() {
                let head =
                    if depth == 0 && !arches.is_empty() { format!("{}: ", arches.join(", ")) } else { String::new() };
                let margin = format!("{indent}{}", "  ".repeat(depth));
                text.push_str(&wrapped(&printable(&format!("{head}{reason}")), &margin, columns));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANVAS: Canvas = Canvas { columns: 80, rows: 24, color: false };

    fn cause(arch: &str, chain: &[&str]) -> Cause {
        Cause {
            arch: arch.into(),
            chains: vec![chain.iter().map(|reason| (*reason).to_owned()).collect()],
            ..Cause::default()
        }
    }

    fn told<'a>(name: &'a str, failable: bool, error: &'a str, causes: &'a [Cause]) -> FailedImage<'a> {
        let (task, url) = (Some(42), Some("http://hub/42"));
        let causes = Cow::Borrowed(causes);
        FailedImage { name, variant: "Server", failable, task, url, error, reason: None, argument: None, causes }
    }

    #[test]
    fn reasons_go_in_to_the_innermost() {
        let causes = [
            cause("x86_64", &["job failed", "build failed", "no space\nleft\u{1b}[2J"]),
            cause("aarch64", &["job failed", "build failed", "no space\nleft\u{1b}[2J"]),
            cause("s390x", &["no"]),
        ];
        assert_eq!(
            reasons(&causes, "  ", 80),
            "  x86_64, aarch64: job failed\n    build failed\n      no space\n      left\\u{1b}[2J\n  s390x: no\n"
        );
        assert_eq!(
            reasons(&causes[..1], "  ", 16),
            "  x86_64: job\n  failed\n    build\n    failed\n      no space\n      left\\u{1b}[2J\n"
        );
    }

    #[test]
    fn a_failure_says_what_where_and_why() {
        let causes = [cause("x86_64", &["no"])];
        assert_eq!(
            failure(told("disk", true, "task 42 failed: no", &causes), CANVAS),
            "disk of Server failed (the compose continues without it)\n  task 42: http://hub/42\n  x86_64: no\n"
        );
        let refused = FailedImage {
            reason: Some("osbuildImage: ParameterError: no"),
            argument: Some("opts.repo"),
            task: None,
            ..told("disk", false, "disk was not submitted: no", &[])
        };
        assert_eq!(
            failure(refused, CANVAS),
            "disk of Server failed\n  osbuildImage: ParameterError: no\n  the hub refused the argument `opts.repo`\n"
        );
    }

    #[test]
    fn what_failed_for_one_reason_is_told_together_and_what_must_not_fail_first() {
        let names: Vec<String> = (0..12).map(|n| format!("disk-{n:02}")).collect();
        let all = names.iter().map(|name| told(name, false, "the hub is gone", &[]));
        let soft = ["a", "b"].map(|name| told(name, true, "the hub is gone", &[]));
        let texts = failures(all.chain(soft), CANVAS);
        assert!(texts[0].starts_with("12 tasks failed\n  disk-00 of Server, task 42"), "{}", texts[0]);
        assert!(texts[0].ends_with("  disk-09 of Server, task 42: http://hub/42\n  and 2 more\n  the hub is gone\n"));
        assert_eq!(
            texts[1],
            "2 tasks failed (the compose continues without them)\n  a of Server, task 42: http://hub/42\n  \
             b of Server, task 42: http://hub/42\n  the hub is gone\n"
        );
        assert_eq!(texts.len(), 2);
    }

    #[test]
    fn a_summary_has_the_innermost_reason_and_a_bounded_number_of_lines() {
        let causes = [cause("x86_64", &["job failed", "no space\nleft"])];
        let other = [cause("aarch64", &["build failed", "no space left"])];
        let all = || [told("a", true, "", &causes), told("b", false, "", &causes), told("c", false, "", &other)];
        assert_eq!(
            brief(all(), 12, CANVAS),
            "2 images failed: b of Server, c of Server\n  no space left\n\
             1 image failed (failable): a of Server\n  no space left\n"
        );
        assert_eq!(brief([], 12, CANVAS), "");
        let errors: Vec<String> = (0..20).map(|n| format!("error {n}")).collect();
        let many = || errors.iter().map(|error| told("disk", false, error, &[]));
        let text = brief(many(), 7, CANVAS);
        assert_eq!(text.lines().count(), 7, "{text}");
        assert!(text.ends_with("\n17 images more failed for 17 other reasons\n"), "{text}");
        assert_eq!(brief(many().take(2), 4, CANVAS).lines().count(), 4);
        let narrow = brief(many(), 7, Canvas { columns: 20, ..CANVAS });
        assert!(narrow.lines().take(6).all(|line| line.chars().count() <= 20), "{narrow}");
    }
}
