//! Composes that never were, as their events.

use jiff::Timestamp;
use magudi_engine::event::{Event, ImageEntry, Stamped};
use magudi_report::{Facts, Report, arrange};

/// Events, each with its second.
#[derive(Default)]
pub struct Scene(pub Vec<Stamped>);

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_740_000_000 + second).expect("a time of our days")
}

pub fn facts() -> Facts {
    Facts {
        compose_dir: "/mnt/composes/Test-42-20250219.n.0".into(),
        status: None,
        runner: None,
        now: at(10_000),
        base: "../../".into(),
        files: vec![("images.json".into(), "compose/metadata/images.json".into())],
        uploads: Ok(None),
    }
}

impl Scene {
    pub fn say(&mut self, second: i64, event: Event) -> &mut Self {
        self.0.push(Stamped { time: at(second), event });
        self
    }

    pub fn start(&mut self, second: i64) -> &mut Self {
        let settings = serde_json::json!({"simulated": false});
        self.say(
            second,
            Event::ComposeStarted {
                compose_id: "Test-42-20250219.n.0".into(),
                compose_dir: "/c".into(),
                requests: 1,
                settings,
                fresh: false,
            },
        )
    }

    pub fn plan(&mut self, second: i64, request: usize, name: &str, failable: bool) -> &mut Self {
        self.say(
            second,
            Event::Planned {
                log: None,
                request,
                key: format!("key-of-{name}"),
                phase: "osbuild".into(),
                name: name.into(),
                variant: "Server".into(),
                arches: vec!["aarch64".into(), "x86_64".into()],
                failable,
                subvariant: "Server".into(),
                image_type: "qcow2".into(),
                nvr: format!("{name}-42-1"),
                method: "osbuildImage".into(),
                manifest_type: None,
            },
        )
    }

    pub fn submit(&mut self, second: i64, request: usize, task: i64, url: &str) -> &mut Self {
        self.say(
            second,
            Event::Submitting {
                what: String::new(),
                request,
                phase: "osbuild".into(),
                variant: "Server".into(),
                hub_time: None,
            },
        );
        self.say(second, Event::Submitted { request, task, url: url.into() })
    }

    pub fn state(&mut self, second: i64, request: usize, task: i64, state: &str) -> &mut Self {
        self.say(second, Event::TaskState { request, task, state: state.into() })
    }

    pub fn image(&mut self, second: i64, request: usize, file: &str, arch: &str, size: u64) -> &mut Self {
        let image = ImageEntry {
            arch: arch.into(),
            image_type: "qcow2".into(),
            format: "qcow2".into(),
            subvariant: "Server".into(),
            path: format!("Server/{arch}/images/{file}"),
            size,
            mtime: 0,
            checksums: [("sha256".into(), format!("{size:064x}").into())].into_iter().collect(),
            bootable: false,
            volume_id: None,
            implant_md5: None,
        };
        self.say(second, Event::ImageAdded { request, variant: "Server".into(), image })
    }

    pub fn done(&mut self, second: i64, request: usize, task: i64) -> &mut Self {
        self.say(
            second,
            Event::RequestDone {
                what: String::new(),
                request,
                phase: "osbuild".into(),
                variant: "Server".into(),
                task,
                images: None,
            },
        )
    }

    pub fn fail(&mut self, second: i64, request: usize, name: &str, failable: bool, error: &str) -> &mut Self {
        self.say(
            second,
            Event::RequestFailed {
                what: String::new(),
                request,
                phase: "osbuild".into(),
                variant: "Server".into(),
                name: name.into(),
                task: None,
                failable,
                error: error.into(),
                reason: None,
                url: None,
                causes: Vec::new(),
                argument: None,
                in_doubt: false,
            },
        )
    }

    pub fn finish(&mut self, second: i64, status: &str, error: Option<&str>) -> &mut Self {
        self.say(second, Event::Status { status: status.into() });
        self.say(second, Event::ComposeFinished { status: status.into(), error: error.map(str::to_owned) })
    }

    pub fn report(&self, facts: &Facts) -> Report {
        arrange(&self.counted(), facts)
    }

    /// The events, with the number of requests that each run has.
    fn counted(&self) -> Vec<Stamped> {
        let mut events = self.0.clone();
        let mut planned = 0;
        for stamped in events.iter_mut().rev() {
            match &mut stamped.event {
                Event::Planned { .. } => planned += 1,
                Event::ComposeStarted { requests, .. } => *requests = std::mem::take(&mut planned),
                _ => {}
            }
        }
        events
    }
}
