//! Holds both homes of the store to the conformance suite, and to what each promises beside it.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "store/embedded.rs"]
mod embedded;
#[path = "store/mongodb.rs"]
mod mongodb;
#[path = "store/samples.rs"]
mod samples;
