//! An *answer* to one of several calls that were sent as one.

use magudi_koji::value::ShapeError;
use magudi_koji::{KojiError, Value};
use thiserror::Error;

/// Why an answer cannot be used. What it is an answer to, the caller says.
#[derive(Debug, Error)]
pub(crate) enum AnswerError {
    #[error(transparent)]
    Hub(#[from] KojiError),
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// What `decode` makes of an answer; of one that the hub left out, what it makes of nothing.
pub(crate) fn decoded<T>(
    answer: Option<Result<Value, KojiError>>,
    decode: impl FnOnce(&Value) -> Result<T, ShapeError>,
) -> Result<T, AnswerError> {
    Ok(decode(&answer.unwrap_or(Ok(Value::Nil))?)?)
}
