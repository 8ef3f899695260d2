//! A report in, HTML out, whatever stands in it.

use crate::scene::{Scene, at, facts};
use magudi_compose::Status;
use magudi_engine::event::Event;
use magudi_engine::login::Login;
use magudi_engine::outage::Outage;
use magudi_report::{Facts, Report, page};

/// What people or machines could have put into a name.
const HOSTILE: [&str; 7] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>",
    "' onmouseover='alert(3)",
    "</style></script><svg onload=alert(4)>",
    "{{ 7*7 }}{% include 'x' %}",
    "\u{202e}thgir",
    "a\u{0}b\u{1b}[31m",
];

fn hostile() -> Scene {
    let mut scene = Scene::default();
    for text in HOSTILE {
        scene.say(0, Event::LeftOut { text: text.into() });
        scene.say(
            0,
            Event::Diagnostic {
                id: text.into(),
                severity: text.into(),
                message: text.into(),
                path: text.into(),
                file: Some(text.into()),
                line: None,
                column: None,
                help: Some(text.into()),
            },
        );
    }
    scene.start(0);
    for text in HOSTILE {
        scene.say(0, Event::LoggedIn(Login { server: text.into(), ..Login::default() }));
        let (call, reason) = (text.into(), text.into());
        scene.say(0, Event::HubUnreachable(Outage { call, reason, since: at(0), until: None }));
    }
    for (request, text) in HOSTILE.iter().enumerate() {
        scene.plan(0, request, text, request % 2 == 0);
    }
    for (request, text) in HOSTILE.iter().enumerate() {
        scene.submit(1, request, 7, text).state(2, request, 7, text).image(3, request, text, text, 1);
        let (phase, variant, name) = ("osbuild".into(), "Server".into(), (*text).into());
        let (url, error, reason) = ((*text).into(), String::new(), Some((*text).into()));
        let (retry, retries, causes) = (1, 1, Vec::new());
        let retried = Event::RequestRetried {
            request,
            phase,
            variant,
            name,
            task: 7,
            url,
            retry,
            retries,
            error,
            reason,
            causes,
        };
        scene.say(3, retried).submit(3, request, 8, text);
        scene.fail(4, request, text, false, text);
    }
    scene.finish(5, HOSTILE[0], Some(HOSTILE[1]));
    scene
}

fn html(report: Report) -> String {
    let mut html = Vec::new();
    page(report, &mut html).unwrap_or_else(|problem| panic!("{problem}"));
    String::from_utf8(html).unwrap_or_else(|problem| panic!("{problem}"))
}

/// The elements of a page that our own template makes.
fn tags(html: &str, name: &str) -> usize {
    html.matches(&format!("<{name}")).count()
}

#[test]
fn hostile_names_stay_text() {
    let report = hostile().report(&Facts { compose_dir: HOSTILE[0].into(), files: Vec::new(), ..facts() });
    let html = html(report);
    assert_eq!(tags(&html, "script"), 1, "our own and no other");
    assert_eq!((tags(&html, "img"), tags(&html, "svg"), tags(&html, "style")), (0, 0, 1));
    for text in ["onerror=alert(2)>", "onload=alert(4)>", "' onmouseover"] {
        assert!(!html.contains(text), "{text}");
    }
    assert!(html.contains("&lt;script&gt;alert(1)"), "the text itself is there");
    assert!(html.contains("{{ 7*7 }}"), "nothing is evaluated");
    assert!(!html.chars().any(|c| c.is_control() && c != '\n'), "no control character");
    assert!(html.contains("\\u{202e}thgir") && !html.contains('\u{202e}'), "nothing turns the direction of writing");
}

#[test]
fn the_page_needs_nothing_else() {
    let report = hostile().report(&facts());
    let html = html(report);
    for word in ["src=", "@import", "url(", "<link", "fetch(", "XMLHttpRequest"] {
        let ours = html.replace(&HOSTILE[1].replace('<', "&lt;").replace('"', "&quot;").replace('>', "&gt;"), "");
        let outside: Vec<&str> = ours.lines().filter(|line| line.contains(word) && !line.contains("&lt;img")).collect();
        assert!(outside.is_empty(), "{word}: {outside:?}");
    }
    assert!(html.contains("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-"));
}

#[test]
fn every_section_has_its_place() {
    let mut scene = Scene::default();
    scene.say(0, Event::LeftOut { text: "createiso is left to Pungi".into() });
    scene.start(0).plan(0, 0, "disk", false).submit(1, 0, 7, "https://koji/taskinfo?taskID=7");
    scene.state(2, 0, 7, "OPEN").image(3, 0, "d.qcow2", "x86_64", 1).done(4, 0, 7).finish(5, "FINISHED", None);
    let html = html(scene.report(&Facts { status: Some(Status::Finished), ..facts() }));
    for id in ["images", "timeline", "checksums", "skipped", "files"] {
        assert!(html.contains(&format!("<section id=\"{id}\">")) && html.contains(&format!("href=\"#{id}\"")), "{id}");
    }
    assert!(html.contains("href=\"https:&#x2f;&#x2f;koji&#x2f;taskinfo?taskID=7\""), "a link to the task");
    assert!(!html.contains("id=\"failures\""), "nothing went wrong");
}

#[test]
fn a_thousand_images_make_a_page_of_a_few_megabytes() {
    let mut scene = Scene::default();
    scene.start(0);
    for request in 0..500 {
        scene.plan(0, request, &format!("image-{request}"), false);
    }
    for request in 0..500 {
        scene.submit(1, request, 7, "https://koji/taskinfo?taskID=7").state(2, request, 7, "OPEN");
        scene.image(3, request, &format!("i{request}.x"), "x86_64", 1);
        scene.image(3, request, &format!("i{request}.a"), "aarch64", 1).done(4, request, 7);
    }
    let html = html(scene.finish(5, "FINISHED", None).report(&facts()));
    assert_eq!(html.matches("<tr data-r=").count(), 1000);
    assert!(html.len() < 3 << 20, "{} bytes", html.len());
}
