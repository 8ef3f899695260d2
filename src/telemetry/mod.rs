//! *Telemetry*: a run as a trace of OpenTelemetry, where the environment names a collector, as Pungi has it. It hears the events of the
//! run and the calls of hubs; nothing else knows of it. A collector that is away or hangs costs a run nothing but
//! a moment at its end.

mod error;
#[cfg(feature = "otel")]
mod exporter;
#[cfg(feature = "otel")]
mod spans;
#[cfg(not(feature = "otel"))]
#[path = "untraced.rs"]
mod spans;

use crate::settings::Environment;
use crate::ui::Ui;
use magudi_engine::event::Subscriber;
use spans::{Hearing, Trace};
use std::sync::Arc;

/// The trace of a run, or none.
#[derive(Debug, Clone, Default)]
pub struct Telemetry(Option<Arc<Trace>>);

impl Telemetry {
    /// Begins the trace of a run, if the environment asks for one: hubs are observed and children continue it. What keeps it from
    /// being made is said, and the run continues without it.
    pub fn begin(environment: &mut Environment, quiet: bool, ui: Ui) -> Self {
        let Some(endpoint) = &environment.otlp.endpoint else { return Self::default() };
        let trace = match Trace::begin(endpoint, &environment.otlp, &environment.network) {
            Ok(trace) => Arc::new(trace),
            Err(problem) => {
                if !quiet {
                    ui.note(&format!("warning: there will be no trace: {problem}"));
                }
                return Self::default();
            }
        };
        environment.children.retain(|(name, _)| name != "TRACEPARENT" && name != "TRACESTATE");
        environment.children.extend(trace.parent_of_others().map(|(name, value)| (name.into(), value.into())));
        environment.network.observer = Some(trace.clone());
        environment.telemetry = Self(Some(trace));
        environment.telemetry.clone()
    }

    /// Who turns the events of the run into spans.
    pub fn subscriber(&self) -> Option<Box<dyn Subscriber>> {
        self.0.clone().map(|trace| Box::new(Hearing(trace)) as Box<dyn Subscriber>)
    }

    /// Ends the trace of a run that failed with `error`, and gives the collector a moment to take what is left.
    pub fn end(&self, error: Option<&str>, quiet: bool, ui: Ui) {
        if let Some(problem) = self.0.as_ref().and_then(|trace| trace.end(error)).filter(|_| !quiet) {
            ui.note(&format!("warning: the collector did not take the whole trace: {problem}"));
        }
    }
}
