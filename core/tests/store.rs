//! Holds both homes of the store to the conformance suite, and to what each promises beside it.

#[path = "store/embedded.rs"]
mod embedded;
#[path = "store/mongodb.rs"]
mod mongodb;
#[path = "store/samples.rs"]
mod samples;
