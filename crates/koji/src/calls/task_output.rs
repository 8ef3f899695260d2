//! *The files of a task*, as the hub gives them (facts: koji 9).

/// How much of a file is asked for at once, in bytes. It travels as base64 in one answer.
pub const MAX_OUTPUT_CHUNK: u32 = 4 * 1024 * 1024;

/// `listTaskOutput`: the names of the files.
pub mod list_task_output {
    use crate::value::{ShapeError, int};
    use crate::xmlrpc::{MethodCall, Value};

    /// Asks for the files of task `id`. A task that the hub does not know has none.
    pub fn request(id: i64) -> MethodCall {
        MethodCall::new("listTaskOutput", vec![int(id)])
    }

    /// Reads the paths, relative and in no order. They are as the builder named them: check each with
    /// [`safe_relative`](crate::names::safe_relative) before it becomes a path here.
    pub fn decode(value: &Value) -> Result<Vec<String>, ShapeError> {
        let items = value.as_array().ok_or_else(|| ShapeError::wrong_type("listTaskOutput", "an array", value))?;
        let read = |(index, item): (usize, &Value)| {
            let path = format!("listTaskOutput[{index}]");
            item.as_str().map(str::to_owned).ok_or_else(|| ShapeError::wrong_type(path, "a string", item))
        };
        items.iter().enumerate().map(read).collect()
    }
}

/// `downloadTaskOutput`: a part of a file.
pub mod download_task_output {
    use crate::value::{ShapeError, int, kwargs, string};
    use crate::xmlrpc::{MethodCall, Value};
    use base64::Engine as _;

    const METHOD: &str = "downloadTaskOutput";

    /// Asks for `size` bytes of file `name` of task `id` from byte `offset` on.
    pub fn request(id: i64, name: &str, offset: u64, size: u32) -> MethodCall {
        let offset = int(i64::try_from(offset).unwrap_or(i64::MAX));
        let named = [("offset", offset), ("size", int(i64::from(size)))];
        MethodCall::new(METHOD, kwargs([int(id), string(name)], named))
    }

    /// Reads the bytes; they come as a string of base64. None are left at the end of the file.
    pub fn decode(value: &Value) -> Result<Vec<u8>, ShapeError> {
        if let Some(bytes) = value.as_bytes() {
            return Ok(bytes.to_vec());
        }
        let text = value.as_str().ok_or_else(|| ShapeError::wrong_type(METHOD, "a string", value))?;
        base64::engine::general_purpose::STANDARD
            .decode(text.trim())
            .map_err(|e| ShapeError::new(METHOD, format!("not base64: {e}")))
    }
}
