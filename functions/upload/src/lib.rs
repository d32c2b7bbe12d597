//! The `upload` function: recordings in, and how far their analysis has come.
//!
//! A recording is recorded first, then stored, then marked as uploaded, then announced: whatever fails in between leaves
//! a record from which the reconcile job goes on, never bytes that nobody knows of.

mod announcing;
mod content_type;
mod create;
mod filename;
mod files;
mod multipart;
mod objects;
mod reading;
mod sniff;
mod storing;
mod views;

use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::from_fn_with_state;
use bonafide_core::auth::AccessTokens;
use bonafide_core::events::EventSink;
use bonafide_core::http::room::take_room;
use bonafide_core::objects::Bucket;
use bonafide_core::store::SharedStore;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use announcing::event_sink;
pub use create::{FileForm, UploadRequest};
pub use views::{AudioFilePage, AudioFileView, CreatedAudioFile};

/// What the function works with.
#[derive(Clone)]
pub struct State {
    /// Where the records are.
    pub store: SharedStore,
    /// Where the bytes are.
    pub bucket: Bucket,
    /// Who learns of an upload that passed through this function.
    pub events: EventSink,
    /// Checks the callers' tokens.
    pub tokens: AccessTokens,
}

impl FromRef<State> for AccessTokens {
    fn from_ref(state: &State) -> Self {
        state.tokens.clone()
    }
}

/// The routes of the function, with their documentation. Those of the signed URLs are there only where the bucket is a
/// local folder; a cloud's signed URLs lead to the cloud.
pub fn router(state: State) -> OpenApiRouter {
    let mut router = OpenApiRouter::new()
        .routes(routes!(create::create_audio_file))
        .layer(DefaultBodyLimit::max(reading::MAX_BODY_BYTES))
        .layer(from_fn_with_state(reading::MAX_BODY_BYTES, take_room))
        .routes(routes!(files::list_audio_files))
        .routes(routes!(files::audio_file));
    if state.bucket.is_local() {
        router = router.merge(objects::router());
    }
    router.with_state(state)
}
