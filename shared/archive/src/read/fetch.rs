//! Bytes of one object: few requests, several at a time.

use std::future::poll_fn;
use std::ops::Range;
use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;

use super::{Damage, ReadError};
use crate::key::ObjectKey;
use crate::store::{Listed, ObjectReader};

/// Ranges that are nearer than this are one request: S3 gives some 100 MB/s
/// a request, whose answer begins after some 20 ms; on a local disk it is a few pages.
const MAX_GAP_BYTES: u64 = 16 << 10;

/// Requests that wait for their answers at a time.
pub(super) const MAX_REQUESTS: usize = 16;

/// Where an object's bytes come from.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub key: ObjectKey,
    pub bytes: u64,
    /// The whole object, where it is small.
    whole: Option<Bytes>,
    /// Bytes that the store gave.
    pub bytes_read: u64,
}

impl Source {
    pub fn new(listed: &Listed) -> Self {
        Self { key: listed.key.clone(), bytes: listed.bytes, whole: None, bytes_read: 0 }
    }

    /// Keeps the whole object from now on.
    pub fn keep(&mut self, whole: Bytes) {
        self.whole = Some(whole);
    }

    /// Bytes that are held.
    pub fn held_bytes(&self) -> usize {
        self.whole.as_ref().map_or(0, Bytes::len)
    }

    /// One range.
    pub async fn range<S: ObjectReader>(
        &mut self,
        store: &S,
        range: Range<u64>,
    ) -> Result<Bytes, ReadError<S::Error>> {
        let mut found = self.ranges(store, std::slice::from_ref(&range)).await?;
        Ok(found.pop().unwrap_or_default())
    }

    /// Several ranges, each as its bytes, in the order asked for.
    pub async fn ranges<S: ObjectReader>(
        &mut self,
        store: &S,
        wanted: &[Range<u64>],
    ) -> Result<Vec<Bytes>, ReadError<S::Error>> {
        if let Some(whole) = &self.whole {
            let parts = wanted.iter().map(|range| part(whole, 0, range));
            return parts.collect::<Result<_, _>>().map_err(|damage| damage.of(&self.key));
        }
        let requests = coalesce(wanted);
        let mut answers: Vec<(u64, Bytes)> = Vec::with_capacity(requests.len());
        for some in requests.chunks(MAX_REQUESTS) {
            let key = &self.key;
            let asked = some.iter().map(|range| Box::pin(store.get_range(key, range.clone())));
            let found = all(asked.collect()).await;
            for (start, answer) in some.iter().map(|range| range.start).zip(found) {
                let answer = answer.map_err(|source| ReadError::Store { key: key.clone(), source })?;
                let bytes = answer.ok_or_else(|| ReadError::Gone { key: key.clone() })?;
                self.bytes_read += bytes.len() as u64;
                answers.push((start, bytes));
            }
        }
        let find = |range: &Range<u64>| {
            let index = answers.partition_point(|(start, _)| *start <= range.start).saturating_sub(1);
            match answers.get(index) {
                Some((start, bytes)) => part(bytes, *start, range),
                None => part(&Bytes::new(), 0, range),
            }
        };
        wanted.iter().map(find).collect::<Result<_, _>>().map_err(|damage| damage.of(&self.key))
    }
}

/// The part of `bytes`, which begin at `start`, that `range` names.
fn part(bytes: &Bytes, start: u64, range: &Range<u64>) -> Result<Bytes, Damage> {
    let within = |at: u64| at.checked_sub(start).and_then(|at| usize::try_from(at).ok());
    match (within(range.start), within(range.end)) {
        (Some(from), Some(to)) if from <= to && to <= bytes.len() => Ok(bytes.slice(from..to)),
        _ => Err(Damage::new("it is shorter than its listing or its metadata say")),
    }
}

/// The requests that cover all ranges, in rising order.
fn coalesce(wanted: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut ranges: Vec<_> = wanted.iter().filter(|range| range.start < range.end).cloned().collect();
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut requests: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match requests.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(MAX_GAP_BYTES) => {
                last.end = last.end.max(range.end);
            }
            _ => requests.push(range),
        }
    }
    requests
}

/// Awaits all futures at the same time.
pub(super) async fn all<F: Future>(mut futures: Vec<Pin<Box<F>>>) -> Vec<F::Output> {
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut is_pending = false;
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(ready) => *output = Some(ready),
                    Poll::Pending => is_pending = true,
                }
            }
        }
        if is_pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ranges_are_one_request() {
        let gap = MAX_GAP_BYTES;
        assert_eq!(coalesce(&[0..10, 10 + gap..20 + gap]), vec![0..20 + gap]);
        assert_eq!(coalesce(&[11 + gap..20 + gap, 0..10]), [0..10, 11 + gap..20 + gap]);
        assert_eq!(coalesce(&[0..100, 5..7, 50..50, 3..120]), vec![0..120]);
    }
}
