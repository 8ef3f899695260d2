//! *Responses* of every part of the server.

use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};

use crate::body::Body;

/// An answer of type `kind`.
pub(crate) fn respond(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A page that says what is wrong.
pub(crate) fn html(status: StatusCode, title: &str, text: &str) -> Response<Body> {
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>{} {title}</title></head>\n<body><h1>{title}</h1><p>{text}</p></body></html>\n",
        status.as_u16()
    );
    respond(status, "text/html; charset=utf-8", page)
}

/// The answer when something broke inside.
pub(crate) fn internal_error() -> Response<Body> {
    html(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Internal Server Error",
        "The server encountered an internal error or misconfiguration and was unable to complete your request.",
    )
}
