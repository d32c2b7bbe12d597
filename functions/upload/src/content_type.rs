//! The media type that a client declares for a recording.

use bonafide_core::http::error::ApiError;
use mime::Mime;

use crate::reading::unsupported_audio;

/// The declared type without its parameters, in lower case, if it may be a recording's: any sound, and the two kinds of
/// video in which phones and browsers record sound. A browser's recorder says `audio/webm;codecs=opus`.
///
/// # Errors
/// 415 `unsupported_audio`.
pub(crate) fn recording_type(declared: &str) -> Result<String, ApiError> {
    let refused = || unsupported_audio("The content type must be audio/*, video/mp4 or video/webm");
    let declared: Mime = declared.trim().parse().map_err(|_| refused())?;
    let essence = declared.essence_str();
    let concrete_sound = declared.type_() == mime::AUDIO && declared.subtype() != mime::STAR;
    if concrete_sound || matches!(essence, "video/mp4" | "video/webm") {
        Ok(essence.to_owned())
    } else {
        Err(refused())
    }
}

/// Whether a part of a form leaves it to its content what it is.
pub(crate) fn is_unsaid(declared: Option<&str>) -> bool {
    declared.is_none_or(|declared| {
        declared.parse::<Mime>().is_ok_and(|declared| {
            declared.essence_str() == mime::APPLICATION_OCTET_STREAM.essence_str()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_and_recorders_videos_are_taken_without_their_parameters() {
        for (declared, taken) in [
            ("audio/mpeg", "audio/mpeg"),
            ("Audio/WAV", "audio/wav"),
            ("audio/webm;codecs=opus", "audio/webm"),
            ("video/webm; codecs=\"opus\"", "video/webm"),
            ("video/mp4", "video/mp4"),
        ] {
            assert_eq!(recording_type(declared).unwrap(), taken);
        }
    }

    #[test]
    fn other_types_are_refused() {
        for declared in [
            "",
            "audio",
            "audio/*",
            "image/png",
            "text/html",
            "application/octet-stream",
            "video/quicktime",
            "audio/mpeg\r\nx: y",
        ] {
            assert_eq!(
                recording_type(declared).unwrap_err().code(),
                "unsupported_audio",
                "{declared:?}"
            );
        }
    }
}
