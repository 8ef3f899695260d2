//! A *multiCall* carries many calls in one request (KOJI.md 2).

use super::hub::Hub;
use crate::error::KojiError;
use crate::value::{ShapeError, fault_from, string, structure};
use crate::xmlrpc::{Fault, MethodCall, Value};

/// How many calls go in one request. A hundred are ten times as fast as one by one; more gain nothing (KOJI.md 10).
const BATCH_CALLS: usize = 200;

/// How large the arguments of one request may become, in bytes, roughly. Hubs refuse requests beyond 4 MiB.
const BATCH_BYTES: usize = 2 * 1024 * 1024;

impl Hub {
    /// Makes many calls without a session, and gives their results in order. Each call has a result or a fault of its own; an
    /// error is one of the request as a whole. They are split into several requests as needed.
    pub async fn multi_call(&self, calls: &[MethodCall]) -> Result<Vec<Result<Value, Fault>>, KojiError> {
        let mut results = Vec::with_capacity(calls.len());
        for batch in batches(calls) {
            let params = [Value::Array(batch.iter().map(entry).collect())];
            let answer = self.call("multiCall", &params).await?;
            results.extend(decode(answer, batch.len())?);
        }
        Ok(results)
    }
}

fn entry(call: &MethodCall) -> Value {
    structure([("methodName", string(call.method.as_str())), ("params", Value::Array(call.params.clone()))])
}

fn batches(calls: &[MethodCall]) -> Vec<&[MethodCall]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, call) in calls.iter().enumerate() {
        let own: usize = call.method.len() + call.params.iter().map(rough_size).sum::<usize>();
        if index > start && (index - start >= BATCH_CALLS || bytes + own > BATCH_BYTES) {
            batches.extend(calls.get(start..index));
            (start, bytes) = (index, 0);
        }
        bytes += own;
    }
    batches.extend(calls.get(start..).filter(|rest| !rest.is_empty()));
    batches
}

/// About how many bytes a value takes in a request.
fn rough_size(value: &Value) -> usize {
    const TAGS: usize = 48;
    TAGS + match value {
        Value::String(text) => text.len(),
        Value::Base64(bytes) => bytes.len() * 4 / 3,
        Value::Array(items) => items.iter().map(rough_size).sum(),
        Value::Struct(members) => members.iter().map(|(name, value)| name.len() + TAGS + rough_size(value)).sum(),
        _ => 0,
    }
}

fn decode(answer: Value, expected: usize) -> Result<Vec<Result<Value, Fault>>, ShapeError> {
    let Value::Array(entries) = answer else {
        return Err(ShapeError::wrong_type("multiCall", "an array", &answer));
    };
    if entries.len() != expected {
        return Err(ShapeError::new("multiCall", format!("{} results for {expected} calls", entries.len())));
    }
    let decode_entry = |(index, entry): (usize, Value)| match entry {
        Value::Array(mut one) if one.len() == 1 => Ok(Ok(one.pop().unwrap_or(Value::Nil))),
        entry => match fault_from(&entry) {
            Some(fault) => Ok(Err(fault)),
            None => Err(ShapeError::new(format!("multiCall[{index}]"), "neither an array of one value nor a fault")),
        },
    };
    entries.into_iter().enumerate().map(decode_entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::int;

    #[test]
    fn batches_are_small_enough_and_complete() {
        let mut calls: Vec<MethodCall> = (0..450).map(|n| MethodCall::new("getTaskInfo", vec![int(n)])).collect();
        let sizes = |calls: &[MethodCall]| batches(calls).iter().map(|b| b.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&calls), [200, 200, 50]);
        calls.truncate(3);
        for call in &mut calls {
            call.params = vec![string("x".repeat(1_500_000))];
        }
        assert_eq!(sizes(&calls), [1, 1, 1]);
        assert_eq!(sizes(&[]), Vec::<usize>::new());
    }

    #[test]
    fn results_and_faults() {
        let fault =
            structure([("faultCode", int(1000)), ("faultString", string("no")), ("traceback", Value::Array(vec![]))]);
        let answer = Value::Array(vec![Value::Array(vec![Value::Nil]), fault]);
        assert_eq!(decode(answer.clone(), 2), Ok(vec![Ok(Value::Nil), Err(Fault::new(1000, "no"))]));
        assert!(decode(answer, 3).is_err());
        assert!(decode(Value::Array(vec![Value::Array(vec![])]), 1).is_err());
        assert!(decode(Value::Nil, 0).is_err());
    }
}
