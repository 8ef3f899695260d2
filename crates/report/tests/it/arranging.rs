//! Events in, a report out.

use crate::scene::{Scene, at, facts};
use magudi_compose::{CloudUpload, Status};
use magudi_engine::causes::Cause;
use magudi_engine::event::Event;
use magudi_engine::login::Login;
use magudi_engine::outage::Outage;
use magudi_report::{Facts, Report};

fn finished() -> Scene {
    let mut scene = Scene::default();
    scene.start(0).plan(0, 0, "disk", false).submit(1, 0, 7, "https://koji/taskinfo?taskID=7");
    scene.state(2, 0, 7, "OPEN").state(60, 0, 7, "CLOSED");
    scene.image(63, 0, "disk.x86_64.qcow2", "x86_64", 1 << 30).image(64, 0, "disk.aarch64.qcow2", "aarch64", 5);
    scene.done(65, 0, 7).finish(66, "FINISHED", None);
    scene
}

#[test]
fn a_finished_compose() {
    let report = finished().report(&Facts { status: Some(Status::Finished), ..facts() });
    assert_eq!((report.state.word.as_str(), report.state.kind), ("FINISHED", "good"));
    assert_eq!((report.tasks, report.images.as_str(), report.size.as_str()), (1, "2", "1.0 GiB"));
    assert_eq!(report.elapsed, "1 min 06 s");
    assert!(report.failures.is_empty() && report.advice.is_empty() && report.error.is_none());
    let rows: Vec<_> = report.rows.iter().map(|row| (row.arch.as_str(), row.stage, row.milliseconds)).collect();
    assert_eq!(rows, [("x86_64", "done", Some(64_000)), ("aarch64", "done", Some(64_000))]);
    assert_eq!(report.rows[0].href.as_deref(), Some("../../compose/Server/x86_64/images/disk.x86_64.qcow2"));
    assert_eq!(report.checksums[0].count, 2);
    assert_eq!(report.checksums[0].program.as_deref(), Some("sha256sum"));
    let first = report.checksums[0].lines.lines().next().unwrap();
    assert!(first.ends_with("5  Server/aarch64/images/disk.aarch64.qcow2"), "{first}");
    assert_eq!(report.choices.arches, ["aarch64", "x86_64"]);
}

#[test]
fn what_needs_attention_has_its_rows_first_and_everything_was_built_only_if_it_was() {
    let sentence = |scene: &Scene| scene.report(&Facts { status: Some(Status::Finished), ..facts() }).state.sentence;
    assert_eq!(sentence(&finished()), "Everything was built: 2 images are in the compose, verified and listed.");
    let mut scene = Scene::default();
    scene.start(0).plan(0, 0, "disk", false).plan(0, 1, "live", true);
    scene.submit(1, 0, 7, "").image(2, 0, "disk.x86_64.qcow2", "x86_64", 1).done(3, 0, 7);
    scene.submit(4, 1, 8, "").finish(5, "FINISHED", None);
    assert_eq!(sentence(&scene), "The compose is finished without 1 of 2 tasks.");
    let report = scene.report(&facts());
    let rows: Vec<_> = report.rows.iter().map(|row| (row.name.as_str(), row.stage)).collect();
    assert_eq!(rows, [("live", "free"), ("live", "free"), ("disk", "done")]);
    assert_eq!(report.columns, "--variant:10ch;--arch:7ch;--subvariant:13ch;--type:7ch");
    let mut nothing = Scene::default();
    nothing.start(0).finish(1, "FINISHED", None);
    assert_eq!(sentence(&nothing), "There was nothing to build.");
}

#[test]
fn of_very_many_tasks_those_that_are_not_done_have_rows_first() {
    let mut scene = Scene::default();
    scene.start(0);
    let name = |request: usize| format!("disk-{request}");
    for request in 0..3_010 {
        scene.plan(0, request, &name(request), true);
    }
    for request in 0..3_010 {
        let (task, name) = (7 + request as i64, name(request));
        scene.submit(1, request, task, "");
        if request < 3_005 {
            scene.image(2, request, &format!("{request}.qcow2"), "x86_64", 1).done(3, request, task);
        } else {
            scene.fail(3, request, &name, true, "no matter");
        }
    }
    let report = scene.finish(4, "FINISHED_INCOMPLETE", None).report(&facts());
    assert_eq!((report.tasks, report.left_out, report.timeline.len()), (3_010, 10, 3_000));
    let requests = |failed: bool| {
        let rows = report.rows.iter().filter(move |row| row.failed == failed);
        rows.map(|row| row.request).collect::<std::collections::BTreeSet<usize>>().len()
    };
    assert_eq!((requests(true), requests(false)), (5, 2_995));
    assert!(report.images.starts_with("3,005 of "), "{}", report.images);
}

#[test]
fn failures_that_count_come_first_with_the_innermost_reason() {
    let mut scene = Scene::default();
    scene.start(0).plan(0, 0, "soft", true).plan(0, 1, "hard", false);
    scene.submit(1, 0, 7, "").submit(1, 1, 8, "javascript:alert(1)");
    scene.fail(5, 0, "soft", true, "no matter");
    let chain = ["Worker running job failed", "osbuild build failed", "no space left"].map(str::to_owned).to_vec();
    let cause = |arch: &str| Cause { arch: arch.into(), chains: vec![chain.clone()], ..Cause::default() };
    scene.say(
        6,
        Event::RequestFailed {
            what: String::new(),
            request: 1,
            phase: "osbuild".into(),
            variant: "Server".into(),
            name: "hard".into(),
            task: Some(8),
            failable: false,
            error: "task 8 failed".into(),
            reason: None,
            url: None,
            causes: vec![cause("aarch64"), cause("x86_64")],
            argument: None,
            in_doubt: false,
        },
    );
    scene.finish(7, "DOOMED", Some("task 8 failed"));
    let report = scene.report(&Facts { status: Some(Status::Doomed), ..facts() });
    let names = |of: &Report| of.failures.iter().map(|f| f.images[0].name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&report), ["hard", "soft"]);
    assert_eq!(report.state.sentence, "1 task failed, and 1 failable one.");
    let hard = &report.failures[0];
    assert_eq!(hard.causes.len(), 1, "the same for both arches is told once");
    assert_eq!((hard.causes[0].arches.as_str(), hard.reason.as_str()), ("", ""), "all arches need not be named");
    let around = ["Worker running job failed", "osbuild build failed"].map(str::to_owned).to_vec();
    assert_eq!(hard.causes[0].chains, [("no space left".to_owned(), around)]);
    let image = &hard.images[0];
    assert_eq!(image.task.as_ref().unwrap().url, None, "no link runs a script");
    assert_eq!(image.log.as_deref(), Some("../../logs/global/osbuild/Server-2-watch-task.log"));
    assert_eq!(report.rows.len(), 4, "a row for each arch that is missing");
    assert!(report.rows.iter().all(|row| row.failed));
    assert_eq!(report.error, None, "it is told above");
    assert!(report.advice[0].command.starts_with("magudi resume --retry-failed /mnt/composes/"));
}

#[test]
fn a_task_that_leaves_no_image_is_there_all_the_same() {
    let mut scene = Scene::default();
    scene.start(0).plan(0, 0, "container", false).submit(1, 0, 7, "").state(2, 0, 7, "CLOSED").done(3, 0, 7);
    let report = scene.finish(4, "FINISHED", None).report(&Facts { status: Some(Status::Finished), ..facts() });
    let rows: Vec<_> = report.rows.iter().map(|row| (row.arch.as_str(), row.stage, row.href.is_none())).collect();
    assert_eq!(rows, [("aarch64", "done", true), ("x86_64", "done", true)]);
    assert_eq!((report.images.as_str(), report.timeline.len()), ("0", 1), "and no image is missing");
}

#[test]
fn a_reason_is_told_once_with_all_that_failed_for_it() {
    let mut scene = Scene::default();
    scene.start(0);
    for (request, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        scene.plan(0, request, name, name == "d");
    }
    for (request, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let error = if name == "b" { "of its own" } else { "the hub is gone" };
        scene.fail(1, request, name, name == "d", error);
    }
    scene.finish(2, "DOOMED", Some("cannot write images.json"));
    let report = scene.report(&Facts { status: Some(Status::Doomed), ..facts() });
    let told: Vec<_> = report.failures.iter().map(|f| (f.reason.as_str(), f.failable, f.images.len())).collect();
    assert_eq!(told, [("the hub is gone", false, 2), ("of its own", false, 1), ("the hub is gone", true, 1)]);
    assert_eq!((report.failed, report.images.as_str()), (4, "0 of 8"));
    assert_eq!(report.error.as_deref(), Some("cannot write images.json"), "which no image did");
    assert_eq!(report.state.sentence, "3 tasks failed, and 1 failable one.");
}

#[test]
fn a_running_compose_says_so_and_one_that_died_too() {
    let mut scene = Scene::default();
    scene.start(0).plan(0, 0, "disk", false).submit(1, 0, 7, "").state(2, 0, 7, "OPEN");
    let running = scene.report(&Facts { runner: Some("process 12 on builder".into()), ..facts() });
    assert_eq!((running.state.word.as_str(), running.state.running), ("RUNNING", true));
    assert_eq!(running.elapsed, "2 h 46 min", "until now");
    let died = scene.report(&Facts { status: Some(Status::Started), ..facts() });
    assert_eq!((died.state.word.as_str(), died.state.kind), ("STOPPED", "bad"));
    assert_eq!(died.elapsed, "2.0 s", "until the last event");
    let commands: Vec<&str> = died.advice.iter().map(|advice| advice.command.as_str()).collect();
    let dir = "/mnt/composes/Test-42-20250219.n.0";
    assert_eq!(commands, [format!("magudi resume {dir}"), format!("magudi cancel {dir}")]);
}

#[test]
fn a_second_run_keeps_what_the_first_did_and_forgets_its_failures() {
    let mut scene = Scene::default();
    scene.start(0).plan(0, 0, "a", false).plan(0, 1, "b", false);
    scene.submit(1, 0, 7, "").state(2, 0, 7, "CLOSED").image(3, 0, "a.qcow2", "x86_64", 9).done(3, 0, 7);
    scene.submit(1, 1, 8, "").fail(4, 1, "b", false, "boom").finish(5, "DOOMED", Some("boom"));
    // The plan of the second run has another order.
    scene.start(100).plan(100, 0, "b", false).plan(100, 1, "a", false);
    scene.say(101, Event::Kept { request: 1, task: 7, images: 1 }).submit(102, 0, 9, "").done(110, 0, 9);
    scene.finish(111, "FINISHED", None);
    let report = scene.report(&Facts { status: Some(Status::Finished), ..facts() });
    assert_eq!((report.runs, report.failures.len(), report.error.as_deref()), (2, 0, None));
    let stages: Vec<_> = report.timeline.iter().map(|bar| (bar.name.as_str(), bar.stage)).collect();
    assert_eq!(stages, [("a", "done"), ("b", "done")], "in the order of their submission");
    assert_eq!(report.rows.iter().filter(|row| row.file == "a.qcow2").count(), 1);
}

#[test]
fn what_is_said_before_a_run_belongs_to_it() {
    let finding = |id: &str| Event::Diagnostic {
        id: id.into(),
        severity: "warning".into(),
        message: "odd".into(),
        path: String::new(),
        file: Some("a.conf".into()),
        line: Some(3),
        column: Some(7),
        help: None,
    };
    let mut scene = Scene::default();
    scene.say(0, finding("MG202")).say(0, Event::LeftOut { text: "createiso is left to Pungi".into() }).start(1);
    scene
        .say(2, finding("MG209"))
        .start(3)
        .say(4, Event::PhaseSkipped { phase: "p".into(), reason: "not asked".into() });
    let report = scene.report(&facts());
    let ids: Vec<_> = report.diagnostics.iter().map(|d| (d.id.as_str(), d.place.as_str())).collect();
    assert_eq!(ids, [("MG209", "a.conf:3:7")]);
    assert_eq!(report.skipped, ["not asked"]);
}

#[test]
fn uploads_are_those_of_the_manifest_or_else_of_the_events() {
    let upload = |arch: &str, status: &str| CloudUpload {
        variant: "Server".into(),
        arch: arch.into(),
        subvariant: "Server".into(),
        image: "disk".into(),
        image_type: "ec2".into(),
        nvr: None,
        task_id: 7,
        build_id: None,
        provider: Some("aws".into()),
        status: status.into(),
        options: [("ami".to_owned(), "ami-1".to_owned())].into(),
        reason: None,
    };
    let mut scene = finished();
    scene.start(200).plan(200, 0, "disk", false);
    for status in ["pending", "success"] {
        scene.say(201, Event::CloudUpload { request: 0, upload: upload("x86_64", status) });
    }
    let of = |uploads| scene.report(&Facts { uploads, ..facts() });
    let told = of(Ok(None)).uploads;
    let places = told.iter().flat_map(|upload| &upload.places);
    assert_eq!(places.map(|p| (p.arches.join(" "), p.kind)).collect::<Vec<_>>(), [("x86_64".to_owned(), "good")]);
    assert_eq!(told[0].task.url.as_deref(), Some("https://koji/taskinfo?taskID=7"));
    assert_eq!(of(Ok(Some(vec![upload("aarch64", "failure")]))).uploads[0].places[0].kind, "bad");
    let broken = of(Err("cannot use it".into()));
    assert_eq!((broken.uploads.len(), broken.uploads_problem.as_deref()), (0, Some("cannot use it")));
}

#[test]
fn no_event_at_all_is_a_report_too() {
    let report = Scene::default().report(&facts());
    assert_eq!((report.tasks, report.rows.len(), report.elapsed.as_str()), (0, 0, ""));
}

#[test]
fn outages_have_their_time_their_hub_and_their_place_on_the_axis() {
    let away = |second: i64| {
        let (call, reason) = ("getTaskInfo".into(), "cannot connect: Connection refused".into());
        Event::HubUnreachable(Outage { call, reason, since: at(second), until: None })
    };
    let login = Login { server: "https://koji.example.com/kojihub".into(), ..Login::default() };
    let mut scene = Scene::default();
    scene.start(0).say(0, Event::LoggedIn(login)).plan(0, 0, "disk", false).submit(0, 0, 7, "");
    scene.say(42, away(40)).say(60, Event::HubBack { seconds: 20 });
    scene.state(65, 0, 7, "OPEN").say(82, away(80));
    // Killed at 90, and resumed.
    scene.say(90, Event::Status { status: "STARTED".into() });
    scene.start(150).plan(150, 0, "disk", false).say(190, away(180));
    let running = Facts { runner: Some("process 1".into()), now: at(200), ..facts() };
    let report = scene.report(&running);
    assert_eq!(report.away.as_deref(), Some("50 s"));
    let shown: Vec<_> = report
        .outages
        .iter()
        .map(|outage| (outage.lasted.as_str(), outage.is_back, outage.to.is_some(), outage.place))
        .collect();
    let place = |from: f64, width: f64| Some((from, width));
    assert_eq!(
        shown,
        [
            ("20 s", true, true, place(20.0, 10.0)),
            ("10 s", false, true, place(40.0, 5.0)),
            ("20 s", false, false, place(90.0, 10.0))
        ]
    );
    let first = &report.outages[0];
    assert_eq!(first.from.text, "2025-02-19 21:20:40 UTC");
    assert_eq!(first.hub.as_deref(), Some("https://koji.example.com/kojihub"));
    assert_eq!((first.call.as_str(), first.reason.as_str()), ("getTaskInfo", "cannot connect: Connection refused"));
    // Of very many the last ones are shown, and all count.
    for n in 0..300 {
        scene.say(300 + 2 * n, away(300 + 2 * n)).say(301 + 2 * n, Event::HubBack { seconds: 1 });
    }
    let report = scene.report(&facts());
    assert_eq!((report.outages.len(), report.outages[99].from.text.as_str()), (100, "2025-02-19 21:34:58 UTC"));
    assert_eq!(report.away.as_deref(), Some("5 min 40 s"));
    assert!(finished().report(&facts()).away.is_none());
}

#[test]
fn a_task_that_was_tried_again_is_told_of_and_has_its_part_of_the_bar() {
    let mut scene = Scene::default();
    scene
        .start(0)
        .plan(0, 0, "disk", false)
        .submit(0, 0, 7, "https://koji/taskinfo?taskID=7")
        .state(20, 0, 7, "FAILED");
    scene.say(
        20,
        Event::RequestRetried {
            request: 0,
            phase: "osbuild".into(),
            variant: "Server".into(),
            name: "disk".into(),
            task: 7,
            url: "https://koji/taskinfo?taskID=7".into(),
            retry: 1,
            retries: 2,
            error: "task 7 of image disk failed: no space".into(),
            reason: Some("no space".into()),
            causes: vec![],
        },
    );
    let between = scene.report(&facts());
    assert_eq!((between.timeline.len(), between.timeline[0].stage), (1, "planned"));
    scene.submit(30, 0, 8, "https://koji/taskinfo?taskID=8").state(40, 0, 8, "OPEN").state(100, 0, 8, "CLOSED");
    scene.image(100, 0, "disk.x86_64.qcow2", "x86_64", 1).done(100, 0, 8).finish(101, "FINISHED", None);
    let report = scene.report(&Facts { status: Some(Status::Finished), ..facts() });
    let retried = &report.retried;
    assert_eq!((retried.len(), retried[0].task.id, retried[0].why.as_str()), (1, 7, "no space"));
    assert_eq!((retried[0].retry, retried[0].retries, retried[0].at.text.as_str()), (1, 2, "2025-02-19 21:20:20 UTC"));
    assert_eq!(report.rows[0].task.as_ref().map(|task| task.id), Some(8));
    assert!(report.failures.is_empty() && report.state.sentence.starts_with("Everything was built"));
    let parts: Vec<_> = report.timeline[0].parts.iter().map(|part| (part.kind, part.left, part.width)).collect();
    assert_eq!(parts, [("failed", 0.0, 20.0), ("free", 30.0, 10.0), ("open", 40.0, 60.0)]);
}
