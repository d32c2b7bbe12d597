//! Which stretches of a recording the model sees. Shared number for number with `training/pipeline.py`.

use std::borrow::Cow;

use crate::activity::Activity;

/// Windows with a smaller share of active frames are skipped: the model would mostly score the background.
const MIN_ACTIVE_SHARE: f64 = 0.25;

/// A stretch of the recording that is scored, in samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub start: usize,
    pub end: usize,
}

impl Window {
    /// The model's input of `length` samples: the window itself or, where it is shorter, its cyclic repetition.
    pub(crate) fn samples<'a>(&self, recording: &'a [f32], length: usize) -> Cow<'a, [f32]> {
        let stretch = &recording[self.start..self.end];
        if stretch.len() == length {
            Cow::Borrowed(stretch)
        } else {
            Cow::Owned(stretch.iter().copied().cycle().take(length).collect())
        }
    }
}

/// Lays windows of `length` samples every `hop` over the active span, with a last one flush with its end.
pub(crate) fn lay(activity: &Activity, length: usize, hop: usize) -> Vec<Window> {
    let Some((start, end)) = activity.span else {
        return Vec::new();
    };
    let span = end - start;
    if span <= length {
        return vec![Window { start, end }];
    }
    let mut starts: Vec<usize> = (0..=span - length).step_by(hop).collect();
    if starts.last() != Some(&(span - length)) {
        starts.push(span - length);
    }
    let all: Vec<Window> = starts
        .into_iter()
        .map(|offset| Window {
            start: start + offset,
            end: start + offset + length,
        })
        .collect();
    let busy: Vec<Window> = all
        .iter()
        .copied()
        .filter(|window| activity.active_share(window.start, window.end) >= MIN_ACTIVE_SHARE)
        .collect();
    if busy.is_empty() { all } else { busy }
}
