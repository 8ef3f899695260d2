//! The way to the collector, and what went wrong on it, which the SDK does not say (facts: traces 2).

use super::error::TraceError;
use crate::settings::{Network, Otlp};
use magudi_koji::{Mask, blocking_client};
use opentelemetry_otlp::{Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the collector may take with one batch of spans.
const EXPORT_TIME: Duration = Duration::from_secs(10);

/// The last thing that went wrong.
#[derive(Debug, Clone, Default)]
pub struct ExportProblem(Arc<Mutex<Option<String>>>);

impl ExportProblem {
    /// What it was.
    pub fn text(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Sends spans to the collector.
#[derive(Debug)]
pub struct Exporter {
    otlp: opentelemetry_otlp::SpanExporter,
    problem: ExportProblem,
    mask: Mask,
}

impl Exporter {
    /// The way to the collector at `endpoint`. Nothing is sent yet.
    pub fn new(endpoint: &str, otlp: &Otlp, network: &Network, problem: ExportProblem) -> Result<Self, TraceError> {
        if !["http://", "https://"].iter().any(|scheme| endpoint.starts_with(scheme)) {
            return Err(TraceError::NotHttp(endpoint.to_owned()));
        }
        if let Some(protocol) = otlp.protocol.as_deref().filter(|protocol| *protocol != "http/protobuf") {
            return Err(TraceError::Protocol(protocol.to_owned()));
        }
        let client = blocking_client(&network.client_options(), EXPORT_TIME)?;
        let otlp = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(endpoint)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(EXPORT_TIME)
            .build()
            .map_err(|error| TraceError::Exporter(network.mask.hide(&error.to_string()).into_owned()))?;
        Ok(Self { otlp, problem, mask: network.mask.clone() })
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.otlp.export(batch).await;
        if let Err(error) = &result {
            let text = self.mask.hide(&error.to_string()).into_owned();
            *self.problem.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}
