//! Measuring the production pipeline on labelled recordings.

pub(crate) mod manifest;
pub(crate) mod report;
pub(crate) mod scores;
pub(crate) mod summary;
