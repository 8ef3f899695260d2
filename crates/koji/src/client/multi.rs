//! A *multiCall* carries many calls in one request (facts: wire 17).

use super::hub::Hub;
use super::session::Session;
use crate::error::KojiError;
use crate::value::{ShapeError, fault_from, string, structure};
use crate::xmlrpc::{MethodCall, Value};

/// How many calls go in one request. A hundred are ten times as fast as one by one; more gain nothing (facts: koji 23).
const BATCH_CALLS: usize = 200;

/// How large the arguments of one request may become, in bytes, roughly. Hubs refuse requests beyond 4 MiB.
const BATCH_BYTES: usize = 2 * 1024 * 1024;

impl Hub {
    /// Makes many calls without a session, all of which read, and gives their results in order. Each call has a result or an
    /// error of its own; an error of all is one of the way to the hub. They are split into several requests as needed: one
    /// answer that cannot be read does not keep the others from being.
    pub async fn multi_call(&self, calls: &[MethodCall]) -> Result<Vec<Result<Value, KojiError>>, KojiError> {
        let mut results = Vec::with_capacity(calls.len());
        let mut left = batches(calls);
        left.reverse();
        while let Some(batch) = left.pop() {
            let params = [Value::Array(batch.iter().map(entry).collect())];
            let answer = match self.call("multiCall", &params).await {
                Ok(answer) => self.decode(answer, batch),
                Err(error) => Err(error),
            };
            match (answer, batch) {
                (Ok(entries), _) => {
                    for (call, entry) in batch.iter().zip(entries) {
                        results.push(match entry {
                            Err(KojiError::Shape(_)) => self.send_alone(call).await?,
                            entry => entry,
                        });
                    }
                }
                (Err(error), _) if !error.is_about_the_answer() => return Err(error),
                (Err(_), [alone]) => results.push(self.send_alone(alone).await?),
                (Err(_), _) => {
                    let (first, second) = batch.split_at(batch.len() / 2);
                    left.extend([second, first]);
                }
            }
        }
        Ok(results)
    }

    /// The results of `calls`, without what must not be shown.
    fn decode(&self, answer: Value, calls: &[MethodCall]) -> Result<Vec<Result<Value, KojiError>>, KojiError> {
        let mut results = decode(answer, calls)?;
        results.iter_mut().filter_map(|result| result.as_mut().err()).for_each(|e| e.conceal(&self.inner.http.mask));
        Ok(results)
    }

    /// Makes one of many calls by itself.
    async fn send_alone(&self, call: &MethodCall) -> Result<Result<Value, KojiError>, KojiError> {
        match self.send(call).await {
            Err(error) if !error.is_about_the_answer() => Err(error),
            result => Ok(result),
        }
    }
}

impl Session {
    /// Makes many calls in the session that do nothing more when they are made again, as [`Session::call_again`] does with one.
    pub async fn multi_call_again(&self, calls: &[MethodCall]) -> Result<Vec<Result<Value, KojiError>>, KojiError> {
        let mut results = Vec::with_capacity(calls.len());
        for batch in batches(calls) {
            let params = [Value::Array(batch.iter().map(entry).collect())];
            let answer = self.call_again("multiCall", &params).await?;
            results.extend(self.hub().decode(answer, batch)?);
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

/// The results of `calls`. An entry that is not a result is an error of its call.
fn decode(answer: Value, calls: &[MethodCall]) -> Result<Vec<Result<Value, KojiError>>, KojiError> {
    let Value::Array(entries) = answer else {
        return Err(ShapeError::wrong_type("multiCall", "an array", &answer).into());
    };
    if entries.len() != calls.len() {
        let reason = format!("{} results for {} calls", entries.len(), calls.len());
        return Err(ShapeError::new("multiCall", reason).into());
    }
    let one = |(index, (entry, call)): (usize, (Value, &MethodCall))| match entry {
        Value::Array(mut one) if one.len() == 1 => Ok(one.pop().unwrap_or(Value::Nil)),
        entry => Err(match fault_from(&entry) {
            Some(fault) => KojiError::Fault { method: call.method.clone(), fault },
            None => ShapeError::new(format!("multiCall[{index}]"), "neither an array of one value nor a fault").into(),
        }),
    };
    Ok(entries.into_iter().zip(calls).enumerate().map(one).collect())
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
        let calls = ["getBuild", "getTag", "getUser"].map(|method| MethodCall::new(method, vec![]));
        let fault =
            structure([("faultCode", int(1000)), ("faultString", string("no")), ("traceback", Value::Array(vec![]))]);
        let answer = Value::Array(vec![Value::Array(vec![Value::Nil]), fault, Value::Array(vec![])]);
        let results = decode(answer.clone(), &calls).unwrap();
        assert!(matches!(&results[0], Ok(Value::Nil)));
        let told: Vec<String> = results[1..].iter().map(|result| result.as_ref().unwrap_err().to_string()).collect();
        assert_eq!(told[0], "getTag: GenericError: no");
        assert!(told[1].contains("multiCall[2]: neither"), "{}", told[1]);
        assert!(decode(answer, &calls[..2]).is_err());
        assert!(decode(Value::Nil, &[]).is_err());
    }
}
