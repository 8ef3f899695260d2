//! What keeps a trace from being made.

#[cfg(feature = "otel")]
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error("the endpoint {0} is not an http or https URL")]
    NotHttp(String),
    #[error("OTEL_EXPORTER_OTLP_PROTOCOL is {0}; magudi speaks only http/protobuf")]
    Protocol(String),
    #[error(transparent)]
    Client(#[from] magudi_koji::KojiError),
    /// What the SDK says, without secrets.
    #[error("{0}")]
    Exporter(String),
}

#[cfg(not(feature = "otel"))]
#[derive(Debug, thiserror::Error)]
#[error("this magudi was built without the feature `otel`")]
pub struct TraceError;
