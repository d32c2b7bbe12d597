//! How the OpenAPI document describes a synchronous call: the names that [`crate::synchronous`] reads.
#![expect(dead_code, reason = "documents what is read by hand")]

use utoipa::{IntoParams, ToSchema};

/// A recording to judge: `audio_base64` or `audioBase64`, one of which is needed, and its language.
#[derive(ToSchema)]
#[schema(as = DetectRequest)]
pub(crate) struct DetectRequestSchema {
    /// The recording in base64, at most 10 MiB of audio: MP3, WAV, FLAC, M4A, AAC, Ogg Vorbis, Ogg Opus or WebM Opus.
    /// Line breaks and a leading `data:...;base64,` are fine. Needed where `audioBase64` is left out.
    #[schema(nullable = false)]
    audio_base64: Option<String>,
    /// Another name of `audio_base64`.
    #[schema(rename = "audioBase64", nullable = false)]
    audio_base64_too: Option<String>,
    /// What is spoken. Echoed in the answer.
    language: Language,
    /// What the caller believes the format to be, in small letters or capitals. Checked to be a known name, and
    /// otherwise not relied on: the content decides.
    #[schema(rename = "audioFormat", inline)]
    audio_format: Option<AudioFormat>,
}

/// A language that the API takes.
#[derive(ToSchema)]
pub(crate) enum Language {
    Tamil,
    English,
    Hindi,
    Malayalam,
    Telugu,
}

/// A format that the API takes.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum AudioFormat {
    Mp3,
    Wav,
    Flac,
    M4a,
    Mp4,
    Aac,
    Ogg,
    Opus,
    Webm,
}

/// The query of a synchronous call.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DetectParameters {
    /// `full` adds score, segments, features, audio and model.
    #[param(inline)]
    detail: Option<Detail>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Detail {
    Full,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use utoipa::PartialSchema;

    use super::*;
    use crate::synchronous::{FORMATS, LANGUAGES};

    fn documented<T: PartialSchema>() -> Value {
        serde_json::to_value(T::schema()).unwrap()["enum"].clone()
    }

    #[test]
    fn the_documented_names_are_the_ones_that_are_read() {
        assert_eq!(
            documented::<Language>(),
            json!(LANGUAGES.map(|(name, _)| name))
        );
        assert_eq!(
            documented::<AudioFormat>(),
            json!(FORMATS.map(|(name, ())| name))
        );
    }
}
