//! The *pages* for people: what a task's link leads to. They are small and say only what the hub knows.

use hyper::{Response, StatusCode};

use crate::body::Body;
use crate::caller::percent_decode;
use crate::clock;
use crate::hub::{Hub, Setting};
use crate::python;
use crate::response::{html, respond};
use crate::state::HubState;
use crate::tasks::Task;
use crate::volume::Volume;
use crate::wire::Value;
use crate::wire::fault_value;

/// Tasks on the first page.
const LATEST: usize = 200;

/// Answers a request for a page.
pub(crate) fn answer(hub: &Hub, path: &str, query: &str) -> Response<Body> {
    let id = |name: &str| {
        let mut fields = query.split('&').filter_map(|field| field.split_once('='));
        fields.find(|(key, _)| *key == name).and_then(|(_, value)| percent_decode(value).parse::<i64>().ok())
    };
    let state = hub.state();
    let page = match path.trim_end_matches('/') {
        "" | "/koji" | "/koji/tasks" => Some(index(&state)),
        "/koji/taskinfo" => id("taskID").and_then(|id| state.tasks.get(id)).map(|t| task(&hub.setting, &state, t)),
        "/koji/buildinfo" => id("buildID").and_then(|id| build(&hub.setting, &state, id)),
        _ => None,
    };
    match page {
        Some((title, content)) => respond(StatusCode::OK, "text/html; charset=utf-8", document(&title, &content)),
        None => html(StatusCode::NOT_FOUND, "Not Found", "The hub knows no such task, build or page."),
    }
}

/// `text` as HTML.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A path as a URL writes it.
fn escape_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn document(title: &str, content: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n<body>\n\
         <p><a href=\"/koji\">simulated Koji hub</a></p>\n<h1>{title}</h1>\n{content}</body></html>\n"
    )
}

fn task_link(task: &Task) -> String {
    format!(
        "<a href=\"/koji/taskinfo?taskID={id}\">{id}</a> {method} {name} {state}",
        id = task.id,
        method = escape(&task.method),
        name = escape(&task.job().map_or_else(String::new, |job| job.name)),
        state = task.state.name()
    )
}

fn index(state: &HubState) -> (String, String) {
    let mut content = format!("<p>{} tasks, {} builds</p>\n<ul>\n", state.tasks.len(), state.builds.len());
    let mut latest: Vec<&Task> = state.tasks.values().filter(|task| task.parent.is_none()).collect();
    latest.sort_by_key(|task| std::cmp::Reverse((task.created, task.id)));
    for task in latest.into_iter().take(LATEST) {
        content.push_str(&format!("<li>{}</li>\n", task_link(task)));
    }
    content.push_str("</ul>\n");
    ("Tasks".to_owned(), content)
}

fn row(name: &str, value: &str) -> String {
    format!("<tr><th>{name}</th><td>{value}</td></tr>\n")
}

fn task(setting: &Setting, state: &HubState, task: &Task) -> (String, String) {
    let owner = state.accounts.by_id(task.owner).map_or("", |user| user.name.as_str());
    let time = |time: Option<clock::Micros>| time.map_or(String::new(), clock::text);
    let mut content = String::from("<table>\n");
    content.push_str(&row("method", &escape(&task.method)));
    content.push_str(&row("state", task.state.name()));
    content.push_str(&row("owner", &escape(owner)));
    content.push_str(&row("created", &time(Some(task.created))));
    content.push_str(&row("started", &time(task.started)));
    content.push_str(&row("completed", &time(task.completed)));
    content.push_str(&row("request", &escape(&python::repr(&Value::Array(state.request_of(task).into_owned())))));
    let result = match state.left_by(setting, task) {
        None => String::new(),
        Some(Ok(value)) => python::repr(&value),
        Some(Err(fault)) => python::repr(&fault_value(fault, false)),
    };
    content.push_str(&row("result", &escape(&result)));
    if let Some(build) = state.build_of_task(task.id) {
        let link = format!("<a href=\"/koji/buildinfo?buildID={}\">{}</a>", build.id, escape(&build.nvr()));
        content.push_str(&row("build", &link));
    }
    content.push_str("</table>\n<ul>\n");
    for child in task.children.iter().filter_map(|id| state.tasks.get(*id)) {
        content.push_str(&format!("<li>{}</li>\n", task_link(child)));
    }
    let dir = Volume::task_dir(task.id);
    for file in state.output_files(setting, task.id) {
        content.push_str(&file_link(&dir, &file.name, file.size));
    }
    content.push_str("</ul>\n");
    (format!("Task {}", task.id), content)
}

fn file_link(dir: &str, name: &str, size: u64) -> String {
    let path = escape_path(&format!("{dir}/{name}"));
    format!("<li><a href=\"/kojifiles/{path}\">{}</a>, {size} bytes</li>\n", escape(name))
}

fn build(setting: &Setting, state: &HubState, id: i64) -> Option<(String, String)> {
    let build = state.builds.get(id)?;
    let mut content = format!(
        "<p>{state}, made by task <a href=\"/koji/taskinfo?taskID={id}\">{id}</a></p>\n<ul>\n",
        state = build.state.name(),
        id = build.task
    );
    let on = build.volume.as_ref().map(|volume| volume.1.as_str());
    let dir = Volume::image_dir(on, &build.name, &build.version, &build.release);
    for archive in &build.archives {
        content.push_str(&file_link(&dir, &archive.filename, archive.size));
    }
    let volume = escape(&setting.volume.topdir().join(&dir).display().to_string());
    content.push_str(&format!("</ul>\n<p>{volume}</p>\n"));
    Some((escape(&build.nvr()), content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out() {
        assert_eq!(escape("<a b=\"c\" d='e'>&"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
        assert_eq!(escape_path("a b/é\"<"), "a%20b/%C3%A9%22%3C");
    }
}
