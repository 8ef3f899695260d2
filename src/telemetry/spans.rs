//! The *spans* of a trace: the run, and below it phases, images and calls of hubs. Names and attributes hold what the events hold, from
//! which secrets are gone; arguments of calls are in none of them (facts: traces 6, traces 7).

use super::error::TraceError;
use super::exporter::{ExportProblem, Exporter};
use crate::settings::{Network, Otlp};
use magudi_engine::event::{Event, PungiPhase, Stamped, Subscriber};
use magudi_koji::{EndedCall, Observer};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// What a trace is of, and what its spans are made by.
const NAME: &str = "magudi";

/// How long the end of a run waits for the collector.
const FLUSH_TIME: Duration = Duration::from_secs(3);

/// The longest text of a span, in characters.
const LONGEST: usize = 1000;

/// The trace of a run.
#[derive(Debug)]
pub struct Trace {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    problem: ExportProblem,
    /// The span of the run.
    run: Context,
    open: Mutex<Open>,
}

/// What has begun and not ended.
#[derive(Debug, Default)]
struct Open {
    compose_id: Option<String>,
    /// By their names; those of Pungi have its name before theirs.
    phases: BTreeMap<String, Context>,
    images: BTreeMap<usize, Context>,
    /// What is known of images that have not begun.
    planned: BTreeMap<usize, (String, String, Vec<KeyValue>)>,
    is_over: bool,
}

/// Hears the events of a run for its trace.
pub struct Hearing(pub Arc<Trace>);

impl Trace {
    /// Begins the trace of a run, which the collector at `endpoint` gets.
    pub fn begin(endpoint: &str, otlp: &Otlp, network: &Network) -> Result<Self, TraceError> {
        let problem = ExportProblem::default();
        let exporter = Exporter::new(endpoint, otlp, network, problem.clone())?;
        let mut resource = Resource::builder();
        if !otlp.is_named {
            resource = resource.with_service_name(NAME);
        }
        let resource = resource.with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))).build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        let tracer = provider.tracer(NAME);
        let carrier = [("traceparent", &otlp.traceparent), ("tracestate", &otlp.tracestate)];
        let carrier: HashMap<String, String> =
            carrier.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect();
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
        let run = begin(&tracer, &parent, "run-compose".to_owned(), SystemTime::now(), Vec::new());
        Ok(Self { provider, tracer, problem, run, open: Mutex::default() })
    }

    /// The variables by which other programs continue the trace (facts: traces 1).
    pub fn parent_of_others(&self) -> impl Iterator<Item = (String, String)> + use<> {
        let mut carrier = HashMap::new();
        TraceContextPropagator::new().inject_context(&self.run, &mut carrier);
        carrier.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_uppercase(), value))
    }

    /// Ends what is open, and gives what was not sent. The error is that of the collector.
    pub fn end(&self, error: Option<&str>) -> Option<String> {
        self.close(SystemTime::now(), error.map(str::to_owned));
        // Who looks at a run does not wait for who looks at traces.
        let told = self.provider.shutdown_with_timeout(FLUSH_TIME);
        self.problem.text().or(told.err().map(|error| error.to_string()))
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends every span.
    fn close(&self, time: SystemTime, error: Option<String>) {
        let mut open = self.open();
        if std::mem::replace(&mut open.is_over, true) {
            return;
        }
        let failed = || error.as_ref().map(|_| "the run ended before it was done".to_owned());
        let images = std::mem::take(&mut open.images).into_values();
        let phases = std::mem::take(&mut open.phases).into_values();
        images.chain(phases).for_each(|span| end(&span, time, failed()));
        end(&self.run, time, error);
    }

    fn hear(&self, event: &Event, time: SystemTime) {
        let mut open = self.open();
        match event {
            Event::ComposeStarted { compose_id, compose_dir, requests, .. } => {
                open.compose_id = Some(compose_id.clone());
                self.run.span().set_attributes([
                    KeyValue::new("compose_id", compose_id.clone()),
                    KeyValue::new("compose_dir", compose_dir.display().to_string()),
                    KeyValue::new("images", *requests as i64),
                ]);
            }
            Event::PhaseStarted { phase } => self.begin_phase(&mut open, phase.clone(), time),
            Event::PhaseFinished { phase, .. } => end_phase(&mut open, phase, time),
            Event::PungiPhase { phase, state: PungiPhase::Started } => {
                self.begin_phase(&mut open, format!("pungi {phase}"), time);
            }
            Event::PungiPhase { phase, state: PungiPhase::Finished } => {
                end_phase(&mut open, &format!("pungi {phase}"), time);
            }
            Event::Planned {
                request,
                phase,
                name,
                variant,
                arches,
                failable,
                subvariant,
                image_type,
                nvr,
                method,
                ..
            } => {
                let arches: Vec<StringValue> = arches.iter().map(|arch| arch.clone().into()).collect();
                let text = |key: &'static str, value: &String| KeyValue::new(key, value.clone());
                let attributes = vec![
                    text("phase", phase),
                    text("image", name),
                    text("variant", variant),
                    text("subvariant", subvariant),
                    text("image_type", image_type),
                    text("nvr", nvr),
                    text("method", method),
                    KeyValue::new("arches", Value::Array(Array::String(arches))),
                    KeyValue::new("failable", *failable),
                ];
                open.planned.insert(*request, (phase.clone(), format!("image {name}"), attributes));
            }
            Event::Submitting { request, .. } => drop(self.image(&mut open, *request, time)),
            Event::Adopted { request, task, .. } | Event::Submitted { request, task, .. } => {
                self.image(&mut open, *request, time).span().set_attribute(KeyValue::new("task_id", *task));
            }
            Event::TaskState { request, task, state } => {
                let state = vec![KeyValue::new("task_id", *task), KeyValue::new("state", state.clone())];
                self.image(&mut open, *request, time).span().add_event_with_timestamp("task state", time, state);
            }
            Event::ImageAdded { request, image, .. } => {
                let file = vec![KeyValue::new("path", image.path.clone()), KeyValue::new("size", image.size as i64)];
                self.image(&mut open, *request, time).span().add_event_with_timestamp("file", time, file);
            }
            Event::ArchFailed { request, failed, .. } => {
                let arch =
                    vec![KeyValue::new("arch", failed.arch.clone()), KeyValue::new("reason", short(&failed.reason))];
                self.image(&mut open, *request, time).span().add_event_with_timestamp("arch failed", time, arch);
            }
            Event::RequestDone { request, .. } => {
                end(&self.image(&mut open, *request, time), time, None);
                open.images.remove(request);
            }
            Event::Kept { request, task, .. } => {
                let image = self.image(&mut open, *request, time);
                image.span().set_attributes([KeyValue::new("task_id", *task), KeyValue::new("kept", true)]);
                end(&image, time, None);
                open.images.remove(request);
            }
            Event::RequestRetried { request, task, error, retry, .. } => {
                let failed = vec![
                    KeyValue::new("task_id", *task),
                    KeyValue::new("reason", short(error)),
                    KeyValue::new("retry", i64::try_from(*retry).unwrap_or(i64::MAX)),
                ];
                self.image(&mut open, *request, time).span().add_event_with_timestamp("retried", time, failed);
            }
            Event::RequestFailed { request, error, task, .. } => {
                let image = self.image(&mut open, *request, time);
                image.span().set_attributes(task.map(|task| KeyValue::new("task_id", task)));
                end(&image, time, Some(error.clone()));
                open.images.remove(request);
            }
            Event::ComposeFinished { status, error } => {
                self.run.span().set_attribute(KeyValue::new("status", status.clone()));
                drop(open);
                self.close(time, error.clone());
            }
            _ => {}
        }
    }

    fn begin_phase(&self, open: &mut Open, name: String, time: SystemTime) {
        let attributes = vec![KeyValue::new("phase", name.clone())];
        let span = self.start(open, &self.run, format!("phase {name}"), time, attributes);
        open.phases.insert(name, span);
    }

    /// The span of an image, which begins at `time` unless it has.
    fn image(&self, open: &mut Open, request: usize, time: SystemTime) -> Context {
        if let Some(image) = open.images.get(&request) {
            return image.clone();
        }
        let (phase, name, attributes) = open.planned.remove(&request).unwrap_or_default();
        let parent = open.phases.get(&phase).unwrap_or(&self.run).clone();
        let span = self.start(open, &parent, name, time, attributes);
        open.images.insert(request, span.clone());
        span
    }

    /// Begins a span of the compose.
    fn start(&self, open: &Open, parent: &Context, name: String, time: SystemTime, more: Vec<KeyValue>) -> Context {
        let id = open.compose_id.iter().map(|id| KeyValue::new("compose_id", id.clone()));
        begin(&self.tracer, parent, name, time, more.into_iter().chain(id).collect())
    }
}

impl Subscriber for Hearing {
    fn on_event(&mut self, event: &Stamped) {
        self.0.hear(&event.event, SystemTime::from(event.time));
    }
}

/// Calls are named as Pungi names them, with the attributes of the semantic conventions (facts: traces 5, traces 6).
impl Observer for Trace {
    fn ended(&self, call: &EndedCall<'_>) {
        let open = self.open();
        if open.is_over {
            return;
        }
        let mut attributes = vec![
            KeyValue::new("rpc.system", "xmlrpc"),
            KeyValue::new("rpc.method", call.method.to_owned()),
            KeyValue::new("server.address", call.server.clone()),
        ];
        attributes.extend(open.compose_id.iter().map(|id| KeyValue::new("compose_id", id.clone())));
        drop(open);
        let builder = self.tracer.span_builder(format!("ClientSession.{}", call.method));
        let builder = builder.with_kind(SpanKind::Client).with_start_time(call.began).with_attributes(attributes);
        let span = self.run.with_span(builder.start_with_context(&self.tracer, &self.run));
        end(&span, SystemTime::now(), call.error.map(ToString::to_string));
    }
}

fn begin(tracer: &SdkTracer, parent: &Context, name: String, time: SystemTime, attributes: Vec<KeyValue>) -> Context {
    let builder = tracer.span_builder(name).with_start_time(time).with_attributes(attributes);
    parent.with_span(builder.start_with_context(tracer, parent))
}

fn end_phase(open: &mut Open, name: &str, time: SystemTime) {
    if let Some(phase) = open.phases.remove(name) {
        end(&phase, time, None);
    }
}

fn end(span: &Context, time: SystemTime, error: Option<String>) {
    if let Some(error) = error {
        span.span().set_status(Status::error(short(&error)));
    }
    span.span().end_with_timestamp(time);
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}
