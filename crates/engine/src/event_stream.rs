//! The event *stream* for other programs (`--events`): every event as a line of JSON, to a file, a pipe or standard output.
//! `docs/events.md` describes it.
//!
//! A reader that is slow or gone must not hold up a compose: lines are written by a thread of their own, wait in a queue of
//! bounded size, and are given up when that is full.

use crate::event::{Event, Stamped, Subscriber};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many bytes may wait for the reader: many thousand events.
const MAX_WAITING: usize = 32 << 20;

/// The progress of one file is reported no more often than this.
const PROGRESS_PAUSE: SignedDuration = SignedDuration::from_millis(200);

/// Says every event to a writer.
#[derive(Debug)]
pub struct EventStream {
    shared: Arc<Shared>,
    /// Request and file -> bytes not reported yet, and when some were reported last.
    progress: BTreeMap<(usize, String), (u64, Timestamp)>,
}

/// The other end of a stream, for who must know that everything was written.
#[derive(Debug)]
pub struct StreamEnd(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<String>,
    bytes: usize,
    /// Nothing more comes.
    closing: bool,
    /// The thread has ended.
    ended: bool,
    /// Why nothing is written any more.
    problem: Option<String>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins a stream to `writer`. The error is that of the thread, which cannot be started.
pub fn event_stream(writer: Box<dyn Write + Send>) -> io::Result<(EventStream, StreamEnd)> {
    let shared = Arc::new(Shared { queue: Mutex::new(Queue::default()), changed: Condvar::new() });
    let thread = Arc::clone(&shared);
    std::thread::Builder::new().name("events".to_owned()).spawn(move || write_lines(&thread, writer))?;
    Ok((EventStream { shared: Arc::clone(&shared), progress: BTreeMap::new() }, StreamEnd(shared)))
}

fn write_lines(shared: &Shared, mut writer: Box<dyn Write + Send>) {
    loop {
        let mut queue = shared.lock();
        while queue.lines.is_empty() && !queue.closing {
            queue = shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let lines = std::mem::take(&mut queue.lines);
        queue.bytes = 0;
        drop(queue);
        let written = lines.iter().try_for_each(|line| writer.write_all(line.as_bytes())).and_then(|()| writer.flush());
        let mut queue = shared.lock();
        if let Err(error) = written {
            // A reader that has gone away has seen enough.
            let gone = error.kind() == io::ErrorKind::BrokenPipe;
            queue.problem.get_or_insert(if gone { String::new() } else { error.to_string() });
        }
        if queue.problem.is_some() || (queue.closing && queue.lines.is_empty()) {
            queue.ended = true;
            queue.lines.clear();
            shared.changed.notify_all();
            return;
        }
    }
}

impl EventStream {
    fn push(&self, event: &Stamped) {
        let mut line = event.to_json_line();
        line.push('\n');
        let mut queue = self.shared.lock();
        if queue.problem.is_some() || queue.closing {
            return;
        }
        if queue.bytes + line.len() > MAX_WAITING {
            queue.problem = Some("their reader does not keep up".to_owned());
            queue.lines.clear();
            return;
        }
        queue.bytes += line.len();
        queue.lines.push_back(line);
        self.shared.changed.notify_all();
    }

    /// Tells what was held back of the progress of `request`'s files; of all, without one.
    fn flush_progress(&mut self, request: Option<usize>, time: Timestamp) {
        let keys: Vec<_> =
            self.progress.keys().filter(|(index, _)| request.is_none_or(|wanted| wanted == *index)).cloned().collect();
        for key in keys {
            if let Some((bytes, _)) = self.progress.remove(&key)
                && bytes > 0
            {
                let event = Event::FetchProgress { request: key.0, file: key.1, bytes };
                self.push(&Stamped { time, event });
            }
        }
    }
}

impl Subscriber for EventStream {
    fn on_event(&mut self, event: &Stamped) {
        match &event.event {
            Event::FetchProgress { request, file, bytes } => {
                let (held, told) = self.progress.entry((*request, file.clone())).or_insert((0, Timestamp::UNIX_EPOCH));
                *held += bytes;
                if event.time.duration_since(*told) >= PROGRESS_PAUSE {
                    *told = event.time;
                    let bytes = std::mem::take(held);
                    let event_of_all = Event::FetchProgress { request: *request, file: file.clone(), bytes };
                    self.push(&Stamped { time: event.time, event: event_of_all });
                }
                return;
            }
            Event::ImageAdded { request, .. }
            | Event::RequestDone { request, .. }
            | Event::RequestFailed { request, .. } => self.flush_progress(Some(*request), event.time),
            Event::ComposeFinished { .. } => self.flush_progress(None, event.time),
            _ => {}
        }
        self.push(event);
    }
}

impl StreamEnd {
    /// Ends the stream and waits until everything is written, for `patience` at the most. Returns why not everything was;
    /// a reader that closed its end is no reason.
    pub fn finish(self, patience: Duration) -> Option<String> {
        let deadline = Instant::now() + patience;
        let mut queue = self.0.lock();
        queue.closing = true;
        self.0.changed.notify_all();
        while !queue.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let problem = queue.problem.take().filter(|problem| !problem.is_empty());
                return Some(problem.unwrap_or_else(|| "their reader does not keep up".to_owned()));
            }
            queue = self.0.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        queue.problem.take().filter(|problem| !problem.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{JournalLine, parse_line};
    use std::sync::mpsc;

    /// A writer that a test can look into, and hold up.
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Stuck(mpsc::Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn at(millisecond: i64, event: Event) -> Stamped {
        Stamped { time: Timestamp::from_millisecond(1_700_000_000_000 + millisecond).unwrap(), event }
    }

    fn progress(millisecond: i64, request: usize, bytes: u64) -> Stamped {
        at(millisecond, Event::FetchProgress { request, file: "f".into(), bytes })
    }

    #[test]
    fn every_event_is_a_line_and_no_byte_is_lost() {
        let sink = Sink::default();
        let (mut stream, end) = event_stream(Box::new(sink.clone())).unwrap();
        stream.on_event(&at(0, Event::Status { status: "STARTED".into() }));
        for millisecond in 0..1000 {
            stream.on_event(&progress(millisecond, 0, 10));
            stream.on_event(&progress(millisecond, 1, 1));
        }
        let done = Event::RequestDone {
            what: String::new(),
            request: 0,
            phase: "osbuild".into(),
            variant: "S".into(),
            task: 1,
            images: None,
        };
        stream.on_event(&at(1000, done));
        stream.on_event(&at(1001, Event::ComposeFinished { status: "FINISHED".into(), error: None }));
        assert_eq!(end.finish(Duration::from_secs(10)), None);
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        let events: Vec<Event> = text
            .lines()
            .map(|line| match parse_line(line).unwrap() {
                JournalLine::Event(stamped) => stamped.event,
                other => panic!("{other:?}"),
            })
            .collect();
        let mut sums = [0_u64; 2];
        let mut count = 0;
        for event in &events {
            if let Event::FetchProgress { request, bytes, .. } = event {
                sums[*request] += bytes;
                count += 1;
            }
        }
        assert_eq!((sums, count), ([10_000, 1000], 12), "five a second and the rest, for each file");
        let place = |wanted: fn(&Event) -> bool| events.iter().rposition(wanted).unwrap();
        let last = place(|event| matches!(event, Event::FetchProgress { request: 0, .. }));
        assert!(last < place(|event| matches!(event, Event::RequestDone { .. })), "told before the end of the request");
    }

    #[test]
    fn a_reader_that_is_gone_is_no_problem_and_a_full_disk_is_told() {
        for (kind, told) in [(io::ErrorKind::BrokenPipe, false), (io::ErrorKind::StorageFull, true)] {
            let (mut stream, end) = event_stream(Box::new(Failing(kind))).unwrap();
            for _ in 0..100 {
                stream.on_event(&at(0, Event::Status { status: "STARTED".into() }));
            }
            assert_eq!(end.finish(Duration::from_secs(10)).is_some(), told, "{kind}");
        }
    }

    #[test]
    fn a_reader_that_is_stuck_holds_up_nobody() {
        let (keep, stuck) = mpsc::channel();
        let (mut stream, end) = event_stream(Box::new(Stuck(stuck))).unwrap();
        let text = "x".repeat(1 << 20);
        for _ in 0..100 {
            stream.on_event(&at(0, Event::Status { status: text.clone() }));
        }
        assert!(stream.shared.lock().bytes <= MAX_WAITING);
        assert_eq!(end.finish(Duration::from_millis(20)).as_deref(), Some("their reader does not keep up"));
        drop(keep);
    }
}
