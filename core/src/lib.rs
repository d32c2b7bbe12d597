//! What Bonafide's functions share: accounts, authentication, audio files, detections, the store, object storage,
//! storage events, HTTP conventions, configuration and the runtime.
//!
//! The crate knows nothing of audio or models: `token`, `users` and `upload` link it and stay small.

pub mod accounts;
pub mod audio_files;
pub mod auth;
pub mod config;
pub mod detections;
pub mod events;
pub mod http;
pub mod objects;
pub mod runtime;
pub mod store;
pub mod time;
