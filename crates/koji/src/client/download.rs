//! *Files* of builds and tasks, fetched over HTTP as a stream of limited size.

use super::http;
use super::hub::Hub;
use crate::error::{Attempted, KojiError};
use crate::value::ShapeError;
use reqwest::header::RANGE;
use reqwest::{Response, StatusCode, Url};
use std::time::Duration;

/// A file that is being fetched.
#[derive(Debug)]
pub struct FileStream {
    response: Response,
    call: Attempted,
    offset: u64,
    received: u64,
    length: Option<u64>,
    limit: u64,
    timeout: Duration,
}

impl Hub {
    /// Fetches the file at `url`, at most `limit` bytes of it. Not repeated: the caller has to begin again with what it
    /// wrote.
    ///
    /// A status other than success is [`KojiError::Http`].
    pub async fn get_file(&self, url: &str, limit: u64) -> Result<FileStream, KojiError> {
        self.get_file_from(url, 0, limit).await
    }

    /// Fetches the file at `url` from byte `offset` on, at most `limit` bytes of it. A server that cannot do so sends the
    /// file from its beginning: see [`FileStream::offset`].
    pub async fn get_file_from(&self, url: &str, offset: u64, limit: u64) -> Result<FileStream, KojiError> {
        let setting = |reason: String| KojiError::Setting { setting: "topurl".to_owned(), reason };
        let url = Url::parse(url).map_err(|e| setting(e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(setting(format!("`{}:` is neither http nor https", url.scheme())));
        }
        let timeout = self.inner.http.download_timeout;
        let call =
            Attempted { what: format!("GET {}", url.path()), server: http::server_of(&url), attempts: 1, sent: false };
        let http = &self.inner.http;
        http.mask.add_password_of(&url);
        let is_private = !url.username().is_empty() || url.password().is_some();
        let mut request = if is_private { http.private_files.get(url) } else { http.files.get(url) };
        if offset > 0 {
            request = request.header(RANGE, format!("bytes={offset}-"));
        }
        let response = request.send().await.map_err(|e| http::sort_error(&e, call.clone(), timeout))?;
        let response = http::check_status(response, call.clone(), &http.mask).await?;
        let partial = response.status() == StatusCode::PARTIAL_CONTENT;
        let length = response.content_length();
        if length.is_some_and(|length| length > limit) {
            return Err(KojiError::TooLarge { call, limit });
        }
        let offset = if partial { content_range_start(&response, offset)? } else { 0 };
        Ok(FileStream { response, call, offset, received: 0, length, limit, timeout })
    }
}

/// Where a partial answer says that it begins; it must be where it was asked to.
fn content_range_start(response: &Response, asked: u64) -> Result<u64, KojiError> {
    let start = response
        .headers()
        .get(reqwest::header::CONTENT_RANGE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("bytes "))
        .and_then(|range| range.split_once('-'))
        .and_then(|(start, _)| start.parse::<u64>().ok());
    match start {
        Some(start) if start == asked => Ok(start),
        _ => Err(ShapeError::new("Content-Range", format!("not the range from byte {asked}")).into()),
    }
}

impl FileStream {
    /// The HTTP status: 200, or 206 for a part.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Which byte of the file comes first.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes will come, if the server says so.
    pub fn content_length(&self) -> Option<u64> {
        self.length
    }

    /// How many bytes have come.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The next piece; nothing at the end. A connection that ends early is an error.
    pub async fn chunk(&mut self) -> Result<Option<impl AsRef<[u8]> + Send + Sync + 'static + use<>>, KojiError> {
        let chunk = self.response.chunk().await.map_err(|e| http::body_error(&e, &self.call, self.timeout))?;
        if let Some(chunk) = &chunk {
            self.received = self.received.saturating_add(chunk.len() as u64);
            if self.received > self.limit {
                return Err(KojiError::TooLarge { call: self.call.clone(), limit: self.limit });
            }
        }
        Ok(chunk)
    }
}
